"""The fuzzer's part of `./vari test`: everything it begins with runs clean, a little fuzzing finds nothing, what
is planted is found, and an input runs the same way twice.
"""
import pathlib
import re
import subprocess
import tempfile
import time

import fuzzing
from suites import Job, Result, Suite, describe


def _run(*words, **environment):
    done = subprocess.run(fuzzing.command(*words), env=fuzzing.environment(**environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600, check=False)
    return done.returncode, done.stdout


def _report(text):
    """From the first thing that went wrong."""
    found = re.search(r"(?m)^.*(ERROR: |runtime error|assertion failed|fuzz: |simulated machine: ).*$", text)
    return text[found.start():][:5000] if found else text[-3000:]


def seeds_run_clean(folder):
    """Each seed, and each text of tests/linux_fuzz/programs: what once failed stays mended."""
    seeds = sorted(fuzzing.write_seeds(folder / "seeds").iterdir())
    status, text = _run(f"-artifact_prefix={folder}/", *seeds)
    assert status == 0 and text.count("Executed ") == len(seeds) > 200, _report(text)


def a_little_fuzzing_finds_nothing(folder):
    """The same mutations each time, so that it fails only where something has changed."""
    seeds = fuzzing.write_seeds(folder / "seeds")
    status, text = _run("-seed=1", "-runs=1500", f"-artifact_prefix={folder}/", seeds)
    assert status == 0 and re.search(r"Done \d{4} runs", text), _report(text)


def a_planted_bug_is_found(folder):
    """A use after free that takes two calls with one descriptor, which no seed has; without the plant its file is clean."""
    seeds = fuzzing.write_seeds(folder / "all")
    (folder / "seeds").mkdir()
    for name in ("seed-close", "seed-read"):
        (seeds / name).rename(folder / "seeds" / name)
    words = ("-seed=1", "-runs=20000", f"-artifact_prefix={folder}/", folder / "seeds")
    status, text = _run(*words, VARI_FUZZ_PLANT="1")
    assert status != 0 and "heap-use-after-free" in text, f"status {status}\n{text[-2000:]}"
    kept = list(folder.glob("crash-*"))
    assert len(kept) == 1, kept
    status, text = _run(*kept, VARI_FUZZ_PLANT="1")
    assert status != 0 and "heap-use-after-free" in text, f"status {status}: not found again"
    status, text = _run(*kept)
    assert status == 0, _report(text)


def an_input_runs_the_same_way_twice(folder):
    """Every call, its arguments and its result; also that another seed of preemption may change the order."""
    text = folder / "twice.txt"
    forks = "fork >0\n" + "getpid >1\npipe2 00.00 00.00\nwrite 00.04 00.00 01.10\nread 00.03 00.04 01.08\n" * 6

    def told(seed):
        text.write_text(f"seed {seed} failing 0 few_frames 0\n{forks}")
        fuzzing._tool("assemble", text, folder / "twice")
        status, said = _run(folder / "twice", VARI_FUZZ_EXPLAIN="1")
        assert status == 0, _report(said)
        return re.findall(r"(?m)^(?:  \S+ += -?\d+|\w+\(.*\))$", said)

    first = told(7)
    assert len(first) > 20 and first == told(7), first
    assert any(told(seed) != first for seed in range(1, 12)), "no seed changes the order of two processes"


def _job(function):
    def work():
        start = time.monotonic()
        status, detail = "PASS", ""
        try:
            with tempfile.TemporaryDirectory() as folder:
                function(pathlib.Path(folder))
        except Exception as trouble:  # pylint: disable=broad-except
            status, detail = "FAIL", describe(trouble)
        yield Result(f"fuzz/{function.__name__}", status, time.monotonic() - start, detail)
    return Job(f"fuzz/{function.__name__}", work)


def _expand():
    fuzzing.build()
    for function in (seeds_run_clean, a_little_fuzzing_finds_nothing, a_planted_bug_is_found, an_input_runs_the_same_way_twice):
        yield _job(function)


def suite():
    """The one suite of this file."""
    return Suite("fuzz", "programs of system calls on the personality: seeds, a little fuzzing, a planted bug", _expand)
