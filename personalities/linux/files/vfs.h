// All of the file side of one personality: mounts, devices, and what is served once for all files.
#pragma once

#include "personalities/linux/files/device_registry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

class FrameReferences;  // memory/frame_references.h
class Personality;      // personality.h

class Vfs {
 public:
  Vfs(Personality& personality, Place& place, FrameReferences& frames);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  /// Mounts an empty tmpfs as root. Before anything else.
  LinuxResult<> start();
  /// Copies the archive into the root, then makes and mounts what programs expect there: /dev, /proc,
  /// /sys, /tmp. Malformed: a message has been logged.
  class UnpackResult;
  LinuxResult<> unpack_root(std::span<const u8> archive, const ArchiveReader& reader);
  LinuxResult<> mount_standard();

  Path root() { return mounts_.root(); }
  Personality& personality() { return personality_; }
  Place& place() { return place_; }
  FrameReferences& frames() { return frames_; }
  DeviceRegistry& devices() { return devices_; }
  MountTable& mounts() { return mounts_; }
  runtime::Mutex& rename_mutex() RETURN_CAPABILITY(rename_mutex_) { return rename_mutex_; }
  /// What pipes, eventfds and other nameless inodes belong to.
  FileSystem& anonymous() { return *anonymous_; }
  /// /dev's file system: device nodes can be added at any time.
  LinuxResult<> add_device_node(std::string_view name, FileKind kind, u32 mode, u64 device);
  i64 realtime_ns() { return static_cast<i64>(place_.realtime_ns()); }
  u32 new_device_minor() { return __atomic_add_fetch(&last_minor_, 1, __ATOMIC_RELAXED); }

 private:
  Personality& personality_;
  Place& place_;
  FrameReferences& frames_;
  DeviceRegistry devices_;
  MountTable mounts_;
  runtime::Mutex rename_mutex_;  // orders all renames that move directories, and path reports
  Ref<FileSystem> anonymous_;
  Ref<Dentry> device_root_;
  u32 last_minor_ = 0;
};

}  // namespace vari::linux
