// What is known of a file: stat in all its forms, access, statfs.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);

/// The kernel's struct stat.
struct UserStat {
  u64 device, inode, links;
  u32 mode, user, group, padding;
  u64 special_device;
  i64 size, block_bytes, blocks;
  TimeSpec accessed, modified, changed;
  i64 unused[3];
};
static_assert(sizeof(UserStat) == 144);

LinuxResult<> put_stat(Task& task, u64 address, Inode& inode) {
  const auto attributes = inode.attributes();
  const UserStat stat{.device = inode.file_system().device(),
                      .inode = inode.number(),
                      .links = attributes.links,
                      .mode = attributes.mode,
                      .user = attributes.user,
                      .group = attributes.group,
                      .padding = 0,
                      .special_device = attributes.device,
                      .size = static_cast<i64>(attributes.size),
                      .block_bytes = kPageBytes,
                      .blocks = static_cast<i64>(attributes.blocks),
                      .accessed = TimeSpec::of(attributes.accessed_ns),
                      .modified = TimeSpec::of(attributes.modified_ns),
                      .changed = TimeSpec::of(attributes.changed_ns),
                      .unused = {}};
  return task.user().write(address, stat);
}

LinuxResult<> stat_path(Task& task, u64 directory, u64 path, u64 address, u64 flags) {
  if (flags & ~u64{kAtNoFollow | kAtEmptyPath | 0x800}) return std::unexpected(Errno::Invalid);
  // fstatat(fd, "", …, AT_EMPTY_PATH) is how glibc spells fstat: no walk for it.
  if ((flags & kAtEmptyPath) && static_cast<i32>(directory) >= 0 && TRY(task.user().read<char>(path)) == 0) {
    const auto file = TRY(task.files().borrow(descriptor_of(directory)));
    return put_stat(task, address, file->inode());
  }
  const auto found = TRY(walk_user_path(task, directory, path, walk_flags_of(flags)));
  return put_stat(task, address, found.inode());
}

struct StatxTime {
  i64 seconds;
  u32 nanoseconds;
  i32 reserved;
  static StatxTime of(i64 ns) {
    const auto time = TimeSpec::of(ns);
    return {time.seconds, static_cast<u32>(time.nanoseconds), 0};
  }
};

/// The kernel's struct statx.
struct UserStatx {
  u32 mask, block_bytes;
  u64 attributes;
  u32 links, user, group;
  u16 mode, padding;
  u64 inode, size, blocks, attributes_mask;
  StatxTime accessed, born, changed, modified;
  u32 special_major, special_minor, device_major, device_minor;
  u64 mount_id;
  u64 spare[13];
};
static_assert(sizeof(UserStatx) == 256);

