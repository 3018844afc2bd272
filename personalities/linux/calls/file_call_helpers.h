// What the calls on files share: paths from user memory, directory descriptors, and one place where
// results become return values.
#pragma once

#include <optional>

#include "personalities/linux/calls/file_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/calls/table.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/path_walk.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

inline constexpr i32 kCurrentDirectory = -100;  // AT_FDCWD
inline constexpr u32 kAtNoFollow = 0x100, kAtRemoveDirectory = 0x200, kAtFollow = 0x400,
                     kAtEmptyPath = 0x1000, kAtEffectiveIds = 0x200;

/// A path copied from a program once. Short ones, nearly all, need no allocation.
class UserPath {
 public:
  UserPath() = default;
  ~UserPath() {
    if (large_) runtime::free(large_, kMaximum);
  }
  UserPath(const UserPath&) = delete;
  LinuxResult<std::string_view> read(Task& task, u64 address);

 private:
  static constexpr std::size_t kSmall = 192, kMaximum = 4096;
  char small_[kSmall];
  char* large_ = nullptr;
};

/// Where `path`, relative to the descriptor, starts. BadFile, NotDirectory.
LinuxResult<WalkStart> start_at(Task& task, u64 descriptor, std::string_view path);
/// start_at() and walk() in one: the usual beginning of a call of the *at family.
LinuxResult<Path> walk_user_path(Task& task, u64 descriptor, u64 address, WalkFlags flags);
/// AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH as walk flags.
WalkFlags walk_flags_of(u64 at_flags);

/// The descriptor argument: an int, whatever the upper half of the register holds.
constexpr i64 descriptor_of(u64 argument) {
  return static_cast<i32>(argument);
}
inline u64 descriptor_limit(Task& task) {
  return task.process().soft_limit(Resource::OpenFiles);
}

/// The RWF_… flags of preadv2(2). NotSupported.
LinuxResult<> check_move_flags(u32 flags, bool write);
/// Reads and writes with such flags, at `at` or at the file's position. Whoever watches the file is told.
LinuxResult<u64> read_with_flags(Task& task, File& file, Transfer& to, std::optional<u64> at);
LinuxResult<u64> write_with_flags(Task& task, File& file, Transfer& from, std::optional<u64> at, u32 flags);

/// Tells whoever watches the file (inotify) of what was done to it.
template <class T>
LinuxResult<T> noted(Task& task, const Path* path, u32 event, LinuxResult<T> done) {
  auto& watches = task.personality().watches();
  if (!watches.any()) [[likely]]
    return done;
  if constexpr (!std::is_void_v<T>) {
    if (done && *done != 0) watches.note(path, event);
  } else {
    if (done) watches.note(path, event);
  }
  return done;
}

}  // namespace vari::linux
