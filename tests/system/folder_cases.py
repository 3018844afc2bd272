"""A folder of this machine as root of the hosted kernel: what one side writes, the other one reads."""
import contextlib
import os
import pathlib
import shutil
import tempfile

import donors
import trees


@contextlib.contextmanager
def _root(tree=None):
    """A folder with busybox in it, and perhaps a tree of packages."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name) / "root"
        if tree:
            shutil.copytree(trees.fetch(tree)[0], root, symlinks=True)
        for folder in ("bin", "tmp", "data"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(donors.fetch("busybox"), root / "bin" / "busybox")
        (root / "bin" / "busybox").chmod(0o755)
        for applet in ("sh", "cat", "ls", "mv", "ln", "rm", "chmod", "mkdir", "stat", "wc", "seq", "readlink"):
            (root / "bin" / applet).symlink_to("busybox")
        yield root


def _output(vari, root, command):
    done = vari.exec(command, "--root", root, timeout=300)
    assert done.status == 0, str(done)
    return done.out


def both_sides_of_a_folder_see_the_same(vari):
    """Files, links, names and modes; nothing is made in the folder for the kernel's own mounts."""
    with _root() as root:
        (root / "data" / "from-host").write_text("host\n")
        out = _output(vari, root, """cat /data/from-host; echo guest > /data/from-guest; mkdir -m 750 /data/d; mv /data/from-host /data/d/moved
            ln /data/d/moved /data/hard; ln -s d/moved /data/soft; cat /data/soft; chmod 4711 /data/hard; stat -c '%a %h' /data/d/moved
            test -c /dev/null && test -r /proc/self/stat && echo mounts""")
        assert out == "host\nhost\n4711 2\nmounts\n", out
        assert (root / "data" / "from-guest").read_text() == "guest\n"
        assert (root / "data" / "d").stat().st_mode & 0o7777 == 0o750
        assert (root / "data" / "d" / "moved").stat().st_ino == (root / "data" / "hard").stat().st_ino
        assert os.readlink(root / "data" / "soft") == "d/moved"
        assert sorted(path.name for path in root.iterdir()) == ["bin", "data", "tmp"], list(root.iterdir())


def links_do_not_lead_out_of_a_folder(vari):
    """Neither a link upwards nor an absolute one nor any number of ".." reaches what lies beside the root."""
    with _root() as root:
        (root.parent / "secret").write_text("outside\n")
        (root / "data" / "up").symlink_to("../../secret")
        (root / "data" / "absolute").symlink_to(root.parent / "secret")
        (root / "data" / "inside").symlink_to("/data/file")
        (root / "data" / "file").write_text("inside\n")
        out = _output(vari, root, f"for f in /data/up /data/absolute /../secret {root.parent}/secret; do cat $f 2>/dev/null && echo ESCAPED; done; cat /data/inside")
        assert out == "inside\n", out


def ten_thousand_names_in_a_folder(vari):
    """Made in the guest, counted on both sides, removed in the guest while they are listed."""
    with _root() as root:
        out = _output(vari, root, "cd /data; for i in $(seq 10000); do : > f$i; done; ls | wc -l")
        assert out == "10000\n" and len(os.listdir(root / "data")) == 10000, out
        out = _output(vari, root, "rm -r /data/; ls /")
        assert out == "bin\ntmp\n", out


_PYTHON = """
import mmap, os
with open("/data/m", "r+b") as file:
    shared = mmap.mmap(file.fileno(), 10000)
    shared[5000:5004] = b"WXYZ"
    shared.flush()
    assert open("/data/m", "rb").read()[4999:5005] == b"aWXYZa"
    private = mmap.mmap(file.fileno(), 10000, flags=mmap.MAP_PRIVATE)
    private[1:2] = b"P"
    shared[9999:] = b"!"
kept = open("/data/gone", "w+")
os.unlink("/data/gone")
kept.write("still here"); kept.seek(0)
print(kept.read(), 6 * 7, flush=True)
os._exit(0)
"""


def python_maps_files_of_a_folder(vari):
    """Debian's python3 out of a folder: shared mappings reach the file, private ones do not."""
    with _root("python3") as root:
        (root / "data" / "m").write_bytes(b"a" * 10000)
        (root / "data" / "t.py").write_text(_PYTHON)
        out = _output(vari, root, "/usr/bin/python3.11 /data/t.py")
        assert out == "still here 42\n", out
        expected = b"a" * 5000 + b"WXYZ" + b"a" * 4995 + b"!"
        assert (root / "data" / "m").read_bytes() == expected
        assert not (root / "data" / "gone").exists()


CASES = (both_sides_of_a_folder_see_the_same, links_do_not_lead_out_of_a_folder, ten_thousand_names_in_a_folder,
         python_maps_files_of_a_folder)
