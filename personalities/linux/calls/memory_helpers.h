// What the calls on memory share.
#pragma once

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

/// A page-aligned range within user space; its length rounded up.
inline bool valid_range(u64 begin, u64 bytes) {
  return (begin & (kPageBytes - 1)) == 0 && bytes <= Domain::kUserEnd.value &&
         begin <= Domain::kUserEnd.value - align_up(bytes, kPageBytes);
}

/// Makes all pages of the range present; the first that can't be ends it, as does a deadly signal.
inline std::expected<void, FaultError> fault_in(Task& task, u64 begin, u64 end, Access wanted) {
  for (u64 at = align_down(begin, kPageBytes); at < end && !fatal_signal_pending(task); at += kPageBytes) {
    if (auto done = task.memory().resolve_fault(at, wanted); !done.has_value()) return done;
  }
  return {};
}

}  // namespace vari::linux
