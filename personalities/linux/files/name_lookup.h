// One name in one directory, whatever its file system promises about names (file_system.h: NamePolicy).
#pragma once

#include <string_view>

#include "personalities/linux/files/dentry.h"

namespace vari::linux {

/// The child `name` of `directory`; NoEntry. Without the directory's mutex.
LinuxResult<Ref<Dentry>> look_up_name(Task& task, Dentry& directory, std::string_view name);
/// The same with the mutex of the directory's inode held: the answer holds until it is released, as far as
/// it is ours to say.
LinuxResult<Ref<Dentry>> look_up_name_locked(Task& task, Dentry& directory, std::string_view name);

}  // namespace vari::linux
