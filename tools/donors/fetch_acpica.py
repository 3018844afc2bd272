#!/usr/bin/python3
"""Takes ACPICA out of Debian's package linux-source-6.1 into the folder of donors, unmodified.

What is pinned is the content that gets compiled: one SHA-256 over the names and contents of all files
taken. A newer kernel package with the same ACPICA is therefore accepted, one with another is refused
until its checksum has been added below, after a look at the difference. The folder appears under its
final name only when it is complete, so several builds may fetch at once.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PACKAGE = "linux-source-6.1"
TARBALL = pathlib.Path("/usr/src/linux-source-6.1.tar.xz")
# SHA-256 of the tree: the package version it was first seen in.
ACCEPTED = {
    "4a7ffab36cb7f55c379a4066e737b824138a8c337a91894d5f420771c74fd7b9": "6.1.192-2",
}
WANTED = ("linux-source-6.1/drivers/acpi/acpica/*.[ch]", "linux-source-6.1/include/acpi/ac*.h",
          "linux-source-6.1/include/acpi/platform/*.h")


def tree_checksum(root: pathlib.Path) -> str:
    """SHA-256 over 'hash  path' lines of all files, in the order of their paths."""
    total = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*.[ch]")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content}  {path.relative_to(root).as_posix()}\n".encode())
    return total.hexdigest()


def fail(message: str):
    sys.exit(f"fetch_acpica: {message}")


def extract(tarball: pathlib.Path, destination: pathlib.Path):
    """Unpacks the wanted files as destination/source/*.[ch] and destination/include/acpi/."""
    unpacked = destination / "unpacked"
    unpacked.mkdir()
    done = subprocess.run(["tar", "-xf", str(tarball), "-C", str(unpacked), "--wildcards", *WANTED],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        fail(f"{tarball} can't be unpacked: {done.stderr.strip()}")
    tree = unpacked / "linux-source-6.1"
    (tree / "drivers/acpi/acpica").rename(destination / "source")
    (tree / "include").rename(destination / "include")
    shutil.rmtree(unpacked)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("destination", type=pathlib.Path, help="the folder to make")
    parser.add_argument("--tarball", type=pathlib.Path, default=TARBALL)
    parser.add_argument("--accept-donor", action="store_true", help="take it even with an unknown checksum")
    arguments = parser.parse_args()
    destination = arguments.destination.resolve()
    if (destination / "checksum").exists():
        return
    if not arguments.tarball.exists():
        fail(f"{arguments.tarball} is missing: install the package {PACKAGE}")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".acpica-") as scratch:
        work = pathlib.Path(scratch) / "acpica"
        work.mkdir()
        extract(arguments.tarball, work)
        found = tree_checksum(work)
        if found not in ACCEPTED and not arguments.accept_donor:
            fail(f"ACPICA in {PACKAGE} is not the one Vari was tried with.\n  found:    {found}\n  accepted: "
                 + ", ".join(f"{sum_} ({version})" for sum_, version in ACCEPTED.items())
                 + "\nLook at what changed, then add the checksum, or pass --accept-donor.")
        (work / "checksum").write_text(found + "\n")
        try:
            os.rename(work, destination)
        except OSError:
            if not (destination / "checksum").exists():
                fail(f"{destination} exists but is incomplete: remove it")


if __name__ == "__main__":
    main()
