// Between the Linux port's files: every allocation asks here first.
#pragma once

#include "base/types.h"

namespace vari::runtime::port {

/// Counts it; false if a test wants it to fail.
bool allocation_permitted();
void count_live(i64 difference);

}  // namespace vari::runtime::port
