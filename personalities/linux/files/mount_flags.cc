// Mounts' flags, and what keeps a mount from becoming read-only: files that are open for writing.
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

using runtime::Guard;

bool Mount::read_only() const {
  return (__atomic_load_n(&flags_, __ATOMIC_SEQ_CST) & (kReadOnly | kFrozen)) ||
         root_->inode().file_system().read_only();
}

// In two steps, as Linux does it: each mount that is to become read-only is frozen first, and counted;
// nothing else changes before all of them have been found without writers.
LinuxResult<> MountTable::change_flags(const Path& at, u32 clear, u32 set, bool recursive) {
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  Mount& top = *at.mount;
  Guard guard(lock_);
  if (!is_whole_locked(top)) return std::unexpected(Errno::Invalid);
  const auto concerned = [&](const Mount& mount) REQUIRES(lock_) {
    return &mount == &top || (recursive && is_within_locked(mount, top));
  };
  bool busy = false;
  for (auto& mount : mounts_) {
    if (!(set & Mount::kReadOnly) || (mount.flags_ & Mount::kReadOnly) || !concerned(mount)) continue;
    mount.set_flags(mount.flags_ | Mount::kFrozen);
    busy |= mount.has_writers();
  }
  for (auto& mount : mounts_) {
    if (concerned(mount)) mount.set_flags(busy ? mount.flags() : (mount.flags() & ~clear) | set);
  }
  if (busy) return std::unexpected(Errno::Busy);
  return {};
}

LinuxResult<> MountTable::set_read_only(FileSystem& file_system, bool read_only) {
  Guard guard(lock_);
  const bool before = file_system.read_only();
  file_system.set_read_only(read_only);
  if (!read_only || before) return {};
  for (auto& mount : mounts_) {
    if (&mount.root().inode().file_system() != &file_system || !mount.has_writers()) continue;
    file_system.set_read_only(false);
    return std::unexpected(Errno::Busy);
  }
  return {};
}

}  // namespace vari::linux
