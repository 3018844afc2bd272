// What a POSIX thread needs to be a core. Threads that are no core (a test's main thread) have one,
// too, without a scheduler: locks work there, blocking does not.
#pragma once

#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime {

/// Events that come to cores from outside this process (the hosted placement's guests): whoever has one
/// stores 1 to the core's word and, if it was 0, wakes the futex there.
class Attendant {
 public:
  /// The core's word, in memory that others may share; it outlives the machine.
  virtual u32& doorbell(CpuId cpu) = 0;
  /// The core's doorbell was rung: makes ready the threads whose events have come. At interrupt level.
  virtual void on_doorbell(CpuId cpu) = 0;

 protected:
  ~Attendant() = default;
};

}  // namespace vari::runtime

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

/// Where a core waits for a notify(), and who else may ring there.
struct Doorbell {
  u32 own = 0;       // atomic: the word, where nobody lends another
  u32* rung = &own;  // atomic futex: nonzero when somebody has rung
  Attendant* attendant = nullptr;
};
Doorbell& doorbell_of(Scheduler& scheduler);

}  // namespace vari::runtime::port
