// The one core of a simulated machine: what the port keeps of it, and its clock.
#pragma once

#include "runtime/port/linux/core.h"

namespace vari::runtime::port {

struct SimulatedCore : LinuxCore {
  Nanoseconds now = 0;
  u64 chance = 1;     // state of the generator that chooses where threads are preempted
  bool rung = false;  // notify() since the last look
};

/// Moves at each look; what waits for time to pass gets there.
inline constexpr Nanoseconds kTick = 20;
/// A turn of the core, and how far the clock jumps where the generator says so: then the slice is over.
inline constexpr Nanoseconds kSlice = kMillisecond;
/// One safe point in so many.
inline constexpr u64 kJumpsOneIn = 24;

SimulatedCore& simulated_core();

}  // namespace vari::runtime::port
