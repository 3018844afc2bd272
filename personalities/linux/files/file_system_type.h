// How mount(2) finds a kind of file system by name: a row of a constant table.
#pragma once

#include <string_view>

#include "base/reference.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

class Vfs;     // files/vfs.h
class Dentry;  // files/dentry.h

struct FileSystemType {
  std::string_view name;
  bool needs_device = false;
  /// The root dentry of a new instance (or of the only one, where there is only one).
  LinuxResult<Ref<Dentry>> (*mount)(Vfs& vfs, std::string_view options) = nullptr;
  /// Whether it knows "name" or "name=value" (fsconfig(2) asks for each alone). Invalid. Null: it knows none.
  LinuxResult<> (*check_option)(std::string_view option) = nullptr;
};

}  // namespace vari::linux
