// How the nucleus reaches physical memory: the direct map. A value, not a global, so that a host test
// can put an arena in its place, and two nuclei can have one each.
#pragma once

#include "base/types.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::nucleus {

class PhysicalWindow {
 public:
  /// The kernel's own direct map.
  constexpr PhysicalWindow() = default;
  /// Physical address 0 appears at `base`.
  constexpr explicit PhysicalWindow(u64 base) : base_(base) {}

  template <class T = u8>
  T* at(PhysicalAddress address) const {
    return reinterpret_cast<T*>(base_ + address.value);
  }
  template <class T = u8>
  T* at(Frame frame) const {
    return at<T>(frame.address());
  }
  constexpr u64 base() const { return base_; }

 private:
  u64 base_ = machine::kDirectMap;
};

}  // namespace vari::nucleus
