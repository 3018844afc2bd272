// A mounted file system: what Linux calls a superblock.
#pragma once

#include <string_view>

#include "personalities/linux/files/file_system_type.h"
#include "personalities/linux/files/inode.h"

namespace vari::linux {

class Vfs;     // files/vfs.h
class Dentry;  // files/dentry.h

struct FileSystemStatistics {
  u64 magic = 0, block_bytes = kPageBytes, blocks = 0, free_blocks = 0, files = 0, free_files = 0;
  u64 memory_pages = 0;  // that its contents occupy, for /proc/meminfo
};

/// What a file system's dentries say of its directories.
enum class NamePolicy : u8 {
  Kept,         // all of it: a name that is not there does not exist (tmpfs)
  Asked,        // nothing: look_up() is asked each time, and nothing is kept (procfs)
  Revalidated,  // names change behind our back: look_up() is asked each time, and what is in use is kept
};

class FileSystem : public runtime::Managed {
 public:
  Vfs& vfs() const { return vfs_; }
  /// st_dev of its files.
  u64 device() const { return device_; }
  /// As /proc/mounts names it.
  virtual std::string_view type() const = 0;
  virtual FileSystemStatistics statistics() { return {}; }
  virtual NamePolicy names() const { return NamePolicy::Kept; }
  /// Inode::look_up() without a task, for the personality's own start: where names are not kept.
  virtual LinuxResult<Ref<Inode>> find(Inode&, std::string_view) { return std::unexpected(Errno::NoEntry); }
  /// False for those of which there is one only, and which must survive their last mount (devtmpfs).
  virtual bool ends_with_last_mount() const { return true; }
  /// How many mounts show it; the last one to go tears down the names.
  void add_mount() { __atomic_fetch_add(&mounts_, 1, __ATOMIC_RELAXED); }
  bool mounted() const { return __atomic_load_n(&mounts_, __ATOMIC_ACQUIRE) != 0; }
  /// Whether its objects can be found by number alone (name_to_handle_at(2)): names are Kept, numbers never
  /// used again.
  virtual bool has_handles() const { return false; }
  /// No mount shows it any longer: what is kept only in case that it is used again can go.
  virtual void on_last_unmount() {}
  /// Remounted with these options. Invalid.
  virtual LinuxResult<> reconfigure(std::string_view) { return {}; }
  /// sync(2): what programs have changed through mappings is where it belongs at return.
  virtual LinuxResult<> synchronise() { return {}; }
  /// Gives back up to about `pages` frames that can be had again from elsewhere; how many. Any thread, also
  /// with a memory map's lock held: takes no lock that it would have to wait for.
  virtual u64 reclaim(u64) { return 0; }
  bool drop_mount() { return __atomic_fetch_sub(&mounts_, 1, __ATOMIC_ACQ_REL) == 1; }
  /// For all of its mounts (MountTable::set_read_only()).
  bool read_only() const { return __atomic_load_n(&read_only_, __ATOMIC_SEQ_CST); }
  void set_read_only(bool read_only) { __atomic_store_n(&read_only_, read_only, __ATOMIC_SEQ_CST); }
  u64 new_inode_number() { return __atomic_add_fetch(&last_inode_, 1, __ATOMIC_RELAXED); }

 protected:
  explicit FileSystem(Vfs& vfs);

 private:
  Vfs& vfs_;
  const u64 device_;
  u64 last_inode_ = 0;
  u32 mounts_ = 0;
  bool read_only_ = false;  // atomic
};

/// A root file system that a kernel brings along. A seam, so that a kernel without one links none of it.
class RootFileSystem {
 public:
  /// The root dentry of a new instance. Called once, before the first program.
  virtual LinuxResult<Ref<Dentry>> make_root(Vfs& vfs) const = 0;
  /// As /proc/mounts names its source.
  virtual std::string_view source() const = 0;

 protected:
  ~RootFileSystem() = default;
};

}  // namespace vari::linux
