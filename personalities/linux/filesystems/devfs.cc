// See devfs.h.
#include "personalities/linux/filesystems/devfs.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

LinuxResult<Ref<Dentry>> Devfs::create(Vfs& vfs) {
  struct Link {
    std::string_view name, target;
  };
  static constexpr Link kLinks[] = {
      {"fd", "/proc/self/fd"},
      {"stdin", "/proc/self/fd/0"},
      {"stdout", "/proc/self/fd/1"},
      {"stderr", "/proc/self/fd/2"},
  };
  auto devfs = TRY(runtime::make<Devfs>(vfs));
  auto root = TRY(
      Dentry::create_root(TRY(TmpfsInode::create(*devfs, {.kind = FileKind::Directory, .mode = 0755})), "/"));
  for (const auto& link : kLinks) {
    TRY(Vfs::ensure(*root, link.name,
                    {.kind = FileKind::SymbolicLink, .mode = 0777, .link_target = link.target}));
  }
  TRY(Vfs::ensure(*root, "shm", {.kind = FileKind::Directory, .mode = 01777}));
  TRY(Vfs::ensure(*root, "mqueue", {.kind = FileKind::Directory, .mode = 01777}));
  TRY(Vfs::ensure(*root, "pts", {.kind = FileKind::Directory, .mode = 0755}));
  return root;
}

LinuxResult<Ref<Dentry>> Devfs::mount(Vfs& vfs, std::string_view) {
  return vfs.device_root();
}

}  // namespace vari::linux
