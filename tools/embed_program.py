#!/usr/bin/python3
"""Puts a root file system and a command line into a linked unikernel: one ELF file that boots alone.

The archive and the command line follow the image as one more loadable segment, at the next free page of physical
memory; kernels/unikernel/embedded.S holds the note that tells the kernel where.

  tools/embed_program.py IMAGE ARCHIVE OUTPUT [COMMAND LINE]
"""
import pathlib
import struct
import sys

_MARK = b"VARI-EMBEDDED-01"
_PAGE = 4096
_LOAD, _READ = 1, 4
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")  # type, flags, offset, vaddr, paddr, filesz, memsz, align
_HEADER_PHOFF, _HEADER_SHOFF, _HEADER_PHNUM, _HEADER_SHENTSIZE = 32, 40, 56, 58


def embed(image, archive, command_line):
    """The new image's bytes. ValueError where `image` is no unikernel."""
    (offset,) = struct.unpack_from("<Q", image, _HEADER_PHOFF)
    size, count = struct.unpack_from("<HH", image, 54)
    headers = [_PROGRAM_HEADER.unpack_from(image, offset + i * size) for i in range(count)]
    loads = [header for header in headers if header[0] == _LOAD]
    # GRUB wants all program headers near the file's beginning: there is room for one more before the first segment.
    room = min(header[2] for header in headers) - offset - count * size
    if image.count(_MARK) != 1 or not loads or room < size:
        raise ValueError("the image has no place for a program")
    physical = max(header[4] + header[6] for header in loads)
    physical += -physical % _PAGE
    virtual = physical + loads[0][3] - loads[0][4]

    # Sections, symbols and debug information stay behind: only segments are loaded.
    image = bytearray(image[:max(header[2] + header[5] for header in headers)])
    struct.pack_into("<Q", image, _HEADER_SHOFF, 0)
    struct.pack_into("<HHH", image, _HEADER_SHENTSIZE, 0, 0, 0)

    archive += b"\0" * (-len(archive) % 16)
    text = command_line.encode()
    begin = len(image) + -len(image) % _PAGE
    out = bytearray(image) + b"\0" * (begin - len(image)) + archive + text
    struct.pack_into("<H", out, _HEADER_PHNUM, count + 1)
    _PROGRAM_HEADER.pack_into(out, offset + count * size, _LOAD, _READ, begin, virtual, physical, len(archive) + len(text),
                              len(archive) + len(text), _PAGE)
    struct.pack_into("<QQQ", out, image.index(_MARK) + len(_MARK), physical, len(archive), len(text))
    return bytes(out)


def main():
    """The command line."""
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    image, archive, output = map(pathlib.Path, sys.argv[1:4])
    try:
        output.write_bytes(embed(image.read_bytes(), archive.read_bytes(), sys.argv[4] if len(sys.argv) == 5 else ""))
    except ValueError as trouble:
        sys.exit(f"{image}: {trouble}")


if __name__ == "__main__":
    main()
