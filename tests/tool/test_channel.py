"""The host channel's parser and the packing of root file systems, without a guest."""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "vari"))

import channel  # noqa: E402
import rootfs  # noqa: E402

READY = channel.frame(channel.READY, b"\x01")


class ParserTest(unittest.TestCase):
    """Frames in any pieces, garbage between them."""

    def test_nothing_before_ready(self):
        parser = channel.Parser()
        self.assertEqual(parser.feed(b"firmware \x01\x02\x00ab" + READY), [(channel.READY, b"\x01")])

    def test_any_pieces(self):
        stream = READY + channel.frame(channel.STDOUT, b"hello") + channel.frame(channel.STATUS, b"\x03")
        for seed in range(50):
            chance = random.Random(seed)
            parser, frames, at = channel.Parser(), [], 0
            while at < len(stream):
                step = chance.randint(1, 4)
                frames += parser.feed(stream[at:at + step])
                at += step
            self.assertEqual(frames, [(5, b"\x01"), (1, b"hello"), (3, b"\x03")])

    def test_garbage_is_skipped(self):
        parser = channel.Parser()
        parser.feed(READY)
        frames = parser.feed(b"\xff\xfe\x00\x01\xff\xff" + channel.frame(channel.STDOUT, b"x") * 3)
        self.assertIn((channel.STDOUT, b"x"), frames)

    def test_wrong_length_is_dropped(self):
        parser = channel.Parser()
        parser.feed(READY)
        self.assertEqual(parser.feed(channel.frame(channel.STATUS, b"ab") + channel.frame(channel.STATUS, b"\x07")),
                         [(channel.STATUS, b"\x07")])

    def test_window_is_bounded(self):
        self.assertEqual(channel.window(70000, 80), b"\x12\x04\x00\xff\xff\x50\x00")


class RootTest(unittest.TestCase):
    """Archives that cpio itself can read."""

    def unpack(self, archive, folder):
        """By the system's cpio where there is one."""
        try:
            subprocess.run(["cpio", "-idm", "--quiet"], input=archive, cwd=folder, check=True)
        except FileNotFoundError:
            self.skipTest("no cpio here")

    def test_folder(self):
        with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as target:
            base = pathlib.Path(source)
            (base / "a").mkdir()
            (base / "a" / "file").write_bytes(b"x" * 5001)
            (base / "a" / "file").chmod(0o750)
            os.link(base / "a" / "file", base / "twin")
            (base / "link").symlink_to("a/file")
            self.unpack(rootfs.pack_folder(source), target)
            there = pathlib.Path(target)
            self.assertEqual((there / "twin").read_bytes(), b"x" * 5001)
            self.assertEqual((there / "a" / "file").stat().st_nlink, 2)
            self.assertEqual((there / "a" / "file").stat().st_mode & 0o777, 0o750)
            self.assertEqual(os.readlink(there / "link"), "a/file")

    def test_same_bytes_twice(self):
        with tempfile.TemporaryDirectory() as source:
            for name in "zaqm":
                (pathlib.Path(source) / name).write_text(name)
            self.assertEqual(rootfs.pack_folder(source), rootfs.pack_folder(source))

    def test_not_an_archive(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"no archive at all")
            file.flush()
            with self.assertRaises(rootfs.Failure):
                rootfs.load(file.name)


if __name__ == "__main__":
    unittest.main()
