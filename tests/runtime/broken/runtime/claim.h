// The broken twin of runtime/claim.h, for the negative control only: it looks and then stores, so that
// two may win, or a waker may miss that the thread has parked.
#pragma once

#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime {

enum class WaitState : u32 { Parked, Pending, Signalled, SignalledByQueue, TimedOut, Cancelled };

inline bool claim(u32& state, WaitState outcome, WaitState& found) {
  const u32 seen = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
  if (seen > static_cast<u32>(WaitState::Pending)) return false;
  __atomic_store_n(&state, static_cast<u32>(outcome), __ATOMIC_RELEASE);
  found = static_cast<WaitState>(seen);
  return true;
}

}  // namespace vari::runtime
