"""In-kernel tests: the image kernel_tests, one boot a build and number of processors.

Its console carries "case NAME passed" or "case NAME FAILED where: what", then "N passed, N failed"; a boot
without that last line is a failure, whatever came before it. The debug port must have got the same text. Tests named planted_* end the machine on purpose
(a panic, a power-off): each runs in a boot of its own, and passes when the machine ends as planted.
"""
import dataclasses
import itertools
import pathlib
import re
import subprocess
import tempfile
import time
import types

import building
import machine
import paths
from patience import stretched
from suites import Job, Result, Suite

PASSED = 33  # QEMU's status for the tests' value 0x10
# A panic's report on a core: its line, registers where a trap came, and a stack that begins in a function.
_REPORT = r"core {} \(APIC.*?stack:\n +[0-9a-f]{{16}} {}.*"
UNEQUAL = "planted_line_on_the_serial_line_alone"
# How a planted end shows: QEMU's status, what the console must say, and the processors where they matter.
PLANTED = {
    "planted_power_off": (0, ""),
    "planted_reset": (0, ""),
    "planted_assertion": (machine.PANIC, "planted"),
    "planted_stack_overflow": (machine.PANIC, "(?i)double fault|stack"),
    UNEQUAL: (machine.PANIC, "planted: the serial line alone"),
    "planted_panic_on_core_2": (machine.PANIC, "(?s)PANIC: planted on core 2\n" + _REPORT.format(2, ".*panic_here") + _REPORT.format(0, r"\S")
                                + _REPORT.format(1, r"\S*spin_for_the_report") + _REPORT.format(3, r"\S*spin_deaf") + "end of panic", 4),
}
ANY_PANIC = (machine.PANIC, "(?i)panic")


@dataclasses.dataclass
class Boot:
    """How one boot of the image ended: QEMU's status (None: too slow), both logs, the time."""
    status: int | None
    text: str
    debug_port: str
    seconds: float

    def figures(self):
        """{name: value} of the lines "figure NAME VALUE"."""
        return {name: int(value) for name, value in re.findall(r"(?m)^figure (\S+) (\d+)$", self.text)}

    def told(self, name):
        """The texts of the lines "NAME TEXT", in order."""
        return re.findall(rf"(?m)^{name} (.*)$", self.text)

    def failure(self):
        """What went wrong, or ""."""
        found = re.findall(r"(?m)^case (\S+) (FAILED ?.*)$", self.text)
        if found:
            return "\n".join(f"{case}: {verdict}" for case, verdict in found)
        if self.status != PASSED or not re.search(r"(?m)^\d+ passed, 0 failed$", self.text):
            why = "too slow" if self.status is None else f"QEMU's status {self.status}"
            return f"{why}; the console ends:\n{self.text[-3000:]}"
        return ""


def boot(preset, processors, words, timeout, describe=None, **options):
    """One boot of the image. `describe`: how, where it is not by PVH alone; called with a folder for its files."""
    given = {"mem": "256M", "smp": processors, "cpu": None, "icount": False, "display": None, "qemu_args": None, **options}
    description = machine.Machine(types.SimpleNamespace(**given))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        image = paths.image("kernel_tests", preset)
        if describe:
            describe(description, image, folder)
        else:
            description.boot_pvh(image, [], words)
        console, debug = f"{folder}/console", f"{folder}/debug"
        description.serial_file(console)
        description.extra += ["-debugcon", f"file:{debug}"]
        with open(f"{folder}/errors", "wb") as errors:
            process = description.start(errors)
        try:
            status = process.wait(stretched(timeout))
        except subprocess.TimeoutExpired:
            machine.stop(process)
            status = None
        texts = [pathlib.Path(path).read_bytes().decode(errors="replace").replace("\r", "") for path in (console, debug)]
    return Boot(status, *texts, time.monotonic() - start)


def _difference(done):
    """Where the two logs first differ, or "" (K26)."""
    if done.text == done.debug_port:
        return ""
    lines = itertools.zip_longest(done.text.splitlines(), done.debug_port.splitlines())
    serial, port = next(((a, b) for a, b in lines if a != b), ("", ""))
    return f"the serial line has {serial!r} where the debug port has {port!r}"


def _all_tests(name, preset, processors, timeout, **options):
    def work():
        done = boot(preset, processors, "", timeout, **options)
        found = re.findall(r"(?m)^case (\S+) (passed|FAILED ?.*)$", done.text)
        for case, verdict in found:
            good = verdict == "passed"
            yield Result(f"{name}/{case}", "PASS" if good else "FAIL", 0.0, "" if good else verdict)
        ended = re.search(r"(?m)^\d+ passed, \d+ failed$", done.text)
        if not ended or (done.status != PASSED and all(verdict == "passed" for _, verdict in found)):
            why = f"not ended after {timeout} s" if done.status is None else f"QEMU's status {done.status}"
            yield Result(f"{name}/ended", "FAIL", done.seconds, f"{why}; the console ends:\n{done.text[-3000:]}")
        else:
            yield Result(f"{name}/ended", "PASS", done.seconds)
            different = _difference(done)
            yield Result(f"{name}/logs_agree", "FAIL" if different else "PASS", 0.0, different)
    return Job(name, work, broad=True, alone=processors > 1)  # their clocks run beside ours


def _planted(name, preset, case):
    def work():
        wanted, pattern, *processors = PLANTED.get(case, ANY_PANIC)
        done = boot(preset, *(processors or [1]), f"test={case}", 60)
        good = done.status == wanted and re.search(pattern, done.text)
        agree = not _difference(done)
        why = "" if good else f"QEMU's status {done.status}, not {wanted}, or no /{pattern}/ in:\n{done.text[-3000:]}"
        if good and agree == (case == UNEQUAL):
            why = f"the logs agree: {agree}; {_difference(done)}"
        yield Result(name, "FAIL" if why else "PASS", done.seconds, why)
    return Job(name, work)


def _planted_names(debug):
    folder = paths.ROOT / "tests" / "kernel"
    sources = [*folder.glob("*.cc"), *(folder.glob("debug/*.cc") if debug else [])]
    return sorted({name for path in sources for name in re.findall(r"KERNEL_TEST\((planted_\w+)\)", path.read_text())})


def suites():
    """One suite a build."""
    import kernel_boots  # uses this module's boots
    found = []
    for preset in ("release", "debug", "gcc-release", "gcc-debug"):
        def expand(preset=preset):
            building.build(preset, "kernel_tests")
            patience = 4 if "debug" in preset else 1
            for processors in (1, 2, 4):
                yield _all_tests(f"kernel-{preset}/{processors}", preset, processors, 120 * patience)
            for case in _planted_names("debug" in preset):
                yield _planted(f"kernel-{preset}/{case}", preset, case)
            if preset in kernel_boots.PRESETS:
                yield from kernel_boots.jobs(f"kernel-{preset}", preset)
        found.append(Suite(f"kernel-{preset}", f"in-kernel tests of {preset} on 1, 2 and 4 processors", expand,
                           long=preset == "gcc-debug"))

    def many():
        building.build("release", "kernel_tests")
        job = _all_tests("kernel-64/64", "release", 64, 600)
        job.alone = True
        yield job
    found.append(Suite("kernel-hints", "the loaded paths beside a build with swapped branch hints", kernel_boots.hints, long=True))
    found.append(Suite("kernel-64", "in-kernel tests on 64 processors", many, long=True))
    return found

