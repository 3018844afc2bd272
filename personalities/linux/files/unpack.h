// Unpacks an archive into a tree that keeps its names (the root tmpfs), before any program runs.
#pragma once

#include <optional>

#include "interfaces/archive.h"
#include "personalities/linux/files/dentry.h"

namespace vari::linux {

class Unpacker final : public ArchiveSink {
 public:
  explicit Unpacker(Dentry& root) : root_(root) {}
  Result<> on_entry(const ArchiveEntry& entry) override;
  /// What went wrong, if the unpacking and not the archive did.
  std::optional<Errno> error() const { return error_; }

 private:
  static constexpr unsigned kMaximumDepth = 16;  // of symbolic links on the way
  LinuxResult<> unpack(const ArchiveEntry& entry);
  LinuxResult<> put(Dentry& directory, std::string_view name, const ArchiveEntry& entry);
  LinuxResult<> put_link(Dentry& directory, std::string_view name, std::string_view target);
  /// The directory that `path` names, made where it is missing; goes through symbolic links, within the root.
  LinuxResult<Ref<Dentry>> directory(Ref<Dentry> from, std::string_view path, unsigned depth);
  LinuxResult<Ref<Dentry>> parent(std::string_view path, std::string_view& name);

  Dentry& root_;
  std::optional<Errno> error_;
};

}  // namespace vari::linux
