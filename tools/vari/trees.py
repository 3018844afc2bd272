"""Trees: folders of unpacked Debian packages, each the root of a program that was not made for Vari.

tools/donors/trees.json pins every package by version and SHA-256, as donors.json does for single donors;
the packages are downloaded and unpacked under build/donors, never installed.
"""
import json
import shutil

import donors
import paths
from say import Failure, progress

_TABLE = paths.ROOT / "tools" / "donors" / "trees.json"


def names():
    """What trees there are."""
    return sorted(json.loads(_TABLE.read_text())["trees"])


def _download(name, choices, folder):
    """One package's file in one of its accepted versions."""
    def attempt():
        text = ""
        for choice in choices:
            good, text = donors.run(["apt-get", "-q", "download", f"{name}={choice['version']}"], folder)
            found = sorted(folder.glob(f"{name}_*.deb"))
            if good and found:
                donors.check(name, found[0], choice["sha256"], False)
                return True, found[0]
        return False, text

    good, file = donors.twice(attempt, donors.refresh_lists)
    if not good:
        entry = {"why": "part of a tree", "package": name, "accepted": choices}
        raise donors.trouble(name, entry, file, "tools/donors/trees.json")
    return file


def fetch(name):
    """(root folder, program inside it) of a tree, made first if need be."""
    table = json.loads(_TABLE.read_text())
    entry = table["trees"][name]
    packages = {package: table["packages"][package] for package in entry["packages"]}
    folder = paths.DONORS / f"tree-{name}"
    root, stamp = folder / "root", folder / ".complete"
    pinned = json.dumps(packages, sort_keys=True)
    with donors.alone(f"tree-{name}"):
        if not stamp.exists() or stamp.read_text() != pinned:
            progress(f"fetching {name} from the Debian archive")
            shutil.rmtree(folder, ignore_errors=True)
            root.mkdir(parents=True)
            for package, choices in packages.items():
                file = _download(package, choices, folder)
                good, output = donors.run(["dpkg-deb", "-x", str(file), str(root)], folder)
                if not good:
                    raise Failure(f"tree {name}: dpkg-deb could not unpack {package}: {output}")
                file.unlink()
            for unused in ("doc", "man", "locale"):  # no program reads them, and images stay small
                shutil.rmtree(root / "usr" / "share" / unused, ignore_errors=True)
            stamp.write_text(pinned)
    if not (root / entry["program"]).exists():
        raise Failure(f"tree {name}: its packages hold no {entry['program']}")
    return root, entry["program"]
