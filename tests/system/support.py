"""What whole-system tests share: `./vari run` as a program under test, cases, configurations.

A test file lists functions under `@case`; each gets a `Vari` (one build of one kernel) and fails by an
assertion. `@case(everywhere=True)` also runs on the debug and g++ builds, `long=True` only with --all,
`alone=True` with no other job beside it;
`batch=True` marks one that yields many cases (name, what is wrong or "") out of one boot. VARI_TEST_KERNEL=linux runs the same cases in Debian's kernel:
a case that fails there expects something that Linux does not do.
"""
import contextlib
import dataclasses
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import time

import donors
import linux_peer
import paths
import rootfs
import building
from patience import stretched
from suites import Job, Result, Suite, describe

KERNEL = os.environ.get("VARI_TEST_KERNEL", "monolithic")
SLOW = {"debug": 6, "gcc-debug": 6}  # sanitizers cost time


@dataclasses.dataclass
class Done:
    """How a program ended."""
    status: int
    out: str
    err: str

    def __str__(self):
        return f"status {self.status}\n--- standard output\n{self.out[-3000:]}\n--- standard error\n{self.err[-3000:]}"


class Vari:
    """One build of one kernel, seen through the command line."""

    def __init__(self, preset, kernel=None, *always):
        self.preset = preset
        self.kernel = kernel or KERNEL
        self.patience = SLOW.get(preset, 1)
        self._always = list(always)

    def command(self, *arguments):
        """The command line of ./vari run."""
        build = ["--build", "debug" if "debug" in self.preset else "release",
                 "--compiler", "gcc" if self.preset.startswith("gcc") else "clang"]
        return [str(paths.ROOT / "vari"), "run", self.kernel, "--no-build", *build, *self._always,
                *map(str, arguments)]

    def run(self, *arguments, stdin=b"", timeout=60):
        """Runs ./vari run to its end. The guest gets `timeout` seconds, times what the build costs."""
        limit = stretched(timeout * self.patience)
        done = subprocess.run(self.command(*arguments, "--timeout", limit), input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=limit + 60, check=False)
        return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def exec(self, command, *arguments, **how):
        """Runs a command in the guest."""
        return self.run("--exec", command, *arguments, **how)

    def output(self, command, *arguments, **how):
        """The output of a command that must succeed."""
        done = self.exec(command, *arguments, **how)
        assert done.status == 0, f"{command!r}: {done}"
        return done.out

    def spawn(self, *arguments, dimensions=(24, 80), timeout=60):
        """./vari run in a pseudo-terminal."""
        import pexpect
        line = self.command(*arguments)
        return pexpect.spawn(line[0], line[1:], timeout=stretched(timeout * self.patience), dimensions=dimensions, encoding="utf-8",
                             codec_errors="replace", echo=False)


@contextlib.contextmanager
def root_with(files):
    """A root file system with busybox and more files: {name: (mode, bytes)}; usable by Linux, too."""
    init = {"init": (0o755, linux_peer.first_program().read_bytes())} if KERNEL == "linux" or "init" in files else {}
    files = {**{name: value for name, value in files.items() if name != "init"}, **init}
    parents = {}
    for name in files:
        for parent in list(pathlib.PurePosixPath(name).parents)[:-1][::-1]:
            parents[str(parent)] = (stat.S_IFDIR | 0o755, b"")
    with tempfile.NamedTemporaryFile(suffix=".cpio") as archive:
        archive.write(rootfs.busybox_root(donors.fetch("busybox"), {**parents, **files}))
        archive.flush()
        yield archive.name


_CASES = {}


def case(function=None, *, everywhere=False, long=False, alone=False, batch=False):
    """Marks a test; see the top."""
    def mark(wrapped):
        _CASES.setdefault(wrapped.__module__, []).append((wrapped, everywhere, long, alone, batch))
        return wrapped
    return mark(function) if function else mark


def job(function, name, vari, alone, batch):
    """A job of the tests' tool out of one case, for one kernel."""
    def work():
        start = time.monotonic()
        try:
            answer = function(vari)
        except Exception as trouble:  # pylint: disable=broad-except
            yield Result(name, "FAIL", time.monotonic() - start, describe(trouble))
            return
        if hasattr(answer, "__iter__") and not isinstance(answer, str):  # a batch: (case, what is wrong or "")
            share = None
            for part, wrong in answer:
                share = share or (time.monotonic() - start)
                yield Result(f"{name}/{part}", "FAIL" if wrong else "PASS", 0.0, wrong)
            return
        yield Result(name, "SKIP" if isinstance(answer, str) else "PASS", time.monotonic() - start, answer or "")
    return Job(name, work, alone=alone, broad=batch, whole_system=True)


def make_suites(module_name, short, about):
    """The suites of one test file: release, the other builds, and the long ones."""
    cases = _CASES.get(module_name, [])

    def expand(preset, chosen):
        def jobs():
            if KERNEL != "linux":
                building.build(preset, KERNEL)
            for function, _, _, alone, batch in chosen:
                yield job(function, full_name(function, preset), Vari(preset), alone, batch)
        return jobs

    def full_name(function, preset):
        return f"system{'' if preset == 'release' else '-' + preset}/{short}/{function.__name__}"

    def names(preset, chosen):
        return tuple(full_name(entry[0], preset) for entry in chosen)

    short_ones = [entry for entry in cases if not entry[2]]
    found = [Suite(f"system/{short}", about, expand("release", short_ones),
                   cases=names("release", short_ones))]
    every = [entry for entry in cases if entry[1] and not entry[2]]
    if every and KERNEL != "linux":
        found += [Suite(f"system-{preset}/{short}", f"{about} ({preset})", expand(preset, every),
                        cases=names(preset, every))
                  for preset in ("debug", "gcc-release")]
    long_ones = [entry for entry in cases if entry[2]]
    if long_ones:
        found.append(Suite(f"system/{short}-long", f"{about}: the long ones", expand("release", long_ones), True,
                           names("release", long_ones)))
    return found
