"""`./vari fuzz`: programs made of system calls, grown by libFuzzer, run on the whole personality.

What they are and what is looked at after each: tests/linux_fuzz/README.md. The corpus grows in build/fuzzing
from run to run; it starts from a program for each call of the dispatch table, made by the fuzzer's own tool,
and from the texts in tests/linux_fuzz/programs. A FILE is run again: an input that libFuzzer kept, or a text.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

import building
import packages
import paths
import sanitizers
from say import Failure, say

PRESET = "fuzz"
FOLDER = paths.BUILD / "fuzzing"
TEXTS = paths.ROOT / "tests" / "linux_fuzz" / "programs"
LONGEST = 784  # bytes: a header and 48 records
# A thread's stack is one that we switch to: frames kept elsewhere would only cost.
_SANITIZERS = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:abort_on_error=1:detect_leaks=1",
               "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1"}


def program(name):
    """A program of the fuzzer's build: linux_fuzz, linux_fuzz_tool."""
    return paths.BUILD / PRESET / "tests" / "linux_fuzz" / name


def build():
    """Both programs."""
    packages.require("build", "test", "fuzz")
    building.build(PRESET, "linux_fuzz", "linux_fuzz_tool")


def environment(**more):
    """What the sanitizers and the symbolizer are told; the user's own words come last."""
    return {**sanitizers.told(**_SANITIZERS), **os.environ, **more}


def _tool(*words):
    done = subprocess.run([str(program("linux_fuzz_tool")), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"linux_fuzz_tool {words[0]}: {done.stdout.strip()}", status=1)
    return done.stdout


def write_seeds(folder):
    """Where fuzzing begins: a file a call, a file a text."""
    folder.mkdir(parents=True, exist_ok=True)
    _tool("seeds", folder)
    for text in sorted(TEXTS.glob("*.txt")):
        _tool("assemble", text, folder / f"text-{text.stem}")
    return folder


def command(*words):
    """The fuzzer with what each of its runs is told."""
    return [str(program("linux_fuzz")), f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=3000", *map(str, words)]


def _input_of(file, folder):
    """A FILE of the command line as libFuzzer wants it."""
    if not file.is_file():
        raise Failure(f"there is no file {file}", status=2)
    if file.suffix != ".txt":
        return file
    _tool("assemble", file, folder / file.stem)
    return folder / file.stem


def _show(file):
    say(f"the program of {file}, for a text in {TEXTS.relative_to(paths.ROOT)}:")
    print(_tool("show", file), flush=True)


def rerun(files, explain):
    """Runs inputs once each; 0 if none fails."""
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            kept = _input_of(file, pathlib.Path(folder))
            _show(kept)
            more = {"VARI_FUZZ_EXPLAIN": "1"} if explain else {}
            done = subprocess.run(command(kept), env=environment(**more), check=False)
            say(f"{file}: " + ("nothing wrong" if done.returncode == 0 else "FAILS"))
            worst = worst or int(done.returncode != 0)
    return worst


def explore(seconds, keep_going):
    """Fuzzes; 0 if nothing was found."""
    corpus, found = FOLDER / "corpus", FOLDER / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(FOLDER / "seeds", ignore_errors=True)
    known = set(found.iterdir())
    words = [f"-max_total_time={int(seconds)}", f"-artifact_prefix={found}/", "-print_final_stats=1"]
    if keep_going:
        words += ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]
    done = subprocess.run(command(*words, corpus, write_seeds(FOLDER / "seeds")), env=environment(), check=False)
    new = sorted(set(found.iterdir()) - known)
    for file in new:
        _show(file)
        say(f"again: ./vari fuzz {os.path.relpath(file)}")
    return int(bool(new) or done.returncode != 0)


def run(options):
    """The command itself."""
    build()
    if options.file:
        return rerun([pathlib.Path(file) for file in options.file], options.explain)
    return explore(options.seconds, options.keep_going)
