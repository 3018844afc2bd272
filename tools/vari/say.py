"""What ./vari says to people: messages and one progress line, on standard error only.

Standard output belongs to the guest's program (--exec) or to a command's result. `Failure` carries a
message for the user out of any depth; the entry point prints it and exits with its status.
"""
import os
import shutil
import sys

_progress_shown = False


class Failure(Exception):
    """A message for the user and the exit status that goes with it."""

    def __init__(self, message, status=125):
        super().__init__(message)
        self.status = status


def _terminal():
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def say(text):
    """One line to the user."""
    clear()
    print(f"vari: {text}", file=sys.stderr, flush=True)


def progress(text, done=0, total=0):
    """Redraws the progress line; silent where standard error is no terminal."""
    global _progress_shown
    if not _terminal():
        return
    width = shutil.get_terminal_size((80, 24)).columns
    bar = ""
    if total:
        filled = 20 * min(done, total) // total
        bar = "[" + "#" * filled + "." * (20 - filled) + f"] {done}/{total} "
    sys.stderr.write("\r\x1b[K" + ("vari: " + bar + text)[: width - 1])
    sys.stderr.flush()
    _progress_shown = True


def clear():
    """Removes the progress line, so that ordinary text can follow."""
    global _progress_shown
    if _progress_shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
        _progress_shown = False
