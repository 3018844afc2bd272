// Who may do what with an inode: owner, group, others, and root above them.
#pragma once

#include "personalities/linux/files/inode.h"
#include "personalities/linux/process/credentials.h"

namespace vari::linux {

inline constexpr u32 kMayExecute = 1, kMayWrite = 2, kMayRead = 4;

/// Access if `wanted` is not allowed. Directories: execute is search.
LinuxResult<> check_permission(const Identity& identity, Inode& inode, u32 wanted);
/// chmod, utimes to a given time…: owner or root. Perm.
LinuxResult<> check_owner(const Identity& identity, Inode& inode);
/// Removing or renaming `child` of `directory`: write and search there, and the sticky bit's rule.
LinuxResult<> check_removal(const Identity& identity, Inode& directory, Inode& child);
/// A change of a regular file's contents takes its set-ID bits away, unless root makes it.
LinuxResult<> drop_set_id_bits(const Identity& identity, Inode& inode);

}  // namespace vari::linux
