"""The hosted kernel answers as the others do: their cases, run in a process of this machine."""
import building
import folder_cases
import support
from suites import Suite

# What is about QEMU's machine and not about the kernel.
NOT_HERE = {
    "exec": {"icount_repeats_itself", "same_bytes_twice_under_icount"},
    "terminal": set(),
    "hostile": set(),
    "shell": set(),
}


# Answers that may differ from those of Linux in QEMU, which the shell's cases are compared with.
DIFFERENT = {
    "uptime": "time counts from the host's start",
    "jobs": "the shell names a job's end before or after the next line, as the child happens to end",
}
# What ./vari must say of a bug on request, by build; and nothing of it in the build that does not look.
PLANTED = {
    ("debug", "use-after-free"): "heap-use-after-free",
    ("debug", "overflow"): "heap-buffer-overflow",
    ("debug", "shift"): "runtime error: left shift|shift exponent",
    ("thread", "race"): "ThreadSanitizer: data race",
    ("release", "race"): "",
}
PRESETS = {"release": "hosted", "debug": "hosted-asan", "thread": "hosted-tsan"}


def planted_bugs_are_reported(_vari):
    """The sanitizer builds find what was planted; the personality alone gives them nothing to say."""
    import re
    for (build, bug), pattern in PLANTED.items():
        building.build(PRESETS[build], "hosted_kernel")
        vari = support.Vari("release", "hosted", "--build", build)
        done = vari.exec("echo on", "--smp", 2, "--append", f"vari.plant={bug}", timeout=120)
        if pattern:
            assert done.status == 125 and re.search(pattern, done.err) and not done.out, (build, bug, str(done))
        else:
            assert (done.status, done.out) == (0, "on\n"), (build, bug, str(done))
        clean = vari.exec("echo on | tr a-z A-Z; seq 100 | wc -l", "--smp", 2, timeout=120)
        assert (clean.status, clean.out) == (0, "ON\n100\n"), (build, str(clean))


def the_personality_is_the_same_sources(_vari):
    """Every placement compiles the personality from one list of files."""
    import json
    import paths
    lists = {}
    for preset in ("release", "hosted", "hosted-asan", "hosted-tsan"):
        folder = building.build(preset, "personality_linux")
        entries = [entry for entry in json.loads((folder / "compile_commands.json").read_text())
                   if "personality_linux.dir/" in entry["command"]]
        lists[preset] = sorted(entry["file"] for entry in entries if entry["file"].endswith(".cc"))
        defined = {word for entry in entries for word in entry["command"].split() if word.startswith("-D")}
        assert defined == {"-DBOOST_ENABLE_ASSERT_HANDLER"}, (preset, defined)
    assert len(lists["release"]) > 50 and len(set(map(tuple, lists.values()))) == 1, {name: len(files) for name, files in lists.items()}
    every = sorted(str(path) for path in (paths.ROOT / "personalities" / "linux").rglob("*.cc")
                   if path.parent.name != "image")  # the vDSO's: user code, linked by itself
    assert lists["release"] == every, set(every) ^ set(lists["release"])


def busybox_as_in_the_monolithic_kernel(vari):
    """BusyBox's own suite: each line of its verdicts is the same in both placements."""
    import test_busybox
    building.build("release", "monolithic")
    here, done = test_busybox.verdicts(vari, timeout=3600)
    there, _ = test_busybox.verdicts(support.Vari("release", "monolithic"), timeout=3600)
    assert len(there) > 700, f"the suite did not run in the monolithic kernel: {there[-3:]}"
    assert len(here) == len(there), f"{len(here)} verdicts here, {len(there)} there; it ended so: {done}"
    different = [f"{ours} here, {theirs} there" for ours, theirs in zip(here, there) if ours != theirs]
    assert not different, "\n".join(different)


def coverage_tells_what_was_reached(_vari):
    """A command that makes a folder reaches more of the calls on trees than one that does nothing, and no timer."""
    import re
    import subprocess
    import paths

    def reached(command):
        done = subprocess.run([paths.ROOT / "vari", "coverage", "--exec", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=1200, check=False)
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}"
        found = re.findall(r"(?m)^(\S+\.cc) +(\d+) +(\d+) +[\d.]+ %", done.stdout)
        return {name: (int(lines), int(of)) for name, lines, of in found}

    idle, busy = reached(":"), reached("mkdir /tmp/d && mv /tmp/d /tmp/e && rmdir /tmp/e")
    every = {str(path.relative_to(paths.ROOT / "personalities/linux")) for path in (paths.ROOT / "personalities/linux").rglob("*.cc")}
    assert len(idle) > 80 and set(idle) <= every, set(idle) - every
    assert busy["calls/file_calls_tree.cc"][0] > idle["calls/file_calls_tree.cc"][0] >= 0, (idle, busy)
    assert busy["files/rename.cc"][0] > idle["files/rename.cc"][0] == 0, (idle, busy)
    assert idle["process/task.cc"][0] > 20 and busy["time/posix_timers.cc"][0] < busy["time/posix_timers.cc"][1] / 2, busy


def _cases(module):
    """(function, long, alone, batch) of a file's cases; asked when all files have been read."""
    skipped = NOT_HERE[module]
    return [(function, long, alone, batch) for function, _, long, alone, batch in support._CASES.get("test_" + module, [])
            if function.__name__ not in skipped]


def _without_differences(function):
    def compare(vari):
        return ((part, wrong) for part, wrong in function(vari) if part not in DIFFERENT)
    compare.__name__ = function.__name__
    return compare


def _own():
    building.build(PRESETS["release"], "hosted_kernel")
    # Two at once would share a folder.
    builders = (planted_bugs_are_reported, the_personality_is_the_same_sources, coverage_tells_what_was_reached)
    for function in (*folder_cases.CASES, *builders):
        yield support.job(function, f"hosted/own/{function.__name__}", support.Vari("release", "hosted"), function in builders, False)


def _busybox():
    building.build(PRESETS["release"], "hosted_kernel")
    yield support.job(busybox_as_in_the_monolithic_kernel, "hosted/busybox-long/suite", support.Vari("release", "hosted"), False, False)


def _expand(module, preset, wanted_long):
    def jobs():
        building.build(PRESETS[preset], "hosted_kernel")
        for function, long, alone, batch in _cases(module):
            if long == wanted_long:
                if batch:
                    function = _without_differences(function)
                name = f"hosted{'' if preset == 'release' else '-asan'}/{module}/{function.__name__}"
                yield support.job(function, name, support.Vari(preset, "hosted"), alone, batch)
    return jobs


def suites(_short, _options):
    yield Suite("hosted/own", "the workshop: planted bugs, one list of sources", _own)
    for module in NOT_HERE:
        yield Suite(f"hosted/{module}", f"the cases of test_{module}.py in a Linux process", _expand(module, "release", False))
    yield Suite("hosted-asan/shell", "the shell's cases in a Linux process, AddressSanitizer and UBSan", _expand("shell", "debug", False))
    yield Suite("hosted/busybox-long", "busybox's own test suite, line by line as in the monolithic kernel", _busybox, long=True)
    yield Suite("hosted/long", "the long hostile cases in a Linux process", _expand("hostile", "release", True), long=True)
