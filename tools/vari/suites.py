"""The suites of `./vari test`: the house's own checks, host unit tests, models, images, in-kernel and
whole-system tests. A suite knows how to build what it needs and which jobs it has then.
"""
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import typing

import budget
import building
import paths
import sanitizers
from patience import stretched

TOOLS = paths.ROOT / "tools"


@dataclasses.dataclass
class Result:
    """One case's outcome: PASS, FAIL or SKIP."""
    name: str
    status: str
    seconds: float
    detail: str = ""


@dataclasses.dataclass
class Job:
    """What one worker runs. `broad`: its results are filtered, not the job; `alone`: nothing beside it;
    `whole_system`: other load of the machine can slow it beyond its patience."""
    name: str
    run: typing.Callable
    broad: bool = False
    alone: bool = False
    whole_system: bool = False


@dataclasses.dataclass
class Suite:
    """A group of jobs. `long`: only with --all or by name. `cases`: names that are known before it is built."""
    name: str
    about: str
    expand: typing.Callable
    long: bool = False
    cases: tuple = ()


def describe(trouble):
    """An exception as text for a failed case: assertion texts as they are, the rest with its trace."""
    if isinstance(trouble, AssertionError) and trouble.args:
        return str(trouble)
    return "".join(traceback.format_exception(trouble)[-4:])


def command_job(name, command, timeout=600, **job):
    """A job that is one program: it passes with status 0, and its output explains a failure."""
    def work():
        start = time.monotonic()
        try:
            done = subprocess.run([str(word) for word in command], cwd=paths.ROOT, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=stretched(timeout), check=False)
            status, text = ("PASS" if done.returncode == 0 else "FAIL"), f"status {done.returncode}\n{done.stdout}"
        except subprocess.TimeoutExpired as slow:
            status, text = "FAIL", f"not ended after {timeout} s\n{(slow.stdout or b'').decode(errors='replace')[-2000:]}"
        yield Result(name, status, time.monotonic() - start, text)
    return Job(name, work, **job)


