// The idle set and the roll of a nucleus's schedulers.
//
// Order: enter_idle() is a sequentially consistent read-modify-write before the core's last look at
// its queue; a waker queues under that core's lock and then notifies. Either the look finds the thread
// or the notify ends the wait (model: tests/models/idle.pml).
#include "runtime/scheduler_group.h"

#include <bit>

#include "runtime/port.h"
#include "runtime/scheduler.h"

namespace vari::runtime {

void SchedulerGroup::join(Scheduler& scheduler, CpuId cpu) {
  __atomic_store_n(&schedulers_[cpu.value], &scheduler, __ATOMIC_RELEASE);
  u32 limit = __atomic_load_n(&limit_, __ATOMIC_RELAXED);
  while (limit <= cpu.value && !__atomic_compare_exchange_n(&limit_, &limit, cpu.value + 1, false,
                                                            __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

void SchedulerGroup::enter_idle(CpuId cpu) {
  __atomic_fetch_or(&idle_[cpu.value / 64], u64{1} << (cpu.value % 64), __ATOMIC_SEQ_CST);
}

void SchedulerGroup::leave_idle(CpuId cpu) {
  claim(cpu);
}

bool SchedulerGroup::any_idle() const {
  const u32 words = (limit() + 63) / 64;
  for (u32 word = 0; word < words; ++word) {
    if (__atomic_load_n(&idle_[word], __ATOMIC_RELAXED) != 0) return true;
  }
  return false;
}

bool SchedulerGroup::claim(CpuId cpu) {
  const u64 bit = u64{1} << (cpu.value % 64);
  u64& word = idle_[cpu.value / 64];
  // A look first: the exchange would take the line from all others for nothing.
  if ((__atomic_load_n(&word, __ATOMIC_RELAXED) & bit) == 0) return false;
  return (__atomic_fetch_and(&word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

Scheduler* SchedulerGroup::claim_idle(const CpuSet& allowed) {
  const u32 words = (limit() + 63) / 64;
  for (u32 word = 0; word < words; ++word) {
    u64 candidates = __atomic_load_n(&idle_[word], __ATOMIC_RELAXED) &
                     __atomic_load_n(&allowed.words[word], __ATOMIC_RELAXED);
    while (candidates != 0) {
      const CpuId cpu{word * 64 + static_cast<u32>(std::countr_zero(candidates))};
      if (claim(cpu)) return at(cpu);
      candidates &= candidates - 1;
    }
  }
  return nullptr;
}

void SchedulerGroup::stop() {
  __atomic_store_n(&stopping_, true, __ATOMIC_SEQ_CST);
  for (u32 cpu = 0; cpu < limit(); ++cpu) {
    if (Scheduler* scheduler = at(CpuId{cpu})) port::notify(*scheduler);
  }
}

}  // namespace vari::runtime
