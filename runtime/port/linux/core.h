// What a POSIX thread needs to be a core. Threads that are no core (a test's main thread) have one,
// too, without a scheduler: locks work there, blocking does not.
#pragma once

#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime::port {

struct LinuxCore {
  Scheduler* scheduler = nullptr;
  Thread* thread = nullptr;
  u32 preemption_disabled = 0;
  bool interrupts_disabled = false;
  Nanoseconds deadline = kForever;  // of set_timer()
  // For sanitizers, between before_switch() and the switch.
  Thread* outgoing = nullptr;
  Thread* incoming = nullptr;
};

/// The calling thread's. Never kept over a switch: the fibre may go on in another POSIX thread.
LinuxCore& this_core();

/// What other threads may touch: a futex word, nonzero when a notify() waits to be seen.
struct Doorbell {
  u32 rung = 0;  // atomic
};
Doorbell& doorbell_of(Scheduler& scheduler);

}  // namespace vari::runtime::port
