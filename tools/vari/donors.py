"""Donor files: fetched from the machine's own Debian archive, checked, unpacked, kept.

Policy: tools/donors/donors.json lists, for each donor, the versions that were looked at, with the SHA-256
of what the archive serves. Anything else is an error that names the package and says what differs;
--accept-donor NAME overrides it for one run. What is once unpacked under build/donors is used without
network. Packages are downloaded and unpacked, never installed: busybox-static conflicts with busybox.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import packages
import paths
from say import Failure, progress, say

_TABLE = paths.ROOT / "tools" / "donors" / "donors.json"


def _sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def run(command, folder):
    """(did it succeed, what it printed)"""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode == 0, done.stdout


def _candidate(package):
    """The newest version of a package that this machine's archive offers, or None."""
    _, text = run(["apt-cache", "policy", package], "/")
    found = re.search(r"Candidate: (\S+)", text)
    return None if not found or found[1] == "(none)" else found[1]


def trouble(name, entry, text, table="tools/donors/donors.json"):
    """What to tell of a package that could not be fetched."""
    known = ", ".join(f"{a.get('package', entry.get('package'))}={a['version']}" for a in entry["accepted"])
    package = entry["accepted"][0].get("package", entry.get("package"))
    offered = _candidate(package)
    tail = "\n".join("  | " + line for line in text.splitlines()[-6:] if not line.startswith("W:"))
    return Failure(f"donor {name} ({entry['why']}) could not be fetched.\n"
                   f"  Known and accepted: {known}. This machine's archive offers: {package}={offered}.\n{tail}\n"
                   f"  If the archive has moved to a newer version, look at it and add it to {table},\n"
                   f"  or take it once with: --accept-donor {name}")


def check(name, path, expected, accept):
    """Refuses, and deletes, a file that is not the recorded one."""
    actual = _sha256(path)
    if actual == expected:
        return
    if accept:
        say(f"donor {name}: {path.name} has SHA-256 {actual}, not the recorded one; taken as you asked")
        return
    path.unlink()
    raise Failure(f"donor {name}: {path.name} is not the file that was recorded.\n"
                  f"  recorded {expected}\n  fetched  {actual}\n  --accept-donor {name} would take it all the same")


def twice(attempt, refresh):
    """Fresh package lists and a second try, when the first one fails."""
    good, text = attempt()
    if good:
        return good, text
    refresh()
    return attempt()


def refresh_lists():
    """apt-get update; its failure shows later, in what can't be found."""
    command = ["apt-get", "-q", "update"]
    subprocess.run(command if os.geteuid() == 0 else ["sudo", *command], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _fetch_binary(name, entry, folder, accept):
    def download():
        text = ""
        choices = [(a["package"], a["version"], a["sha256"]) for a in entry["accepted"]]
        if accept:
            package = choices[0][0]
            choices.append((package, _candidate(package), ""))
        for package, version, checksum in choices:
            good, text = run(["apt-get", "-q", "download", f"{package}={version}"], folder)
            found = sorted(folder.glob(f"{package}_*.deb"))
            if good and found:
                check(name, found[0], checksum, accept)
                return True, str(found[0])
        return False, text

    good, text = twice(download, refresh_lists)
    if not good:
        raise trouble(name, entry, text)
    good, output = run(["dpkg-deb", "-x", text, str(folder)], folder)
    if not good:
        raise Failure(f"donor {name}: dpkg-deb could not unpack it: {output}")
    os.unlink(text)


def _source_lists(folder):
    """A private copy of the machine's own package sources, asking for source packages."""
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    etc = pathlib.Path("/etc/apt")
    for old in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        if old.exists():
            text = re.sub(r"(?m)^deb\s", "deb-src ", old.read_text())
            (parts / f"{old.stem}.list").write_text(text)
    for old in sorted((etc / "sources.list.d").glob("*.sources")):
        (parts / old.name).write_text(re.sub(r"(?m)^Types:.*$", "Types: deb-src", old.read_text()))
    return ["-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={parts}",
            "-o", f"Dir::State::Lists={folder / 'lists'}"]


def _fetch_source(name, entry, folder, accept):
    packages.require("source")
    options = _source_lists(folder)
    chosen = entry["accepted"][0]
    version = "" if accept else "=" + chosen["version"]

    def download():
        return run(["apt-get", "-q", *options, "source", "--download-only", entry["package"] + version], folder)

    run(["apt-get", "-q", *options, "update"], folder)
    good, text = twice(download, lambda: run(["apt-get", "-q", *options, "update"], folder))
    if not good:
        raise trouble(name, entry, text)
    for file, checksum in chosen["files"].items():
        if (folder / file).exists():
            check(name, folder / file, checksum, accept)
    for archive in sorted(path for path in folder.glob("*.tar.*") if path.suffix != ".asc"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        archive.unlink()
    shutil.rmtree(folder / "lists", ignore_errors=True)


@contextlib.contextmanager
def alone(name):
    """Cases run side by side: the first that wants a donor fetches it, the others wait for it."""
    paths.DONORS.mkdir(parents=True, exist_ok=True)
    with open(paths.DONORS / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(name, accept=()):
    """The path of what donor `name` gives, fetched first if need be."""
    with alone(name):
        return _fetch(name, accept)


def _fetch(name, accept):
    entry = json.loads(_TABLE.read_text())[name]
    folder = paths.DONORS / name
    gives = folder / entry["gives"]
    stamp = folder / ".complete"
    pinned = json.dumps(entry["accepted"], sort_keys=True)
    accepted = name in accept
    if stamp.exists() and (stamp.read_text() == pinned or accepted or stamp.read_text() == "accepted"):
        return gives if gives.exists() else next(folder.glob(re.sub(r"[\d.]+-\d+", "*", entry["gives"])))
    progress(f"fetching {name} from the Debian archive")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    fetcher = {"binary": _fetch_binary, "source": _fetch_source}[entry["kind"]]
    fetcher(name, entry, folder, accepted)
    if not gives.exists():
        raise Failure(f"donor {name}: the package holds no {entry['gives']}")
    stamp.write_text("accepted" if accepted else pinned)
    return gives


def fetch_acpica():
    """ACPICA out of the installed package linux-source-6.1, by the script that knows its files."""
    script = paths.ROOT / "tools" / "donors" / "fetch_acpica.py"
    if not script.exists():
        return
    done = subprocess.run([sys.executable, "-B", str(script), str(paths.DONORS / "acpica")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failure("donor acpica: " + done.stdout.strip())
