// Where the shadow of a heap address lies, and what its bytes mean (memory.cc).
#pragma once

#include "base/types.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::nucleus {

inline constexpr u64 kGranule = 8;
inline constexpr u8 kRedZoneShadow = 0xfa;
inline constexpr u8 kFreedShadow = 0xfd;
/// One shadow page stands for this much heap.
inline constexpr u64 kHeapPerShadowPage = kPageBytes * kGranule;

constexpr bool in_heap(u64 address) {
  return address - machine::kHeapBegin < machine::kStacksBegin - machine::kHeapBegin;
}
constexpr u64 shadow_of(u64 address) {
  return machine::kShadowBegin + (address - machine::kHeapBegin) / kGranule;
}

}  // namespace vari::nucleus
