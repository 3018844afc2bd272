// What the calls on mounts share: their strings, and MOUNT_ATTR_… as mount flags.
#pragma once

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/path_file.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

/// A short string argument that may be null: a file system's name, options, a source. Invalid if too long.
LinuxResult<std::string_view> optional_string(Task& task, u64 address, std::span<char> buffer);

/// The kernel's MOUNT_ATTR_…
namespace mount_attribute {
inline constexpr u64 kReadOnly = 1, kNoSetId = 2, kNoDevices = 4, kNoExecute = 8, kAccessTimes = 0x70,
                     kNoAccessTime = 0x10, kStrictAccessTime = 0x20, kNoDirectoryAccessTime = 0x80,
                     kMapIds = 0x100000, kNoLinkFollow = 0x200000;
inline constexpr u64 kPlain =
    kReadOnly | kNoSetId | kNoDevices | kNoExecute | kNoDirectoryAccessTime | kNoLinkFollow;
}  // namespace mount_attribute
/// But for access times: those are a number, not bits.
u32 mount_flags_of(u64 attributes);
/// The flag of MOUNT_ATTR__ATIME's value. Invalid.
LinuxResult<u32> access_time_flag(u64 attributes);

/// A descriptor of a tree that is mounted nowhere. The tree ends with the file, or if there can't be one.
LinuxResult<u64> add_detached_tree(Task& task, const Ref<Mount>& top, bool close_on_exec);

}  // namespace vari::linux
