// The descriptors of a process: numbers to open files. Shared by tasks cloned with CLONE_FILES; each
// task that uses a table holds exactly one reference, so that references() == 1 means that nobody else
// can change it during the only user's call.
#pragma once

#include "personalities/linux/files/file.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

/// A file during one call: counted only where someone else might close it meanwhile.
class BorrowedFile {
 public:
  BorrowedFile(File* file, bool counted) : file_(file), counted_(counted) {}
  BorrowedFile(BorrowedFile&& other) noexcept
      : file_(std::exchange(other.file_, nullptr)), counted_(other.counted_) {}
  BorrowedFile& operator=(BorrowedFile&&) = delete;
  ~BorrowedFile() {
    if (file_ && counted_) [[unlikely]]
      file_->release();
  }
  File* operator->() const { return file_; }
  File& operator*() const { return *file_; }

 private:
  File* file_;
  bool counted_;
};

class FileTable final : public runtime::Managed {
 public:
  /// The bound of RLIMIT_NOFILE's hard limit (Linux: fs.nr_open).
  static constexpr u32 kMaximum = 1 << 20;

  static LinuxResult<Ref<FileTable>> create();
  /// A copy for fork: descriptors that refer to the same descriptions.
  LinuxResult<Ref<FileTable>> clone();

  /// For the calling task's own table only. BadFile.
  LinuxResult<BorrowedFile> borrow(i64 descriptor) {
    if (references() == 1) [[likely]] {
      if (static_cast<u64>(descriptor) < capacity_ && slots_[descriptor].file) [[likely]]
        return BorrowedFile(slots_[descriptor].file, false);
      return std::unexpected(Errno::BadFile);
    }
    return borrow_shared(descriptor);
  }
  /// A reference to the file, from any thread. BadFile.
  LinuxResult<Ref<File>> get(i64 descriptor) EXCLUDES(lock_);
  /// Puts the file at the lowest free descriptor >= `from`. TooManyFiles at `limit`, NoMemory.
  LinuxResult<u32> add(Ref<File> file, bool close_on_exec, u64 limit, u32 from = 0) EXCLUDES(lock_);
  /// Two descriptors at once (pipe): both or none.
  struct Pair {
    u32 first, second;
  };
  LinuxResult<Pair> add_two(Ref<File> first, Ref<File> second, bool close_on_exec, u64 limit);
  /// dup2: at that very number; what was there is closed.
  LinuxResult<> replace(u32 descriptor, Ref<File> file, bool close_on_exec, u64 limit) EXCLUDES(lock_);
  /// Takes it out; the caller closes it by releasing. BadFile. Never allocates.
  LinuxResult<Ref<File>> remove(i64 descriptor) EXCLUDES(lock_);
  /// close(2): takes it out, drops the table's record locks on the file, and releases it.
  LinuxResult<> close(i64 descriptor) EXCLUDES(lock_);
  /// That add() would find room now; so that what can't be undone is not begun without. TooManyFiles,
  /// NoMemory.
  LinuxResult<> check_room(u64 limit) EXCLUDES(lock_);
  void close_all() EXCLUDES(lock_);
  /// execve.
  void close_on_exec() EXCLUDES(lock_);
  LinuxResult<bool> get_close_on_exec(i64 descriptor) EXCLUDES(lock_);
  LinuxResult<> set_close_on_exec(i64 descriptor, bool set) EXCLUDES(lock_);
  /// The first open descriptor >= `from`, or -1. For /proc/PID/fd and close_range.
  i64 next(u64 from) EXCLUDES(lock_);
  u32 capacity() EXCLUDES(lock_);

 private:
  struct Slot {
    File* file = nullptr;  // a reference
    bool close_on_exec = false;
  };
  ~FileTable() override;
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);
  FileTable() = default;
  LinuxResult<BorrowedFile> borrow_shared(i64 descriptor);
  /// What ends with a descriptor: the table's record locks on the file; perhaps the last way to reach it.
  void drop(Ref<File> file);
  /// Makes room for `descriptor`.
  LinuxResult<> grow(u64 descriptor) EXCLUDES(lock_);
  i64 lowest_free_locked(u64 from) const REQUIRES(lock_);

  runtime::SpinLock lock_;
  Slot* slots_ = nullptr;  // changed under lock_; read without it by the only user
  u32 capacity_ = 0;       // likewise
  u32 lowest_free_hint_ GUARDED_BY(lock_) = 0;
};

}  // namespace vari::linux
