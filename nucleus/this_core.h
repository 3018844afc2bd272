// The few things that the memory system asks of processors. The processor code implements them
// through the per-core register; host tests supply simulated cores.
#pragma once

#include "base/types.h"
#include "nucleus/core_memory.h"
#include "runtime/thread.h"

namespace vari::nucleus {

/// The calling core. Stable only while preemption is disabled.
CpuId this_cpu();
CoreMemory& this_core_memory();

/// Runs function(argument) at interrupt level on each started core of `cores` but the calling one, and
/// returns when all have done so. May be called with interrupts disabled, and on several cores at once:
/// a core that waits here serves the others' requests.
void broadcast(const runtime::CpuSet& cores, void (*function)(void*), void* argument);

}  // namespace vari::nucleus
