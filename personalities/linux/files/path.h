// A place in the tree: a name (dentry) as seen through a mount. Two mounts of one file system share
// dentries, so that ".." and mount points need both.
#pragma once

#include "base/reference.h"

namespace vari::linux {

class Mount;   // files/mount.h
class Dentry;  // files/dentry.h
class Inode;   // files/inode.h

/// Copying takes references. `mount` is null for what has no place in the tree (pipes, sockets…).
struct Path {
  Ref<Mount> mount;
  Ref<Dentry> dentry;

  Path();
  Path(Ref<Mount> mount, Ref<Dentry> dentry);
  Path(const Path&);
  Path(Path&&) noexcept;
  ~Path();
  Path& operator=(Path) noexcept;
  bool operator==(const Path& other) const;
  explicit operator bool() const;
  /// The object that the name stands for. The dentry must be set.
  Inode& inode() const;
};

}  // namespace vari::linux
