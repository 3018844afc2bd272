// How user code may read the place's clock and its core's number by itself, without a trap: a record at the
// beginning of a frame that the place keeps (Place::user_clock()) and that a personality maps for programs to
// read. Read by freestanding code, too.
//
// One word of it changes once programs run, so there is no sequence to check: a reader that meets the change
// tells the time before it or after it, as a call at that moment would.
#pragma once

#include "base/types.h"

namespace vari {

struct UserClock {
  enum Kind : u32 {
    kNone = 0,              // ask the kernel
    kTimeStampCounter = 1,  // monotonic time is ns_of(RDTSC)
    kFunction = 2,          // `function` tells it
  };
  enum Processor : u32 {
    kAskProcessor = 0,  // ask the kernel
    kRdpid = 1,         // the core's number is what this instruction gives
    kRdtscp = 2,        // or this one, in ECX
  };
  u32 kind = kNone;
  u32 processor = kAskProcessor;
  u64 tsc_at_zero = 0;
  u64 ns_per_tsc = 0;  // 32.32
  /// Address of the place's own `int (int clock, struct timespec*)` that user code may call as it calls
  /// clock_gettime(3), for CLOCK_REALTIME (0) and CLOCK_MONOTONIC (1). It knows nothing of
  /// realtime_offset_ns.
  u64 function = 0;
  /// Atomic: what the time of day is ahead of monotonic time; modulo 2^64.
  alignas(64) u64 realtime_offset_ns = 0;

  /// The very arithmetic of the place's own clock, so that nobody sees time go back who asks both.
  constexpr Nanoseconds ns_of(u64 tsc) const {
    return static_cast<u64>(static_cast<unsigned __int128>(tsc - tsc_at_zero) * ns_per_tsc >> 32);
  }
};
static_assert(sizeof(UserClock) <= kPageBytes);

}  // namespace vari
