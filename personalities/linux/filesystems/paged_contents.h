// The bytes of a regular file as pages: what tmpfs's files, which are nothing else, and those of a served
// folder, of which the pages are a copy, have in common. Programs map the very same frames.
//
// Locks: contents_lock_ is held over a whole read or write, and user memory may fault under it; so page()
// takes pages_mutex_ alone, which is never held while user memory is touched.
#pragma once

#include "personalities/linux/files/file.h"
#include "personalities/linux/filesystems/page_tree.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Vfs;

class PagedContents : public MemoryObject {
 public:
  static constexpr u64 kMaximumSize = PageTree::kMaximumPages * kPageBytes - kPageBytes;

  u64 size() const { return __atomic_load_n(&size_, __ATOMIC_RELAXED); }
  u64 page_count() const { return __atomic_load_n(&page_count_, __ATOMIC_RELAXED); }
  LinuxResult<u64> read(Transfer& to, u64 offset) EXCLUDES(contents_lock_, pages_mutex_);
  void resident(u64 first, std::span<Frame> frames) override EXCLUDES(pages_mutex_);

 protected:
  static constexpr u32 kBatch = 16;
  static constexpr u64 pages_of(u64 bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

  explicit PagedContents(Vfs& vfs) : vfs_(vfs) {}

  /// For read(): the frames of the pages from `first` on, with Frame{} for holes; how many of `frames`, at
  /// least one. They stay until fetched() is told.
  virtual LinuxResult<u32> fetch(u64 first, std::span<Frame> frames) EXCLUDES(pages_mutex_) = 0;
  virtual void fetched(std::span<const Frame>) {}

  /// The index must be a hole. NoMemory: nothing has changed, and the frame is still the caller's.
  LinuxResult<> insert_locked(u64 index, Frame frame) REQUIRES(pages_mutex_);
  /// Takes the pages [first, end) out; how many there were.
  u64 drop_pages_locked(u64 first, u64 end) REQUIRES(pages_mutex_);
  /// Gives one page's frame up.
  void drop_page_locked(u64 index) REQUIRES(pages_mutex_);
  /// Zeros within one page, if it is there.
  void clear_partial_locked(u64 offset, u64 bytes) REQUIRES(pages_mutex_);
  void set_size(u64 size) { __atomic_store_n(&size_, size, __ATOMIC_RELAXED); }
  Vfs& vfs() const { return vfs_; }
  u8* window(Frame frame) const;

  /// Readers of the contents share it; write and truncate exclude. Order: before pages_mutex_.
  runtime::ReadersWriterLock contents_lock_;
  runtime::Mutex pages_mutex_;
  PageTree pages_ GUARDED_BY(pages_mutex_);

 private:
  Vfs& vfs_;
  u64 size_ = 0, page_count_ = 0;  // atomic
};

}  // namespace vari::linux
