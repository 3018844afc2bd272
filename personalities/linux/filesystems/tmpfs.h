// tmpfs: files in memory. A directory's names are its dentries; a file's pages are frames of the place,
// shared with whoever maps them, so that mmap and read see the same bytes.
#pragma once

#include "personalities/linux/files/file_system.h"
#include "personalities/linux/filesystems/page_tree.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Tmpfs : public FileSystem {
 public:
  struct Options {
    u64 maximum_bytes = 0;  // 0: half of the machine's memory
    u32 root_mode = 01777;
  };
  /// The root dentry of a new, empty instance. `text`: mount options (size=…, mode=…).
  static LinuxResult<Ref<Dentry>> create(Vfs& vfs, const Options& options);
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view text);

  std::string_view type() const override { return "tmpfs"; }
  FileSystemStatistics statistics() override;

  /// NoSpace at the limit, or where only the reserve for other things is left.
  LinuxResult<> charge(u64 pages);
  void uncharge(u64 pages);

  Tmpfs(Vfs& vfs, const Options& options);

 private:
  friend class TmpfsInode;
  const u64 maximum_pages_, reserve_pages_;
  u64 pages_ = 0;   // atomic
  u64 inodes_ = 0;  // atomic
};

/// The bytes of a regular file: held by its inode, and by mappings, which may outlive it.
class TmpfsContents final : public MemoryObject {
 public:
  explicit TmpfsContents(Tmpfs& tmpfs) : tmpfs_(tmpfs) {}
  ~TmpfsContents() override;

  u64 size() const { return __atomic_load_n(&size_, __ATOMIC_RELAXED); }
  u64 page_count() const { return __atomic_load_n(&page_count_, __ATOMIC_RELAXED); }
  LinuxResult<u64> read(Transfer& to, u64 offset);
  /// `append`: at the end. `end` receives the position behind what was written.
  LinuxResult<u64> write(Transfer& from, u64 offset, bool append, u64& end, u64 limit);
  LinuxResult<> truncate(u64 size);
  LinuxResult<> allocate_range(u64 offset, u64 bytes, bool keep_size);
  LinuxResult<> punch_hole(u64 offset, u64 bytes);
  LinuxResult<u64> seek_data(u64 offset, bool hole);
  LinuxResult<Frame> page(u64 index, bool for_write) override;

 private:
  static constexpr u32 kBatch = 16;
  /// The page, made if it is a hole.
  LinuxResult<Frame> writable_page(u64 index) EXCLUDES(pages_mutex_);
  LinuxResult<Frame> writable_page_locked(u64 index) REQUIRES(pages_mutex_);
  void drop_pages(u64 first, u64 end) EXCLUDES(pages_mutex_);
  void clear_partial(u64 offset, u64 bytes) EXCLUDES(pages_mutex_);
  LinuxResult<u64> write_pages(Transfer& from, u64 offset, u64 bytes) REQUIRES(contents_lock_);
  void set_size(u64 size) { __atomic_store_n(&size_, size, __ATOMIC_RELAXED); }

  Ref<Tmpfs> tmpfs_;
  /// Readers of the contents share it; write and truncate exclude. Not taken by page faults, since
  /// read() and write() may fault on their user's memory with it held. Order: before pages_mutex_.
  runtime::ReadersWriterLock contents_lock_;
  /// Held for a few page operations at a time, and never while user memory is touched.
  runtime::Mutex pages_mutex_;
  PageTree pages_ GUARDED_BY(pages_mutex_);
  u64 size_ = 0, page_count_ = 0;  // atomic
};

/// Any object of a tmpfs.
class TmpfsInode final : public Inode {
 public:
  static LinuxResult<Ref<Inode>> create(Tmpfs& tmpfs, const NewInode& description);
  TmpfsInode(Tmpfs& tmpfs, const NewInode& description);
  ~TmpfsInode() override;

  Attributes attributes() override;
  u64 size() const override { return contents_ ? contents_->size() : Inode::size(); }
  LinuxResult<Ref<File>> open(const OpenRequest& request) override;
  LinuxResult<> truncate(Task& task, u64 size) override;
  LinuxResult<u64> read_link(Task&, std::span<char> to) override;

  LinuxResult<Ref<Inode>> create(const NewInode& description) override;
  LinuxResult<> link(Inode& existing) override;
  LinuxResult<> remove(Inode& child) override;
  LinuxResult<> rename(Inode& child, Inode& to, Inode* replaced) override;

  /// Of regular files.
  TmpfsContents& contents() const { return *contents_; }
  /// A symbolic link's text.
  std::string_view target() const { return {target_, target_ ? Inode::size() : 0}; }
  // For unpacking: no task.
  LinuxResult<> append(std::span<const u8> bytes);
  using Inode::set_times;

 private:
  Tmpfs& tmpfs() const { return static_cast<Tmpfs&>(file_system()); }
  Ref<TmpfsContents> contents_;
  char* target_ = nullptr;
};

}  // namespace vari::linux
