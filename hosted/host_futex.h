// Waiting for a word that another process changes, and waking whoever waits for it.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/types.h"

namespace vari::hosted {

inline void host_futex_wake(u32& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

/// Sleeps while the word has this value, and no longer than told.
inline void host_futex_wait(u32& word, u32 value, Nanoseconds longest) {
  const timespec limit{static_cast<time_t>(longest / kSecond), static_cast<long>(longest % kSecond)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, &limit, nullptr, 0);
}

}  // namespace vari::hosted