LinuxResult<> statx(Task& task, const Arguments& a) {
  constexpr u32 kBasicAndBirth = 0xfff, kMountId = 0x1000, kMountRoot = 0x2000;
  constexpr u64 kSynchroniseKinds = 0x6000;
  if ((a.a[3] & 0x8000'0000) || (a.a[2] & kSynchroniseKinds) == kSynchroniseKinds)
    return std::unexpected(Errno::Invalid);
  if (a.a[2] & ~u64{kAtNoFollow | kAtEmptyPath | 0x800 | 0x6000}) return std::unexpected(Errno::Invalid);
  const auto found = TRY(walk_user_path(task, a.a[0], a.a[1], walk_flags_of(a.a[2])));
  Inode& inode = found.inode();
  const auto attributes = inode.attributes();
  const u64 device = inode.file_system().device();
  const bool mount_root = found.mount && &found.mount->root() == found.dentry.get();
  const UserStatx stat{.mask = kBasicAndBirth | (found.mount ? kMountId : 0),
                       .block_bytes = kPageBytes,
                       .attributes = mount_root ? kMountRoot : 0u,
                       .links = attributes.links,
                       .user = attributes.user,
                       .group = attributes.group,
                       .mode = static_cast<u16>(attributes.mode),
                       .padding = 0,
                       .inode = inode.number(),
                       .size = attributes.size,
                       .blocks = attributes.blocks,
                       .attributes_mask = kMountRoot,
                       .accessed = StatxTime::of(attributes.accessed_ns),
                       .born = StatxTime::of(attributes.born_ns),
                       .changed = StatxTime::of(attributes.changed_ns),
                       .modified = StatxTime::of(attributes.modified_ns),
                       .special_major = device_major(attributes.device),
                       .special_minor = device_minor(attributes.device),
                       .device_major = device_major(device),
                       .device_minor = device_minor(device),
                       .mount_id = found.mount ? found.mount->id() : 0,
                       .spare = {}};
  return task.user().write(a.a[4], stat);
}

LinuxResult<> check_access(Task& task, u64 directory, u64 path, u64 mode, u64 flags) {
  if ((mode & ~u64{7}) || (flags & ~u64{kAtNoFollow | kAtEmptyPath | kAtEffectiveIds}))
    return std::unexpected(Errno::Invalid);
  const auto found = TRY(walk_user_path(task, directory, path, walk_flags_of(flags)));
  // access(2) asks for the real ids: what a set-user-ID program may do on its caller's behalf.
  Identity identity = task.identity();
  if (!(flags & kAtEffectiveIds)) {
    identity.file_user = identity.user;
    identity.file_group = identity.group;
    auto& sets = identity.capabilities;
    if (!(sets.secure_bits & Capabilities::kNoUserFixUp))
      sets.effective = identity.user == 0 ? sets.permitted : 0;
  }
  if ((mode & kMayWrite) && found.mount && found.mount->read_only() && !found.inode().is(FileKind::Character))
    return std::unexpected(Errno::ReadOnly);
  return check_permission(identity, found.inode(), static_cast<u32>(mode));
}

/// The kernel's struct statfs.
struct UserStatfs {
  i64 type, block_bytes;
  u64 blocks, free_blocks, available_blocks, files, free_files;
  i32 id[2];
  i64 name_bytes, fragment_bytes, flags, spare[4];
};
static_assert(sizeof(UserStatfs) == 120);

/// statfs' ST_… flags of a mount.
i64 flags_of(const Mount* mount) {
  constexpr u32 kLikeMounts = 0xf | Mount::kNoAccessTime | Mount::kNoDirectoryAccessTime;
  constexpr i64 kValid = 0x20, kRelative = 4096, kNoLinkFollow = 8192;
  if (!mount) return kValid;
  const u32 flags = mount->flags();
  return kValid | static_cast<i64>(flags & kLikeMounts) | (mount->read_only() ? Mount::kReadOnly : 0) |
         (flags & Mount::kRelativeAccessTime ? kRelative : 0) |
         (flags & Mount::kNoLinkFollow ? kNoLinkFollow : 0);
}

LinuxResult<> put_statfs(Task& task, u64 address, Inode& inode, const Mount* mount) {
  auto& file_system = inode.file_system();
  const auto statistics = file_system.statistics();
  const UserStatfs result{.type = static_cast<i64>(statistics.magic),
                          .block_bytes = static_cast<i64>(statistics.block_bytes),
                          .blocks = statistics.blocks,
                          .free_blocks = statistics.free_blocks,
                          .available_blocks = statistics.free_blocks,
                          .files = statistics.files,
                          .free_files = statistics.free_files,
                          .id = {static_cast<i32>(file_system.device()), 0},
                          .name_bytes = Dentry::kMaximumName,
                          .fragment_bytes = static_cast<i64>(statistics.block_bytes),
                          .flags = flags_of(mount),
                          .spare = {}};
  return task.user().write(address, result);
}

LinuxResult<> statfs_path(Task& task, u64 path, u64 address) {
  const auto found = TRY(walk_user_path(task, kHere, path, WalkFlags::None));
  return put_statfs(task, address, found.inode(), found.mount.get());
}

LinuxResult<> statfs_descriptor(Task& task, u64 descriptor, u64 address) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  const Path* path = file->path();
  return put_statfs(task, address, file->inode(), path ? path->mount.get() : nullptr);
}

/// The kernel's struct ustat.
struct UserUstat {
  i32 free_blocks = 0, padding = 0;
  u64 free_inodes = 0;
  char name[6] = {}, pack[6] = {};
  u32 end = 0;
};
static_assert(sizeof(UserUstat) == 32);

/// The mounted file system of a device number.
LinuxResult<> ustat(Task& task, u64 device, u64 address) {
  auto& mounts = task.personality().vfs().mounts();
  for (auto found = mounts.next(0); found.mount; found = mounts.next(found.mount->id())) {
    auto& file_system = found.mount->root().inode().file_system();
    if (file_system.device() != static_cast<u32>(device)) continue;
    const auto statistics = file_system.statistics();
    return task.user().write(address, UserUstat{.free_blocks = static_cast<i32>(statistics.free_blocks),
                                                .free_inodes = statistics.free_files});
  }
  return std::unexpected(Errno::Invalid);
}

LinuxResult<> fstat(Task& task, u64 descriptor, u64 address) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  return put_stat(task, address, file->inode());
}

}  // namespace

i64 call_stat(Task& task, const Arguments& a) {
  return to_return_value(stat_path(task, kHere, a.a[0], a.a[1], 0));
}
i64 call_lstat(Task& task, const Arguments& a) {
  return to_return_value(stat_path(task, kHere, a.a[0], a.a[1], kAtNoFollow));
}
i64 call_fstat(Task& task, const Arguments& a) {
  return to_return_value(fstat(task, a.a[0], a.a[1]));
}
i64 call_newfstatat(Task& task, const Arguments& a) {
  return to_return_value(stat_path(task, a.a[0], a.a[1], a.a[2], static_cast<u32>(a.a[3])));
}
i64 call_statx(Task& task, const Arguments& a) {
  return to_return_value(statx(task, a));
}
i64 call_access(Task& task, const Arguments& a) {
  return to_return_value(check_access(task, kHere, a.a[0], static_cast<u32>(a.a[1]), 0));
}
i64 call_faccessat(Task& task, const Arguments& a) {
  return to_return_value(check_access(task, a.a[0], a.a[1], static_cast<u32>(a.a[2]), 0));
}
i64 call_faccessat2(Task& task, const Arguments& a) {
  return to_return_value(
      check_access(task, a.a[0], a.a[1], static_cast<u32>(a.a[2]), static_cast<u32>(a.a[3])));
}
i64 call_statfs(Task& task, const Arguments& a) {
  return to_return_value(statfs_path(task, a.a[0], a.a[1]));
}
i64 call_ustat(Task& task, const Arguments& a) {
  return to_return_value(ustat(task, a.a[0], a.a[1]));
}
i64 call_fstatfs(Task& task, const Arguments& a) {
  return to_return_value(statfs_descriptor(task, a.a[0], a.a[1]));
}

}  // namespace vari::linux
