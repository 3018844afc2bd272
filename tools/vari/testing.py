"""`./vari test`: every kind of test behind one command, one line a case, one line at the end.

A *suite* (suites.py, and each file of tests/system) expands into *jobs*; a job is run by one worker and
returns *results*. Lines are for programs as much as for people:

    PASS host-asan/base/Bitmap.FindsFirst 0.01s
    FAIL system/exec/status_is_the_commands 2.10s

A failed case's explanation follows it, each line behind "  | ". The last line is `N passed, N failed, N
skipped`; the status is 0 if nothing failed and something passed.

`--second-try`, for machines whose load nobody controls: a whole-system case that failed runs once more, with
nothing beside it. Its first failure is shown (`AGAIN`, with the explanation), and the cases that needed it are named
at the end, for somebody to look into. A kernel that panicked or a sanitizer that reported is never tried again.
"""
import concurrent.futures
import dataclasses
import os
import re
import sys
import threading
import time

import packages
import suites
from say import Failure, clear, progress, say

# What no load explains.
FINAL = re.compile(r"(?i)panick|panic:|sanitizer|runtime error:|assertion")

WORKERS = max(1, min(4, len(os.sched_getaffinity(0))))


@dataclasses.dataclass
class Tally:
    """Counts, and the lock that keeps lines whole."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    again: list = dataclasses.field(default_factory=list)  # names of cases that failed once

    def report(self, result):
        """Prints a result's line and counts it."""
        with self.lock:
            clear()
            note = f" - {result.detail.splitlines()[0]}" if result.status == "SKIP" and result.detail else ""
            print(f"{result.status} {result.name} {result.seconds:.2f}s{note}", flush=True)
            if result.status in ("FAIL", "AGAIN"):
                lines = result.detail.splitlines()
                for line in lines[:60] + (["..."] if len(lines) > 60 else []):
                    print(f"  | {line}")
                sys.stdout.flush()
            self.passed += result.status == "PASS"
            self.failed += result.status == "FAIL"
            self.skipped += result.status == "SKIP"
            if result.status == "AGAIN":
                self.again.append(result.name)
            progress(f"{self.passed} passed, {self.failed} failed")


def _results(job):
    """A job's results; whatever it throws is a failed case."""
    start = time.monotonic()
    try:
        yield from job.run()
    except Failure as failure:
        yield suites.Result(job.name, "FAIL", time.monotonic() - start, str(failure))
    except Exception as trouble:  # pylint: disable=broad-except
        yield suites.Result(job.name, "FAIL", time.monotonic() - start, suites.describe(trouble))


def run_job(job, tally, wanted, second_try=False):
    """Runs one job; returns the names of those of its cases that may be tried again, which are not counted yet."""
    failed = set()
    for result in _results(job):
        if not wanted(result.name):
            continue
        if result.status == "FAIL" and second_try and job.whole_system and not FINAL.search(result.detail):
            failed.add(result.name)
            result = dataclasses.replace(result, status="AGAIN")
        tally.report(result)
    return failed


def try_again(job, tally, failed):
    """The second try of a job: counts the cases that failed; one that does not come to be tried has failed."""
    left = set(failed)
    for result in _results(job):
        if result.name in left or (result.status == "FAIL" and result.name not in failed):
            tally.report(result)
            left.discard(result.name)
    for name in sorted(left):
        tally.report(suites.Result(name, "FAIL", 0, "it did not come up in the second try"))


def _expand(suite, tally):
    """A suite's jobs; a suite that cannot be built is one failed case."""
    start = time.monotonic()
    try:
        return list(suite.expand())
    except Failure as failure:
        tally.report(suites.Result(f"{suite.name}/build", "FAIL", time.monotonic() - start, str(failure)))
        return []


def _named(suite, word):
    """Whether a filter names a suite, and so all that is in it."""
    return word == suite.name or suite.name.startswith(word + "/")


def _choose(everything, options):
    """The suites to build: a filter that names a suite, or a case known beforehand, spares all others."""
    if not options.filter:
        return [suite for suite in everything if options.all or not suite.long]
    chosen = []
    for word in options.filter:
        found = [s for s in everything if _named(s, word) or word.startswith(s.name + "/") or any(word in case for case in s.cases)]
        found = found or [s for s in everything if word in s.name or any(word in case for case in s.cases)]
        chosen += found or [s for s in everything if s.name.startswith("host-")]  # known only when built
    return [suite for suite in everything if suite in chosen]


def run(options):
    """The command itself."""
    everything = suites.collect(options)
    if options.list:
        for suite in everything:
            print(f"{suite.name:<20} {'--all  ' if suite.long else '       '}{suite.about}")
        return 0
    chosen = _choose(everything, options)
    packages.require("build", "run", "test", *(["iso", "uefi"] if any("boot" in s.name for s in chosen) else []))

    def wanted_of(suite):
        if not options.filter or any(_named(suite, word) for word in options.filter):
            return lambda name: True
        return lambda name: any(word in name for word in options.filter)

    tally = Tally()
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for suite in chosen:
            wanted = wanted_of(suite)
            jobs = [job for job in _expand(suite, tally) if job.broad or wanted(job.name)]
            alone = [job for job in jobs if job.alone]
            together = [job for job in jobs if not job.alone]
            failed = list(pool.map(lambda job: run_job(job, tally, wanted, options.second_try), together))
            failed += [run_job(job, tally, wanted, options.second_try) for job in alone]
            for job, names in zip(together + alone, failed):
                if names:
                    try_again(job, tally, names)
    clear()
    say(f"tests took {time.monotonic() - start:.0f} s")
    if tally.again:
        say(f"tried a second time: {', '.join(tally.again)}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 0 if tally.failed == 0 and tally.passed > 0 else 1
