"""The programs of tests/calls, in every kernel that can run them, and in Linux, which must pass them all."""
import re

import building
import linux_peer
import paths
import support
from suites import Suite

FOLDER = paths.ROOT / "tests" / "calls"
FLAGS = ("-Werror", "-Wno-unused-function", "-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu", "-lpthread")
# Where they run: the suite's name, the kernel, its build, and arguments of ./vari run.
KERNELS = {"system/calls": ("monolithic", "release", ["--smp", "4"]), "hosted/calls": ("hosted", "release", ["--smp", "2"]),
           "system-debug/calls": ("monolithic", "debug", ["--smp", "2"])}


def programs():
    """The subjects: a source file each."""
    return sorted(path.stem for path in FOLDER.glob("*.c"))


def build(name):
    """The program of one subject."""
    return linux_peer.build_static(FOLDER / f"{name}.c", paths.BUILD / "calls" / name, *FLAGS)


def root_of(names):
    """A root with the programs in /calls."""
    files = {f"calls/{name}": (0o755, build(name).read_bytes()) for name in names}
    return support.root_with({**files, "init": (0o755, b"")})


def verdicts(text, skips_fail):
    """(case, what is wrong or "") of a program's output; a missing last line is a failed case of its own."""
    for name, verdict, why in re.findall(r"(?m)^case (\S+) (passed|FAILED|skipped) ?(.*)$", text):
        bad = verdict == "FAILED" or (verdict == "skipped" and skips_fail)
        yield name, f"{verdict} {why}" if bad else ""
    if not re.search(r"(?m)^\d+ passed, \d+ failed, \d+ skipped$", text):
        yield "ended", f"the program did not come to its end:\n{text[-2000:]}"


def one_program(name, arguments):
    """A batch case: one boot for one program."""
    def run(vari):
        with root_of([name]) as root:
            done = vari.exec(f"/calls/{name}", "--root", root, *arguments, timeout=300)
        if done.status not in (0, 1):
            yield "ended", str(done)
        yield from verdicts(done.out, True)
    run.__name__ = name
    return run


def all_in_linux(vari):
    """The oracle passes what we ask for: one boot for all programs."""
    with root_of(programs()) as root:
        done = vari.exec("for p in /calls/*; do echo \"program ${p##*/}\"; $p; done", "--root", root, timeout=600)
    parts = re.split(r"(?m)^program (\w+)\n", done.out)[1:]
    found = dict(zip(parts[::2], parts[1::2]))
    for name in programs():
        for case, wrong in verdicts(found.get(name, ""), False):
            yield f"{name}.{case}", wrong


def suites(_short, _options):
    for suite, (kernel, preset, arguments) in KERNELS.items():
        def expand(suite=suite, kernel=kernel, preset=preset, arguments=arguments):
            building.build("hosted" if kernel == "hosted" else preset, "hosted_kernel" if kernel == "hosted" else kernel)
            for name in programs():
                yield support.job(one_program(name, arguments), f"{suite}/{name}", support.Vari(preset, kernel), False, True)
        yield Suite(suite, f"system calls, one by one, in {kernel} ({preset})", expand)

    def linux():
        yield support.job(all_in_linux, "linux/calls", support.Vari("release", "linux"), False, True)
    yield Suite("linux/calls", "the same in Debian's Linux: the oracle of the cases", linux)
