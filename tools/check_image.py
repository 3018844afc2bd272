#!/usr/bin/python3
"""Checks a linked kernel image: what must not be in it.

- no vector or x87 register outside the functions that switch FPU state (a kernel that touches them would
  corrupt the program's);
- an empty .init_array: nothing runs before kmain;
- no writable and executable segment.

  tools/check_image.py IMAGE...   one line a finding, status 1 if there is one
"""
import re
import subprocess
import sys

# Functions that save, restore or reset FPU and vector state, by name.
FPU_SWITCH = re.compile(r"fpu|xsave|xrstor|fxsave|vector_state|floating", re.IGNORECASE)
REGISTER = re.compile(r"%(x|y|z)mm\d|%mm\d|%st\b")


def _output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace", check=True).stdout


def vector_use(image):
    """Functions with instructions that name vector registers, each once."""
    found, function = {}, "?"
    for line in _output("objdump", "-d", "--no-show-raw-insn", image).splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            function = head[1]
        elif "%" in line and REGISTER.search(line) and not FPU_SWITCH.search(function):
            found.setdefault(function, line.strip())
    return [f"{function} uses vector registers: {line}" for function, line in found.items()]


def sections(image):
    """Sections and segments that break a rule."""
    found = []
    for line in _output("readelf", "-SW", image).splitlines():
        match = re.match(r"\s*\[\s*\d+\] (\.\w+)\s+\w+\s+[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)", line)
        if match and match[1] in (".init_array", ".ctors") and int(match[2], 16):
            found.append(f"{match[1]} is not empty: a global constructor")
    for line in _output("readelf", "-lW", image).splitlines():
        if line.strip().startswith("LOAD") and " RWE" in line:
            found.append("a segment is writable and executable")
    return found


def main():
    """The command line."""
    status = 0
    for image in sys.argv[1:]:
        for text in vector_use(image) + sections(image):
            print(f"{image}: {text}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
