// devtmpfs: the one file system of device nodes, mounted at /dev. A tmpfs that outlives its mounts.
#pragma once

#include "personalities/linux/filesystems/tmpfs.h"

namespace vari::linux {

class Devfs final : public Tmpfs {
 public:
  explicit Devfs(Vfs& vfs) : Tmpfs(vfs, {.root_mode = 0755}) {}
  std::string_view type() const override { return "devtmpfs"; }
  bool ends_with_last_mount() const override { return false; }

  /// The root, with the links that programs expect (fd, stdin…).
  static LinuxResult<Ref<Dentry>> create(Vfs& vfs);
  /// The root that create() made.
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view options);
};

}  // namespace vari::linux
