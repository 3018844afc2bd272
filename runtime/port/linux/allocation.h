// The host's heap behind runtime/memory.h, with what tests want of it: counting, and failing on demand.
#pragma once

#include "base/types.h"

namespace vari::runtime {

/// Allocations (heap and stacks) so far, in the whole process.
u64 allocation_count();
/// The k-th allocation from now on (1 is the next) fails, and only that one. 0: none.
void fail_allocation(u64 k);
/// Allocations not yet freed.
i64 live_allocations();

}  // namespace vari::runtime
