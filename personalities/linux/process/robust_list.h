// Robust futexes: a dying thread's list of the locks that it holds, which it keeps in its own memory.
#pragma once

#include "base/types.h"

namespace vari::linux {

class Task;

/// Marks each lock of the list as its owner's death and wakes one waiter of each. The list is untrusted:
/// of bounded length, and any bad address ends the walk.
void release_robust_futexes(Task& task, u64 list_head);

}  // namespace vari::linux
