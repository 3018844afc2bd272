"""Linux in the same QEMU, as peer of the benchmarks and oracle of the tests.

Debian's cloud kernel, our own first program (tools/linux_peer/init.c) that speaks the host channel, and the
same busybox: `./vari run linux --exec CMD` is in Linux what `./vari run --exec CMD` is in Vari.
"""
import subprocess

import donors
import packages
import paths
import rootfs
from say import Failure

NAME = "linux"  # ./vari run linux
# The lean Linux: no mitigations, no randomisation, no zeroing, so that only the work is compared.
LEAN = "console=ttyS0 quiet nokaslr mitigations=off nopti init_on_alloc=0"


def build_static(source, output, *flags):
    """One static program for either kernel. It may include files of its own folder."""
    packages.require("bench")
    output.parent.mkdir(parents=True, exist_ok=True)
    newest = max(file.stat().st_mtime for file in source.parent.glob("*.[ch]"))
    # Cases run side by side: the first builds it, and nobody sees it half written.
    with donors.alone(f"{output.parent.name}-{output.name}"):
        if output.exists() and output.stat().st_mtime > newest:
            return output
        fresh = output.with_suffix(".new")
        done = subprocess.run(["musl-gcc", "-static", "-O2", "-Wall", "-Wextra", *flags, "-o", str(fresh), str(source)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"building {source.name} failed:\n{done.stdout}")
        fresh.replace(output)
    return output


def first_program():
    """The init of the Linux guest."""
    return build_static(paths.ROOT / "tools" / "linux_peer" / "init.c", paths.BUILD / "peer" / "init")


def kernel(accept=()):
    """Debian's kernel image."""
    return donors.fetch("linux", accept)


def root(accept=(), extra=None):
    """The same root as Vari's default one, with the Linux guest's first program."""
    files = {"init": (0o755, first_program().read_bytes()), **(extra or {})}
    return rootfs.busybox_root(donors.fetch("busybox", accept), files)
