#!/usr/bin/python3
"""Checks who includes whom: fails when a file of a room includes what the room may not know.

The table is docs' "rooms, and who may know whom". Only "quoted" includes count; they are written from the
project's root, so a file's room can be read off its path. --self-test plants each kind of violation in a
scratch tree and fails unless every one is found.

  tools/check_rooms.py [ROOT]     prints each violation as FILE:LINE: ..., status 1 if there is one
"""
import pathlib
import re
import sys
import tempfile

# Room -> rooms that it may include, besides itself. The longest matching prefix wins.
TABLE = {
    "base": (),
    "interfaces": ("base",),
    "machine": ("base", "interfaces"),
    "runtime": ("base",),
    # The port is where the runtime meets its platform: it stands above the nucleus, not below it.
    "runtime/port/nucleus": ("base", "interfaces", "runtime", "machine", "nucleus"),
    "runtime/port/linux": ("base", "runtime"),
    "runtime/port/simulated": ("base", "runtime", "runtime/port/linux"),
    "nucleus": ("base", "interfaces", "machine", "runtime"),
    # A place like the nucleus, on the host's calls and the runtime's Linux port.
    "hosted": ("base", "interfaces", "runtime", "runtime/port/linux"),
    "components": ("base", "interfaces"),
    "personalities": ("base", "interfaces", "runtime"),
    "kernels": ("base", "interfaces", "machine", "runtime", "runtime/port/linux", "nucleus", "hosted", "components", "personalities"),
    # The one kernel that is made of tests.
    "kernels/kernel_tests": ("base", "interfaces", "machine", "runtime", "nucleus", "components", "kernels", "tests"),
    "examples": ("base", "interfaces", "machine", "runtime", "nucleus", "components", "personalities", "kernels"),
    "tests": (),
    "user": (),
}
SINGLE = ("components", "personalities")  # each folder below is a room of its own, blind to its neighbours
SOURCES = {".h", ".cc", ".c", ".S"}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def room_of(path):
    """The room of a path inside the tree, and for single rooms the folder: ("components", "components/elf")."""
    parts = path.split("/")
    best = ""
    for room in TABLE:
        if (path + "/").startswith(room + "/") and len(room) > len(best):
            best = room
    if best in SINGLE and len(parts) > 1:
        return best, "/".join(parts[:2])
    return best, best


def allowed(source, target):
    """Whether a file at `source` may include the file at `target`; both are paths from the root."""
    source_room, source_folder = room_of(source)
    target_room, target_folder = room_of(target)
    if source_folder == target_folder:
        return True
    if source_room == target_room:
        return source_room not in SINGLE
    return target_room in TABLE[source_room]


def violations(root):
    """Every (file, line number, text) that breaks the table."""
    found = []
    for top in sorted({room.split("/")[0] for room in TABLE} - {"tests"}):  # tests may look at anything
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match[1]
                if room_of(target)[0] == "":
                    # A donor's own header, for the glue that wraps it; a neighbour is no donor.
                    if room_of(name)[0] != "components" or (path.parent / target).exists():
                        found.append((name, number, f'"{target}" is in no room, or not written from the root'))
                elif not allowed(name, target):
                    found.append((name, number, f"{room_of(name)[1]} may not include {room_of(target)[1]} ({target})"))
    return found


PLANTS = [  # (file, what it includes, whether that is a violation)
    ("base/a.h", "interfaces/a.h", True),
    ("interfaces/a.h", "machine/x86_64/a.h", True),
    ("interfaces/b.h", "base/a.h", False),
    ("runtime/a.h", "interfaces/a.h", True),
    ("runtime/b.cc", "runtime/port/nucleus/a.h", True),
    ("runtime/port/nucleus/a.cc", "nucleus/a.h", False),
    ("nucleus/a.h", "components/elf/a.h", True),
    ("nucleus/b.h", "machine/x86_64/a.h", False),
    ("components/elf/a.h", "components/rtc/a.h", True),
    ("components/elf/b.h", "nucleus/a.h", True),
    ("components/elf/c.h", "components/elf/a.h", False),
    ("personalities/linux/a.h", "nucleus/a.h", True),
    ("personalities/linux/b.h", "personalities/pebbles/a.h", True),
    ("personalities/linux/c/d.h", "personalities/linux/a.h", False),
    ("kernels/monolithic/a.cc", "personalities/linux/a.h", False),
    ("kernels/kernel_tests/a.cc", "tests/kernel/a.h", False),
    ("nucleus/a.cc", "tests/kernel/a.h", True),
    ("hosted/a.cc", "nucleus/a.h", True),
    ("hosted/b.cc", "runtime/port/linux/a.h", False),
    ("personalities/linux/e.cc", "hosted/a.h", True),
    ("machine/x86_64/a.h", "tests/a.h", True),
    ("machine/x86_64/b.h", "b.h", True),
]


def self_test():
    """Plants violations and lawful includes; each must be judged right."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for file, target, _ in PLANTS:
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'#pragma once\n#include <span>\n#include "{target}"\n')
        found = {file for file, _, _ in violations(root)}
    wrong = [file for file, _, bad in PLANTS if (file in found) != bad]
    for file in wrong:
        print(f"self-test: misjudged {file}")
    return 1 if wrong else 0


def main():
    """The command line."""
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1]).resolve()
    found = violations(root)
    for name, number, text in found:
        print(f"{name}:{number}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
