"""The entry point of ./vari: its commands and options, and nothing else.

Each command's work is in a module of its own, imported when the command is called. Exit statuses: what
the guest's program returned, 125 for a guest or a tool that failed, 2 for a wrong command line.
"""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import application  # noqa: E402  pylint: disable=wrong-import-position
from say import Failure, clear, say  # noqa: E402  pylint: disable=wrong-import-position

_ABOUT = "Vari: one nucleus, many kernels. Builds them, boots them in QEMU, tests and measures them."
_RUN = """The guest's serial console is this terminal: Ctrl-C, Ctrl-Z and Ctrl-D reach the guest's shell.
Ctrl-A x leaves (Ctrl-A Ctrl-A sends one Ctrl-A); so does `poweroff` in the guest.

  ./vari run                                   a shell made of Debian's own busybox
  ./vari run --exec 'echo hi | tr a-z A-Z'     one command; its output and status are ours
  ./vari run --root tree.tar --smp 4 --mem 1G  another root file system, four cores

With --exec the status is the command's own; a guest that panics, hangs past --timeout or cannot start
the command gives a message on standard error and status 125."""


def _memory(text):
    if not re.fullmatch(r"\d+[KMGTkmgt]?", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; say 512M or 4G")
    return text


def _count(text):
    if not text.isdigit() or not 1 <= int(text) <= 255:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of processors (1 to 255)")
    return int(text)


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = -1
    if value <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no time in seconds")
    return value


def add_build_options(parser):
    """Which build of the kernel."""
    parser.add_argument("--build", choices=["release", "debug", "thread"], default="release",
                        help="debug: assertions and sanitizers; thread: ThreadSanitizer (hosted)")
    parser.add_argument("--compiler", choices=["clang", "gcc"], default="clang", help="clang 19 (default) or g++ 12")
    parser.add_argument("--no-build", action="store_true", help="take what is built already")


def add_machine_options(parser):
    """The machine and what boots on it."""
    parser.add_argument("kernel", nargs="?", default="monolithic", metavar="KERNEL", help="a kernel of ./vari list (default: monolithic), or linux: Debian's, to compare")
    add_build_options(parser)
    parser.add_argument("--root", metavar="PATH", help="folder, tar or cpio (also compressed) for the root file system")
    application.add_option(parser)
    parser.add_argument("--smp", type=_count, default=1, metavar="N", help="processors (default 1)")
    parser.add_argument("--mem", type=_memory, metavar="SIZE", help="memory (default 512M)")
    parser.add_argument("--cpu", metavar="MODEL", help="QEMU's processor model (default max)")
    parser.add_argument("--icount", action="store_true", help="deterministic: counts instructions, one processor")
    parser.add_argument("--boot", choices=["pvh", "bios", "uefi"], default="pvh",
                        help="direct boot (default), or from a CD image by GRUB")
    parser.add_argument("--append", metavar="TEXT", help="more words for the kernel's command line")
    parser.add_argument("--qemu-args", metavar="TEXT", help="more arguments for QEMU, split as a shell would")
    parser.add_argument("--accept-donor", action="append", default=[], metavar="NAME",
                        help="take another version of a donor than the recorded ones")


def add_run_options(parser):
    """What to do with the guest."""
    add_machine_options(parser)
    parser.add_argument("--exec", metavar="CMD", help="run one command by the guest's /bin/sh -c")
    parser.add_argument("--report", metavar="FILE", help="with --exec: write what the kernel counted meanwhile, as JSON")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="stop a guest that runs longer (status 125)")
    parser.add_argument("--display", nargs="?", const="auto", metavar="WHAT",
                        help="a screen and keyboard instead of the serial line: a window, or VNC where there is no desktop; "
                             "WHAT: gtk, sdl, none, vnc=ADDRESS")


