// open_tree(2), move_mount(2), mount_setattr(2): trees of mounts as descriptors, and their flags.
#include <bit>

#include "personalities/linux/calls/mount_helpers.h"

namespace vari::linux {

namespace {

constexpr u32 kAtNoAutomount = 0x800, kAtRecursive = 0x8000;

LinuxResult<u64> open_tree(Task& task, u64 directory, u64 path, u32 flags) {
  constexpr u32 kClone = 1;
  if (flags & ~(kAtEmptyPath | kAtNoAutomount | kAtRecursive | kAtNoFollow | kClone | File::kCloseOnExec))
    return std::unexpected(Errno::Invalid);
  if ((flags & (kAtRecursive | kClone)) == kAtRecursive) return std::unexpected(Errno::Invalid);
  if ((flags & kClone) && !task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  const auto at = TRY(walk_user_path(task, directory, path, walk_flags_of(flags)));
  if (flags & kClone) {
    auto& mounts = task.personality().vfs().mounts();
    return add_detached_tree(task, TRY(mounts.copy_detached(at, flags & kAtRecursive)),
                             flags & File::kCloseOnExec);
  }
  auto file = TRY(runtime::make<PathFile>(OpenRequest{task, at, File::kPath}));
  return TRY(task.files().add(std::move(file), flags & File::kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<> move_mount(Task& task, const Arguments& a) {
  constexpr u32 kFromLinks = 1, kFromEmpty = 4, kToLinks = 0x10, kToEmpty = 0x40, kSetGroup = 0x100,
                kKnown = 0x177;
  const u32 flags = static_cast<u32>(a.a[4]);
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  if (flags & ~kKnown) return std::unexpected(Errno::Invalid);
  const auto walk_flags = [&](u32 links, u32 empty) {
    return (flags & links ? WalkFlags::None : WalkFlags::NoFollow) |
           (flags & empty ? WalkFlags::EmptyPath : WalkFlags::None);
  };
  const auto from = TRY(walk_user_path(task, a.a[0], a.a[1], walk_flags(kFromLinks, kFromEmpty)));
  const auto to = TRY(walk_user_path(task, a.a[2], a.a[3], walk_flags(kToLinks, kToEmpty)));
  // No mount is in a group of those that others' mounts propagate to, so there is none to join.
  if (flags & kSetGroup) return std::unexpected(Errno::Invalid);
  return task.personality().vfs().mounts().move(from, to);
}

/// The kernel's struct mount_attr.
struct MountAttributes {
  u64 set, clear, propagation, user_namespace;
};

/// As many bytes as the program knows of; what we do not know of must be zero.
LinuxResult<MountAttributes> read_attributes(Task& task, u64 address, u64 bytes) {
  auto given = TRY(task.user().read<MountAttributes>(address));
  for (u64 at = sizeof given; at < bytes; ++at) {
    if (TRY(task.user().read<u8>(address + at)) != 0) return std::unexpected(Errno::TooBig);
  }
  return given;
}

struct FlagChange {
  u32 clear, set;
};

LinuxResult<FlagChange> flag_change_of(const MountAttributes& given) {
  namespace attribute = mount_attribute;
  constexpr u64 kPropagation = 0xe0000 | 0x100000;
  if ((given.propagation & ~kPropagation) || std::popcount(given.propagation) > 1)
    return std::unexpected(Errno::Invalid);
  // MOUNT_ATTR_IDMAP as well: there is one user namespace.
  if ((given.set | given.clear) & ~(attribute::kPlain | attribute::kAccessTimes))
    return std::unexpected(Errno::Invalid);
  FlagChange change{mount_flags_of(given.clear), mount_flags_of(given.set)};
  const u64 times = given.clear & attribute::kAccessTimes;
  if (times && times != attribute::kAccessTimes) return std::unexpected(Errno::Invalid);
  if (times) {
    change.clear |= Mount::kAccessTimes;
    change.set |= TRY(access_time_flag(given.set));
  } else if (given.set & attribute::kAccessTimes) {
    return std::unexpected(Errno::Invalid);
  }
  return change;
}

LinuxResult<> set_attributes(Task& task, const Arguments& a) {
  const u32 flags = static_cast<u32>(a.a[2]);
  if (flags & ~(kAtEmptyPath | kAtRecursive | kAtNoFollow | kAtNoAutomount))
    return std::unexpected(Errno::Invalid);
  if (a.a[4] > kPageBytes) return std::unexpected(Errno::TooBig);
  if (a.a[4] < sizeof(MountAttributes)) return std::unexpected(Errno::Invalid);
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  const auto given = TRY(read_attributes(task, a.a[3], a.a[4]));
  if (!given.set && !given.clear && !given.propagation) return {};
  const auto change = TRY(flag_change_of(given));
  const auto at = TRY(walk_user_path(task, a.a[0], a.a[1], walk_flags_of(flags)));
  return task.personality().vfs().mounts().change_flags(at, change.clear, change.set, flags & kAtRecursive);
}

}  // namespace

u32 mount_flags_of(u64 attributes) {
  namespace attribute = mount_attribute;
  static_assert(attribute::kReadOnly == Mount::kReadOnly && attribute::kNoSetId == Mount::kNoSetId &&
                attribute::kNoDevices == Mount::kNoDevices && attribute::kNoExecute == Mount::kNoExecute);
  return static_cast<u32>(attributes & 0xf) |
         (attributes & attribute::kNoDirectoryAccessTime ? Mount::kNoDirectoryAccessTime : 0) |
         (attributes & attribute::kNoLinkFollow ? Mount::kNoLinkFollow : 0);
}

LinuxResult<u32> access_time_flag(u64 attributes) {
  switch (attributes & mount_attribute::kAccessTimes) {
    case 0: return Mount::kRelativeAccessTime;
    case mount_attribute::kNoAccessTime: return Mount::kNoAccessTime;
    case mount_attribute::kStrictAccessTime: return Mount::kStrictAccessTime;
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<u64> add_detached_tree(Task& task, const Ref<Mount>& top, bool close_on_exec) {
  const Path path(top, Ref<Dentry>(top->root()));
  auto file = runtime::make<DetachedTreeFile>(OpenRequest{task, path, File::kPath});
  if (!file) {
    task.personality().vfs().mounts().dissolve(*top);
    return std::unexpected(to_errno(file.error()));
  }
  return TRY(task.files().add(std::move(*file), close_on_exec, descriptor_limit(task)));
}

i64 call_open_tree(Task& task, const Arguments& a) {
  return to_return_value(open_tree(task, a.a[0], a.a[1], static_cast<u32>(a.a[2])));
}
i64 call_move_mount(Task& task, const Arguments& a) {
  return to_return_value(move_mount(task, a));
}
i64 call_mount_setattr(Task& task, const Arguments& a) {
  return to_return_value(set_attributes(task, a));
}

}  // namespace vari::linux
