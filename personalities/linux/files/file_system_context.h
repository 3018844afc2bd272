// Where a task stands in the tree: root, current directory, umask. Shared by tasks cloned with CLONE_FS.
#pragma once

#include "personalities/linux/errno.h"
#include "personalities/linux/files/path.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class FileSystemContext final : public runtime::Managed {
 public:
  static LinuxResult<Ref<FileSystemContext>> create(const Path& root);
  /// A copy for fork.
  LinuxResult<Ref<FileSystemContext>> clone();

  Path root() EXCLUDES(lock_);
  Path current_directory() EXCLUDES(lock_);
  void set_root(Path root) EXCLUDES(lock_);
  void set_current_directory(Path directory) EXCLUDES(lock_);
  /// pivot_root: whoever stood at `from` stands at `to`.
  void replace(const Path& from, const Path& to) EXCLUDES(lock_);

  u32 mask() const { return __atomic_load_n(&mask_, __ATOMIC_RELAXED); }
  /// The previous one.
  u32 set_mask(u32 mask) { return __atomic_exchange_n(&mask_, mask & 0777, __ATOMIC_RELAXED); }

 private:
  FileSystemContext(Path root, Path current_directory, u32 mask);
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);

  runtime::SpinLock lock_;
  Path root_ GUARDED_BY(lock_);
  Path current_directory_ GUARDED_BY(lock_);
  u32 mask_ = 022;
};

}  // namespace vari::linux
