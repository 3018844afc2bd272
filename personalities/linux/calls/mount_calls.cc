// mount(2), umount2(2), pivot_root(2): what is mounted where, in one step. The calls that take this apart are
// in mount_context_calls.cc and mount_tree_calls.cc.
#include "personalities/linux/calls/mount_helpers.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_system_context.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);
constexpr u32 kPropagation = 0xe0000 | 0x100000;

LinuxResult<> mount_new(Task& task, const Path& at, std::string_view source, u64 type_address, u32 flags,
                        u64 options_address) {
  char type_text[32], options_text[512];
  const auto type = TRY(optional_string(task, type_address, type_text));
  const auto options = TRY(optional_string(task, options_address, options_text));
  if (type.empty()) return std::unexpected(Errno::Invalid);
  auto& vfs = task.personality().vfs();
  const auto* known = vfs.find_type(type);
  if (!known) return std::unexpected(Errno::NoDevice);
  const auto tree = TRY(known->mount(vfs, options));
  auto& file_system = tree->inode().file_system();
  if ((flags & Mount::kReadOnly) && file_system.ends_with_last_mount()) file_system.set_read_only(true);
  return vfs.mounts().add(at, tree, flags, source.empty() ? type : source);
}

/// Linux's default, unless something else is asked for: relatime.
u32 kept_flags(u32 flags, u32 before) {
  constexpr u32 kAll = Mount::kAccessTimes | Mount::kNoDirectoryAccessTime;
  u32 kept = flags & Mount::kKept;
  if ((flags & Mount::kRemount) && !(flags & kAll)) return kept | (before & kAll);
  if (flags & Mount::kStrictAccessTime) return kept & ~u32{Mount::kNoAccessTime | Mount::kRelativeAccessTime};
  return flags & Mount::kNoAccessTime ? kept & ~Mount::kRelativeAccessTime
                                      : kept | Mount::kRelativeAccessTime;
}

LinuxResult<> remount(Task& task, const Path& at, u32 flags, u64 options) {
  auto& mounts = task.personality().vfs().mounts();
  auto& file_system = at.inode().file_system();
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  if (!(flags & Mount::kBind)) {  // else of the mount alone
    char text[512];
    TRY(file_system.reconfigure(TRY(optional_string(task, options, text))));
    if (file_system.ends_with_last_mount()) TRY(mounts.set_read_only(file_system, flags & Mount::kReadOnly));
  }
  return mounts.change_flags(at, Mount::kKept, kept_flags(flags, at.mount->flags()), false);
}

LinuxResult<> mount(Task& task, const Arguments& a) {
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  u32 flags = static_cast<u32>(a.a[3]);
  if ((flags & 0xffff'0000) == 0xc0ed'0000) flags &= 0xffff;  // the old magic number
  UserPath source_path;
  const auto source = a.a[0] ? TRY(source_path.read(task, a.a[0])) : std::string_view();
  const auto at = TRY(walk_user_path(task, kHere, a.a[1], WalkFlags::None));
  auto& mounts = task.personality().vfs().mounts();
  if (flags & Mount::kRemount) return remount(task, at, flags, a.a[4]);
  // There is one mount namespace: nothing propagates anywhere.
  if (flags & kPropagation) return {};
  if (flags & (Mount::kBind | Mount::kMove)) {
    const auto from = TRY(walk(task, WalkStart(), source));
    if (flags & Mount::kMove) return mounts.move(from, at);
    return mounts.bind(from, at, flags & Mount::kRecursive);
  }
  return mount_new(task, at, source, a.a[2], kept_flags(flags, 0), a.a[4]);
}

LinuxResult<> unmount(Task& task, const Arguments& a) {
  constexpr u64 kForce = 1, kDetach = 2, kExpire = 4, kNoFollow = 8;
  if (a.a[1] & ~(kForce | kDetach | kExpire | kNoFollow)) return std::unexpected(Errno::Invalid);
  if ((a.a[1] & kExpire) && (a.a[1] & (kForce | kDetach))) return std::unexpected(Errno::Invalid);
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  auto at =
      TRY(walk_user_path(task, kHere, a.a[0], a.a[1] & kNoFollow ? WalkFlags::NoFollow : WalkFlags::None));
  auto& mounts = task.personality().vfs().mounts();
  if (a.a[1] & kExpire) return mounts.expire(at);
  return mounts.remove(at, a.a[1] & kDetach);
}

LinuxResult<> pivot(Task& task, const Arguments& a) {
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  const auto new_root = TRY(walk_user_path(task, kHere, a.a[0], WalkFlags::Directory));
  const auto put_old = TRY(walk_user_path(task, kHere, a.a[1], WalkFlags::Directory));
  auto& personality = task.personality();
  const Path old = task.file_system().root();
  TRY(personality.vfs().mounts().pivot(old, new_root, put_old));
  for (auto process = personality.processes().next(0); process;
       process = personality.processes().next(process->id())) {
    for (auto other = process->next_task(0); other; other = process->next_task(other->id())) {
      if (auto context = other->file_system_of_other()) context->replace(old, new_root);
    }
  }
  return {};
}

}  // namespace

LinuxResult<std::string_view> optional_string(Task& task, u64 address, std::span<char> buffer) {
  if (!address) return std::string_view();
  const auto text = task.user().string(address, buffer);
  if (!text && text.error() == Errno::NameTooLong) return std::unexpected(Errno::Invalid);
  return text;
}

i64 call_mount(Task& task, const Arguments& a) {
  return to_return_value(mount(task, a));
}
i64 call_umount2(Task& task, const Arguments& a) {
  return to_return_value(unmount(task, a));
}
i64 call_pivot_root(Task& task, const Arguments& a) {
  return to_return_value(pivot(task, a));
}

}  // namespace vari::linux
