// How a core turns its time stamp counter into nanoseconds, and nanoseconds into timer ticks: fixed-point
// factors, found once by calibration (time_calibration.h) and then constant.
#pragma once

#include "base/types.h"

namespace vari::machine {

struct TimeScale {
  u64 tsc_at_zero = 0;
  u64 ns_per_tsc = 0;  // 32.32
  u64 timer_ticks_per_ns =
      0;               // 32.32; of the local APIC's timer at divisor 1, or of the TSC in deadline mode
  u64 tsc_per_ns = 0;  // 32.32
  const volatile u64* hpet_counter =
      nullptr;          // not null: the clock is the HPET's, since the cores' TSCs disagree
  u64 ns_per_hpet = 0;  // 32.32
  u64 hpet_at_zero = 0;
};

/// (a * b) >> 32 without overflow of the product.
constexpr u64 scale(u64 value, u64 factor) {
  return static_cast<u64>(static_cast<unsigned __int128>(value) * factor >> 32);
}

}  // namespace vari::machine
