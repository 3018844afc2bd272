"""Interactive sessions: our terminal becomes the guest's console, or the guest lives in a window.

The terminal is raw meanwhile, so that Ctrl-C, Ctrl-Z and Ctrl-D reach the guest's shell; Ctrl-A x leaves and
Ctrl-A Ctrl-A is one Ctrl-A. The window's size goes over the host channel, at start and when it changes.
"""
import os
import signal
import sys
import termios
import time
import tty

import channel
import machine
import session
from say import Failure, clear, say
from session import write_all

_LEAVE = 0x01  # Ctrl-A


class Terminal(session.Guest):
    """The guest's console is our terminal."""

    def run(self):
        """Runs until the guest ends or the user leaves; returns a status."""
        self.connect()
        saved = termios.tcgetattr(0) if os.isatty(0) else None
        self._prefix = False
        previous = signal.signal(signal.SIGWINCH, self._resized)
        signal.signal(signal.SIGTERM, self._terminated)
        self._size_changed = True
        try:
            if saved:
                tty.setraw(0)
            left = self._bridge()
        except TimeoutError:
            raise self.timed_out() from None
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
            signal.signal(signal.SIGWINCH, previous)
            if self.process.poll() is None:
                machine.stop(self.process)
        if left:
            sys.stderr.write("\r\n")
            say("left; the machine is off")
            machine.stop(self.process)
            return 0
        code = self.verdict()
        if self.status is None and code != 0:
            raise Failure(f"QEMU ended with status {code}")
        return self.status or 0

    def _resized(self, *_):
        self._size_changed = True
        self.wake()

    def _terminated(self, *_):
        machine.stop(self.process)
        self.wake()

    def _tell_size(self):
        if not self.parser.ready or not self._size_changed:
            return
        self._size_changed = False
        for descriptor in (0, 1, 2):
            try:
                size = os.get_terminal_size(descriptor)
            except OSError:
                continue
            self.send(channel.window(size.lines, size.columns))
            return

    def _bridge(self):
        """Returns True when the user asked to leave."""
        lines = {self.log_line, self.channel_line}
        stdin_open = True
        while self.log_line in lines:
            feed = stdin_open and (os.isatty(0) or self._settled())
            for source in self.wait([*lines, *([0] if feed else [])]):
                if source == 0:
                    data = os.read(0, 4096)
                    stdin_open = bool(data)
                    # The end of a piped input is what a person would type: Ctrl-D.
                    if self._typed(data or b"\x04", bool(data)):
                        return True
                    continue
                data = self.receive(source)
                if data is None:
                    lines.discard(source)
                elif source is self.log_line:
                    self.log += data
                    del self.log[:-65536]
                    self._spoke = time.monotonic()
                    write_all(1, data)
                else:
                    self.on_frames(data)
            self._tell_size()
        return False

    _spoke = 0.0

    def _settled(self):
        """Piped input waits for a guest that has started and stopped talking: a line that is being set up loses it."""
        if self.parser.ready and self._spoke and time.monotonic() - self._spoke > 0.5:
            return True
        self.wake_in(0.5)
        return False

    def _typed(self, data, person):
        """Passes keys on; True for Ctrl-A x. Ctrl-A Ctrl-A is one Ctrl-A."""
        keys = bytearray()
        for key in data:
            if self._prefix:
                self._prefix = False
                if key in b"xX\x18":
                    return True
                keys += bytes([key]) if key == _LEAVE else bytes([_LEAVE, key])
            elif person and key == _LEAVE and os.isatty(0):
                self._prefix = True
            else:
                keys.append(key)
        self._send(self.log_line, bytes(keys))
        return False


def watch_window(guest):
    """--display: the guest lives in QEMU's window; we wait for its end and keep the log."""
    guest.connect()
    clear()
    try:
        lines = {guest.log_line, guest.channel_line}
        while lines:
            for source in guest.wait(list(lines)):
                data = guest.receive(source)
                if data is None:
                    lines.discard(source)
                elif source is guest.log_line:
                    guest.log += data
                else:
                    guest.on_frames(data)
    except KeyboardInterrupt:
        machine.stop(guest.process)
        return 0
    except TimeoutError:
        raise guest.timed_out() from None
    code = guest.verdict()
    return guest.status or code
