#!/usr/bin/python3
"""Checks by a kernel image's disassembly that walks of page tables are unrolled (KOS paper; K47): no loop over
levels is left in what runs when a page is mapped, looked up, unmapped or protected.

- Paths to one entry (map, lookup, reach, find_leaf) have no cycle in their control flow, and do not call themselves.
- Walks over many entries loop over entries; a loop over levels besides would shift by a number in a register, or
  call a walk of the same level or a higher one.

  tools/check_walks.py IMAGE...   one line a finding, status 1 if there is one
"""
import re
import subprocess
import sys

STRAIGHT = re.compile(r"(?:\bDomainWith<.*>::map\(|\bNucleusDomain::lookup\(|\breach<|\bfind_leaf<)")
WALKS = re.compile(r"(?:\bDomainWith<.*>::(?:unmap|protect)\(|\b(?:walk_leaves|for_each_leaf)<)")
NEEDED = ("::map(", "::lookup(", "::unmap(", "::protect(", "walk_leaves<")
VARIABLE_SHIFT = re.compile(r"\b(?:sh[lr]|sa[lr])[bwlq]?\s+%cl,|\b(?:shlx|shrx|sarx)\b")
LEVEL = re.compile(r"\bwalk_leaves<(\d)u?,")
_LINE = re.compile(r"\s*([0-9a-f]+):\s+(.*?)\s*$")
_TARGET = re.compile(r"\b(j\w+|call\w*)\s+(?:\S+,\s*)?([0-9a-f]+) <(.+)>$")


def plain(name):
    """A function's name without what follows its arguments' types or its template's (lambdas make them long)."""
    return re.sub(r"\+0x[0-9a-f]+$", "", name)


def functions(listing):
    """(name, [(address, instruction)]) of each function in objdump's output."""
    name, lines = None, []
    for line in listing.splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            if name:
                yield name, lines
            name, lines = head[1], []
        elif name and (match := _LINE.match(line)):
            lines.append((int(match[1], 16), match[2]))
    if name:
        yield name, lines


def has_cycle(lines):
    """Whether the control flow inside one function can come back to an instruction."""
    at = {address: index for index, (address, _) in enumerate(lines)}
    following = []
    for index, (_, text) in enumerate(lines):
        word = text.split(maxsplit=1)[0] if text else ""
        found = [] if word in ("ret", "ud2", "iretq") or word == "jmp" else [index + 1] if index + 1 < len(lines) else []
        jump = _TARGET.search(text)
        if jump and jump[1].startswith("j") and int(jump[2], 16) in at:
            found.append(at[int(jump[2], 16)])
        following.append(found)
    state = [0] * len(lines)  # 1: on the path, 2: done
    for root in range(len(lines)):
        stack = [(root, iter(following[root]))] if state[root] == 0 else []
        if stack:
            state[root] = 1
        while stack:
            node, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                state[node] = 2
                stack.pop()
            elif state[step] == 1:
                return True
            elif state[step] == 0:
                state[step] = 1
                stack.append((step, iter(following[step])))
    return False


def check(listing):
    """Findings in a disassembly (demangled)."""
    found, seen = [], ""
    for name, lines in functions(listing):
        straight, walk = STRAIGHT.search(name), WALKS.search(name)
        if not straight and not walk:
            continue
        seen += name + "\n"
        short = re.sub(r"\(.*", "", name) if not LEVEL.search(name) else f"walk_leaves<{LEVEL.search(name)[1]}>"
        if straight and has_cycle(lines):
            found.append(f"{short}: a loop")
        level = LEVEL.search(name)
        for _, text in lines:
            if VARIABLE_SHIFT.search(text):
                found.append(f"{short}: a shift by a number in a register: {text}")
            jump = _TARGET.search(text)
            if not jump or not jump[1].startswith("call"):
                continue
            callee = LEVEL.search(jump[3])
            if plain(jump[3]) == name or (level and callee and int(callee[1]) >= int(level[1])):
                found.append(f"{short}: calls itself or a level that is not below")
    found += [f"there is no {needed.strip('(:<')}: has it another name?" for needed in NEEDED if needed not in seen]
    return found


def main():
    """The command line."""
    status = 0
    for image in sys.argv[1:]:
        listing = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", image], stdout=subprocess.PIPE, text=True,
                                 errors="replace", check=True).stdout
        for text in check(listing):
            print(f"{image}: {text}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
