// See device_registry.h.
#include "personalities/linux/files/device_registry.h"

namespace vari::linux {

Result<> DeviceRegistry::add(u32 major, u32 first_minor, u32 count, std::string_view name,
                             CharacterDevice& device) {
  if (count_ == kMaximum) return std::unexpected(Error::LimitReached);
  entries_[count_++] = {major, first_minor, count, name, &device};
  return {};
}

LinuxResult<Ref<File>> DeviceRegistry::open(const OpenRequest& request, u64 device) {
  const u32 major = device_major(device), minor = device_minor(device);
  for (const auto& entry : entries()) {
    if (entry.major == major && minor >= entry.first_minor && minor - entry.first_minor < entry.count)
      return entry.device->open(request, minor);
  }
  return std::unexpected(Errno::NoDevice6);
}

}  // namespace vari::linux
