// What both formats need: names made harmless, file types.
#pragma once

#include <string_view>

#include "base/result.h"
#include "interfaces/archive.h"

namespace vari::components::archive {

/// The name relative to the archive's root: leading "/" and "./" and trailing "/" gone; "" is the root
/// itself. Malformed: it has ".." parts or a zero byte.
Result<std::string_view> clean_path(std::string_view path);

/// The kind by st_mode's type bits. Malformed: none of those that an archive can hold.
Result<ArchiveEntry::Kind> kind_of_mode(u32 mode);

}  // namespace vari::components::archive
