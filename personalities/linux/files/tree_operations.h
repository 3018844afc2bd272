// Changes of the tree: making, linking, removing and renaming. Each does all of its checks, in Linux's
// order, with the directories' mutexes held, and then performs what can't fail.
#pragma once

#include "personalities/linux/files/path_walk.h"

namespace vari::linux {

/// A new object named `name` in `directory`; its owner is the task. Exists, Access, ReadOnly, NoEntry (the
/// directory itself was removed), NoSpace….
LinuxResult<Path> create_in(Task& task, const Path& directory, std::string_view name, NewInode description);
/// O_TMPFILE: a regular file in that file system without a name.
LinuxResult<Path> create_nameless(Task& task, const Path& directory, u32 mode);

/// mknod, mkdir, symlink: `description.mode` has the umask not yet applied.
LinuxResult<> make_node(Task& task, const WalkStart& start, std::string_view path, NewInode description);
LinuxResult<> link_path(Task& task, const Path& existing, const WalkStart& start, std::string_view path);
enum class Removal : u8 { File, Directory };
LinuxResult<> remove_path(Task& task, const WalkStart& start, std::string_view path, Removal removal);

inline constexpr u32 kRenameNoReplace = 1, kRenameExchange = 2;
LinuxResult<> rename_path(Task& task, const WalkStart& from_start, std::string_view from,
                          const WalkStart& to_start, std::string_view to, u32 flags);

}  // namespace vari::linux
