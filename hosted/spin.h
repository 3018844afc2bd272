// How long one side looks at a word before it sleeps: an answer that comes soon costs no call of the host.
#pragma once

#include "base/types.h"

namespace vari::hosted {

/// A few times a signal's delivery and return on the host.
inline constexpr u32 kSpinCycles = 40'000;

/// True as soon as the predicate holds; false after `cycles` of the time-stamp counter.
template <class Predicate>
bool spin_until(Predicate&& predicate, u64 cycles) {
  for (const u64 begin = __builtin_ia32_rdtsc();;) {
    if (predicate()) return true;
    if (__builtin_ia32_rdtsc() - begin >= cycles) return false;
    __builtin_ia32_pause();
  }
}

/// How long to look next time, from how it went: where answers are late (a busy host), looking only takes the
/// other side's time, so it is tried now and then.
struct SpinBudget {
  u32 cycles = kSpinCycles;
  u32 tries = 0;
  u32 next() { return ++tries % 32 == 0 ? kSpinCycles : cycles; }
  void note(bool in_time) { cycles = in_time ? kSpinCycles : cycles / 4; }
};

}  // namespace vari::hosted
