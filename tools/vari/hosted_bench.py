"""`./vari bench --hosted`: what the hosted kernel costs beside the same on this machine, the two interleaved.

A null call beside the bare round trip that it is made of (bench/round_trips.c), and Debian's python3 out of a
folder beside a chroot there. The least of several turns each; at real-time priority where we may have it, since
a switch on a busy machine costs what its other work makes it wait.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import building
import donors
import hosting
import linux_peer
import packages
import paths
import trees
from say import Failure, progress, say

TURNS = 10
GOALS = {"null call": 1.3, "python3 -c pass": 3.0}


@contextlib.contextmanager
def _preferred():
    """We and what we start, before all others; nothing is changed where we may not. Set here once and inherited: a
    call between fork and exec would make Python copy itself for each measurement."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _run(words):
    """(seconds, output) of a command that must succeed."""
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300, check=False)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise Failure(f"{words[0]} ended with {done.returncode}: {done.stdout[-500:]}", status=1)
    return seconds, done.stdout


def _root(folder):
    """A folder with python3's packages, busybox, and the program that calls; python's path in it."""
    root = folder / "root"
    tree, python = trees.fetch("python3")
    shutil.copytree(tree, root, symlinks=True)
    for name in ("bin", "tmp"):
        (root / name).mkdir(exist_ok=True)
    shutil.copy(donors.fetch("busybox"), root / "bin" / "busybox")
    (root / "bin" / "busybox").chmod(0o755)
    for applet in ("sh", "true"):
        (root / "bin" / applet).symlink_to("busybox")
    shutil.copy(linux_peer.build_static(paths.ROOT / "bench" / "host_calls.c", paths.BUILD / "peer" / "host_calls"), root / "bin" / "host_calls")
    return root, "/" + python


def _round_trips():
    made = paths.BUILD / "peer" / "round_trips"
    made.parent.mkdir(parents=True, exist_ok=True)
    _run(["gcc", "-O2", "-o", made, paths.ROOT / "bench" / "round_trips.c"])
    return made


def measure(turns=TURNS):
    """{row: (ours, theirs, unit)}."""
    kernel = hosting.image("hosted")
    least = {}

    def note(name, value):
        least[name] = min(value, least.get(name, value))

    with tempfile.TemporaryDirectory() as folder, _preferred():
        root, python = _root(pathlib.Path(folder))
        bare = _round_trips()
        native = ["chroot", root] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot", root]
        hosted = [kernel, "--root", root, "--mem", "512M", "--smp", "1", "--exec"]
        for turn in range(turns):
            progress("measuring", turn, turns)
            note("null", int(re.search(r"null (\d+)", _run([*hosted, "/bin/host_calls"])[1])[1]))
            note("bare", int(re.search(r"trap +(\d+)", _run([bare, "10"])[1])[1]))
            note("python", 1e3 * _run([*hosted, f"{python} -c pass"])[0])
            note("python native", 1e3 * _run([*native, python, "-c", "pass"])[0])
            note("true", 1e3 * _run([*hosted, "/bin/true"])[0])
            note("true native", 1e3 * _run([*native, "/bin/true"])[0])
    return {"null call": (least["null"], least["bare"], "ns"),
            "python3 -c pass": (least["python"], least["python native"], "ms"),
            "true: start and end": (least["true"], least["true native"], "ms")}


def report(rows):
    """The table, as Markdown."""
    lines = ["| row | hosted | beside | ratio | goal |", "| --- | --- | --- | --- | --- |"]
    for name, (ours, theirs, unit) in rows.items():
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"at most {goal}: {'met' if ours <= goal * theirs else 'missed'}"
        lines.append(f"| {name} | {ours:.1f} {unit} | {theirs:.1f} {unit} | {ours / theirs:.2f} | {verdict} |")
    return "\n".join(lines)


def run(_options):
    """The command itself."""
    packages.require("build", "run", "bench")
    building.build("hosted", "hosted_kernel")
    print(report(measure()))
    say("beside: the bare round trip by seccomp and two processors that look; this machine by chroot")
    return 0
