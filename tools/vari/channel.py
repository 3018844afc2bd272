"""The host's side of the host channel (components/host_channel/README.md): frames over a byte stream.

A parser that can be fed any piece of bytes, resynchronises after garbage, and knows nothing of sockets.
"""
import struct

STDOUT, STDERR, STATUS, MESSAGE, READY, CREDIT, REPORT = 1, 2, 3, 4, 5, 6, 7
STDIN, STDIN_END, WINDOW, SIGNAL = 16, 17, 18, 19
VERSION = 1
MAXIMUM = 1024  # bytes of payload

_EXACT = {STATUS: 1, READY: 1, CREDIT: 4}  # payload lengths that are fixed
_KNOWN = {STDOUT, STDERR, STATUS, MESSAGE, READY, CREDIT, REPORT}


def frame(kind, payload=b""):
    """One frame, ready to send."""
    assert len(payload) <= MAXIMUM
    return struct.pack("<BH", kind, len(payload)) + payload


def window(rows, columns):
    """The frame that tells the guest the window's size."""
    return frame(WINDOW, struct.pack("<HH", min(rows, 0xFFFF), min(columns, 0xFFFF)))


class Parser:
    """Turns bytes from the guest into (kind, payload) pairs. Before READY everything else is skipped."""

    def __init__(self):
        self._buffer = bytearray()
        self.ready = False

    def feed(self, data):
        """Takes more bytes; returns the frames that they complete."""
        self._buffer += data
        frames = []
        position = 0
        buffer = self._buffer
        while len(buffer) - position >= 3:
            kind, length = struct.unpack_from("<BH", buffer, position)
            if not self.ready and (kind != READY or length != 1):
                position += 1
                continue
            if kind not in _KNOWN or length > MAXIMUM:
                position += 1
                continue
            if len(buffer) - position < 3 + length:
                break
            payload = bytes(buffer[position + 3:position + 3 + length])
            position += 3 + length
            if kind in _EXACT and length != _EXACT[kind]:
                continue
            if kind == READY:
                self.ready = True
            frames.append((kind, payload))
        del buffer[:position]
        return frames
