// Advisory locks: flock(2), which belong to open file descriptions, and record locks, which belong to
// processes (POSIX; here: descriptor tables) or to descriptions (F_OFD_SETLK). Kept at the inode, made when
// the first lock is taken.
#pragma once

#include <boost/intrusive/list.hpp>
#include <optional>

#include "personalities/linux/files/file.h"
#include "personalities/linux/files/inode.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class FileTable;

/// A range [begin, end] of a file; flock's locks are of all of it.
struct LockRange {
  u64 begin = 0, end = ~u64{0};
  bool exclusive = false;
  i32 pid = 0;  // for F_GETLK; -1: a description's
};

class FileLocks final : public runtime::Allocated {
 public:
  /// Takes or changes the description's lock. Again if `wait` is false and another has it.
  static LinuxResult<> lock_file(File& file, bool exclusive, bool wait);
  static void unlock_file(File& file);
  /// Likewise for a record lock, whose owner is a FileTable or, with range.pid -1, a File. Deadlock where
  /// tables would wait for each other; descriptions may.
  static LinuxResult<> lock_range(Inode& inode, const void* owner, const LockRange& range, bool wait);
  static LinuxResult<> unlock_range(Inode& inode, const void* owner, u64 begin, u64 end);
  /// The first lock of someone else that would keep `range` from being taken.
  static std::optional<LockRange> conflict(Inode& inode, const void* owner, const LockRange& range);

  /// Closing any descriptor of a file drops the table's record locks on it.
  static void release_owner(Inode& inode, FileTable& owner);
  static void release_file(File& file);
  static void destroy(Inode& inode);

 private:
  struct Lock : runtime::Allocated {
    const void* owner = nullptr;
    bool whole = false;  // flock's kind: does not meet the other kind
    LockRange range;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook;
  };
  using Locks =
      boost::intrusive::list<Lock, boost::intrusive::member_hook<Lock, decltype(Lock::hook), &Lock::hook>,
                             boost::intrusive::constant_time_size<false>>;
  /// Nodes made before the lock is taken: a change splits a range into at most two more.
  struct Spares;

  static FileLocks* of(Inode& inode) { return __atomic_load_n(&inode.locks_, __ATOMIC_ACQUIRE); }
  static LinuxResult<FileLocks*> make(Inode& inode);
  static LinuxResult<> take(Inode& inode, const void* owner, bool whole, const LockRange& range, bool wait);
  Lock* conflict_locked(const void* owner, bool whole, const LockRange& range) REQUIRES(mutex_);
  void clear_locked(const void* owner, bool whole, u64 begin, u64 end, Spares& spares) REQUIRES(mutex_);
  /// Takes the neighbours of the same owner and kind into `range`.
  void absorb_locked(const void* owner, bool whole, LockRange& range) REQUIRES(mutex_);
  /// All that the owner has of one kind goes. Never allocates.
  static void release_all(Inode& inode, const void* owner, bool whole);
  ~FileLocks();

  runtime::Mutex mutex_;
  Locks locks_ GUARDED_BY(mutex_);
  runtime::WaitQueue changed_;
  u32 generation_ = 0;  // atomic; counts releases
};

}  // namespace vari::linux
