// See path.h.
#include "components/archive/path.h"

namespace vari::components::archive {

Result<std::string_view> clean_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return std::unexpected(Error::Malformed);
  for (;;) {
    if (path.starts_with('/')) {
      path.remove_prefix(1);
    } else if (path.starts_with("./")) {
      path.remove_prefix(2);
    } else {
      break;
    }
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path == ".") return std::string_view();
  for (auto rest = path; !rest.empty();) {
    const auto part = rest.substr(0, rest.find('/'));
    if (part == "..") return std::unexpected(Error::Malformed);
    rest.remove_prefix(part.size() < rest.size() ? part.size() + 1 : part.size());
  }
  return path;
}

Result<ArchiveEntry::Kind> kind_of_mode(u32 mode) {
  switch (mode & 0170000) {
    case 0100000: return ArchiveEntry::Kind::File;
    case 0040000: return ArchiveEntry::Kind::Directory;
    case 0120000: return ArchiveEntry::Kind::SymbolicLink;
    case 0020000: return ArchiveEntry::Kind::CharacterDevice;
    case 0060000: return ArchiveEntry::Kind::BlockDevice;
    case 0010000: return ArchiveEntry::Kind::Fifo;
    default: return std::unexpected(Error::Malformed);
  }
}

}  // namespace vari::components::archive
