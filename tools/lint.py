#!/usr/bin/python3
"""Counts and refuses what CONTRIBUTING.md refuses and no compiler sees. One line a finding, status 1 if any.

  tools/lint.py [--self-test]

What is lawful in a few named places (casts, assembly, volatile, #if) is budgeted in tools/lint_budget.json,
with the reason; a count above its budget is a finding, and so is a budget that is not used any more.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROOMS = ("base", "interfaces", "machine", "runtime", "nucleus", "hosted", "components", "personalities", "kernels", "user")
SOURCE = re.compile(r"\.(h|cc|c|S)$")
LONGEST_FILE = 500
LONGEST_README = 60

# What is counted outside machine/, with a budget for each file that has a reason.
COUNTED = {
    "reinterpret_cast": re.compile(r"\breinterpret_cast\b"),
    "asm": re.compile(r"\b(__asm__|asm)\b\s*(volatile\b|__volatile__\b|goto\b)?\s*\("),
    "volatile": re.compile(r"\bvolatile\b"),
    "conditional": re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b"),
}
# What is never lawful: (name, pattern, which files).
REFUSED = (
    ("an unfinished place", re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b"), re.compile(r"\.(h|cc|c|S|py|cmake|md)$")),
    ("a C cast of a pointer", re.compile(r"[=(,]\s*\((?:const )?(?:void|char|u8|u16|u32|u64)\s*\*\)\s*[\w&]"), re.compile(r"\.(h|cc)$")),
    ("a mutable static", re.compile(r"^\s+static\s+(?!constexpr|constinit|inline|const\b|_Thread|assert)"
                                    r"[A-Za-z_][\w:<>,\s*&]*\s[\w\[\]]+\s*(=[^=]|;|\{\})"), re.compile(r"\.(h|cc)$")),
    ("thread-local storage", re.compile(r"\bthread_local\b"), re.compile(r"\.(h|cc)$")),
    ("an exception or run-time type", re.compile(r"\b(throw|dynamic_cast|typeid|try)\b\s*[({;]"), re.compile(r"\.(h|cc)$")),
    ("a path of one machine", re.compile(r"/wo" r"rk/|/ho" r"me/\w+/"), re.compile(r"\.(h|cc|c|S|py|cmake|md|txt|json)$")),
)
# What never enters a kernel may use the host's means.
HOSTED = ("tests/", "runtime/port/linux/", "runtime/port/simulated/")
HOSTED_MAY = ("thread-local storage", "an exception or run-time type")
COMMENT = re.compile(r"//.*$|/\*.*?\*/")
STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def tracked():
    """The files that git knows, and new ones that it does not ignore."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
                          stdout=subprocess.PIPE, text=True, check=True)
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def code_of(line):
    """A line without strings and comments, as far as a line alone can tell."""
    return COMMENT.sub("", STRING.sub('""', line))


def lint_text(name, text):
    """Findings of one file as (line number, text), and its counts."""
    found, counts = [], collections.Counter()
    lines = text.splitlines()
    in_room = name.startswith(tuple(room + "/" for room in ROOMS))
    if SOURCE.search(name) and in_room:
        if len(lines) > LONGEST_FILE:
            found.append((len(lines), f"{len(lines)} lines; none above {LONGEST_FILE}"))
        twin = name.endswith(".cc") and (ROOT / name).with_suffix(".h").exists()  # its header says it
        if lines and not lines[0].startswith(("//", "/*", "#!", "# ")) and not twin:
            found.append((1, "does not open with a comment that says what and why"))
        if name.endswith(".h") and "#pragma once" not in text:
            found.append((1, "a header without #pragma once"))
    if name.endswith("README.md") and in_room and len(lines) > LONGEST_README:
        found.append((len(lines), f"a README of {len(lines)} lines; keep to {LONGEST_README}"))
    for number, line in enumerate(lines, 1):
        code = code_of(line) if SOURCE.search(name) else line
        for what, pattern, files in REFUSED:
            if what in HOSTED_MAY and name.startswith(HOSTED):
                continue
            searched = line if what in ("an unfinished place", "a path of one machine") else code
            if files.search(name) and pattern.search(searched):
                found.append((number, what))
        if SOURCE.search(name) and in_room and not name.startswith("machine/") and not name.endswith(".S"):
            for what, pattern in COUNTED.items():
                counts[what] += bool(pattern.search(code))
    return found, counts


def check_budgets(counts, budgets):
    """Compares counts a file with what is granted. A file's budget is {"what": number, "why": text}."""
    found = []
    for name, counted in sorted(counts.items()):
        granted = budgets.get(name, {})
        for what, number in counted.items():
            if number > granted.get(what, 0):
                found.append((name, 1, f"{number} × {what} outside machine/, {granted.get(what, 0)} granted (tools/lint_budget.json)"))
    for name, granted in budgets.items():
        for what, number in granted.items():
            if what != "why" and counts.get(name, {}).get(what, 0) < number:
                found.append((name, 1, f"budget of {number} × {what} is not used up: lower it"))
    return found


def check_readmes(names):
    """Each room and each component explains itself."""
    folders = {name.split("/")[0] for name in names if name.split("/")[0] in ROOMS and SOURCE.search(name)}
    folders |= {"/".join(name.split("/")[:2]) for name in names
                if name.startswith(("components/", "personalities/", "kernels/")) and name.count("/") > 1 and SOURCE.search(name)}
    return [(folder, 1, "has no README.md") for folder in sorted(folders) if f"{folder}/README.md" not in names]


def lint():
    """Every finding of the tree."""
    names = tracked()
    found, counts = [], {}
    for name in names:
        if not re.search(r"\.(h|cc|c|S|py|cmake|md|txt|json)$", name):
            continue
        here, counts[name] = lint_text(name, (ROOT / name).read_text(errors="replace"))
        found += [(name, number, text) for number, text in here]
    budgets = json.loads((ROOT / "tools" / "lint_budget.json").read_text())
    return found + check_budgets(counts, budgets) + check_readmes(set(names))


PLANTS = {
    "base/a.h": "#pragma once\n",
    "base/b.h": "// What.\n",
    "nucleus/a.cc": "// What.\n// TO" "DO later\n",
    "nucleus/b.cc": "// What.\nvoid f() {\n  static int count = 0;\n}\n",
    "nucleus/c.cc": "// What.\nthread_local int x;\n",
    "nucleus/d.cc": "// What.\nint f() { throw 1; }\n  throw(1);\n",
    "nucleus/e.cc": "// What.\n" + "\n" * 500,
    "runtime/README.md": "x\n" * 61,
}


def self_test():
    """Each planted fault must be found, and a clean file must not."""
    missed = [name for name, text in PLANTS.items() if not lint_text(name, text)[0]]
    clean = "// What and why.\n#pragma once\nstatic_assert(true);\nvoid f() { static constexpr int kOne = 1; }\n"
    if lint_text("base/clean.h", clean)[0]:
        missed.append("a clean file")
    counts = {"nucleus/a.cc": collections.Counter(asm=1)}
    if not check_budgets(counts, {}) or check_budgets(counts, {"nucleus/a.cc": {"asm": 1, "why": "x"}}):
        missed.append("budgets")
    for name in missed:
        print(f"self-test: misjudged {name}")
    return 1 if missed else 0


def main():
    """The command line."""
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = lint()
    for name, number, text in found:
        print(f"{name}:{number}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
