// What can be changed of a file apart from its contents: chmod, chown, times.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);

LinuxResult<> check_writable_mount(const Path& path) {
  if (path.mount && path.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  return {};
}

LinuxResult<> change_mode(Task& task, Inode& inode, u64 mode) {
  const auto& identity = task.identity();
  TRY(check_owner(identity, inode));
  u32 wanted = static_cast<u32>(mode) & kModeMask;
  if (!identity.may(Capability::KeepSetIdBits) && !identity.in_group(inode.group())) wanted &= ~kSetGroup;
  return inode.change_attributes({.mode = wanted});
}

LinuxResult<> change_owner(Task& task, Inode& inode, u64 user_argument, u64 group_argument) {
  const auto& identity = task.identity();
  const u32 user = static_cast<u32>(user_argument), group = static_cast<u32>(group_argument);
  const bool has_user = user != ~0u, has_group = group != ~0u;
  if (!identity.may(Capability::ChangeOwner)) {
    if (has_user && (user != inode.user() || identity.file_user != inode.user()))
      return std::unexpected(Errno::Perm);
    if (has_group && (identity.file_user != inode.user() || !identity.in_group(group)))
      return std::unexpected(Errno::Perm);
  }
  AttributeChange change;
  if (has_user) change.user = user;
  if (has_group) change.group = group;
  // A change of owner takes the set-ID bits away; set-group-ID without group execute is something else.
  // Linux: even where nothing is to change.
  if (!inode.is(FileKind::Directory)) {
    u32 mode = inode.mode() & kModeMask & ~kSetUser;
    if (mode & 0010) mode &= ~kSetGroup;
    change.mode = mode;
  }
  return inode.change_attributes(change);
}

LinuxResult<> chmod_at(Task& task, u64 directory, u64 path, u64 mode) {
  const auto found = TRY(walk_user_path(task, directory, path, WalkFlags::None));
  TRY(check_writable_mount(found));
  return noted(task, &found, watch_event::kAttributes, change_mode(task, found.inode(), mode));
}

LinuxResult<> chown_at(Task& task, u64 directory, u64 path, u64 user, u64 group, u64 flags) {
  if (flags & ~u64{kAtNoFollow | kAtEmptyPath}) return std::unexpected(Errno::Invalid);
  const auto found = TRY(walk_user_path(task, directory, path, walk_flags_of(flags)));
  TRY(check_writable_mount(found));
  return noted(task, &found, watch_event::kAttributes, change_owner(task, found.inode(), user, group));
}

LinuxResult<> on_descriptor(Task& task, u64 descriptor, LinuxResult<> (*change)(Task&, Inode&, u64, u64),
                            u64 x, u64 y) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  if (const Path* path = file->path()) TRY(check_writable_mount(*path));
  return noted(task, file->path(), watch_event::kAttributes, change(task, file->inode(), x, y));
}

/// Which times are to become what; nothing: now.
struct NewTimes {
  std::optional<i64> accessed, modified;
  bool now = false;  // both, on behalf of whoever may write
};

LinuxResult<> set_times(Task& task, Inode& inode, const NewTimes& times) {
  const auto& identity = task.identity();
  if (times.now) {
    if (!identity.may(Capability::Owner) && identity.file_user != inode.user())
      TRY(check_permission(identity, inode, kMayWrite));
  } else {
    TRY(check_owner(identity, inode));
  }
  return inode.change_attributes({.accessed_ns = times.accessed, .modified_ns = times.modified});
}

LinuxResult<> times_at(Task& task, u64 directory, u64 path, const NewTimes& times, u64 flags) {
  if (flags & ~u64{kAtNoFollow | kAtEmptyPath}) return std::unexpected(Errno::Invalid);
  if (path == 0) {
    const auto file = TRY(task.files().borrow(descriptor_of(directory)));
    return noted(task, file->path(), watch_event::kAttributes, set_times(task, file->inode(), times));
  }
  const auto found = TRY(walk_user_path(task, directory, path, walk_flags_of(flags)));
  TRY(check_writable_mount(found));
  return noted(task, &found, watch_event::kAttributes, set_times(task, found.inode(), times));
}

i64 now_of(Task& task) {
  return task.personality().vfs().realtime_ns();
}
NewTimes both_now(Task& task) {
  return {now_of(task), now_of(task), true};
}

