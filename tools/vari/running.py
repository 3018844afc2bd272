"""`./vari run`: everything between a fresh checkout and a running guest."""
import base64
import contextlib
import os
import pathlib
import shutil
import tempfile

import application
import building
import donors
import hosting
import iso
import linux_peer
import machine
import packages
import paths
import reporting
import rootfs
import session
import terminal
from say import Failure, say

_LONGEST_LINE = 15 << 10  # BootInformation::kTextBytes holds the line, and the loader's and the modules' names


@contextlib.contextmanager
def run_folder():
    """A folder for one run's files, gone afterwards."""
    paths.RUNS.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=paths.RUNS)
    try:
        yield pathlib.Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def too_long(options):
    """Whether the command goes by the channel: QEMU's PVH loader spoils a command line beyond 4 KiB."""
    return options.exec is not None and len(os.fsencode(options.exec)) > 2048


def command_line(options):
    """The kernel's command line. The command is in base64, so that no loader splits or unquotes it."""
    # A busy host starves the emulated timer, and Linux would give up on it: no_timer_check.
    words = [linux_peer.LEAN, "no_timer_check"] if options.kernel == linux_peer.NAME else []
    if options.exec is not None:
        command = os.fsencode(options.exec)
        if too_long(options):
            words.append(f"vari.exec_bytes={len(command)}")  # session.Command sends it ahead of standard input
        else:
            words.append("vari.exec=" + base64.b64encode(command).decode())
    words += application.words(options)
    if options.display:
        words.append("vari.console=screen")
    if getattr(options, "report", None):
        words.append("vari.report")
    if options.append:
        words.append(options.append)
    line = " ".join(words)
    limit = 2047 if options.kernel == linux_peer.NAME else _LONGEST_LINE
    if len(os.fsencode(line)) > limit:
        raise Failure(f"the command is too long: it makes a kernel command line of {len(line)} bytes, and at most {limit} fit; "
                      "put it into a file of --root, or give it on standard input: --exec 'sh' <script")
    return line


def prepare(options):
    """Packages, donors and build; returns the kernel image."""
    groups = ["run"] + (["iso"] if options.boot != "pvh" else []) + (["uefi"] if options.boot == "uefi" else [])
    if options.display in ("gtk", "sdl"):
        groups.append("display")
    packages.require(*groups)
    if options.kernel == linux_peer.NAME:
        return linux_peer.kernel(options.accept_donor)
    if options.kernel not in paths.kernels():
        raise Failure(f"there is no kernel '{options.kernel}'; ./vari list shows: {', '.join(paths.kernels())}")
    preset = paths.preset_name(options.build, options.compiler)
    if not options.no_build:
        building.build(preset, options.kernel)
    image = paths.image(options.kernel, preset)
    if not image.exists():
        raise Failure(f"{image} is not built")
    return image


def root_module(options):
    """The bytes of the root file system."""
    if application.is_for(options.kernel):
        return application.root(options)
    if options.root:
        return rootfs.load(options.root)
    if options.kernel == linux_peer.NAME:
        return linux_peer.root(options.accept_donor)
    return rootfs.busybox_root(donors.fetch("busybox", options.accept_donor))


def describe(options, image, root, folder):
    """The machine that will run, with its boot medium."""
    description = machine.Machine(options)
    modules = [root]
    if application.is_for(options.kernel):
        image, modules = application.embed(image, root.read_bytes(), command_line(options), folder), []
    if options.boot == "pvh":
        description.boot_pvh(image, modules, command_line(options))
    else:
        medium = iso.make(image, modules, command_line(options), folder / "vari.iso")
        description.boot_iso(medium, options.boot == "uefi", folder)
    return description


def run(options):
    """The command itself; returns the exit status."""
    if options.kernel == hosting.NAME:
        with run_folder() as folder:
            return hosting.run(options, folder)
    if options.build == "thread":
        raise Failure("--build thread is the hosted kernel's", status=2)
    application.check(options)
    if options.report and options.exec is None:
        raise Failure("--report tells of a command: it goes with --exec")
    if options.display:
        options.display = machine.display_for_this_machine(options.display)
    if options.icount:
        options.smp = 1
        options.mem = options.mem or "512M"
    options.mem = options.mem or "512M"
    image = prepare(options)
    with run_folder() as folder:
        root = folder / "root"
        root.write_bytes(root_module(options))
        description = describe(options, image, root, folder)
        if options.exec is not None:
            kind = session.DeterministicCommand if options.icount else session.Command
            guest = kind(description, options, folder)
            if too_long(options):
                if options.icount:
                    raise Failure("a command of more than 2048 bytes reaches the guest by its standard input, which "
                                  "--icount must leave alone; put it into a script under --root")
                guest.ahead = os.fsencode(options.exec)
        elif options.display:
            say(f"the guest's screen: {options.display}; close the window or press Ctrl-C here to end it")
            guest = session.Guest(description, options, folder)
            try:
                return terminal.watch_window(guest)
            finally:
                keep_log(guest)
        else:
            say("starting; Ctrl-A x leaves")
            guest = terminal.Terminal(description, options, folder)
        try:
            status = guest.run()
            if application.is_for(options.kernel):
                application.explain(options, bytes(guest.log), image)
            if options.report:
                reporting.write(options.report, guest, status)
            return status
        finally:
            keep_log(guest)


def keep_log(guest):
    """The kernel's log of the last run, for whoever wants to look."""
    with contextlib.suppress(OSError):
        (paths.RUNS / "last.log").write_bytes(guest.log)


def write_iso(options):
    """`./vari iso`: a CD image for other machines."""
    application.check(options)
    packages.require("iso")
    preset = paths.preset_name(options.build, options.compiler)
    if not options.no_build:
        building.build(preset, options.kernel)
    with run_folder() as folder:
        root = folder / "root"
        root.write_bytes(root_module(options))
        image, modules = paths.image(options.kernel, preset), [root]
        line = " ".join([*application.words(options), *([options.append] if options.append else [])])
        if application.is_for(options.kernel):
            image, modules = application.embed(image, root.read_bytes(), line, folder), []
        output = iso.make(image, modules, line, pathlib.Path(options.output).resolve())
    say(f"wrote {output} ({output.stat().st_size >> 10} KiB)")
    return 0
