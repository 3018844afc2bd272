// Kernel instructions that may fault on user addresses, and where to go on if they do.
#pragma once

#include "base/types.h"

namespace vari::machine {

/// Where to continue after a page fault or general protection fault of the kernel instruction at
/// `rip`; 0: nowhere, the fault is a bug. Changes nothing, takes no lock.
u64 find_fixup(u64 rip);

}  // namespace vari::machine
