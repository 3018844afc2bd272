"""`./vari run` against a guest that is a script: what it does with a well-behaved, a dying and a silent one.

A stand-in for QEMU is put first in PATH; it finds the serial lines' descriptors on its command line, as QEMU
does, and plays one part. This is the negative control of the verdicts: panic, hang, early end.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

STAND_IN = """#!/usr/bin/python3
import os, re, socket, sys, time
lines = [socket.socket(fileno=int(n)) for n in re.findall(r"fd=(\\d+)", " ".join(sys.argv))]
console, channel = lines
def frame(kind, data): channel.sendall(bytes([kind, len(data) & 255, len(data) >> 8]) + data)
"""

DRIVER = """
import sys, types
sys.path.insert(0, {tools!r})
import machine, pathlib, session
from say import Failure
options = types.SimpleNamespace(mem="16M", smp=1, cpu=None, icount=False, display=None, qemu_args=None, timeout={timeout})
description = machine.Machine(options)
try:
    sys.exit(session.Command(description, options, {folder!r}).run())
except Failure as failure:
    print(failure, file=sys.stderr)
    sys.exit(failure.status)
"""


def play(part, stdin=b"", timeout=60):
    """Runs a session whose guest plays `part`; returns the finished process."""
    with tempfile.TemporaryDirectory() as folder:
        stand_in = pathlib.Path(folder) / "qemu-system-x86_64"
        stand_in.write_text(STAND_IN + textwrap.dedent(part))
        stand_in.chmod(0o755)
        driver = DRIVER.format(tools=str(ROOT / "tools" / "vari"), timeout=timeout, folder=folder)
        environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")
        return subprocess.run([sys.executable, "-B", "-c", driver], input=stdin, env=environment, capture_output=True,
                              timeout=300, check=False)


class VerdictTest(unittest.TestCase):
    """Statuses and messages."""

    def test_output_error_and_status(self):
        done = play("""
            console.sendall(b"kernel log")
            frame(5, b"\\1"); frame(1, b"out"); frame(2, b"err"); frame(3, b"\\7")
        """)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, b"out", b"err"))

    def test_input_stays_within_credit(self):
        done = play("""
            def take(count):
                got = b""
                while len(got) < count: got += channel.recv(count - len(got))
                return got
            frame(5, b"\\1"); frame(6, (10).to_bytes(4, "little"))
            got = take(13)
            channel.settimeout(0.5)
            try: got += channel.recv(1)
            except TimeoutError: frame(1, b"13 ")
            channel.settimeout(None)
            frame(6, (1000).to_bytes(4, "little"))
            got += take(11)
            frame(1, got.hex().encode()); frame(3, b"\\0")
        """, stdin=b"abcdefghijklmno")
        self.assertEqual(done.stdout, b"13 " + (b"\x10\x0a\0abcdefghij" + b"\x10\x05\0klmno" + b"\x11\0\0").hex().encode())

    def test_panic(self):
        done = play("""
            console.sendall(b"boot\\npanic: the sky fell\\n")
            frame(5, b"\\1"); time.sleep(0.2); sys.exit(255)
        """)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"panicked", done.stderr)
        self.assertIn(b"the sky fell", done.stderr)

    def test_panic_after_the_status(self):
        self.assertEqual(play("frame(5, b'\\1'); frame(3, b'\\0'); sys.exit(255)").returncode, 125)

    def test_hang(self):
        done = play("frame(5, b'\\1'); time.sleep(100)", timeout=1)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"did not end within 1 s", done.stderr)

    def test_early_end(self):
        done = play("frame(5, b'\\1')")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"before the command did", done.stderr)

    def test_message(self):
        done = play("frame(5, b'\\1'); frame(4, b'no such file')")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"no such file", done.stderr)

    def test_emulator_that_fails(self):
        done = play("print('qemu: bad option', file=sys.stderr); sys.exit(1)")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"bad option", done.stderr)


if __name__ == "__main__":
    unittest.main()
