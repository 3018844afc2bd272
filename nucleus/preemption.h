// Scopes in which the caller stays on its core, or is not even interrupted.
#pragma once

#include "runtime/port.h"

namespace vari::nucleus {

class PreemptionGuard {
 public:
  PreemptionGuard() { runtime::port::disable_preemption(); }
  ~PreemptionGuard() { runtime::port::enable_preemption(); }
  PreemptionGuard(const PreemptionGuard&) = delete;
  PreemptionGuard& operator=(const PreemptionGuard&) = delete;
};

class InterruptGuard {
 public:
  InterruptGuard() : saved_(runtime::port::disable_interrupts()) {}
  ~InterruptGuard() { runtime::port::restore_interrupts(saved_); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  u64 saved_;
};

}  // namespace vari::nucleus
