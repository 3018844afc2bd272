#!/usr/bin/python3
"""Builds the C library for programs that call their kernel: Debian's musl, unmodified, and the overlay beside this file.

  user/libc/build.py SOURCE FOLDER     SOURCE: musl's tree; FOLDER gets bin/vari-cc, include, lib (unless it is there)

FOLDER/bin/vari-cc is a compiler for static programs. They run on every kernel of Vari and on Linux.
"""
import pathlib
import shutil
import subprocess
import sys

_OVERLAY = pathlib.Path(__file__).resolve().parent / "overlay"
_FLAGS = ["-mno-red-zone", "-O2"]
_WRAPPER = """#!/bin/sh
# The machine's gcc for the library beside this folder; made by user/libc/build.py.
exec gcc -specs "{specs}" -static "$@"
"""


def _run(command, folder):
    done = subprocess.run(list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0:
        sys.exit(f"user/libc: {' '.join(map(str, command))} failed:\n{done.stdout[-3000:]}")


def build(source, folder):
    """Makes `folder`, by way of a temporary one beside it."""
    work = folder.with_name(folder.name + ".work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True)
    compiler = " ".join(["gcc", f"-I{_OVERLAY}", *_FLAGS])
    _run([source.resolve() / "configure", "--disable-shared", "--enable-wrapper=gcc", f"--prefix={folder}",
          f"--syslibdir={folder}/lib", f"CC={compiler}"], work)
    _run(["make", "-j2"], work)
    _run(["gcc", "-c", "-o", "obj/system_call_entry.o", _OVERLAY / "system_call_entry.S"], work)
    _run(["ar", "d", "lib/libc.a", "defsysinfo.lo", "defsysinfo.o"], work)  # as the compiler's default has it
    _run(["ar", "rs", "lib/libc.a", "obj/system_call_entry.o"], work)
    _run(["make", "install"], work)
    wrapper = folder / "bin" / "vari-cc"
    wrapper.write_text(_WRAPPER.format(specs=folder / "lib" / "musl-gcc.specs"))
    wrapper.chmod(0o755)
    shutil.rmtree(work)


def main():
    """The command line."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    if not (source / "configure").exists():
        sys.exit(f"user/libc: {source} is not musl's source tree")
    if not (folder / "bin" / "vari-cc").exists():
        build(source, folder)


if __name__ == "__main__":
    main()
