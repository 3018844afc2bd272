// Mounts: which tree hangs where. One table a personality (one mount namespace).
#pragma once

#include <boost/intrusive/list.hpp>
#include <string_view>

#include "personalities/linux/errno.h"
#include "personalities/linux/files/path.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class Dentry;
class FileSystem;

class Mount final : public runtime::Managed {
 public:
  // Linux's mount flags.
  static constexpr u32 kReadOnly = 1, kNoSetId = 2, kNoDevices = 4, kNoExecute = 8, kRemount = 32,
                       kNoAccessTime = 1024, kBind = 4096, kMove = 8192, kRecursive = 16384,
                       kRelativeAccessTime = 1 << 21;

  /// The top of the mounted tree.
  Dentry& root() const { return *root_; }
  u32 flags() const { return __atomic_load_n(&flags_, __ATOMIC_RELAXED); }
  bool read_only() const { return flags() & kReadOnly; }
  u32 id() const { return id_; }
  /// Open files that may write through it: they keep it from becoming read-only.
  void change_writers(int change) { __atomic_fetch_add(&writers_, change, __ATOMIC_RELAXED); }
  bool has_writers() const { return __atomic_load_n(&writers_, __ATOMIC_RELAXED) != 0; }
  /// The first word of /proc/mounts' line ("tmpfs", "/dev/vda"…).
  std::string_view source() const { return {source_, source_length_}; }

 private:
  friend class MountTable;
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);
  Mount(Ref<Dentry> root, u32 flags, u32 id, std::string_view source);
  ~Mount() override;
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  Ref<Dentry> root_;
  u32 flags_;
  u32 writers_ = 0;  // atomic
  const u32 id_;
  char source_[64];
  std::size_t source_length_;
  // Guarded by the table's lock:
  Ref<Mount> parent_;  // null: the root mount, or detached
  Ref<Dentry> mount_point_;
  Hook hook_;
  bool attached_ = false;
  bool expires_ = false;  // MNT_EXPIRE has asked once
  u32 copied_from_ = 0;   // the id of the mount that a recursive bind is making it of
};

class MountTable {
 public:
  static constexpr u32 kMaximumMounts = 100'000;

  MountTable() = default;
  ~MountTable();

  Path root();
  /// The very first mount.
  LinuxResult<> set_root(Ref<Dentry> root, std::string_view source);
  /// Mounts `tree` on the directory (or file) `at`, above what may be mounted there already.
  LinuxResult<> add(const Path& at, const Ref<Dentry>& tree, u32 flags, std::string_view source,
                    u32 copied_from = 0);
  /// `at` is the root of a mount, and the caller's only reference to it. Busy if others are mounted within
  /// it, or it is in use and the removal is not lazy.
  LinuxResult<> remove(const Path& at, bool lazy);
  /// MNT_EXPIRE: Again the first time.
  LinuxResult<> expire(const Path& at);
  /// Shows the tree at `from` at `at`, too; `recursive`: with what is mounted in it (mount_copies.cc).
  LinuxResult<> bind(const Path& from, const Path& at, bool recursive);
  LinuxResult<> remount(const Path& at, u32 flags);
  /// pivot_root(2): `new_root`, a mount below the caller's `root`, takes its place, and that is mounted on
  /// `put_old`, below the new one. Busy where either is of the old root's own mount; Invalid.
  LinuxResult<> pivot(const Path& root, const Path& new_root, const Path& put_old);
  LinuxResult<> move(const Path& from, const Path& to);

  /// The root of what is mounted on `path` (topmost), or `path` itself.
  Path cross_down(Path path);
  /// If `path` is the root of a mount: the place that it is mounted on; else, or at the very top: nothing.
  Path cross_up(const Path& path);
  /// Mounts in order of mounting, for /proc/mounts: the first with id > `after`, or null.
  struct Listed {
    Ref<Mount> mount;
    Path at;  // its root
  };
  Listed next(u32 after);

 private:
  using Mounts =
      boost::intrusive::list<Mount, boost::intrusive::member_hook<Mount, Mount::Hook, &Mount::hook_>,
                             boost::intrusive::constant_time_size<false>>;
  /// The first mount with an id between the two that is mounted in the mount `id`, below `top` if given.
  Ref<Mount> next_mounted_in(u32 id, u32 after, u32 before, Dentry* top, Ref<Dentry>& point);
  Ref<Mount> next_copy(u32 after);
  LinuxResult<> attach(const Path& at, Ref<Dentry> tree, u32 flags, std::string_view source, u32 copied_from);
  Mount* find_locked(const Mount* parent, const Dentry* at) REQUIRES(lock_);
  void attach_locked(Mount& mount, const Path& at) REQUIRES(lock_);
  /// Whether a walk up from `mount` comes to `top`.
  bool is_within_locked(const Mount& mount, const Mount& top) const REQUIRES(lock_);

  runtime::SpinLock lock_;
  Mounts mounts_ GUARDED_BY(lock_);  // each holds a reference
  u32 last_id_ = 0;                  // atomic
  Ref<Mount> root_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
