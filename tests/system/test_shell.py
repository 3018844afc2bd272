"""Many small programs of busybox in one boot, compared with Linux in the same QEMU, line by line.

shell.cases and programs.cases hold them: a `[name]` line opens a case, what follows is its script. Each runs by `sh` in an
empty folder of its own, with a time limit. Linux's answers are kept under build/oracle by the hash of
all that made them; delete the folder to ask again.
"""
import hashlib
import json
import re

import donors
import linux_peer
import paths
import support
from support import case

LIST = paths.ROOT / "tests" / "system" / "shell.cases"
PROGRAMS = LIST.with_name("programs.cases")


def suites(short, _options):
    return support.make_suites(__name__, short, "busybox's programs, answers equal to Linux's")


def load(path=LIST):
    """{name: script} of a list of cases."""
    cases, name = {}, None
    for line in path.read_text().splitlines():
        head = re.fullmatch(r"\[([a-z0-9_]+)\]", line)
        if head:
            name = head[1]
            assert name not in cases, f"two cases named {name}"
            cases[name] = ""
        elif name and not line.startswith("##"):
            cases[name] += line + "\n"
    return cases


RUNNER = """#!/bin/sh
# Runs every case in a folder of its own; marks where each one's answer begins and ends.
for script in /cases/*; do
  name=${script##*/}
  mkdir -p /tmp/$name; cd /tmp/$name
  echo "@@begin $name"
  timeout 30 sh $script </dev/null 2>&1
  echo "@@end $name $?"
  cd /
done
"""


def run_all(vari, cases, *arguments, timeout=300):
    """{name: answer with its status}."""
    files = {f"cases/{name}": (0o644, script.encode()) for name, script in cases.items()}
    files["run-cases"] = (0o755, RUNNER.encode())
    files["init"] = (0o755, b"")
    with support.root_with(files) as root:
        done = vari.exec("/run-cases", "--root", root, *arguments, timeout=timeout)
    answers = {}
    for match in re.finditer(r"(?ms)^@@begin (\w+)\n(.*?)@@end \1 (\d+)$", done.out):
        answers[match[1]] = f"{match[2]}status {match[3]}\n"
    return answers, done


def oracle(cases):
    """Linux's answers."""
    first = (paths.ROOT / "tools" / "linux_peer" / "init.c").read_text()
    made_of = json.dumps([cases, RUNNER, str(donors.fetch("linux")), linux_peer.LEAN, first], sort_keys=True)
    kept = paths.BUILD / "oracle" / (hashlib.sha256(made_of.encode()).hexdigest()[:16] + ".json")
    if not kept.exists():
        answers, done = run_all(support.Vari("release", "linux"), cases)
        assert done.status == 0 and answers, f"Linux did not run the cases: {done}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answers))
    return json.loads(kept.read_text())


def settled(answer):
    """Without the shell's own notices of killed children: it prints one, or none, or elsewhere, as the child happens to
    end before or after the shell's wait. Statuses, which wait tells in either case, stay."""
    return answer and re.sub(r"(?m)^(Terminated|Killed)\n", "", answer)


def compare(vari, *arguments, path=LIST):
    """One (name, difference) for each case."""
    cases = load(path)
    expected = oracle(cases)
    answers, done = run_all(vari, cases, *arguments)
    for name in cases:
        if name not in answers:
            yield name, f"no answer; the run ended so: {done}"
        elif settled(answers[name]) != settled(expected.get(name)):
            yield name, f"--- Linux\n{expected.get(name)}--- Vari\n{answers[name]}"
        else:
            yield name, ""


@case(everywhere=True, batch=True)
def one(vari):
    return compare(vari)


@case(batch=True)
def programs(vari):
    return compare(vari, path=PROGRAMS)


@case(batch=True)
def four(vari):
    return compare(vari, "--smp", "4")
