"""The nucleus stays small (K03): a budget of lines of code for each of its rooms, and of bytes of code for each part
that it brings into a kernel's image. tools/size_budget.json holds them, some 15 % above what there was when they
were set; whoever needs more argues for it there.

Lines are those that are neither empty nor comment. What no kernel's image holds is not counted: the runtime's
Linux port, and the sanitizers of debug builds.
"""
import json
import re
import subprocess

import listing
import paths

FILE = paths.ROOT / "tools" / "size_budget.json"
APART = ("runtime/port/linux/", "nucleus/sanitizers/")
UNUSED = 2  # a budget of more than this many times what is used says nothing any more


def code_lines(text):
    """Lines of C++ or assembly that are neither empty nor comment."""
    return sum(1 for line in re.sub(r"(?s)/\*.*?\*/", "", text).splitlines() if line.strip() and not line.lstrip().startswith("//"))


def compare(what, used, budget):
    """Findings of one table: what is above its budget, what has none, and budgets far beyond their use."""
    found = [f"{what} of {name}: {count:,}, and the budget is {budget.get(name, 0):,}" for name, count in sorted(used.items())
             if count > budget.get(name, 0)]
    return found + [f"{what} of {name}: a budget of {limit:,} for {used.get(name, 0):,}" for name, limit in sorted(budget.items())
                    if limit > UNUSED * used.get(name, 0)]


def lines():
    """{room: lines of code}"""
    budget = json.loads(FILE.read_text())["lines"]
    names = subprocess.run(["git", "-C", str(paths.ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *budget],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    used = dict.fromkeys(budget, 0)
    for name in names:
        if name.endswith((".h", ".cc", ".S")) and not name.startswith(APART) and (paths.ROOT / name).is_file():
            used[name.split("/")[0]] += code_lines((paths.ROOT / name).read_text())
    return used


def check_lines():
    """Findings in the sources."""
    return compare("lines", lines(), json.loads(FILE.read_text())["lines"])


def check_code(kernel, preset):
    """Findings in an image: the nucleus's parts alone, since a personality may grow."""
    budget = json.loads(FILE.read_text())["code"]
    used = {part: size["text"] for part, size in listing.sizes(kernel, preset).items() if part in budget}
    return compare("bytes of code", used, budget)
