"""What of busybox's own test suite is one process: replayed in the unikernel, which can't have two.

The suite itself is a shell script and runs in the hosted kernel, with a `testing` function (ALONE) that runs each test's
command in an empty folder and records it where it then still gives what the test expects. Of these, the commands that are a
plain list of words, no pipe, no substitution, are run as the unikernel's program, a boot each.
busybox_single_known.txt lists those that can't be, with the reason.
"""
import base64
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex

import building
import donors
import paths
import support
import test_busybox
from support import case

KNOWN = pathlib.Path(__file__).with_name("busybox_single_known.txt")
# Takes the place of the suite's own function, after it.
ALONE = r"""
testing() {
  NAME="$1"; [ -n "$1" ] || NAME="$2"
  if [ -n "$SKIP" ]; then echo "SKIPPED: $NAME"; return 0; fi
  rm -rf /tmp/alone; mkdir /tmp/alone
  $ECHO -ne "$4" >/tmp/alone/input; $ECHO -ne "$5" >/tmp/stdin; $ECHO -ne "$3" >/tmp/expected
  (cd /tmp/alone; eval "$2" </tmp/stdin >/tmp/actual 2>/dev/null)
  RETVAL=$?
  if cmp -s /tmp/expected /tmp/actual; then
    echo "PASS: @ $(echo -n "$NAME" | base64 -w0). $(echo -n "$2" | base64 -w0). $(base64 -w0 /tmp/expected). $(
      $ECHO -ne "$4" | base64 -w0). $(base64 -w0 /tmp/stdin)."
  fi
  return $RETVAL
}
"""
PLAIN = set("|&;<>()$`\\*?[]#~{}!\n")  # what a shell would make more of than words


def suites(short, _options):
    return support.make_suites(__name__, short, "busybox's own tests that are one process, in the unikernel")


def words_of(command):
    """The words of a command that is nothing else; None for others."""
    bare = "".join(part for at, part in enumerate(command.split("'")) if at % 2 == 0)
    if PLAIN & set(bare) or '"' in bare:
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    return None if not words or "=" in words[0] else words


def records(of):
    """{name: (words, expected, input, standard input)} of these applets' tests that stand alone. Kept by
    what made them."""
    files = test_busybox.suite_files()
    mode, text = files["suite/testsuite/testing.sh"]
    files["suite/testsuite/testing.sh"] = (mode, text + ALONE.encode())
    kept = paths.BUILD / "oracle" / f"single-{hashlib.sha256(repr((files, of)).encode()).hexdigest()[:16]}.json"
    if not kept.exists():
        building.build("hosted", "hosted_kernel")
        found, done = test_busybox.verdicts(support.Vari("release", "hosted"), timeout=1800, files=files, applets=of)
        assert done.out.endswith("== end\n"), f"the suite did not end: {done}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([[applet, rest.split()[1:]] for applet, kind, rest in found if kind == "PASS" and rest.startswith("@ ")]))
    seen = {}
    for applet, fields in json.loads(kept.read_text()):
        name, command, *data = [base64.b64decode(field.rstrip(".")) for field in fields]
        words = words_of(command.decode(errors="replace"))
        if words:
            seen.setdefault(f"{applet}/{name.decode(errors='replace')}".replace("\n", " "), (words, *data))
    return seen


def suite_applets():
    """Applets with tests in the form that calls `testing`."""
    return {pathlib.PurePath(name).stem for name in test_busybox.suite_files() if name.endswith(".tests")}


def applets():
    """What the packaged binary answers to."""
    import subprocess
    return set(subprocess.run([str(donors.fetch("busybox")), "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split())


def replay(vari, words, expected, file, stdin):
    """What is wrong, or ""."""
    words = words if words[0] == "busybox" else ["busybox", *words]
    with support.root_with({"input": (0o644, file)}) as root:
        done = vari.exec(shlex.join(words), "--app", "/bin/busybox", "--root", root, stdin=stdin)
    return "" if done.out == expected.decode(errors="replace") else f"{shlex.join(words)}: expected {expected!r}; {done}"


def replay_all(preset, of, at_least, names_all=False):
    """(name, what is wrong) for each; two at a time. `names_all`: these are all applets that the list of exceptions may name."""
    building.build(preset, "unikernel")
    vari = support.Vari(preset, "unikernel")
    every, names, exceptions = records(of), applets(), test_busybox.exceptions_of(KNOWN)
    tests = {name: entry for name, entry in every.items() if entry[0][0] == "busybox" or entry[0][0] in names}
    assert len(tests) >= at_least, f"only {len(tests)} of {len(every)} tests stand alone"
    if names_all:
        yield from ((name, "busybox_single_known.txt names no such test") for name in exceptions if name not in tests)
    wanted = [name for name in tests if name not in exceptions]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from zip(wanted, pool.map(lambda name: replay(vari, *tests[name]), wanted))


@case(batch=True)
def some(vari):
    """A few applets, in each run of the tests."""
    return replay_all(vari.preset, "cat comm cut expand fold head nl seq tail tr", 20)


@case(long=True, batch=True)
def every(vari):
    chosen = sorted(suite_applets() - {"bc", "dc"})  # those two compute for minutes
    return replay_all(vari.preset, " ".join(chosen), 150, names_all=True)
