"""`./vari coverage`: which lines of the Linux personality the hosted cases reach, a line a file.

A build of its own (clang's source-based coverage, of personalities/linux alone) runs the suites named, or one
command; the profiles of all its runs are merged. build/coverage/report holds the same line by line, as HTML.
"""
import json
import os
import shutil
import subprocess
import sys

import building
import packages
import paths
from say import Failure, say

PRESET = "coverage"
FOLDER = paths.BUILD / PRESET
ROOM = "personalities/linux"
SUITES = ["hosted/shell", "hosted/exec", "hosted/hostile", "hosted/terminal"]


def _llvm(tool, *words):
    done = subprocess.run([f"/usr/lib/llvm-19/bin/{tool}", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Failure(f"{tool}: {done.stderr[-800:]}", status=1)
    return done.stdout


def _collect(options, profiles):
    """Runs what is to be counted; its status."""
    # A name a machine's run writes to: four files, into which the runs add up.
    environment = dict(os.environ, VARI_HOSTED_PRESET=PRESET, LLVM_PROFILE_FILE=f"{profiles}/%4m.profraw")
    vari = [sys.executable, "-B", str(paths.ROOT / "tools" / "vari")]
    words = ["run", "hosted", "--exec", options.exec] if options.exec else ["test", *(options.filter or SUITES)]
    return subprocess.run([*vari, *words], env=environment, check=False).returncode


def summarise(program, merged):
    """[(file, lines reached, lines, functions reached, functions)]."""
    told = json.loads(_llvm("llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", program, paths.ROOT / ROOM))
    rows = []
    for file in told["data"][0]["files"]:
        lines, functions = file["summary"]["lines"], file["summary"]["functions"]
        name = os.path.relpath(file["filename"], paths.ROOT / ROOM)
        rows.append((name, lines["covered"], lines["count"], functions["covered"], functions["count"]))
    return sorted(rows)


def table(rows):
    """The report."""
    def line(name, reached, count, functions, of):
        return f"{name:<44} {reached:>6} {count:>6} {100 * reached / max(1, count):>6.1f} % {functions:>6} {of:>5}"
    total = [sum(column) for column in list(zip(*rows))[1:]]
    return "\n".join([f"{ROOM:<44} {'lines':>6} {'of':>6} {'':>8} {'calls':>6} {'of':>5}",
                      *(line(*row) for row in rows), line("all", *total)])


def run(options):
    """The command itself; the status of what was run."""
    packages.require("build", "test", "fuzz")
    building.build(PRESET, "hosted_kernel")
    program = FOLDER / "kernels" / "hosted" / "hosted"
    profiles = FOLDER / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir()
    status = _collect(options, profiles)
    raw = sorted(profiles.glob("*.profraw"))
    if not raw:
        raise Failure("nothing ran that was counted", status=1)
    merged = FOLDER / "merged.profdata"
    _llvm("llvm-profdata", "merge", "-sparse", *raw, "-o", merged)
    report = FOLDER / "report"
    shutil.rmtree(report, ignore_errors=True)
    _llvm("llvm-cov", "show", "-format=html", f"-output-dir={report}", f"-instr-profile={merged}", program, paths.ROOT / ROOM)
    print(table(summarise(program, merged)), flush=True)
    say(f"line by line: {report}/index.html")
    return status