/// Seconds are bounded so that nanoseconds fit 64 bits (until the year 2262).
LinuxResult<i64> to_ns(i64 seconds, i64 nanoseconds) {
  if (nanoseconds < 0 || nanoseconds >= 1'000'000'000) return std::unexpected(Errno::Invalid);
  constexpr i64 kMost = 9'200'000'000;
  if (seconds > kMost) seconds = kMost;
  if (seconds < -kMost) seconds = -kMost;
  return seconds * 1'000'000'000 + nanoseconds;
}

LinuxResult<> utimensat(Task& task, const Arguments& a) {
  constexpr i64 kNow = 0x3fffffff, kOmit = 0x3ffffffe;
  if (a.a[2] == 0) return times_at(task, a.a[0], a.a[1], both_now(task), a.a[3]);
  struct Both {
    TimeSpec accessed, modified;
  };
  const auto given = TRY(task.user().read<Both>(a.a[2]));
  NewTimes times;
  times.now = given.accessed.nanoseconds == kNow && given.modified.nanoseconds == kNow;
  const auto one = [&](const TimeSpec& time) -> LinuxResult<std::optional<i64>> {
    if (time.nanoseconds == kOmit) return std::optional<i64>();
    if (time.nanoseconds == kNow) return std::optional<i64>(now_of(task));
    return std::optional<i64>(TRY(to_ns(time.seconds, time.nanoseconds)));
  };
  times.accessed = TRY(one(given.accessed));
  times.modified = TRY(one(given.modified));
  if (!times.accessed && !times.modified) return {};
  return times_at(task, a.a[0], a.a[1], times, a.a[3]);
}

/// utimes and futimesat: seconds and microseconds.
LinuxResult<> utimes(Task& task, u64 directory, u64 path, u64 address) {
  if (address == 0) return times_at(task, directory, path, both_now(task), 0);
  struct Both {
    i64 accessed_s, accessed_us, modified_s, modified_us;
  };
  const auto given = TRY(task.user().read<Both>(address));
  if (given.accessed_us < 0 || given.accessed_us >= 1'000'000 || given.modified_us < 0 ||
      given.modified_us >= 1'000'000)
    return std::unexpected(Errno::Invalid);
  return times_at(task, directory, path,
                  {TRY(to_ns(given.accessed_s, given.accessed_us * 1000)),
                   TRY(to_ns(given.modified_s, given.modified_us * 1000)), false},
                  0);
}

LinuxResult<> utime(Task& task, u64 path, u64 address) {
  if (address == 0) return times_at(task, kHere, path, both_now(task), 0);
  struct Both {
    i64 accessed, modified;
  };
  const auto given = TRY(task.user().read<Both>(address));
  return times_at(task, kHere, path, {TRY(to_ns(given.accessed, 0)), TRY(to_ns(given.modified, 0)), false},
                  0);
}

LinuxResult<> change_mode_of(Task& task, Inode& inode, u64 mode, u64) {
  return change_mode(task, inode, mode);
}

}  // namespace

i64 call_chmod(Task& task, const Arguments& a) {
  return to_return_value(chmod_at(task, kHere, a.a[0], a.a[1]));
}
i64 call_fchmod(Task& task, const Arguments& a) {
  return to_return_value(on_descriptor(task, a.a[0], &change_mode_of, a.a[1], 0));
}
i64 call_fchmodat(Task& task, const Arguments& a) {
  return to_return_value(chmod_at(task, a.a[0], a.a[1], a.a[2]));
}
i64 call_chown(Task& task, const Arguments& a) {
  return to_return_value(chown_at(task, kHere, a.a[0], a.a[1], a.a[2], 0));
}
i64 call_lchown(Task& task, const Arguments& a) {
  return to_return_value(chown_at(task, kHere, a.a[0], a.a[1], a.a[2], kAtNoFollow));
}
i64 call_fchown(Task& task, const Arguments& a) {
  return to_return_value(on_descriptor(task, a.a[0], &change_owner, a.a[1], a.a[2]));
}
i64 call_fchownat(Task& task, const Arguments& a) {
  return to_return_value(chown_at(task, a.a[0], a.a[1], a.a[2], a.a[3], static_cast<u32>(a.a[4])));
}
i64 call_utime(Task& task, const Arguments& a) {
  return to_return_value(utime(task, a.a[0], a.a[1]));
}
i64 call_utimes(Task& task, const Arguments& a) {
  return to_return_value(utimes(task, kHere, a.a[0], a.a[1]));
}
i64 call_futimesat(Task& task, const Arguments& a) {
  return to_return_value(utimes(task, a.a[0], a.a[1], a.a[2]));
}
i64 call_utimensat(Task& task, const Arguments& a) {
  return to_return_value(utimensat(task, a));
}

}  // namespace vari::linux
