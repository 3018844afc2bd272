// See file_call_helpers.h.
#include "personalities/linux/calls/file_call_helpers.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

LinuxResult<std::string_view> UserPath::read(Task& task, u64 address) {
  const auto found = task.user().string(address, small_);
  if (found || found.error() != Errno::NameTooLong) return found;
  large_ = static_cast<char*>(runtime::allocate(kMaximum));
  if (!large_) return std::unexpected(Errno::NoMemory);
  return task.user().string(address, {large_, kMaximum});
}

LinuxResult<WalkStart> start_at(Task& task, u64 descriptor, std::string_view path) {
  if (static_cast<i32>(descriptor) == kCurrentDirectory || path.starts_with('/')) return WalkStart();
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (const Path* found = file->path()) {
    if (!path.empty() && !found->inode().is(FileKind::Directory)) return std::unexpected(Errno::NotDirectory);
    return WalkStart{*found};
  }
  if (!path.empty()) return std::unexpected(Errno::NotDirectory);
  // A pipe and the like, named by AT_EMPTY_PATH.
  return WalkStart{Path({}, TRY(Dentry::create_root(Ref<Inode>(file->inode()), file->kind_name())))};
}

LinuxResult<Path> walk_user_path(Task& task, u64 descriptor, u64 address, WalkFlags flags) {
  UserPath path;
  const auto text = TRY(path.read(task, address));
  if (text.empty() && !has(flags, WalkFlags::EmptyPath)) return std::unexpected(Errno::NoEntry);
  return walk(task, TRY(start_at(task, descriptor, text)), text, flags);
}

WalkFlags walk_flags_of(u64 at_flags) {
  auto flags = WalkFlags::None;
  if (at_flags & kAtNoFollow) flags = flags | WalkFlags::NoFollow;
  if (at_flags & kAtEmptyPath) flags = flags | WalkFlags::EmptyPath;
  return flags;
}

}  // namespace vari::linux
