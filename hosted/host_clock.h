// The host's clock for guests: the function of the host's vDSO that stays mapped in every stub, so that a
// guest that asks for the time does not trap.
#pragma once

#include "base/types.h"

namespace vari::hosted {

/// How far behind its vDSO's begin the host has __vdso_clock_gettime; 0: there is none. The same in all
/// processes of this host.
u64 find_clock_function();

}  // namespace vari::hosted
