// From a path's text to a place in the tree, and the operations on names that programs have. All
// permission checks that Linux makes on the way are made here.
#pragma once

#include <string_view>

#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/path.h"

namespace vari::linux {

/// Where relative paths start: a directory descriptor's path, or (empty) the task's current directory.
struct WalkStart {
  Path directory;
};

/// What to do with the last component.
enum class WalkFlags : u32 {
  None = 0,
  NoFollow = 1,        // a symbolic link at the end is itself the result
  Directory = 2,       // the result must be a directory
  EmptyPath = 4,       // "" is the start itself (AT_EMPTY_PATH)
  NoSymlinks = 8,      // openat2's RESOLVE_NO_SYMLINKS
  Beneath = 16,        // RESOLVE_BENEATH
  InRoot = 32,         // RESOLVE_IN_ROOT
  NoCrossMount = 64,   // RESOLVE_NO_XDEV
  NoMagicLinks = 128,  // RESOLVE_NO_MAGICLINKS
};
constexpr WalkFlags operator|(WalkFlags a, WalkFlags b) {
  return static_cast<WalkFlags>(static_cast<u32>(a) | static_cast<u32>(b));
}
constexpr bool has(WalkFlags set, WalkFlags flag) {
  return static_cast<u32>(set) & static_cast<u32>(flag);
}

/// The existing object that `path` names.
LinuxResult<Path> walk(Task& task, const WalkStart& start, std::string_view path,
                       WalkFlags flags = WalkFlags::None);

/// The directory that the last component of `path` stands in, and that component's name.
struct ParentWalk {
  enum class Last : u8 { Name, Dot, DotDot, Root };
  Path directory;
  char name[256];
  std::size_t name_length = 0;
  Last last = Last::Name;
  bool trailing_slash = false;
  std::string_view text() const { return {name, name_length}; }
};
LinuxResult<> walk_to_parent(Task& task, const WalkStart& start, std::string_view path, WalkFlags flags,
                             ParentWalk& result);

/// open(2) with all its rules; `mode` has the umask not yet applied.
LinuxResult<Ref<File>> open_path(Task& task, const WalkStart& start, std::string_view path, u32 flags,
                                 u32 mode, WalkFlags walk_flags = WalkFlags::None);
/// For execve: a regular file that the task may execute, opened for reading. Access, NoEntry, …
LinuxResult<Ref<File>> open_for_execution(Task& task, const WalkStart& start, std::string_view path,
                                          WalkFlags walk_flags = WalkFlags::None);

/// The text of a path as seen from the task's root: "/a/b". Range if it does not fit; the name of a
/// removed object gets " (deleted)"; one outside the root gets "(unreachable)" before it.
LinuxResult<std::string_view> describe_path(Task& task, const Path& path, std::span<char> to);

}  // namespace vari::linux
