"""The unikernel's program: chosen by --app, put into the root file system, and with it into the image.

--app PATH is a program of the host, which the image gets as /app/NAME; where the host has no such file, it is a
path inside --root. The default is Debian's static busybox. The file system is embedded in the image
(tools/embed_program.py), so that one ELF file is all that boots.
"""
import bisect
import importlib.util
import io
import os
import pathlib
import re
import stat
import subprocess
import sys
import tarfile

import donors
import paths
import rootfs
from say import Failure, say

_FOLDERS = ("app", "dev", "proc", "sys", "tmp", "etc", "root")
_FILES = ("etc/passwd", "etc/group", "etc/hostname")


def add_option(parser):
    """--app, for the commands that boot a machine."""
    parser.add_argument("--app", metavar="PROGRAM", help="unikernels: the program that is linked with it, a file here or, "
                                                         "with --root, inside that (default: busybox); --exec is its argument line, its name first")


def _host_program(options):
    """The program as a file here; None where it is one of --root."""
    if options.app is None:
        if options.root:
            raise Failure("--root alone does not say which program to run: add --app PATH, a path inside the root or here")
        return pathlib.Path(donors.fetch("busybox", options.accept_donor))
    program = pathlib.Path(options.app)
    if program.is_file():
        if program.read_bytes()[:4] != b"\x7fELF":
            raise Failure(f"--app {program}: not an ELF program")
        return program
    if options.root:
        return None
    raise Failure(f"--app {program}: there is no such file")


def is_for(kernel):
    """Whether the kernel has its program in its image."""
    return (paths.ROOT / "kernels" / kernel / "composition.cc").exists()  # of kernels/unikernel/composition.h


def check(options):
    """Options that make no sense are refused before anything is built."""
    if not is_for(options.kernel) and getattr(options, "app", None):
        raise Failure(f"--app is for the kernels {', '.join(filter(is_for, paths.kernels()))}; here it is {options.kernel}")


def words(options):
    """What the kernel's command line says of the program."""
    if not is_for(options.kernel):
        return []
    program = _host_program(options)
    path = f"/app/{program.name}" if program else "/" + options.app.lstrip("/")
    if " " in path:
        raise Failure(f"--app {path}: blanks in a program's name are not supported")
    return [f"vari.app={path}"]


def root(options):
    """The root file system with the program in it."""
    program = _host_program(options)
    if not program:
        return rootfs.load(options.root)
    data = program.read_bytes()
    if options.root:
        archive = rootfs.load(options.root)
        if archive[257:262] == b"ustar":
            return _tar_entry(f"app/{program.name}", data) + archive
        front = rootfs.Cpio()
        front.add("app", stat.S_IFDIR | 0o755, links=2, inode=1 << 31)
        front.add(f"app/{program.name}", stat.S_IFREG | 0o755, data, inode=(1 << 31) + 1)
        return front.entries() + archive
    archive = rootfs.Cpio()
    for name in _FOLDERS:
        archive.add(name, stat.S_IFDIR | (0o1777 if name == "tmp" else 0o755), links=2)
    for name in _FILES:
        archive.add(name, stat.S_IFREG | 0o644, rootfs.file_text(name).encode())
    archive.add(f"app/{program.name}", stat.S_IFREG | 0o755, data)
    return archive.bytes()


def _tar_entry(name, data):
    """One file as a tar archive without its end."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o755
    out = io.BytesIO()
    out.write(entry.tobuf(tarfile.USTAR_FORMAT))
    out.write(data + b"\0" * (-len(data) % 512))
    return out.getvalue()


def explain(options, log, image):
    """Says on standard error how a program died of its own fault, with names where there are symbols."""
    for found in re.finditer(rb"fault: (.*), stack ([0-9a-f ]+)", log):
        say(f"the program died of a fault: {found[1].decode(errors='replace')}")
        program = _host_program(options)
        symbols = sorted(_symbols(image) + (_symbols(program) if program else []))
        for address in found[2].split():
            print(f"    {int(address, 16):016x} {_name(symbols, int(address, 16))}".rstrip(), file=sys.stderr)


def _symbols(path):
    """(address, name) of a program's functions; none where it is stripped."""
    done = subprocess.run(["nm", "-C", "--defined-only", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False)
    lines = re.findall(r"^([0-9a-f]{16}) [tTwW] (.*)$", done.stdout, re.M)
    return [(int(address, 16), name) for address, name in lines]


def _name(symbols, address):
    """The function that `address` lies in, and how far; "" where that is not known."""
    at = bisect.bisect_right(symbols, (address, "\x7f")) - 1
    if at < 0 or address - symbols[at][0] > 1 << 20:
        return ""
    return f"{symbols[at][1]}+0x{address - symbols[at][0]:x}"


def embed(image, archive, command_line, folder):
    """The image with the program in it; a copy stays beside the log of the last run."""
    spec = importlib.util.spec_from_file_location("embed_program", paths.ROOT / "tools" / "embed_program.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    whole = pathlib.Path(folder) / "unikernel.elf"
    whole.write_bytes(tool.embed(image.read_bytes(), archive, command_line))
    keep = os.environ.get("VARI_KEEP_IMAGE")
    if keep:
        pathlib.Path(keep).write_bytes(whole.read_bytes())
    return whole
