"""Where things stand: the checkout, the build folder and what lies in it.

VARI_BUILD names another build folder (default: build/ in the checkout), for several builds of one
checkout beside each other.
"""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VARI_BUILD") or ROOT / "build").resolve()
DONORS = BUILD / "donors"
RUNS = BUILD / "run"


def preset_name(build, compiler):
    """The CMake preset of a kernel build: release, debug, gcc-release, gcc-debug."""
    return build if compiler == "clang" else f"gcc-{build}"


def image(kernel, preset):
    """The linked kernel of a preset."""
    return BUILD / preset / "kernels" / kernel / f"{kernel}.elf"


def kernels():
    """The kernels of the tree that boot: each folder that composes one. The tests' kernel is not for users, and
    hosted is a program (hosting.py)."""
    found = (p.parent.name for p in (ROOT / "kernels").glob("*/kernel.h"))
    return sorted(name for name in found if name not in ("kernel_tests", "hosted"))