def parser():
    """The whole command line."""
    top = argparse.ArgumentParser(prog="./vari", description=_ABOUT)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    raw = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    add_run_options(commands.add_parser("run", help="build, boot, and give the guest this terminal", epilog=_RUN, **raw))

    test = commands.add_parser("test", help="run the tests", description="Runs the tests; the last line counts them.")
    test.add_argument("filter", nargs="*", metavar="FILTER", help="only suites and cases whose name contains one of these")
    test.add_argument("--all", action="store_true", help="the long ones, too: clang-tidy, 64 processors, busybox's own suite")
    test.add_argument("--second-try", action="store_true", help="a whole-system case that failed without a panic runs once more, alone")
    test.add_argument("--list", action="store_true", help="name the suites and stop")
    test.add_argument("--accept-donor", action="append", default=[], metavar="NAME", help=argparse.SUPPRESS)

    bench = commands.add_parser("bench", help="measure, beside Linux in the same QEMU")
    bench.add_argument("row", nargs="*", metavar="ROW", help="only these rows")
    bench.add_argument("--hosted", action="store_true", help="the hosted kernel beside this machine itself, in time")
    bench.add_argument("--no-linux", action="store_true", help="only our own figures")
    bench.add_argument("--accept-donor", action="append", default=[], metavar="NAME", help=argparse.SUPPRESS)

    fuzz = commands.add_parser("fuzz", help="grow programs of system calls that break the personality",
                               description="Fuzzes the Linux personality by programs of system calls; runs FILEs again.")
    fuzz.add_argument("file", nargs="*", metavar="FILE", help="run these once: inputs that were kept, or texts (*.txt)")
    fuzz.add_argument("--seconds", type=_seconds, default=60, metavar="N", help="how long (default 60)")
    fuzz.add_argument("--keep-going", action="store_true", help="collect what is found instead of stopping at the first")
    fuzz.add_argument("--explain", action="store_true", help="with FILE: name each call, its arguments and result")

    coverage = commands.add_parser("coverage", help="which lines of the personality the hosted cases reach",
                                   description="Runs hosted cases, or one command, and reports a line a file of personalities/linux.")
    coverage.add_argument("filter", nargs="*", metavar="FILTER", help="suites and cases, as of ./vari test (default: four of hosted)")
    coverage.add_argument("--exec", metavar="CMD", help="one command instead")

    compare = commands.add_parser("compare", help="one command on every kernel, beside Linux: a table and a plot")
    compare.add_argument("kernel", nargs="*", metavar="KERNEL", help="only these (default: all of ./vari list, and linux)")
    compare.add_argument("--exec", metavar="CMD", required=True, help="what to run")
    compare.add_argument("--root", metavar="PATH", help="folder, tar or cpio for the root file system")
    compare.add_argument("--mem", type=_memory, default="512M", metavar="SIZE", help="memory (default 512M)")
    compare.add_argument("--timeout", type=_seconds, default=600, metavar="S", help="the longest that a kernel may take")

    debug = commands.add_parser("debug", help="boot stopped, with gdb attached and symbols loaded")
    add_machine_options(debug)
    debug.add_argument("--exec", metavar="CMD", help=argparse.SUPPRESS)
    debug.add_argument("--gdb-args", default="", metavar="TEXT", help="more arguments for gdb")

    show = commands.add_parser("list", help="kernels, their components, their sizes")
    show.add_argument("kernel", nargs="*", metavar="KERNEL")
    add_build_options(show)
    show.add_argument("--json", action="store_true", help="for programs")

    image = commands.add_parser("iso", help="write a CD image that boots by BIOS and UEFI")
    image.add_argument("kernel", nargs="?", default="monolithic", metavar="KERNEL")
    add_build_options(image)
    image.add_argument("--output", default="vari.iso", metavar="FILE")
    image.add_argument("--root", metavar="PATH", help="folder, tar or cpio for the root file system")
    application.add_option(image)
    image.add_argument("--append", metavar="TEXT", help="the kernel's command line")
    image.add_argument("--accept-donor", action="append", default=[], metavar="NAME", help=argparse.SUPPRESS)
    return top


def dispatch(options):
    """Calls the command's module."""
    if options.command == "run":
        import running
        return running.run(options)
    if options.command == "test":
        import testing
        return testing.run(options)
    if options.command == "bench" and options.hosted:
        import hosted_bench
        return hosted_bench.run(options)
    if options.command == "bench":
        import benching
        return benching.run(options)
    if options.command == "fuzz":
        import fuzzing
        return fuzzing.run(options)
    if options.command == "coverage":
        import coverage
        return coverage.run(options)
    if options.command == "compare":
        import comparing
        return comparing.run(options)
    if options.command == "debug":
        import debugging
        return debugging.run(options)
    if options.command == "list":
        import listing
        return listing.run(options)
    import running
    return running.write_iso(options)


def occupy_standard_streams():
    """A stream that was closed is /dev/null: else the next file that we open would take its place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def main():
    """Turns failures into messages and statuses."""
    occupy_standard_streams()
    options = parser().parse_args()
    try:
        return dispatch(options)
    except Failure as failure:
        say(str(failure))
        return failure.status
    except KeyboardInterrupt:
        clear()
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


sys.exit(main())
