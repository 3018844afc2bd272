"""BusyBox's own test suite, with the packaged binary: what passes under Linux in the same QEMU passes here.

The exceptions stand in busybox_known.txt, each with its reason. Linux's verdicts are kept under build/oracle.
"""
import collections
import hashlib
import json
import os
import pathlib
import stat

import donors
import paths
import support
from support import case

HERE = pathlib.Path(__file__).parent


def suites(short, _options):
    return support.make_suites(__name__, short, "busybox's own test suite, compared with Linux")


def suite_files():
    """What the guest's root holds beyond busybox: the suite, its configuration and the runner."""
    source = donors.fetch("busybox-source").parents[2]
    files = {"suite/.config": (0o644, (source / "debian" / "config" / "pkg" / "static").read_bytes()),
             "suite/busybox": (stat.S_IFLNK | 0o777, b"/bin/busybox"),
             "suite/run": (0o755, (HERE / "busybox_suite.sh").read_bytes()), "init": (0o755, b"")}
    folder = source / "busybox-1.35.0" / "testsuite"
    for base, names, entries in os.walk(folder):
        names.sort()
        for name in sorted(entries):
            path = pathlib.Path(base) / name
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            files[f"suite/testsuite/{path.relative_to(folder)}"] = (mode, path.read_bytes())
    return files


def verdicts(vari, *arguments, timeout, files=None, applets=None):
    """[(applet, kind, test)] in order."""
    chosen = applets or os.environ.get("VARI_BUSYBOX_APPLETS", "")
    with support.root_with(files or suite_files()) as root:
        done = vari.exec(f"sh /suite/run {chosen}", "--root", root, "--mem", "1G",
                         *arguments, timeout=timeout)
    found, applet = [], None
    for line in done.out.splitlines():
        kind, _, rest = line.partition(": ")
        if line.startswith("== "):
            applet = line[3:]
        elif kind in ("PASS", "FAIL", "SKIPPED", "UNTESTED"):
            found.append((applet, kind, rest))
    return found, done


def oracle():
    """Linux's verdicts."""
    made_of = hashlib.sha256(repr((suite_files(), str(donors.fetch("linux")), os.environ.get("VARI_BUSYBOX_APPLETS"))).encode())
    kept = paths.BUILD / "oracle" / f"busybox-{made_of.hexdigest()[:16]}.json"
    if not kept.exists():
        found, done = verdicts(support.Vari("release", "linux"), timeout=3600)
        assert done.out.endswith("== end\n"), f"the suite did not end under Linux: {done}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    return [tuple(entry) for entry in json.loads(kept.read_text())]


def exceptions_of(path):
    """The entries of a list of known differences; each line must give its reason behind " # "."""
    found = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            entry, _, why = line.partition(" # ")
            assert why.strip(), f"{path.name}: no reason given: {line}"
            found.append(entry)
    return found


def known():
    """{(applet, test)} of busybox_known.txt."""
    return {tuple(entry.split(": ", 1)) for entry in exceptions_of(HERE / "busybox_known.txt")}


@case(long=True, batch=True)
def suite(vari):
    """One case a test of the suite that passes under Linux. Names that repeat are numbered."""
    expected = oracle()
    found, done = verdicts(vari, timeout=3600)
    passed = collections.Counter((applet, test) for applet, kind, test in found if kind == "PASS")
    ours = collections.Counter((applet, test) for applet, _, test in found)
    exceptions = known()
    wanted = collections.Counter((applet, test) for applet, kind, test in expected if kind == "PASS")
    for (applet, test), count in wanted.items():
        name = f"{applet}/{test}".replace("\n", " ")
        if (applet, test) in exceptions:
            yield name, "passes now: take it out of busybox_known.txt" if passed[applet, test] >= count else ""
        elif passed[applet, test] >= count:
            yield name, ""
        else:
            verdict = "failed" if ours[applet, test] else f"was not run; the suite ended so:\n{str(done)[-1500:]}"
            yield name, f"passes under Linux, here it {verdict}"
    for entry in sorted(exceptions - set(wanted)):
        yield f"{entry[0]}/{entry[1]}", "busybox_known.txt names a test that does not pass under Linux"
