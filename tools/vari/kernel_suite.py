"""In-kernel tests: the image kernel_tests, one boot a build and number of processors.

Its console carries "case NAME passed" or "case NAME FAILED where: what", then "N passed, N failed"; a boot
without that last line is a failure, whatever came before it. Tests named planted_* end the machine on purpose
(a panic, a power-off): each runs in a boot of its own, and passes when the machine ends as planted.
"""
import re
import subprocess
import tempfile
import time
import types

import building
import machine
import paths
from suites import Job, Result, Suite

PASSED = 33  # QEMU's status for the tests' value 0x10
# A panic's report on a core: its line, registers where a trap came, and a stack that begins in a function.
_REPORT = r"core {} \(APIC.*?stack:\n +[0-9a-f]{{16}} {}.*"
# How a planted end shows: QEMU's status, what the console must say, and the processors where they matter.
PLANTED = {
    "planted_power_off": (0, ""),
    "planted_reset": (0, ""),
    "planted_assertion": (machine.PANIC, "planted"),
    "planted_stack_overflow": (machine.PANIC, "(?i)double fault|stack"),
    "planted_panic_on_core_2": (machine.PANIC, "(?s)PANIC: planted on core 2\n" + _REPORT.format(2, ".*panic_here") + _REPORT.format(0, r"\S")
                                + _REPORT.format(1, r"\S*spin_for_the_report") + _REPORT.format(3, r"\S*spin_deaf") + "end of panic", 4),
}
ANY_PANIC = (machine.PANIC, "(?i)panic")


def boot(preset, processors, words, timeout):
    """One boot of the image; returns QEMU's status (None: too slow), the console's text and the time."""
    options = types.SimpleNamespace(mem="256M", smp=processors, cpu=None, icount=False, display=None, qemu_args=None)
    description = machine.Machine(options)
    description.boot_pvh(paths.image("kernel_tests", preset), [], words)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        console = f"{folder}/console"
        description.serial_file(console)
        with open(f"{folder}/errors", "wb") as errors:
            process = description.start(errors)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            machine.stop(process)
            status = None
        text = open(console, "rb").read().decode(errors="replace").replace("\r", "")
    return status, text, time.monotonic() - start


def _all_tests(name, preset, processors, timeout):
    def work():
        status, text, seconds = boot(preset, processors, "", timeout)
        found = re.findall(r"(?m)^case (\S+) (passed|FAILED ?.*)$", text)
        for case, verdict in found:
            good = verdict == "passed"
            yield Result(f"{name}/{case}", "PASS" if good else "FAIL", 0.0, "" if good else verdict)
        ended = re.search(r"(?m)^\d+ passed, \d+ failed$", text)
        if not ended or (status != PASSED and all(verdict == "passed" for _, verdict in found)):
            why = f"not ended after {timeout} s" if status is None else f"QEMU's status {status}"
            yield Result(f"{name}/ended", "FAIL", seconds, f"{why}; the console ends:\n{text[-3000:]}")
        else:
            yield Result(f"{name}/ended", "PASS", seconds)
    return Job(name, work, broad=True, alone=processors > 1)  # their clocks run beside ours


def _planted(name, preset, case):
    def work():
        wanted, pattern, *processors = PLANTED.get(case, ANY_PANIC)
        status, text, seconds = boot(preset, *(processors or [1]), f"test={case}", 60)
        good = status == wanted and re.search(pattern, text)
        yield Result(name, "PASS" if good else "FAIL", seconds,
                     "" if good else f"QEMU's status {status}, not {wanted}, or no /{pattern}/ in:\n{text[-3000:]}")
    return Job(name, work)


def _planted_names(debug):
    folder = paths.ROOT / "tests" / "kernel"
    sources = [*folder.glob("*.cc"), *(folder.glob("debug/*.cc") if debug else [])]
    return sorted({name for path in sources for name in re.findall(r"KERNEL_TEST\((planted_\w+)\)", path.read_text())})


def suites():
    """One suite a build."""
    found = []
    for preset in ("release", "debug", "gcc-release", "gcc-debug"):
        def expand(preset=preset):
            building.build(preset, "kernel_tests")
            patience = 4 if "debug" in preset else 1
            for processors in (1, 2, 4):
                yield _all_tests(f"kernel-{preset}/{processors}", preset, processors, 120 * patience)
            for case in _planted_names("debug" in preset):
                yield _planted(f"kernel-{preset}/{case}", preset, case)
        found.append(Suite(f"kernel-{preset}", f"in-kernel tests of {preset} on 1, 2 and 4 processors", expand,
                           long=preset == "gcc-debug"))

    def many():
        building.build("release", "kernel_tests")
        job = _all_tests("kernel-64/64", "release", 64, 600)
        job.alone = True
        yield job
    found.append(Suite("kernel-64", "in-kernel tests on 64 processors", many, long=True))
    return found

