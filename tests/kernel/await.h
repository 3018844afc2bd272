// Waiting for a condition instead of for a time: the host may let any core stand still for a while.
#pragma once

#include "runtime/port.h"
#include "runtime/thread.h"

namespace vari::kernel_tests {

/// Sleeps until `condition` holds; false if it does not within a minute.
template <class Condition>
bool await(Condition&& condition) {
  const Nanoseconds end = runtime::port::now_ns() + 60 * kSecond;
  while (!condition()) {
    if (runtime::port::now_ns() > end) return false;
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 2 * kMillisecond);
  }
  return true;
}

}  // namespace vari::kernel_tests
