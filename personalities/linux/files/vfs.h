// All of the file side of one personality: mounts, devices, and what is served once for all files.
#pragma once

#include "interfaces/archive.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/device_registry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/lock_waits.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

class FrameReferences;  // memory/frame_references.h
class MemoryDevices;    // filesystems/memory_devices.h
class Personality;      // personality.h
struct StandardMount;   // vfs.cc

class Vfs final : public runtime::Allocated {
 public:
  Vfs(Personality& personality, Place& place, FrameReferences& frames);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  /// Mounts what the kernel brings, or (null) an empty tmpfs, as root, and prepares /dev's file system.
  /// Before anything else.
  LinuxResult<> start(const RootFileSystem* brought);
  /// Copies an archive into the root (files/unpack.h); its bytes are not needed afterwards.
  LinuxResult<> unpack_root(std::span<const u8> archive, const ArchiveReader& reader);
  /// Makes and mounts what programs expect: /dev, /proc, /sys, /tmp.
  LinuxResult<> mount_standard();

  Path root() { return mounts_.root(); }
  Personality& personality() { return personality_; }
  Place& place() { return place_; }
  FrameReferences& frames() { return frames_; }
  DeviceRegistry& devices() { return devices_; }
  MountTable& mounts() { return mounts_; }
  /// Guards which epoll sets watch which files.
  runtime::Mutex& epoll_mutex() RETURN_CAPABILITY(epoll_mutex_) { return epoll_mutex_; }
  runtime::Mutex& rename_mutex() RETURN_CAPABILITY(rename_mutex_) { return rename_mutex_; }
  LockWaits& lock_waits() { return lock_waits_; }
  /// What pipes, eventfds and other nameless inodes belong to.
  FileSystem& anonymous() { return *anonymous_; }
  /// A regular file without a name (memfd_create).
  LinuxResult<Ref<Inode>> new_memory_file(const NewInode& description);
  /// A node in /dev ("null", "pts/3"), at any time; one that is there already stays as it is.
  LinuxResult<> add_device_node(std::string_view name, FileKind kind, u32 mode, u64 device);
  LinuxResult<Ref<Dentry>> make_device_node(std::string_view name, const NewInode& node);
  /// Takes its name away, if it still has one. Never allocates.
  void remove_device_node(Dentry& node);
  Ref<Dentry> device_root() { return device_root_; }
  /// The directory of message queues, made by the first call (filesystems/queue_fs.h).
  LinuxResult<Ref<Dentry>> queue_root(LinuxResult<Ref<Dentry>> (*make)(Vfs& vfs));
  /// Kinds of file systems, for mount(2) and /proc/filesystems: those that are always there, and what the
  /// kernel has selected.
  static std::span<const FileSystemType> own_types();
  std::span<const FileSystemType> selected_types();
  const FileSystemType* find_type(std::string_view name);

  // Changes of kept trees without a task and its permissions: at start.
  /// The object named `name` in `directory`, made if it is not there.
  static LinuxResult<Ref<Dentry>> ensure(Dentry& directory, std::string_view name,
                                         const NewInode& description);
  i64 realtime_ns() { return static_cast<i64>(place_.realtime_ns()); }
  /// A frame of the place; for its sake pages that can be had again are given up. OutOfMemory.
  Result<Frame> allocate_frame();
  Result<Frame> allocate_frame_uncleared();
  /// Gives back about `pages` frames that file systems keep only to be fast; how many.
  u64 reclaim(u64 pages);
  /// sync(2). The first error of all.
  LinuxResult<> synchronise();
  u32 new_device_minor() { return __atomic_add_fetch(&last_minor_, 1, __ATOMIC_RELAXED); }

 private:
  LinuxResult<> mount_standard(const StandardMount& standard);
  LinuxResult<Ref<Dentry>> standard_directory(std::string_view name, u32 mode, bool to_mount_on);

  Personality& personality_;
  Place& place_;
  FrameReferences& frames_;
  DeviceRegistry devices_;
  MountTable mounts_;
  runtime::Mutex rename_mutex_;  // orders all renames that move directories, and path reports
  runtime::Mutex epoll_mutex_;
  LockWaits lock_waits_;
  Ref<FileSystem> anonymous_, memory_files_;
  Ref<Dentry> device_root_;
  MemoryDevices* memory_devices_ = nullptr;  // owned
  runtime::Mutex queue_mutex_;
  Ref<Dentry> queue_root_ GUARDED_BY(queue_mutex_);
  u32 last_minor_ = 0;
};

}  // namespace vari::linux
