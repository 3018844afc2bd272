// The per-core layer of the kernel heap: for each small size a few free objects, so that most
// allocations and frees touch no lock and no shared cache line.
#pragma once

#include <cstddef>

#include "base/types.h"

namespace vari::nucleus {

/// Sizes that slabs serve; whatever is larger is a run of pages.
inline constexpr u16 kSlabSizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 2048};
inline constexpr unsigned kSlabClasses = sizeof(kSlabSizes) / sizeof(kSlabSizes[0]);
inline constexpr std::size_t kLargestSlabBytes = kSlabSizes[kSlabClasses - 1];

struct SlabCache {
  static constexpr unsigned kCapacity = 14;
  struct Stack {
    u32 count = 0;
    void* objects[kCapacity] = {};
  };
  Stack stacks[kSlabClasses];
};

}  // namespace vari::nucleus
