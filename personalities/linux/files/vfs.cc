// The file side at start-up: the root, the standard mounts, the devices that every system has.
#include "personalities/linux/files/vfs.h"

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/unpack.h"
#include "personalities/linux/filesystems/devfs.h"
#include "personalities/linux/filesystems/memory_devices.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/filesystems/sysfs.h"
#include "personalities/linux/filesystems/tmpfs.h"

namespace vari::linux {

namespace {

constexpr FileSystemType kTypes[] = {
    {"sysfs", false, &Sysfs::mount},    {"tmpfs", false, &Tmpfs::mount}, {"proc", false, &Procfs::mount},
    {"devtmpfs", false, &Devfs::mount}, {"ramfs", false, &Tmpfs::mount},
};

}  // namespace

Vfs::Vfs(Personality& personality, Place& place, FrameReferences& frames)
    : personality_(personality), place_(place), frames_(frames) {}

Vfs::~Vfs() {
  if (device_root_) Dentry::tear_down(*device_root_);
  delete memory_devices_;
}

std::span<const FileSystemType> Vfs::types() {
  return kTypes;
}

LinuxResult<> Vfs::start() {
  anonymous_ = TRY(runtime::make<AnonymousFileSystem>(*this));
  memory_files_ = TRY(runtime::make<Tmpfs>(*this, Tmpfs::Options()));
  memory_devices_ = TRY(runtime::make_owned<MemoryDevices>(place_)).leak();
  TRY(mounts_.set_root(TRY(Tmpfs::create(*this, {.root_mode = 0755})), "tmpfs"));
  device_root_ = TRY(Devfs::create(*this));
  return memory_devices_->start(*this);
}

LinuxResult<Ref<Dentry>> Vfs::ensure(Dentry& directory, std::string_view name, const NewInode& description) {
  Inode& inode = directory.inode();
  runtime::Guard guard(inode.mutex());
  if (auto found = directory.find(name)) return found;
  auto dentry = TRY(Dentry::create(directory, nullptr, name));
  dentry->set_inode(TRY(inode.create(description)));
  directory.attach(dentry);
  return dentry;
}

LinuxResult<Ref<Inode>> Vfs::new_memory_file(const NewInode& description) {
  return TmpfsInode::create(static_cast<Tmpfs&>(*memory_files_), description);
}

LinuxResult<> Vfs::add_device_node(std::string_view name, FileKind kind, u32 mode, u64 device) {
  TRY(make_device_node(name, {.kind = kind, .mode = mode, .device = device}));
  return {};
}

LinuxResult<Ref<Dentry>> Vfs::make_device_node(std::string_view name, const NewInode& node) {
  Ref<Dentry> directory = device_root_;
  for (auto slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    directory = TRY(ensure(*directory, name.substr(0, slash), {.kind = FileKind::Directory, .mode = 0755}));
    if (!directory->inode().is(FileKind::Directory)) return std::unexpected(Errno::NotDirectory);
    name.remove_prefix(slash + 1);
  }
  return ensure(*directory, name, node);
}

void Vfs::remove_device_node(Dentry& node) {
  const Ref<Dentry> directory = node.parent();
  Inode& inode = directory->inode();
  runtime::Guard guard(inode.mutex());
  if (node.removed() || node.is_root()) return;
  if (inode.remove(node.inode())) directory->detach(node);
}

LinuxResult<> Vfs::unpack_root(std::span<const u8> archive, const ArchiveReader& reader) {
  Unpacker unpacker(*root().dentry);
  const auto done = reader.read(archive, unpacker);
  if (done) return {};
  if (const auto cause = unpacker.error()) return std::unexpected(*cause);
  return std::unexpected(to_errno(done.error()));
}

LinuxResult<> Vfs::mount_standard() {
  struct Standard {
    std::string_view name, source;
    u32 mode, flags;
    LinuxResult<Ref<Dentry>> (*mount)(Vfs& vfs, std::string_view options);
  };
  static constexpr u32 kHarmless = Mount::kNoSetId | Mount::kNoDevices;
  static constexpr Standard kStandard[] = {
      {"dev", "devtmpfs", 0755, Mount::kNoSetId, &Devfs::mount},
      {"proc", "proc", 0555, kHarmless | Mount::kNoExecute, &Procfs::mount},
      {"sys", "sysfs", 0555, kHarmless | Mount::kNoExecute, &Sysfs::mount},
      {"tmp", "", 01777, 0, nullptr},
      {"root", "", 0700, 0, nullptr},
  };
  const Path top = root();
  for (const auto& standard : kStandard) {
    auto directory =
        TRY(ensure(*top.dentry, standard.name, {.kind = FileKind::Directory, .mode = standard.mode}));
    if (!standard.mount) continue;
    // An archive may have put something else there; then that stays.
    if (!directory->inode().is(FileKind::Directory)) continue;
    TRY(mounts_.add(Path(top.mount, directory), TRY(standard.mount(*this, {})), standard.flags,
                    standard.source));
  }
  return {};
}

}  // namespace vari::linux
