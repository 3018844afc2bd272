// Readers of archives that lie in memory: cpio (newc, with or without checksums) and tar (ustar, with GNU's
// long names and pax records). Nothing is copied or allocated; every byte is read as hostile input.
//
// The views in an ArchiveEntry point into the archive, or into the reader's stack: they hold during the
// call of on_entry() only.
#pragma once

#include "interfaces/archive.h"

namespace vari::components::archive {

class CpioReader final : public ArchiveReader {
 public:
  bool recognises(std::span<const u8> bytes) const override;
  Result<> read(std::span<const u8> bytes, ArchiveSink& sink) const override;
};

class TarReader final : public ArchiveReader {
 public:
  bool recognises(std::span<const u8> bytes) const override;
  Result<> read(std::span<const u8> bytes, ArchiveSink& sink) const override;
};

}  // namespace vari::components::archive
