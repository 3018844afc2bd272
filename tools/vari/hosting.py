"""The hosted kernel: a program of this machine, not a guest of QEMU. Its place among ./vari's commands.

Builds: release (default), debug (AddressSanitizer and UBSan), thread (ThreadSanitizer). A failed kernel gives
a message on standard error and status 125, as everywhere.
"""
import os
import pathlib
import signal
import subprocess
import sys
import termios

import building
import donors
import paths
import rootfs
import sanitizers
from say import Failure, say

NAME = "hosted"
# ./vari coverage runs the same cases on a build of its own.
_PRESETS = {"release": os.environ.get("VARI_HOSTED_PRESET", "hosted"), "debug": "hosted-asan", "thread": "hosted-tsan"}
# What the sanitizers find ends the process at once, with a status that no program's exit is taken for.
_SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0",
               "UBSAN_OPTIONS": "abort_on_error=1:print_stacktrace=1",
               "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:second_deadlock_stack=1"}
_OF_QEMU = ("icount", "display", "qemu_args", "cpu", "app", "report")


def preset(options):
    """The CMake preset of a build."""
    if options.compiler == "gcc":
        if options.build != "release":
            raise Failure("the hosted kernel's sanitizers are clang's; --compiler gcc has the release build only", status=2)
        return "hosted-gcc"
    return _PRESETS[options.build]


def image(name):
    """The program of a preset."""
    return paths.BUILD / name / "kernels" / NAME / NAME


def prepare(options):
    """Builds; returns the program."""
    for name in _OF_QEMU:
        if getattr(options, name, None):
            raise Failure(f"--{name.replace('_', '-')} is for kernels that run in QEMU; hosted runs in a process of this machine", status=2)
    if options.boot != "pvh":
        raise Failure("--boot is for kernels that boot; hosted runs in a process of this machine", status=2)
    name = preset(options)
    if not options.no_build:
        building.build(name, "hosted_kernel")
    if not image(name).exists():
        raise Failure(f"{image(name)} is not built")
    return image(name)


def command(options, root):
    """The program with its arguments."""
    words = [str(prepare(options)), "--root", str(root), "--mem", options.mem or "512M", "--smp", str(options.smp)]
    if options.exec is not None:
        words += ["--exec", options.exec]
    if options.append:
        words += ["--append", options.append]
    return words


def _wait(process, options):
    try:
        return process.wait(options.timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failure(f"the guest did not end within {options.timeout:g} s and was stopped") from None


def run(options, folder):
    """The command itself; returns the exit status."""
    # A folder is served as it is, not packed: what the guest writes is there afterwards.
    root = pathlib.Path(options.root).resolve() if options.root and os.path.isdir(options.root) else folder / "root"
    if not root.is_dir():
        root.write_bytes(rootfs.load(options.root) if options.root else rootfs.busybox_root(donors.fetch("busybox", options.accept_donor)))
    words = command(options, root)
    interactive = options.exec is None
    if interactive:
        say("starting; Ctrl-A x leaves")
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the kernel's to take
    environment = {**sanitizers.told(**_SANITIZERS), **os.environ}
    try:
        with subprocess.Popen(words, env=environment, restore_signals=True,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            try:
                status = _wait(process, options)
            finally:
                if process.poll() is None:
                    process.kill()
    except OSError as error:
        raise Failure(f"the kernel can't be started: {error.strerror}") from None
    finally:
        signal.signal(signal.SIGINT, previous)
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
    if status < 0:
        raise Failure(f"the kernel panicked ({signal.Signals(-status).name}); its last words stand above")
    if interactive and sys.stderr.isatty():
        sys.stderr.write("\r\n")
    return status
