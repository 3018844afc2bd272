// How long one side looks at a word before it sleeps: an answer that comes soon costs no call of the host.
#pragma once

#include "base/types.h"

namespace vari::hosted {

/// About a signal's delivery and return on the host: longer makes the loser of a race pay twice.
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

}  // namespace vari::hosted
