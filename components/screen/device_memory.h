// Stores to a screen's memory: the one place of this component that knows that it is a device's.
#pragma once

#include "base/types.h"

namespace vari::components::screen {

/// Memory of a device, mapped; offsets in bytes. Every store happens, once, and in order.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(void* begin) : begin_(static_cast<u8*>(begin)) {}
  void* begin() const { return begin_; }
  explicit operator bool() const { return begin_ != nullptr; }

  template <class T>
  void store(u64 offset, T value) const {
    *static_cast<volatile T*>(static_cast<void*>(begin_ + offset)) = value;
  }

 private:
  u8* begin_ = nullptr;
};

}  // namespace vari::components::screen
