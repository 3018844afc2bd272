// See sysfs.h.
#include "personalities/linux/filesystems/sysfs.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

LinuxResult<Ref<Dentry>> Sysfs::mount(Vfs& vfs, std::string_view) {
  static constexpr std::string_view kDirectories[] = {"block",   "bus", "class", "dev",
                                                      "devices", "fs",  "kernel"};
  auto sysfs = TRY(runtime::make<Sysfs>(vfs));
  auto root = TRY(
      Dentry::create_root(TRY(TmpfsInode::create(*sysfs, {.kind = FileKind::Directory, .mode = 0555})), "/"));
  for (const auto name : kDirectories) {
    const auto made = Vfs::ensure(*root, name, {.kind = FileKind::Directory, .mode = 0555});
    if (made) continue;
    Dentry::tear_down(*root);  // names hold each other
    return std::unexpected(made.error());
  }
  return root;
}

}  // namespace vari::linux
