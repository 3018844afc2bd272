// Mounts: which tree hangs where. One table a personality (one mount namespace). Beside the tree that
// programs see, the table holds detached ones (fsmount(2), open_tree(2)): mounts without a place, that files
// hold.
#pragma once

#include <boost/intrusive/list.hpp>
#include <string_view>

#include "personalities/linux/errno.h"
#include "personalities/linux/files/path.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Dentry;
class FileSystem;

class Mount final : public runtime::Managed {
 public:
  // Linux's mount flags.
  static constexpr u32 kReadOnly = 1, kNoSetId = 2, kNoDevices = 4, kNoExecute = 8, kRemount = 32,
                       kNoLinkFollow = 256, kNoAccessTime = 1024, kNoDirectoryAccessTime = 2048, kBind = 4096,
                       kMove = 8192, kRecursive = 16384, kRelativeAccessTime = 1 << 21,
                       kStrictAccessTime = 1 << 24;
  static constexpr u32 kAccessTimes = kNoAccessTime | kRelativeAccessTime | kStrictAccessTime;
  /// What a mount keeps of them.
  static constexpr u32 kKept =
      kReadOnly | kNoSetId | kNoDevices | kNoExecute | kNoLinkFollow | kAccessTimes | kNoDirectoryAccessTime;

  /// The top of the mounted tree.
  Dentry& root() const { return *root_; }
  u32 flags() const { return __atomic_load_n(&flags_, __ATOMIC_RELAXED) & ~kFrozen; }
  /// It, or its file system.
  bool read_only() const;
  u32 id() const { return id_; }
  /// Open files that may write through it: they keep it from becoming read-only.
  /// Order: a writer counts itself, then asks read_only(); whoever wants it read-only says so, then counts.
  void change_writers(int change) { __atomic_fetch_add(&writers_, change, __ATOMIC_SEQ_CST); }
  bool has_writers() const { return __atomic_load_n(&writers_, __ATOMIC_SEQ_CST) != 0; }
  /// The first word of /proc/mounts' line ("tmpfs", "/dev/vda"…).
  std::string_view source() const { return {source_, source_length_}; }

 private:
  friend class MountTable;
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);
  Mount(Ref<Dentry> root, u32 flags, std::string_view source);
  ~Mount() override;
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  static constexpr u32 kFrozen = 1u << 31;  // is to become read-only, if nobody writes
  void set_flags(u32 flags) { __atomic_store_n(&flags_, flags, __ATOMIC_SEQ_CST); }

  Ref<Dentry> root_;
  u32 flags_;        // atomic; changed under the table's lock
  u32 writers_ = 0;  // atomic
  u32 id_ = 0;       // given by the table, once, before anybody sees it
  char source_[64];
  std::size_t source_length_;
  // Guarded by the table's lock:
  Ref<Mount> parent_;  // null: the root mount, or the top of a detached tree
  Ref<Dentry> mount_point_;
  Hook hook_;
  bool attached_ = false;  // in the table
  bool expires_ = false;   // MNT_EXPIRE has asked once
  u32 copied_from_ = 0;    // the id of the mount that a recursive bind is making it of
};

class MountTable {
 public:
  static constexpr u32 kMaximumMounts = 100'000;  // at a time

  MountTable() = default;
  ~MountTable();

  Path root();
  /// The very first mount.
  LinuxResult<> set_root(Ref<Dentry> root, std::string_view source);
  /// Mounts `tree` on the directory (or file) `at`, above what may be mounted there already.
  LinuxResult<> add(const Path& at, const Ref<Dentry>& tree, u32 flags, std::string_view source);
  /// `at` is the root of a mount, and the caller's only reference to it. Busy if others are mounted within
  /// it, or it is in use; a lazy removal takes all of them, and lets users finish.
  LinuxResult<> remove(const Path& at, bool lazy);
  /// MNT_EXPIRE: Again the first time.
  LinuxResult<> expire(const Path& at);
  /// Shows the tree at `from` at `at`, too; `recursive`: with what is mounted in it (mount_copies.cc).
  LinuxResult<> bind(const Path& from, const Path& at, bool recursive);
  /// `at` is the root of a mount that somebody sees, or of a detached tree: sets and clears flags,
  /// `recursive`: of all that is mounted in it, too. All of them or none. Busy where files are open for
  /// writing.
  LinuxResult<> change_flags(const Path& at, u32 clear, u32 set, bool recursive);
  /// A whole file system. Busy likewise.
  LinuxResult<> set_read_only(FileSystem& file_system, bool read_only);

  // Detached trees. Who gets one ends it by dissolve().
  LinuxResult<Ref<Mount>> make_detached(const Ref<Dentry>& tree, u32 flags, std::string_view source);
  LinuxResult<Ref<Mount>> copy_detached(const Path& from, bool recursive) EXCLUDES(copy_mutex_);
  /// Unmounts all of the tree below `top`, unless it has been moved to a place. Never allocates.
  void dissolve(Mount& top);

  /// pivot_root(2): `new_root`, a mount below the caller's `root`, takes its place, and that is mounted on
  /// `put_old`, below the new one. Busy where either is of the old root's own mount; Invalid.
  LinuxResult<> pivot(const Path& root, const Path& new_root, const Path& put_old);
  /// A mount, or a detached tree.
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
  LinuxResult<Ref<Mount>> make(const Ref<Dentry>& tree, u32 flags, std::string_view source, u32 copied_from);
  LinuxResult<> copy_below(Mount& first, Dentry* top) REQUIRES(copy_mutex_);
  LinuxResult<> attach_copy(const Path& at, Mount& original) REQUIRES(copy_mutex_);
  /// Puts a listed mount without a place on top of what is at `at`.
  LinuxResult<> attach(Mount& mount, const Path& at);
  /// What the table held of a mount: to be released outside the lock.
  struct Unlisted {
    Ref<Mount> mount, parent;
    Ref<Dentry> mount_point;
  };
  Unlisted unlist_locked(Mount& mount) REQUIRES(lock_);
  void list_locked(Ref<Mount> mount) REQUIRES(lock_);
  LinuxResult<> check_place_locked(const Path& place) const REQUIRES(lock_);
  /// Whether programs can come to it from the root.
  bool is_visible_locked(const Mount& mount) const REQUIRES(lock_);
  /// Visible, or the top of a detached tree.
  bool is_whole_locked(const Mount& mount) const REQUIRES(lock_);
  Mount* child_locked(const Mount& mount) REQUIRES(lock_);
  Mount* find_locked(const Mount* parent, const Dentry* at) REQUIRES(lock_);
  void attach_locked(Mount& mount, const Path& at) REQUIRES(lock_);
  /// Whether a walk up from `mount` comes to `top`.
  bool is_within_locked(const Mount& mount, const Mount& top) const REQUIRES(lock_);

  runtime::Mutex copy_mutex_;  // one recursive copy at a time: copies say there what they are of
  runtime::SpinLock lock_;
  Mounts mounts_ GUARDED_BY(lock_);  // each holds a reference
  u32 count_ GUARDED_BY(lock_) = 0;
  u32 last_id_ GUARDED_BY(lock_) = 0;  // never used again, so that the list is in their order
  Ref<Mount> root_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