def _tracked(*patterns):
    done = subprocess.run(["git", "-C", str(paths.ROOT), "ls-files", *patterns], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def _finding_job(name, check):
    """A job that is a check of our own: it passes where there are no findings."""
    def work():
        start = time.monotonic()
        found = check()
        yield Result(name, "FAIL" if found else "PASS", time.monotonic() - start, "\n".join(found))
    return Job(name, work)


def _house():
    python = sys.executable
    yield command_job("house/rooms_self_test", [python, TOOLS / "check_rooms.py", "--self-test"])
    yield command_job("house/rooms", [python, TOOLS / "check_rooms.py"])
    yield command_job("house/lint_self_test", [python, TOOLS / "lint.py", "--self-test"])
    yield command_job("house/lint", [python, TOOLS / "lint.py"])
    yield command_job("house/linux_calls", [python, TOOLS / "linux_calls.py", "--check"])
    yield command_job("house/tool_units", [python, "-B", "-m", "unittest", "discover", "-s", "tests/tool", "-p", "test_*.py"])
    yield _finding_job("house/lines", budget.check_lines)
    sources = [name for name in _tracked("*.h", "*.cc") if not name.startswith("components/acpi/platform/")]
    yield command_job("house/format", ["clang-format-19", "--dry-run", "-Werror", *sources])


def _gtest_job(preset, program, command, folder):
    """One GoogleTest program: a result for each of its tests."""
    name = f"{preset}/{program}"

    def work():
        start = time.monotonic()
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            told = sanitizers.told(UBSAN_OPTIONS="print_stacktrace=1", TSAN_OPTIONS="halt_on_error=0:exitcode=66",
                                   ASAN_OPTIONS="detect_leaks=1")
            environment = dict(os.environ, GTEST_COLOR="no", **told)
            try:
                done = subprocess.run([*command, f"--gtest_output=json:{report.name}"], cwd=folder, env=environment,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, errors="replace", timeout=stretched(600), check=False)
                text, status = done.stdout, done.returncode
            except subprocess.TimeoutExpired as slow:
                text, status = (slow.stdout or b"").decode(errors="replace") + "\nnot ended after 600 s", None
            try:
                suites = json.load(open(report.name, encoding="utf-8"))["testsuites"]
            except (OSError, ValueError):
                suites = []
        failed = False
        for suite in suites:
            for case in suite["testsuite"]:
                bad = case.get("failures", [])
                failed |= bool(bad)
                kind = "FAIL" if bad else "SKIP" if case.get("result") == "SKIPPED" else "PASS"
                detail = "\n".join(entry["failure"] for entry in bad)
                yield Result(f"{name}/{suite['name']}.{case['name']}", kind, float(case.get("time", "0s")[:-1]), detail)
        if status != 0 and not failed:  # a crash or a sanitizer's report
            report_at = re.search(r"(?m)^.*(ERROR: |WARNING: ThreadSanitizer|runtime error).*$", text)
            shown = text[report_at.start():][:6000] if report_at else text[-3000:]
            yield Result(f"{name}/ended", "FAIL", time.monotonic() - start, f"status {status}\n{shown}")
    return Job(name, work, broad=True)


def _host(preset):
    def expand():
        folder = building.build(preset)
        listed = subprocess.run(["ctest", "--test-dir", str(folder), "--show-only=json-v1"], stdout=subprocess.PIPE,
                                text=True, check=True).stdout
        for test in json.loads(listed)["tests"]:
            yield _gtest_job(preset, test["name"], test["command"], folder)
    return expand


def _models():
    for script in sorted((paths.ROOT / "tests" / "models").glob("run.*")):
        shell = {".py": [sys.executable, "-B"], ".sh": ["sh"]}.get(script.suffix, [])
        yield command_job("models/all", [*shell, script], timeout=900)


def _image(preset):
    def expand():
        building.build(preset)
        for kernel in [*paths.kernels(), "kernel_tests"]:
            if paths.image(kernel, preset).exists():
                image = paths.image(kernel, preset)
                yield command_job(f"images/{preset}/{kernel}", [sys.executable, TOOLS / "check_image.py", image])
                if "debug" in preset:  # what follows is of optimised code
                    continue
                yield command_job(f"images/{preset}/{kernel}_walks", [sys.executable, TOOLS / "check_walks.py", image])
                yield _finding_job(f"images/{preset}/{kernel}_size", lambda kernel=kernel: budget.check_code(kernel, preset))
    return expand


def _system_files(options):
    """One suite a file of tests/system; the files get their own view of ./vari."""
    folder = paths.ROOT / "tests" / "system"
    sys.path.insert(0, str(folder))
    for path in sorted(folder.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from module.suites(path.stem.removeprefix("test_"), options)


def _tidy():
    folder = building.configure("release")
    sources = [name for name in _tracked("*.cc") if name.startswith(("base", "machine", "runtime", "nucleus", "components",
                                                                        "personalities", "kernels"))]
    known = {entry["file"] for entry in json.loads((folder / "compile_commands.json").read_text())}
    for name in sources:
        if str(paths.ROOT / name) in known:
            yield command_job(f"tidy/{name}", ["clang-tidy-19", "--quiet", "-p", folder, name])


def collect(options):
    """All suites, cheap and telling ones first."""
    found = [Suite("house", "who includes whom, lints, formatting, the tool's own units", _house),
             Suite("host-asan", "unit tests on the host, AddressSanitizer and UBSan", _host("host-asan")),
             Suite("host-tsan", "unit tests on the host, ThreadSanitizer", _host("host-tsan")),
             Suite("host-gcc", "unit tests on the host, built by g++", _host("host-gcc"), long=True),
             Suite("models", "the Spin models of the protocols", _models)]
    for preset in ("release", "gcc-release", "debug", "gcc-debug"):
        found.append(Suite(f"images-{preset}", f"kernel images of {preset}: what must not be in them", _image(preset),
                           long=preset == "gcc-debug"))
    import kernel_suite  # uses this module's types
    found += kernel_suite.suites()
    import fuzz_suite  # likewise
    found.append(fuzz_suite.suite())
    found += _system_files(options)
    found.append(Suite("tidy", "clang-tidy", _tidy, long=True))
    return found
