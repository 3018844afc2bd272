"""Root file systems for the guest: a cpio archive (newc) or a tar file, loaded as a boot module.

Without --root it is made here of Debian's unmodified busybox. A folder is packed with root as the owner of
everything and its modes as they stand; an archive is passed through, unpacked first if compressed. The
same input always gives the same bytes: runs under --icount depend on it.
"""
import bz2
import collections
import gzip
import lzma
import os
import pathlib
import stat
import subprocess

from say import Failure

_PROFILE = """export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=${HOME:-/root}
export TERM=${TERM:-linux}
export PS1='\\w \\$ '
umask 022
"""
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/profile": _PROFILE,
    "etc/hostname": "vari\n",
    "etc/hosts": "127.0.0.1 localhost vari\n",
    "etc/shells": "/bin/sh\n/bin/ash\n",
    "etc/os-release": 'ID=vari\nNAME="Vari"\nPRETTY_NAME="Vari, with Debian\'s busybox"\n',
    "etc/motd": "",
}
_FOLDERS = {"bin": 0o755, "sbin": 0o755, "usr": 0o755, "usr/bin": 0o755, "usr/sbin": 0o755, "etc": 0o755, "root": 0o700,
            "dev": 0o755, "proc": 0o555, "sys": 0o555, "tmp": 0o1777, "var": 0o755, "var/log": 0o755, "var/tmp": 0o1777,
            "run": 0o755, "home": 0o755, "mnt": 0o755}


class Cpio:
    """Writes a cpio archive in the "newc" format; see cpio(5)."""

    def __init__(self):
        self._parts = []
        self._inode = 0

    def add(self, name, mode, data=b"", links=1, inode=None, device=(0, 0)):
        """One entry; `mode` includes the file's type. Hard links share `inode`; the last one carries the data."""
        if inode is None:
            self._inode += 1
            inode = self._inode
        path = name.encode(errors="surrogateescape") + b"\0"
        if len(data) >= 1 << 32:
            raise Failure(f"{name}: files of 4 GiB and more do not fit into a cpio archive; use a tar file")
        fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(path), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._parts += [header, path, b"\0" * (-(len(header) + len(path)) % 4), data, b"\0" * (-len(data) % 4)]

    def entries(self):
        """What has been added, without an end: another archive can follow."""
        return b"".join(self._parts)

    def bytes(self):
        """The finished archive."""
        self.add("TRAILER!!!", 0, inode=0)
        return self.entries()


def file_text(name):
    """A file of the default root."""
    return _FILES[name]


def busybox_root(busybox, extra=None):
    """The default root: busybox, a symlink for each of its applets, and a few files of /etc.

    `extra` maps names to (mode, bytes), for tests."""
    archive = Cpio()
    for name, mode in _FOLDERS.items():
        archive.add(name, stat.S_IFDIR | mode, links=2)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, pathlib.Path(busybox).read_bytes())
    applets = subprocess.run([str(busybox), "--list-full"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "bin/busybox":
            archive.add(applet, stat.S_IFLNK | 0o777, b"/bin/busybox")
    for name, text in _FILES.items():
        archive.add(name, stat.S_IFREG | 0o644, text.encode())
    for name, (mode, data) in (extra or {}).items():
        archive.add(name, mode if stat.S_IFMT(mode) else stat.S_IFREG | mode, data)
    return archive.bytes()


def _walk(folder):
    """Everything below a folder, in a fixed order: (name inside, path outside, status)."""
    found = []
    for base, names, files in os.walk(folder):
        names.sort()
        for name in sorted(names + files):
            path = os.path.join(base, name)
            found.append((os.path.relpath(path, folder), path, os.lstat(path)))
    return found


def files_of(folder):
    """A small folder's contents for busybox_root()'s `extra`: {name: (mode with type, bytes)}."""
    found = {}
    for name, path, status in _walk(folder):
        if stat.S_ISREG(status.st_mode):
            found[name] = (status.st_mode, pathlib.Path(path).read_bytes())
        elif stat.S_ISLNK(status.st_mode):
            found[name] = (status.st_mode, os.readlink(path).encode())
        elif stat.S_ISDIR(status.st_mode):
            found[name] = (status.st_mode, b"")
    return found


def pack_folder(folder):
    """A folder of the host as a cpio archive: root owns everything, modes and hard links are kept."""
    archive = Cpio()
    entries = _walk(folder)
    names = collections.Counter((status.st_dev, status.st_ino) for _, _, status in entries)
    inodes, met = {}, collections.Counter()
    for name, path, status in entries:
        key = (status.st_dev, status.st_ino)
        inode = inodes.setdefault(key, len(inodes) + 1)
        met[key] += 1
        data, device = b"", (0, 0)
        try:
            if stat.S_ISREG(status.st_mode) and met[key] == names[key]:
                data = pathlib.Path(path).read_bytes()
            elif stat.S_ISLNK(status.st_mode):
                data = os.readlink(path).encode(errors="surrogateescape")
            elif stat.S_ISSOCK(status.st_mode):
                continue
            elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
                device = (os.major(status.st_rdev), os.minor(status.st_rdev))
        except PermissionError as trouble:
            raise Failure(f"--root: cannot read {path}: {trouble.strerror}") from trouble
        links = status.st_nlink if stat.S_ISDIR(status.st_mode) else names[key]
        archive.add(name, status.st_mode, data, links, inode, device)
    return archive.bytes()


def _decompressed(data):
    for magic, opener in ((b"\x1f\x8b", gzip.decompress), (b"\xfd7zXZ\0", lzma.decompress), (b"BZh", bz2.decompress)):
        if data.startswith(magic):
            return opener(data)
    return data


def load(path):
    """What --root names, as bytes for the boot module."""
    if os.path.isdir(path):
        return pack_folder(path)
    try:
        data = _decompressed(pathlib.Path(path).read_bytes())
    except (OSError, EOFError, lzma.LZMAError) as trouble:
        raise Failure(f"--root {path}: {trouble}") from trouble
    if data[:6] in (b"070701", b"070702") or data[257:262] == b"ustar":
        return data
    raise Failure(f"--root {path}: neither a folder nor a cpio (newc) or tar archive")
