// See host_calls.h.
#include "hosted/folder/host_calls.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace vari::hosted {

FolderError folder_error(int error) {
  switch (error) {
    case ENOENT:
    case ESTALE: return FolderError::NotFound;
    case EEXIST: return FolderError::Exists;
    case ENOTDIR: return FolderError::NotDirectory;
    case EISDIR: return FolderError::IsDirectory;
    case ENOTEMPTY: return FolderError::NotEmpty;
    case EACCES: return FolderError::Denied;
    case EPERM: return FolderError::NotPermitted;
    case EROFS: return FolderError::ReadOnly;
    case ENOSPC:
    case EDQUOT: return FolderError::NoSpace;
    case EFBIG:
    case EOVERFLOW: return FolderError::FileTooBig;
    case ENAMETOOLONG: return FolderError::NameTooLong;
    case EMLINK: return FolderError::TooManyLinks;
    case EXDEV: return FolderError::OtherDevice;
    case EBUSY:
    case ETXTBSY: return FolderError::Busy;
    case ELOOP:
    case EINVAL: return FolderError::Invalid;
    case EOPNOTSUPP:
    case ENOSYS: return FolderError::Unsupported;
    case ENOMEM: return FolderError::OutOfMemory;
    case EMFILE:
    case ENFILE: return FolderError::TooManyOpen;
    default: return FolderError::Io;
  }
}

std::unexpected<FolderError> failed() {
  return std::unexpected(folder_error(errno));
}

FolderResult<HostName> HostName::create(std::string_view name) {
  if (name.size() > kMaximum) return std::unexpected(FolderError::NameTooLong);
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos)
    return std::unexpected(FolderError::Invalid);
  HostName result;
  std::memcpy(result.text_, name.data(), name.size());
  return result;
}

DescriptorPath::DescriptorPath(int descriptor) {
  std::snprintf(text_, sizeof text_, "/proc/self/fd/%d", descriptor);
}

}  // namespace vari::hosted
