// What the memory system keeps for each core. The core's Processor object embeds one; it is reached
// through this_core.h. Touched only by its own core, with preemption (or, where said, interrupts)
// disabled.
#pragma once

#include "base/types.h"
#include "nucleus/slab_cache.h"

namespace vari::nucleus {

class AddressSpace;

struct CoreMemory {
  /// The space whose root table this core has loaded; null: the kernel's own table.
  AddressSpace* loaded = nullptr;
  /// The NUMA node of this core.
  u32 node = 0;
  /// The machine has SMAP, and it is on: user memory is reached between STAC and CLAC. Set by the
  /// processor's start-up code, never changed afterwards; kept here, and not in a global, because a core
  /// is all that knows its machine.
  bool smap = false;
  /// This core translates addresses through the loaded tables, so the recursive slot and user addresses can
  /// be used: true on every real core (set at its start-up), false in host tests.
  bool translating = false;

  u64 root_loads = 0;     // CR3 writes
  u64 invalidations = 0;  // INVLPG
  u64 shootdowns = 0;     // broadcasts begun by this core
  /// Kernel-heap objects ready to be had again (interrupts disabled).
  SlabCache slabs;
};

}  // namespace vari::nucleus
