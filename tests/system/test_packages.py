"""Debian's own programs over files, unmodified: each does a small real job, and what it prints is checked.

Each job is a script in tests/system/packages; what it must print stands beside it and was taken from Linux.
"""
import shlex

import linux_peer
import paths
import rootfs
import support
import trees
from support import case

JOBS = paths.ROOT / "tests" / "system" / "packages"
_USERS = {"etc/passwd": (0o644, b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"),
          "etc/group": (0o644, b"root:x:0:\nnogroup:x:65534:\n")}


def suites(short, _options):
    return support.make_suites(__name__, short, "Debian's programs over files: each a job")


def job(vari, name, *packages, memory="1G", timeout=200, interpreter="bash", beside=(), cores=2, status=0):
    """Runs packages/NAME.sh in a root of busybox, these trees and the files `beside` it; it must print packages/NAME.expected."""
    files = dict(_USERS) | {f"job/{path.name}": (0o755, path.read_bytes()) for path in beside}
    for tree in packages:
        files.update(rootfs.files_of(trees.fetch(tree)[0]))
    files[f"job/{name}"] = (0o755, (JOBS / name).read_bytes())
    with support.root_with(files) as root:
        done = vari.exec(f"{interpreter} /job/{name}", "--root", root, "--mem", memory, "--smp", cores, timeout=timeout)
    expected = (JOBS / f"{name}.expected").read_text()
    assert (done.out, done.status) == (expected, status), f"expected:\n{expected}\n{done}"


@case
def coreutils(vari):
    job(vari, "coreutils.sh", "shell")


@case
def bash(vari):
    job(vari, "bash.sh", "shell")


@case
def perl(vari):
    job(vari, "perl.pl", "perl", interpreter="perl")


@case
def git(vari):
    job(vari, "git.sh", "shell", "git")


@case
def sqlite(vari):
    job(vari, "sqlite.sh", "shell", "sqlite3")


@case
def strace(vari):
    job(vari, "strace.sh", "strace", interpreter="sh")


@case
def gdb(vari):
    debugged = linux_peer.build_static(paths.ROOT / "tests" / "system" / "programs" / "debugged.c", paths.BUILD / "programs" / "debugged",
                                       "-g", "-O0", f"-ffile-prefix-map={paths.ROOT}/=")
    job(vari, "gdb.sh", "gdb", interpreter="sh", beside=(debugged, JOBS / "gdb.commands"))


@case
def lua(vari):
    job(vari, "lua.lua", "lua", interpreter="lua5.4", status=5)


@case
def ocaml(vari):
    job(vari, "ocaml.sh", "ocaml-compiler", interpreter="sh", beside=(JOBS / "ocaml.ml",))


@case
def erlang(vari):
    job(vari, "erlang.sh", "erlang", interpreter="sh", beside=(JOBS / "erlang.erl",))


@case
def java(vari):
    # One processor. The JVM replaces an instruction that another thread may be about to run, by aligned stores, which
    # processors fetch whole; QEMU 7.2, asked for several, decodes byte by byte meanwhile and may run a mixture of the
    # old and the new: under Linux as here, such a program then dies of SIGILL or SIGSEGV about once in twenty runs.
    job(vari, "java.sh", "java", memory="2G", timeout=400, interpreter="sh", beside=(JOBS / "Job.java",), cores=1)


@case
def node(vari):
    job(vari, "node.js", "node", memory="2G", timeout=400, interpreter="node", cores=4)


@case(long=True)
def compiler(vari):
    job(vari, "compiler.sh", "shell", "gcc", memory="2G", timeout=400)


def python_tests(vari, *modules, timeout=600):
    """Python's own regression tests, as the distribution packages them."""
    files = {**_USERS, **rootfs.files_of(trees.fetch("python3-tests")[0])}
    with support.root_with(files) as root:
        done = vari.exec(f"cd /tmp; python3.11 -m test.regrtest {' '.join(map(shlex.quote, modules))} 2>&1", "--root", root, "--mem", "1G", "--smp", 2, timeout=timeout)
    assert done.status == 0 and "Tests result: SUCCESS" in done.out, f"{done}"


@case(long=True)
def python_mmap(vari):
    python_tests(vari, "test_mmap", timeout=200)


@case(long=True)
def python_os(vari):
    python_tests(vari, "-i", "*TestSendfile*", "test_os")  # those want sockets of the Internet


@case(long=True)
def python_files(vari):
    python_tests(vari, "test_tempfile", "test_shutil", timeout=900)
