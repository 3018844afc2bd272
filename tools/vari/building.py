"""Builds: CMake presets and Ninja, with a progress line; a failed build shows the compiler's words only."""
import fcntl
import re
import subprocess

import donors
import packages
import paths
from say import Failure, clear, progress


def _fail(what, text):
    """The part of ninja's output that a person wants: from the first FAILED to the end, less its noise."""
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("FAILED:")), max(0, len(lines) - 40))
    kept = [line for line in lines[first:] if not re.match(r"\[\d+/\d+\]|ninja: |FAILED: ", line)]
    kept = [line for line in kept if not re.match(r"\S*/?(clang|gcc|g\+\+|c\+\+|cmake|ccache|: &&)\S* .{200}", line)]
    clear()
    raise Failure(f"{what} failed:\n" + "\n".join(kept[:200]), status=1)


def configure(preset):
    """Runs CMake once for a preset; later runs are ninja's own business."""
    folder = paths.BUILD / preset
    if (folder / "build.ninja").exists():
        return folder
    progress(f"configuring {preset}")
    done = subprocess.run(["cmake", "--preset", preset, "-S", str(paths.ROOT), "-B", str(folder),
                           f"-DVARI_DONORS={paths.DONORS}"], cwd=paths.ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        _fail(f"configuring {preset}", done.stdout)
    return folder


def build(preset, *targets):
    """Builds targets of a preset (all of them if none is named). One build at a time in a build folder."""
    packages.require("build", *(["test"] if preset.startswith("host") else []))
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    with open(paths.BUILD / f".lock-{preset}", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        donors.fetch_acpica()
        folder = configure(preset)
        work = subprocess.Popen(["ninja", "-C", str(folder), *targets], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        text = []
        for line in work.stdout:
            text.append(line)
            step = re.match(r"\[(\d+)/(\d+)\] (.*)", line)
            if step:
                progress(f"{preset}: {step[3].rsplit(' ', 1)[-1]}", int(step[1]), int(step[2]))
        if work.wait() != 0:
            _fail(f"building {preset}", "".join(text))
    clear()
    return folder
