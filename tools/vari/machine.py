"""QEMU's command line for a Vari machine, and the process itself.

One place knows the machine: q35, software emulation, two serial lines (COM1: the terminal and the log,
COM2: the host channel), isa-debug-exit for failures. Serial lines are inherited sockets, so that nothing
has to be named in a file system and QEMU never touches our terminal.
"""
import ctypes
import os
import pathlib
import shlex
import shutil
import signal
import subprocess

from say import Failure

PANIC = 255  # QEMU's status when the guest writes 0x7f to isa-debug-exit
_OVMF = pathlib.Path("/usr/share/OVMF")
ICOUNT = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm"]


class Machine:
    """A description of the machine that turns into QEMU's arguments."""

    def __init__(self, options):
        self.memory = options.mem
        self.processors = options.smp
        self.model = options.cpu or ("max,-erms" if options.icount else "max")
        self.icount = options.icount
        self.display = options.display
        self.extra = shlex.split(options.qemu_args or "")
        self.boot = []
        self.descriptors = []
        self.serial = []

    def boot_pvh(self, image, modules, command_line):
        """Direct boot: QEMU loads the ELF image and starts it by its PVH note."""
        self.boot = ["-kernel", str(image), "-append", command_line]
        if modules:
            # QEMU hands the PVH kernel one module; its option would split at commas, which our paths do not hold.
            self.boot += ["-initrd", str(modules[0])]

    def boot_iso(self, iso, uefi, folder):
        """Boots from a CD image, by BIOS or by UEFI."""
        self.boot = ["-cdrom", str(iso), "-boot", "d"]
        if uefi:
            variables = pathlib.Path(folder) / "uefi-variables.fd"
            shutil.copyfile(_OVMF / "OVMF_VARS_4M.fd", variables)
            self.boot += ["-drive", f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}",
                          "-drive", f"if=pflash,format=raw,file={variables}"]

    def serial_socket(self, socket):
        """The next serial line is this end of a socket pair."""
        number = socket.fileno()
        self.descriptors.append(number)
        self.serial += ["-chardev", f"socket,id=line{len(self.serial)},fd={number}",
                        "-serial", f"chardev:line{len(self.serial)}"]

    def serial_file(self, path):
        """The next serial line only writes, to a file."""
        self.serial += ["-serial", f"file:{path}"]

    def arguments(self):
        """The whole command line."""
        board = "q35,accel=tcg"
        backend = []
        if self.memory[-1] in "gGtT" and "-numa" not in self.extra:
            # The host need not have so much: without a reservation, only what the guest touches counts.
            board += ",memory-backend=ram"
            backend = ["-object", f"memory-backend-ram,id=ram,size={self.memory},reserve=off"]
        command = ["qemu-system-x86_64", "-machine", board, *backend, "-cpu", self.model, "-m", self.memory,
                   "-smp", str(self.processors), "-nodefaults", "-no-user-config", "-no-reboot", "-nic", "none",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", *self.serial]
        if self.icount:
            command += ICOUNT
        if self.display is None:
            command += ["-display", "none"]
        else:
            command += ["-vga", "std"]
            command += ["-display", self.display] if not self.display.startswith("vnc") else ["-vnc", self.display[4:]]
        return command + self.boot + self.extra

    def start(self, stderr):
        """Starts QEMU in a process group of its own: our terminal's signals do not reach it."""
        try:
            return subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=stderr, pass_fds=self.descriptors, process_group=0,
                                    preexec_fn=_end_with_parent)
        except FileNotFoundError as trouble:
            raise Failure("qemu-system-x86_64 is not installed") from trouble


def _end_with_parent():
    """In the child: the kernel ends QEMU should ./vari be killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def stop(process):
    """Ends QEMU for sure and returns its status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def display_for_this_machine(wanted):
    """What `--display` means here: a window where there is a desktop, else VNC on this machine only."""
    if wanted != "auto":
        return wanted
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return "gtk"
    return "vnc=127.0.0.1:0"
