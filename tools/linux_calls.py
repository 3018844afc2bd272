#!/usr/bin/env python3
"""docs/linux-calls.md out of the dispatch table, the cases of tests/calls and a page of notes.

    tools/linux_calls.py            writes the page
    tools/linux_calls.py --check    fails where it is out of date, or the notes or the cases contradict the table

A call is *done* where the table has it, no note says otherwise, and at least one case covers it; *partly* or
*refused* where docs/linux-calls-notes.txt says so; *untested* where nobody has shown it; *absent* (ENOSYS, counted in
/proc/vari/unknown_calls) where the table lacks it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "linux-calls.md"
NOTES = ROOT / "docs" / "linux-calls-notes.txt"
NAMES = ROOT / "docs" / "linux-call-numbers.txt"
HEADERS = ("file_calls.h", "process_calls.h")
STATES = ("done", "partly", "refused", "untested", "absent")


def table():
    """{name: number} of the dispatch table."""
    found = {}
    for header in HEADERS:
        text = (ROOT / "personalities" / "linux" / "calls" / header).read_text()
        found.update({name: int(number) for name, number in re.findall(r"\bX\((\w+), (\d+)\)", text)})
    return found


def cases():
    """{call: [subject/case, …]} of tests/calls."""
    found = {}
    for path in sorted((ROOT / "tests" / "calls").glob("*.c")):
        for case, calls in re.findall(r'(?s)\bCASE\((\w+),\s*((?:"[^"]*"\s*)+)\)', path.read_text()):
            for call in " ".join(re.findall(r'"([^"]*)"', calls)).split():
                found.setdefault(call, []).append(f"{path.stem}/{case}")
    return found


def notes():
    """{call: (state, words)}: lines `call partly what is missing`, `call refused why`."""
    found = {}
    for line in NOTES.read_text().splitlines():
        if line and not line.startswith("#"):
            call, state, words = line.split(" ", 2)
            found[call] = (state, words)
    return found


def absent():
    """{name: number} of calls that Linux knows and the table lacks."""
    return {name: int(number) for name, number in re.findall(r"(?m)^(\w+) (\d+)$", NAMES.read_text())}


def rows():
    """(number, call, state, words, cases), in the order of the numbers; and what is wrong."""
    have, tested, said, wrong = table(), cases(), notes(), []
    missing = {name: number for name, number in absent().items() if name not in have}
    for call in [*tested, *said]:
        if call not in have and call not in missing:
            wrong.append(f"{call} is no call that the table or {NAMES.name} knows")
    for call, (state, _) in said.items():
        if state not in ("partly", "refused"):
            wrong.append(f"{NOTES.name}: {call}: 'partly' or 'refused', not '{state}'")
    found = []
    for call, number in sorted({**missing, **have}.items(), key=lambda entry: entry[1]):
        shown = tested.get(call, [])
        state, words = said.get(call, ("absent" if call in missing else "done" if shown else "untested", ""))
        found.append((number, call, state, words, shown))
    return found, wrong


def page():
    """The page's text, and what is wrong."""
    found, wrong = rows()
    count = {state: sum(row[2] == state for row in found) for state in STATES}
    lines = ["# Linux's system calls, one by one", "",
             "Written by `tools/linux_calls.py` from the dispatch table, the cases of `tests/calls` and `docs/linux-calls-notes.txt`;",
             "not to be edited. *done*: does what its manual page says, and at least one case that can fail shows it; *partly*: what is",
             "missing; *refused*: the error that a kernel without the facility gives; *untested*: there, shown by no case of its own;",
             "*absent*: ENOSYS.", "",
             ", ".join(f"**{count[state]} {state}**" for state in STATES) + ".", "",
             "| number | call | | what is missing, or why | shown by |", "| --- | --- | --- | --- | --- |"]
    for number, call, state, words, shown in found:
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        lines.append(f"| {number} | {call} | {state} | {words} | {', '.join(f'`{name}`' for name in shown[:3])}{more} |")
    return "\n".join(lines) + "\n", wrong


def main():
    """The command itself."""
    text, wrong = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != text:
            wrong.append(f"{PAGE.relative_to(ROOT)} is out of date: run tools/linux_calls.py")
    else:
        PAGE.write_text(text)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
