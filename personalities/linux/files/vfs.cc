// The file side at start-up: the root, the standard mounts, the devices that every system has.
#include "personalities/linux/files/vfs.h"

#include <algorithm>

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/unpack.h"
#include "personalities/linux/filesystems/devfs.h"
#include "personalities/linux/filesystems/memory_devices.h"
#include "personalities/linux/filesystems/tmpfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

/// A folder that programs expect in the root, and what is mounted there.
struct StandardMount {
  std::string_view name, source;  // of what type, too
  u32 mode, flags;
};

namespace {

constexpr FileSystemType kTypes[] = {
    {"tmpfs", false, &Tmpfs::mount, &Tmpfs::check_option},
    {"devtmpfs", false, &Devfs::mount, &Tmpfs::check_option},
    {"ramfs", false, &Tmpfs::mount, &Tmpfs::check_option},
};

constexpr u32 kHarmless = Mount::kNoSetId | Mount::kNoDevices;
constexpr StandardMount kStandard[] = {
    {"dev", "devtmpfs", 0755, Mount::kNoSetId},
    {"proc", "proc", 0555, kHarmless | Mount::kNoExecute},
    {"sys", "sysfs", 0555, kHarmless | Mount::kNoExecute},
    {"tmp", "", 01777, 0},
    {"root", "", 0700, 0},
};

}  // namespace

Vfs::Vfs(Personality& personality, Place& place, FrameReferences& frames)
    : personality_(personality), place_(place), frames_(frames) {}

Vfs::~Vfs() {
  if (device_root_) Dentry::tear_down(*device_root_);
  runtime::Guard guard(queue_mutex_);
  if (queue_root_) Dentry::tear_down(*queue_root_);
  delete memory_devices_;
}

std::span<const FileSystemType> Vfs::own_types() {
  return kTypes;
}

LinuxResult<Ref<Dentry>> Vfs::queue_root(LinuxResult<Ref<Dentry>> (*make)(Vfs& vfs)) {
  runtime::Guard guard(queue_mutex_);
  if (!queue_root_) queue_root_ = TRY(make(*this));
  return queue_root_;
}

std::span<const FileSystemType> Vfs::selected_types() {
  const auto& selection = personality_.parts().selection;
  return std::span(selection.file_systems).first(selection.file_system_count);
}

const FileSystemType* Vfs::find_type(std::string_view name) {
  for (const auto& types : {own_types(), selected_types()}) {
    const auto found = std::ranges::find(types, name, &FileSystemType::name);
    if (found != types.end()) return &*found;
  }
  return nullptr;
}

LinuxResult<> Vfs::start(const RootFileSystem* brought) {
  anonymous_ = TRY(runtime::make<AnonymousFileSystem>(*this));
  memory_files_ = TRY(runtime::make<Tmpfs>(*this, Tmpfs::Options()));
  memory_devices_ = TRY(runtime::make_owned<MemoryDevices>(place_)).leak();
  if (brought) {
    TRY(mounts_.set_root(TRY(brought->make_root(*this)), brought->source()));
  } else {
    TRY(mounts_.set_root(TRY(Tmpfs::create(*this, {.root_mode = 0755})), "tmpfs"));
  }
  device_root_ = TRY(Devfs::create(*this));
  return memory_devices_->start(*this);
}

LinuxResult<Ref<Dentry>> Vfs::ensure(Dentry& directory, std::string_view name, const NewInode& description) {
  Inode& inode = directory.inode();
  runtime::Guard guard(inode.mutex());
  if (auto found = directory.find(name)) return found;
  auto dentry = TRY(Dentry::create(directory, nullptr, name));
  dentry->set_inode(TRY(inode.create(name, description)));
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
  // A file system of device nodes is a tmpfs: it needs no name to take one away.
  if (inode.remove({}, node.inode())) directory->detach(node);
}

u64 Vfs::reclaim(u64 pages) {
  u64 done = 0;
  for (auto listed = mounts_.next(0); listed.mount && done < pages; listed = mounts_.next(listed.mount->id()))
    done += listed.at.inode().file_system().reclaim(pages - done);
  return done;
}

Result<Frame> Vfs::allocate_frame() {
  const auto frame = place_.allocate_frame();
  return frame || reclaim(64) == 0 ? frame : place_.allocate_frame();
}

Result<Frame> Vfs::allocate_frame_uncleared() {
  const auto frame = place_.allocate_frame_uncleared();
  return frame || reclaim(64) == 0 ? frame : place_.allocate_frame_uncleared();
}

LinuxResult<> Vfs::synchronise() {
  LinuxResult<> result;
  for (auto listed = mounts_.next(0); listed.mount; listed = mounts_.next(listed.mount->id())) {
    const auto done = listed.at.inode().file_system().synchronise();
    if (result && !done) result = done;
  }
  return result;
}

LinuxResult<> Vfs::unpack_root(std::span<const u8> archive, const ArchiveReader& reader) {
  Unpacker unpacker(*root().dentry);
  const auto done = reader.read(archive, unpacker);
  if (done) return {};
  if (const auto cause = unpacker.error()) return std::unexpected(*cause);
  return std::unexpected(to_errno(done.error()));
}

// A served folder is somebody else's: nothing is made in it. What it lacks stands in its place only for us.
LinuxResult<Ref<Dentry>> Vfs::standard_directory(std::string_view name, u32 mode, bool to_mount_on) {
  const Path top = root();
  const NewInode description{.kind = FileKind::Directory, .mode = mode};
  Inode& inode = top.inode();
  if (inode.file_system().names() == NamePolicy::Kept) return ensure(*top.dentry, name, description);
  auto found = inode.file_system().find(inode, name);
  if (!found && (!to_mount_on || found.error() != Errno::NoEntry)) return std::unexpected(found.error());
  auto dentry =
      TRY(Dentry::create(*top.dentry, found ? Ref<Inode>(*found) : TRY(new_memory_file(description)), name));
  runtime::Guard guard(inode.mutex());
  top.dentry->attach(dentry);
  return dentry;
}

LinuxResult<> Vfs::mount_standard() {
  for (const auto& standard : kStandard) TRY(mount_standard(standard));
  return {};
}

LinuxResult<> Vfs::mount_standard(const StandardMount& standard) {
  const auto* type = find_type(standard.source);
  auto directory = standard_directory(standard.name, standard.mode, type);
  if (!type) return {};
  if (!directory) return std::unexpected(directory.error());
  // An archive may have put something else there; then that stays.
  if (!(*directory)->inode().is(FileKind::Directory)) return {};
  return mounts_.add(Path(root().mount, *directory), TRY(type->mount(*this, {})), standard.flags,
                     standard.source);
}

}  // namespace vari::linux
