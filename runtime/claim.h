// The one atomic exchange of the wait protocol: of all that want to end a wait (signaller, timer,
// canceller), exactly one gets true from claim(). Kept apart so that the tests can put a broken twin
// (load, then store) in its place and show that they would notice.
#pragma once

#include "base/types.h"

namespace vari::runtime {

/// The life of a wait in one word. Pending and Parked are open; all others are final.
/// Parked means: the thread's registers are saved, so that whoever wins may run it anywhere.
enum class WaitState : u32 { Parked, Pending, Signalled, SignalledByQueue, TimedOut, Cancelled };

/// Moves an open state to `outcome`; false if another was faster. `found` is the state before.
/// Order: acquire-release, so that the woken thread sees what the waker wrote, and the waker sees the
/// saved registers of a parked thread.
inline bool claim(u32& state, WaitState outcome, WaitState& found) {
  u32 seen = static_cast<u32>(WaitState::Parked);  // the loaded case: the thread sleeps
  while (!__atomic_compare_exchange_n(&state, &seen, static_cast<u32>(outcome), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE)) {
    if (seen > static_cast<u32>(WaitState::Pending)) return false;
  }
  found = static_cast<WaitState>(seen);
  return true;
}

}  // namespace vari::runtime
