// The meter of tests that count instructions: under QEMU's -icount shift=0 one instruction is one tick of the
// TSC. Elsewhere a tick is the time of whatever the host is, and such tests print and do not judge.
#pragma once

#include <algorithm>

#include "machine/x86_64/cpu.h"
#include "nucleus/preemption.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {

/// Ticks that `work` takes, uninterrupted; the reading itself costs a few.
template <class Work>
u64 ticks_of(Work&& work) {
  nucleus::InterruptGuard uninterrupted;
  const u64 before = machine::read_tsc();
  work();
  return machine::read_tsc() - before;
}

/// A loop of three instructions.
inline u64 ticks_of_three(u64 rounds) {
  return ticks_of([&] {
    u64 left = rounds;
    asm volatile("1: nop; decq %0; jnz 1b" : "+r"(left) : : "cc");
  });
}

/// True where a tick is an instruction: the loop of three reads 3.0, each time.
inline bool counts_instructions() {
  for (int i = 0; i < 3; ++i) {
    const u64 ticks = ticks_of_three(1000);
    if (ticks < 3000 || ticks > 3010) return false;
  }
  return true;
}

/// The calling thread stays on one core for a scope.
class OnCore {
 public:
  explicit OnCore(CpuId cpu) {
    (void)runtime::Thread::current().set_affinity(runtime::CpuSet::only(cpu));
    runtime::Thread::yield();
  }
  ~OnCore() { (void)runtime::Thread::current().set_affinity({}); }
  OnCore(const OnCore&) = delete;
};

}  // namespace vari::kernel_tests
