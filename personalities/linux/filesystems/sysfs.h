// /sys: an empty tree with the directories that programs look for.
#pragma once

#include "personalities/linux/filesystems/tmpfs.h"

namespace vari::linux {

class Sysfs final : public Tmpfs {
 public:
  explicit Sysfs(Vfs& vfs) : Tmpfs(vfs, {.root_mode = 0555}) {}
  std::string_view type() const override { return "sysfs"; }
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view options);
};

}  // namespace vari::linux
