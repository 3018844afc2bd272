"""One guest from start to end, and --exec: our standard streams bridged to the host channel.

`Guest` is what all sessions share: QEMU, its two serial lines, the clock, the log, the verdict. `Command` runs
one command: its output, errors and status become ours; `DeterministicCommand` is its twin for --icount.
What went wrong with the guest itself is a Failure, status 125. Interactive sessions are in terminal.py.
"""
import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

import channel
import machine
from say import Failure

_SO_SNDBUFFORCE = 32  # beyond the system's limit, where we are root
_NAP = 0.002  # seconds: a stream of output is taken in gulps, a single answer at once

def _tail(log, lines=25):
    """The end of the kernel's log; from the panic on, where there was one."""
    text = log.decode(errors="replace").replace("\r", "")
    panic = re.search(r"(?im)^.*\bpanic\b(?!=)", text)
    if panic:
        kept = text[panic.start():].splitlines()[:60]
    else:
        kept = text.splitlines()[-lines:]
    return "\n".join("  | " + line for line in kept) or "  (it said nothing)"


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def _enlarge(line):
    """QEMU sends a serial line's bytes one by one, and each counts as a packet: let many of them wait."""
    for option in (_SO_SNDBUFFORCE, socket.SO_SNDBUF):
        with contextlib.suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
            return


