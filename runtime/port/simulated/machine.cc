// The simulated machine's life: one POSIX thread, its scheduler, the first thread, the end.
#include "runtime/port/simulated/machine.h"

#include <pthread.h>

#include <cstdio>
#include <cstdlib>

#include "base/assert.h"
#include "runtime/port/simulated/core.h"
#include "runtime/scheduler.h"

namespace vari::runtime {

struct SimulatedMachine::Core {
  Core(u64 seed_in, void (*entry_in)(void*), void* argument_in)
      : group({.slice_ns = port::kSlice}),
        scheduler(group, CpuId{0}),
        seed(seed_in),
        entry(entry_in),
        argument(argument_in) {}
  SchedulerGroup group;
  Scheduler scheduler;
  const u64 seed;
  void (*const entry)(void*);
  void* const argument;
};

void SimulatedMachine::first_main(void* argument) {
  Core& core = *static_cast<Core*>(argument);
  core.entry(core.argument);
  const Nanoseconds limit = port::now_ns() + 600 * kSecond;
  while (core.group.live_threads() > 1) {
    if (port::now_ns() > limit) {
      std::fprintf(stderr, "simulated machine: threads remain\n");
      std::abort();
    }
    (void)Thread::sleep_until(port::now_ns() + kMillisecond);
  }
  core.group.stop();
}

void* SimulatedMachine::core_main(void* argument) {
  Core& core = *static_cast<Core*>(argument);
  auto& own = port::simulated_core();
  own.scheduler = &core.scheduler;
  own.interrupts_disabled = true;
  own.chance = core.seed * 2 + 1;
  own.now = kSecond;

  port::Stack stack;
  pthread_attr_t attributes;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &stack.base, &stack.bytes);
  ::pthread_attr_destroy(&attributes);
  core.scheduler.adopt(stack);
  ThreadOptions options;
  options.name = "first";
  auto thread = Thread::start(&first_main, &core, options);
  ASSERT(thread);
  core.scheduler.run_idle_loop();
  return nullptr;
}

void SimulatedMachine::run_entry(void (*entry)(void*), void* argument) {
  Core core{seed_, entry, argument};
  pthread_t thread{};
  int error = ::pthread_create(&thread, nullptr, &core_main, &core);
  ASSERT(error == 0);
  error = ::pthread_join(thread, nullptr);
  ASSERT(error == 0);
}

}  // namespace vari::runtime
