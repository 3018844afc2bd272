"""`./vari debug`: QEMU stopped at its first instruction, and gdb attached with the kernel's symbols."""
import shlex
import signal
import subprocess
import time

import machine
import packages
import paths
import running
import session
from say import say


def run(options):
    """Starts both; the machine ends with gdb."""
    packages.require("debug")
    options.display, options.timeout = None, None
    options.mem = options.mem or "512M"
    image = running.prepare(options)
    with running.run_folder() as folder:
        root = folder / "root"
        root.write_bytes(running.root_module(options))
        description = running.describe(options, image, root, folder)
        gate = folder / "gdb.socket"
        description.extra += ["-S", "-chardev", f"socket,path={gate},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]
        log = paths.RUNS / "debug.log"
        guest = session.Guest(description, options, folder)
        description.serial_file(log)
        guest.process = description.start(open(folder / "qemu-errors", "wb"))
        say(f"the guest's console is written to {log}; Ctrl-C stops the guest, `quit` ends it")
        while not gate.exists() and guest.process.poll() is None:
            time.sleep(0.01)
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return subprocess.call(["gdb", "-q", "-ex", "set architecture i386:x86-64", "-ex", f"target remote {gate}",
                                    "-ex", "hbreak kmain", *shlex.split(options.gdb_args), str(image)])
        finally:
            signal.signal(signal.SIGINT, previous)
            machine.stop(guest.process)