class Guest:
    """What both kinds of session share: the process, the lines, the clock, the log."""

    def __init__(self, description, options, folder):
        self.options = options
        self.folder = folder
        self.log = bytearray()
        self.parser = channel.Parser()
        self.status = None
        self.message = None
        self.credit = 0
        self.deadline = time.monotonic() + options.timeout if options.timeout else None
        self.description = description
        self.report = bytearray()  # what vari.report asked for
        self.process = None
        self.log_line = self.channel_line = None
        self._unsent = {}  # line to bytes that it did not take yet
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def connect(self):
        """Makes the two serial lines and starts QEMU. Each line is one end of a socket pair."""
        ends = []
        for name in ("log_line", "channel_line"):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            _enlarge(theirs)
            setattr(self, name, ours)
            self.description.serial_socket(theirs)
            ends.append(theirs)
        self._start()
        for end in ends:
            end.close()

    def _start(self):
        """QEMU's own words go to a file: a pipe that nobody reads could fill and stop it."""
        self._errors = open(os.path.join(self.folder, "qemu-errors"), "w+b")  # pylint: disable=consider-using-with
        self.process = self.description.start(stderr=self._errors)

    def send(self, data):
        """Sends bytes on the host channel; the guest may be gone already."""
        self._send(self.channel_line, data)

    def _send(self, line, data):
        """Never blocks: a guest that takes no input may be waiting for us to take its output."""
        unsent = self._unsent.setdefault(line, bytearray())
        unsent += data
        try:
            while unsent:
                del unsent[:line.send(unsent)]
        except BlockingIOError:
            pass
        except OSError:
            unsent.clear()

    def receive(self, line):
        """What came on a line; None at its end."""
        try:
            data = line.recv(1 << 20)
            self._received = time.monotonic()
            return data or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def wake(self, *_):
        """Interrupts the wait; safe in a signal handler."""
        try:
            os.write(self._wake_write, b"w")
        except BlockingIOError:
            pass

    def wake_in(self, seconds):
        """Limits the next wait."""
        self._patience = seconds

    _patience = 1.0

    def wait(self, sources):
        """Waits for one of the sources; raises when the time is over. Returns the ready ones."""
        limit = None if self.deadline is None else self.deadline - time.monotonic()
        if limit is not None and limit <= 0:
            raise TimeoutError
        longest, self._patience = self._patience, 1.0
        if time.monotonic() - self._received < _NAP:
            time.sleep(_NAP)
        unsent = [line for line, data in self._unsent.items() if data]
        ready, writable, _ = select.select([*sources, self._wake_read], unsent, [],
                                           longest if limit is None else min(limit, longest))
        for line in writable:
            self._send(line, b"")
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
            ready.remove(self._wake_read)
        return ready

    _received = 0.0

    def on_frames(self, data):
        """Feeds the channel's parser and keeps what every session wants to know."""
        frames = self.parser.feed(data)
        for kind, payload in frames:
            if kind == channel.STATUS:
                self.status = payload[0]
            elif kind == channel.MESSAGE:
                self.message = payload.decode(errors="replace")
            elif kind == channel.CREDIT:
                self.credit += int.from_bytes(payload, "little")
            elif kind == channel.REPORT:
                self.report += payload
        return frames

    def verdict(self):
        """After QEMU's end: the status of the session, or a Failure that says what became of the guest."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3)  # its lines close a moment before its status is there
        code = machine.stop(self.process)
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip()
        if errors:
            sys.stderr.write("".join(f"qemu: {line}\n" for line in errors.splitlines()))
        if code == machine.PANIC:
            raise Failure(f"the guest panicked:\n{_tail(self.log)}")
        return code

    def timed_out(self):
        """The Failure for a guest that was still running when its time was over."""
        machine.stop(self.process)
        return Failure(f"the guest did not end within {self.options.timeout:g} s and was stopped; its log ends:\n"
                       f"{_tail(self.log)}")


class Command(Guest):
    """--exec: one command in the guest, as if it ran here."""

    def run(self):
        """Runs to the end of the command; returns its status."""
        self.connect()
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._interrupt)
        finished = False
        try:
            self._bridge()
            finished = True
        except TimeoutError:
            raise self.timed_out() from None
        except BrokenPipeError:
            # Nobody reads our output any more: end as a program does that gets SIGPIPE.
            machine.stop(self.process)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 128 + signal.SIGPIPE
        finally:
            # A guest whose lines have closed is about to end with a status of its own: verdict() waits for it.
            if not finished and self.process.poll() is None and self.status is None:
                machine.stop(self.process)
        code = self.verdict()
        if self.status is not None:
            return self.status
        if self.message:
            raise Failure(f"the guest could not run the command: {self.message}")
        raise Failure(f"the guest ended (QEMU's status {code}) before the command did; its log ends:\n{_tail(self.log)}")

    def _interrupt(self, number, _frame):
        """Our Ctrl-C is the command's; a second one ends the guest."""
        if self._interrupted or not self.parser.ready:
            self.process.kill()
            self.status = 128 + number
        self._interrupted = True
        self.send(channel.frame(channel.SIGNAL, bytes([number])))

    _interrupted = False
    ahead = b""  # a command too long for the kernel's command line

    def _bridge(self):
        lines = {self.log_line, self.channel_line}
        stdin_open = True
        grace = None
        while lines:
            if self.status is not None and grace is None:
                grace = time.monotonic() + 5  # the guest powers itself off; a log may follow the status
            if grace is not None and time.monotonic() > grace:
                machine.stop(self.process)
                return
            may_send = self.parser.ready and self.credit > 0 and self.status is None
            if may_send and self.ahead:
                self._pass_ahead()
                continue
            feed = stdin_open and may_send
            for source in self.wait([*lines, *([0] if feed else [])]):
                if source == 0:
                    stdin_open = self._pass_input()
                    continue
                data = self.receive(source)
                if data is None:
                    lines.discard(source)
                elif source is self.log_line:
                    self.log += data
                else:
                    self._pass_output(data)
            if self.process.poll() is not None and not lines:
                return

    def _pass_ahead(self):
        """A part of what goes before our standard input."""
        data = self.ahead[:min(self.credit, channel.MAXIMUM)]
        self.ahead = self.ahead[len(data):]
        self.credit -= len(data)
        self.send(channel.frame(channel.STDIN, data))

    def _pass_input(self):
        try:
            data = os.read(0, min(self.credit, channel.MAXIMUM))
        except OSError:
            data = b""
        self.credit -= len(data)
        self.send(channel.frame(channel.STDIN, data) if data else channel.frame(channel.STDIN_END))
        return bool(data)

    def _pass_output(self, data):
        for kind, payload in self.on_frames(data):
            if kind == channel.STDOUT:
                write_all(1, payload)
            elif kind == channel.STDERR:
                write_all(2, payload)


class DeterministicCommand(Command):
    """--exec under --icount: the host must send nothing, for the moment of its arrival would be chance.

    QEMU writes both lines to files, which never push back; standard input is empty."""

    def connect(self):
        """Serial lines that only write."""
        self._files = []
        for name in ("console", "channel"):
            path = os.path.join(self.folder, name)
            self._files.append(open(path, "w+b", buffering=0))  # pylint: disable=consider-using-with
            self.description.serial_file(path)
        self._start()

    def send(self, data):
        """Nothing may reach the guest."""

    def _bridge(self):
        log, line = self._files
        grace = None
        while True:
            ended = self.process.poll() is not None
            self.log += log.read()
            self._pass_output(line.read())
            if grace is not None and time.monotonic() > grace:
                machine.stop(self.process)
            if ended:
                return
            if self.status is not None and grace is None:
                grace = time.monotonic() + 5
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise TimeoutError
            time.sleep(0.01)
