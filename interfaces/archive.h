// Reading an archive that lies in memory (cpio newc, tar): entries in order, nothing is copied.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace vari {

struct ArchiveEntry {
  enum class Kind : u8 { File, Directory, SymbolicLink, HardLink, CharacterDevice, BlockDevice, Fifo };
  Kind kind = Kind::File;
  std::string_view path;         // without leading "/" or "./"; never empty, never with ".." parts
  std::string_view link_target;  // SymbolicLink, HardLink
  std::span<const u8> data;      // File
  u32 mode = 0;                  // permission bits, 07777
  u32 user = 0, group = 0;
  u64 modified_seconds = 0;
  u32 device_major = 0, device_minor = 0;
};

class ArchiveSink {
 public:
  /// An error stops the walk and is its result.
  virtual Result<> on_entry(const ArchiveEntry& entry) = 0;

 protected:
  ~ArchiveSink() = default;
};

class ArchiveReader {
 public:
  /// True if the bytes begin like an archive that this reader knows.
  virtual bool recognises(std::span<const u8> bytes) const = 0;
  /// Malformed: the archive is damaged; entries before the damage have been delivered.
  virtual Result<> read(std::span<const u8> bytes, ArchiveSink& sink) const = 0;

 protected:
  ~ArchiveReader() = default;
};

}  // namespace vari
