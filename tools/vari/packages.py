"""Debian packages: which are missing for a command, and how they get installed.

Looks first (dpkg-query needs no network and no rights), says what it installs, and tries a second time
with fresh package lists, since a new machine's lists are often empty or old.
"""
import json
import os
import pathlib
import shutil
import subprocess

from say import Failure, say

_LIST = pathlib.Path(__file__).with_name("packages.json")


def wanted(*groups):
    """The packages of some groups of packages.json, each once, in order."""
    table = json.loads(_LIST.read_text())
    return list(dict.fromkeys(name for group in groups for name in table[group]))


def missing(names):
    """Those of `names` that are not installed."""
    if shutil.which("dpkg-query") is None:
        raise Failure("this machine has no dpkg; Vari is built and run on Debian 12. It needs: " + " ".join(names))
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *names],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    present = {line.split()[1] for line in answer.splitlines() if line.startswith("installed ")}
    return [name for name in names if name not in present]


def _as_root(command):
    if os.geteuid() == 0:
        return command
    if shutil.which("sudo") is None:
        raise Failure("needs root or sudo for: " + " ".join(command))
    return ["sudo", *command]


def _apt(arguments):
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = _as_root(["apt-get", "-q", "-y", *arguments])
    if command[0] == "sudo":
        command[1:1] = ["DEBIAN_FRONTEND=noninteractive"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode == 0, done.stdout


def require(*groups):
    """Makes sure that the packages of these groups are installed."""
    names = missing(wanted(*groups))
    if not names:
        return
    say("installing Debian packages: " + " ".join(names))
    install = ["install", "--no-install-recommends", *names]
    good, text = _apt(install)
    if not good:
        say("that failed; a second try with fresh package lists")
        _apt(["update"])
        good, text = _apt(install)
    left = missing(names)
    if not good or left:
        tail = "\n".join("  | " + line for line in text.splitlines()[-8:])
        raise Failure(f"could not install {' '.join(left or names)}; apt-get said:\n{tail}\n"
                      "  Is the network there, and is this Debian 12 (bookworm)?")
