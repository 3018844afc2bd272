// The devices of major 1: null, zero, full, random, urandom and kmsg.
#pragma once

#include "personalities/linux/files/device_registry.h"
#include "runtime/memory.h"

namespace vari::linux {

class Vfs;

class MemoryDevices final : public CharacterDevice, public runtime::Allocated {
 public:
  static constexpr u32 kMajor = 1, kNull = 3, kZero = 5, kFull = 7, kRandom = 8, kUrandom = 9, kKmsg = 11;

  explicit MemoryDevices(Place& place) : place_(place) {}
  /// Registers the numbers and makes the nodes.
  LinuxResult<> start(Vfs& vfs);
  LinuxResult<Ref<File>> open(const OpenRequest& request, u32 minor) override;

 private:
  Place& place_;
};

}  // namespace vari::linux
