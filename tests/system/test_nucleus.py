"""The nucleus seen from outside a whole kernel: its two logs, what it says of itself, what it leaves in memory, how
soon it looks up.
"""
import contextlib
import os
import re
import subprocess
import tempfile
import time

import linux_peer
import paths
import support
from monitor import Monitor, until
from patience import stretched
from support import case

MEMORY = 64 << 20


def suites(short, _options):
    return support.make_suites(__name__, short, "the nucleus from outside: logs, memory after death, latency")


def program(name):
    """A static program of tests/system/programs."""
    return linux_peer.build_static(paths.ROOT / "tests" / "system" / "programs" / f"{name}.c", paths.BUILD / "programs" / name)


@case
def debug_port_has_the_log(vari):
    """What the serial line shows until programs own it, QEMU's debug port shows, too (K26)."""
    with tempfile.TemporaryDirectory() as folder:
        done = vari.exec("dmesg", "--qemu-args", f"-debugcon file:{folder}/log")
        port = open(f"{folder}/log", encoding="utf-8").read()
    assert done.status == 0, done
    kept = done.out.rstrip("\n").splitlines()
    shown = port.rstrip("\n").splitlines()
    assert len(shown) >= 5 and "kernel entered at tsc" in shown[0], shown[:3]
    # The echo ends where the programs begin; what follows is in the ring alone.
    assert kept[:len(shown)] == shown, [pair for pair in zip(kept, shown) if pair[0] != pair[1]][:3]


@case
def thread_model_is_told(vari):
    """The three questions of the kernel thread model, answered by each boot (E08)."""
    for kernel in ("monolithic", "unikernel"):
        import building
        building.build(vari.preset, kernel)
        done = support.Vari(vari.preset, kernel).exec("dmesg" if kernel == "monolithic" else "true")
        log = done.out if kernel == "monolithic" else (paths.RUNS / "last.log").read_text(errors="replace")
        assert done.status == 0, done
        found = re.search(r"thread model: (\w+); contexts: ([^;]+); stack: (.+)", log)
        assert found and found[1] == "process", log
        assert found[2] == "one runtime thread for each program thread", found[2]
        assert found[3].startswith("16 KiB of its own"), found[3]
        assert re.search(r"blocking: anywhere, by switching stacks", log), log


SECRET = bytes((0x35 + 73 * i * i + 11 * i & 0xFF) ^ 0xA7 for i in range(32))


class Conversation:
    """A guest that runs a script which waits for our lines, and its monitor."""

    def __init__(self, vari, script, root, folder):
        gate = f"{folder}/qmp"
        self._dump = f"{folder}/memory"
        command = vari.command("--exec", script, "--root", root, "--mem", "64M", "--timeout", stretched(120 * vari.patience),
                               "--qemu-args", f"-qmp unix:{gate},server=on,wait=off")
        self.running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.monitor = Monitor(gate)

    def hear(self, word):
        """Waits for a line that the guest prints."""
        for line in self.running.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"the guest ended without {word!r}")

    def say(self):
        """The guest's `read` goes on."""
        self.running.stdin.write("\n")
        self.running.stdin.flush()

    def copies(self):
        """How often the secret lies in the guest's memory."""
        self.monitor.ask("pmemsave", val=0, size=MEMORY, filename=self._dump)
        with open(self._dump, "rb") as memory:
            found = memory.read().count(SECRET)
        os.unlink(self._dump)
        return found


@contextlib.contextmanager
def conversation(vari, script):
    """A Conversation with a guest that holds the program."""
    files = {"bin/secret": (0o755, program("secret").read_bytes())}
    with tempfile.TemporaryDirectory() as folder, support.root_with(files) as root:
        guest = Conversation(vari, script, root, folder)
        try:
            yield guest
        finally:
            guest.running.kill()
            guest.running.communicate()


@case
def a_secret_dies_with_its_process(vari):
    """The host looks for it in all of the guest's memory (C24). While the only core is kept busy, frames that were
    freed wait to be cleared: the negative control, which shows that the look finds what is there."""
    script = ("secret /tmp/file & s=$!; read x; while :; do :; done & b=$!; kill -9 $s; wait $s; rm /tmp/file; echo ended; read x; "
              "kill $b; wait $b; echo idle; read x; echo over")
    with conversation(vari, script) as guest:
        guest.hear("held")
        held = guest.copies()
        assert held >= 38000, f"{held} copies while it is held"
        guest.say()
        guest.hear("ended")
        left = guest.copies()
        assert left > 1000, f"{left} copies while nobody has had time to clear them: is the look blind?"
        guest.say()
        guest.hear("idle")
        assert until(lambda: guest.copies() == 0), f"{guest.copies()} copies of a dead process's secret"
        guest.say()
        guest.hear("over")


@case
def a_secret_is_gone_at_halt(vari):
    with conversation(vari, "secret /tmp/file & s=$!; read x; kill -9 $s; wait $s; rm /tmp/file; halt -f") as guest:
        guest.hear("held")
        assert guest.copies() > 10000
        guest.say()
        assert until(lambda: guest.monitor.command("info registers").count("HLT=1") == 1)
        assert until(lambda: not int(re.search(r"(?:EFL|RFL)=([0-9a-f]+)", guest.monitor.command("info registers"))[1], 16) & 0x200)
        time.sleep(0.5)  # nothing runs any more: what is there now stays
        assert guest.copies() == 0, f"{guest.copies()} copies at halt"


@case
def sleepers_wake_within_two_milliseconds(vari):
    """Whatever the kernel is doing for others (C05). A slice is 2 ms, and a sleeper of the same priority may have to
    wait for its end; under --icount a nanosecond is an instruction, so nothing here depends on the host."""
    with support.root_with({"bin/latency": (0o755, program("latency").read_bytes())}) as root:
        out = vari.output("latency 1500; grep ^cpu0 /proc/vari/nucleus", "--root", root, "--icount", timeout=240)
    worst = int(re.search(r"max (\d+)", out)[1])
    masked = int(re.search(r"timer_late_max_ns (\d+)", out)[1])
    assert worst <= 2_200_000, out
    assert masked <= 20_000, f"interrupts masked for {masked} instructions: {out}"
