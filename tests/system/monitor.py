"""A guest looked at from outside, by QEMU's monitor: its screen, its registers, its memory."""
import contextlib
import json
import socket
import subprocess
import tempfile
import time

from patience import stretched


class Monitor:
    """QEMU's monitor protocol (QMP), as much as tests need."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        for _ in range(1200):  # two minutes: QEMU may not have started yet
            try:
                self._socket.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self._stream = self._socket.makefile("rw")
        self._stream.readline()
        self.ask("qmp_capabilities")

    def ask(self, what, **arguments):
        """One command; returns its answer."""
        self._stream.write(json.dumps({"execute": what, "arguments": arguments}) + "\n")
        self._stream.flush()
        while True:
            answer = json.loads(self._stream.readline())
            if "event" not in answer:
                assert "return" in answer, answer
                return answer["return"]

    def command(self, line):
        """One command of the monitor for people; returns its text."""
        return self.ask("human-monitor-command", **{"command-line": line})

    def type(self, text):
        """Presses keys, one after the other."""
        names = {" ": "spc", "\n": "ret", "/": "slash", "-": "minus", ">": ("shift", "dot"), ".": "dot", "'": "apostrophe"}
        for letter in text:
            name = names.get(letter, ("shift", letter.lower()) if letter.isupper() else letter)
            keys = [{"type": "qcode", "data": key} for key in ([name] if isinstance(name, str) else name)]
            self.ask("send-key", keys=keys)
            time.sleep(stretched(0.15))  # so that a busy machine's keyboard keeps up


@contextlib.contextmanager
def watched(vari, *arguments, timeout=90):
    """A guest, its console read by nobody; yields the process, its monitor and a folder for files. Ends it."""
    with tempfile.TemporaryDirectory() as folder:
        gate = f"{folder}/qmp"
        extra = f"-qmp unix:{gate},server=on,wait=off"
        with open(f"{folder}/output", "wb") as output:
            running = subprocess.Popen(vari.command("--timeout", stretched(timeout * vari.patience), "--qemu-args", extra, *arguments),
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield running, Monitor(gate), folder
        finally:
            running.kill()  # QEMU ends with it; a signal that can be caught would be the guest's
            running.wait()


def until(condition, seconds=30):
    """What `condition` returns once it is true, or its last answer."""
    end = time.monotonic() + stretched(seconds)
    while not (answer := condition()) and time.monotonic() < end:
        time.sleep(0.2)
    return answer
