// Who serves a device number: opening a character device node asks here. Terminals, /dev/null and the
// like register at start; nothing is removed later.
#pragma once

#include "personalities/linux/files/inode.h"

namespace vari::linux {

/// Opens devices of a range of minor numbers. Lives as long as the personality.
class CharacterDevice {
 public:
  /// `minor` is within the registered range. The file keeps request.path (see OpenFile) and its flags.
  virtual LinuxResult<Ref<File>> open(const OpenRequest& request, u32 minor) = 0;

 protected:
  ~CharacterDevice() = default;
};

class DeviceRegistry {
 public:
  static constexpr std::size_t kMaximum = 64;

  /// Devices `major`, `first_minor` … +count-1. `name` is what /proc/devices shows for the major; it lasts
  /// as long as the registry. Start-up only: not concurrent with open(). LimitReached.
  Result<> add(u32 major, u32 first_minor, u32 count, std::string_view name, CharacterDevice& device);
  /// NoDevice6 (ENXIO) where nobody serves the number.
  LinuxResult<Ref<File>> open(const OpenRequest& request, u64 device);

  struct Entry {
    u32 major = 0, first_minor = 0, count = 0;
    std::string_view name;
    CharacterDevice* device = nullptr;
  };
  std::span<const Entry> entries() const { return {entries_, count_}; }

 private:
  Entry entries_[kMaximum];
  std::size_t count_ = 0;
};

}  // namespace vari::linux
