// What the parts of the host folder share: errors and names as the host's calls want them.
#pragma once

#include <sys/stat.h>

#include <string_view>

#include "interfaces/folder.h"

namespace vari::hosted {

FolderError folder_error(int error);
/// std::unexpected of errno.
std::unexpected<FolderError> failed();

/// One component with a zero behind it.
class HostName {
 public:
  static constexpr std::size_t kMaximum = 255;
  static FolderResult<HostName> create(std::string_view name);
  const char* text() const { return text_; }

 private:
  char text_[kMaximum + 1] = {};
};

/// The name under which a descriptor can be opened again, for calls that take no O_PATH descriptor.
class DescriptorPath {
 public:
  explicit DescriptorPath(int descriptor);
  const char* text() const { return text_; }

 private:
  char text_[32];
};

constexpr i64 nanoseconds_of(const timespec& time) {
  return static_cast<i64>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace vari::hosted
