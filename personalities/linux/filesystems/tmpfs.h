// tmpfs: files in memory. A directory's names are its dentries; a file's pages are frames of the place,
// shared with whoever maps them, so that mmap and read see the same bytes.
#pragma once

#include "personalities/linux/files/file_system.h"
#include "personalities/linux/filesystems/paged_contents.h"

namespace vari::linux {

class Tmpfs : public FileSystem {
 public:
  struct Options {
    u64 maximum_bytes = 0;   // 0: half of the machine's memory
    u64 maximum_inodes = 0;  // 0: as many as memory holds
    u32 root_mode = 01777, root_user = 0, root_group = 0;
    /// Mount options over what is there. Invalid.
    LinuxResult<> parse(std::string_view text, u64 memory_bytes);
  };
  /// The root dentry of a new, empty instance. `text`: mount options (size=…, mode=…).
  static LinuxResult<Ref<Dentry>> create(Vfs& vfs, const Options& options);
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view text);
  static LinuxResult<> check_option(std::string_view option);

  std::string_view type() const override { return "tmpfs"; }
  FileSystemStatistics statistics() override;
  bool has_handles() const override { return true; }

  /// NoSpace at the limit, or where only the reserve for other things is left.
  LinuxResult<> charge(u64 pages);
  void uncharge(u64 pages);
  LinuxResult<> reconfigure(std::string_view options) override;
  LinuxResult<> charge_inode();
  void uncharge_inode() { __atomic_fetch_sub(&inodes_, 1, __ATOMIC_RELAXED); }

  Tmpfs(Vfs& vfs, const Options& options);

 private:
  friend class TmpfsInode;
  u64 maximum_pages() const { return __atomic_load_n(&maximum_pages_, __ATOMIC_RELAXED); }
  u64 maximum_inodes() const { return __atomic_load_n(&maximum_inodes_, __ATOMIC_RELAXED); }
  u64 maximum_pages_, maximum_inodes_;  // atomic: remounting changes them
  const u64 reserve_pages_;
  u64 pages_ = 0;   // atomic
  u64 inodes_ = 0;  // atomic
};

/// The bytes of a regular file: held by its inode, and by mappings, which may outlive it.
class TmpfsContents final : public PagedContents {
 public:
  explicit TmpfsContents(Tmpfs& tmpfs) : PagedContents(tmpfs.vfs()), tmpfs_(tmpfs) {}
  ~TmpfsContents() override;

  /// `append`: at the end. `end` receives the position behind what was written.
  LinuxResult<u64> write(Transfer& from, u64 offset, bool append, u64& end, u64 limit);
  LinuxResult<> truncate(u64 size);
  LinuxResult<> allocate_range(u64 offset, u64 bytes, bool keep_size);
  LinuxResult<> punch_hole(u64 offset, u64 bytes);
  LinuxResult<u64> seek_data(u64 offset, bool hole);
  LinuxResult<Frame> page(u64 index, bool for_write) override;
  LinuxResult<> check_mapping(bool shared, bool write, bool& may_write) override;

  /// Seals: what is said once of the contents holds for all who have them (fcntl(2): F_ADD_SEALS).
  static constexpr u32 kSealSeal = 1, kSealShrink = 2, kSealGrow = 4, kSealWrite = 8, kSealFutureWrite = 16,
                       kAllSeals = 31;
  u32 seals() const { return __atomic_load_n(&seals_, __ATOMIC_RELAXED); }
  /// Perm where seals are sealed; Busy where somebody could still write through a mapping.
  LinuxResult<> add_seals(u32 seals) EXCLUDES(contents_lock_);
  /// Before anybody else has it.
  void allow_seals() { seals_ = 0; }

 private:
  /// Perm where a seal stands against a change of size, or of bytes.
  LinuxResult<> check_resize(u64 size) const;
  LinuxResult<> check_write() const;
  LinuxResult<u32> fetch(u64 first, std::span<Frame> frames) override;
  /// The page, made if it is a hole.
  LinuxResult<Frame> writable_page(u64 index) EXCLUDES(pages_mutex_);
  LinuxResult<Frame> writable_page_locked(u64 index) REQUIRES(pages_mutex_);
  void drop_pages(u64 first, u64 end) EXCLUDES(pages_mutex_);
  LinuxResult<u64> write_pages(Transfer& from, u64 offset, u64 bytes) REQUIRES(contents_lock_);

  /// Some program has had a page of it: only then cutting has to look for mappings.
  bool was_mapped() const { return __atomic_load_n(&was_mapped_, __ATOMIC_RELAXED); }

  Ref<Tmpfs> tmpfs_;
  bool was_mapped_ = false;
  u32 seals_ = kSealSeal;  // atomic; changed under contents_lock_
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

  LinuxResult<Ref<Inode>> create(std::string_view name, const NewInode& description) override;
  LinuxResult<Ref<Inode>> create_nameless(const NewInode& description) override;
  LinuxResult<> link(std::string_view name, Inode& existing) override;
  LinuxResult<> remove(std::string_view name, Inode& child) override;
  LinuxResult<> rename(const Renaming& renaming) override;
  LinuxResult<ExtendedAttributes*> extended_attributes(bool make) override;

  /// Of regular files.
  TmpfsContents& contents() const { return *contents_; }
  /// A symbolic link's text.
  std::string_view target() const { return {target_, target_ ? Inode::size() : 0}; }
  // For unpacking: no task.
  LinuxResult<> append(std::span<const u8> bytes);
  using Inode::set_times;

 private:
  Tmpfs& tmpfs() const { return static_cast<Tmpfs&>(file_system()); }
  /// The counts of a move of `child` from here to `to`.
  void count_move(Inode& child, TmpfsInode& to);
  Ref<TmpfsContents> contents_;
  char* target_ = nullptr;
  ExtendedAttributes* extended_ = nullptr;  // owned; made by the first that is set
};

}  // namespace vari::linux
