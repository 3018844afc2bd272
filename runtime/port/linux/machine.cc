// Cores as POSIX threads: start, the first thread, shut-down.
#include "runtime/port/linux/machine.h"

#include <pthread.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>

#include "base/assert.h"
#include "runtime/port/linux/core.h"

namespace vari::runtime {

struct LinuxMachine::Core {
  Core(LinuxMachine& machine_in, CpuId cpu)
      : machine(machine_in), scheduler(machine_in.group_, cpu, &doorbell) {}
  LinuxMachine& machine;
  port::Doorbell doorbell;
  Scheduler scheduler;
  First* first = nullptr;
  pthread_t thread{};
};

struct LinuxMachine::First {
  LinuxMachine& machine;
  void (*entry)(void*);
  void* argument;
};

LinuxMachine::LinuxMachine(u32 cores, const SchedulingPolicy& policy, Attendant* attendant)
    : cores_(cores), group_(policy) {
  ASSERT(cores > 0 && cores <= kMaximumCpus);
  core_ = static_cast<Core*>(std::aligned_alloc(alignof(Core), sizeof(Core) * cores));
  ASSERT(core_);
  for (u32 i = 0; i < cores; ++i) {
    ::new (&core_[i]) Core(*this, CpuId{i});
    if (!attendant) continue;
    core_[i].doorbell.attendant = attendant;
    core_[i].doorbell.rung = &attendant->doorbell(CpuId{i});
  }
}

LinuxMachine::~LinuxMachine() {
  for (u32 i = 0; i < cores_; ++i) core_[i].~Core();
  std::free(core_);
}

Scheduler& LinuxMachine::scheduler(u32 cpu) {
  ASSERT(cpu < cores_);
  return core_[cpu].scheduler;
}

void* LinuxMachine::core_main(void* argument) {
  Core& core = *static_cast<Core*>(argument);
  port::LinuxCore& own = port::this_core();
  own.scheduler = &core.scheduler;
  own.interrupts_disabled = true;

  port::Stack stack;
  pthread_attr_t attributes;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &stack.base, &stack.bytes);
  ::pthread_attr_destroy(&attributes);
  core.scheduler.adopt(stack);

  __atomic_fetch_add(&core.machine.joined_, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n(&core.machine.joined_, __ATOMIC_ACQUIRE) < core.machine.cores_) ::sched_yield();
  if (core.first) {
    ThreadOptions options;
    options.name = "first";
    auto thread = Thread::start(&first_main, core.first, options);
    ASSERT(thread);
  }
  core.scheduler.run_idle_loop();
  return nullptr;
}

void LinuxMachine::first_main(void* argument) {
  First& first = *static_cast<First*>(argument);
  first.entry(first.argument);
  SchedulerGroup& group = first.machine.group_;
  const Nanoseconds limit = port::now_ns() + 60 * kSecond;
  while (group.live_threads() > 1) {
    if (port::now_ns() > limit) {
      std::fprintf(stderr, "LinuxMachine: %lld threads have not ended\n",
                   static_cast<long long>(group.live_threads() - 1));
      std::abort();
    }
    (void)Thread::sleep_until(port::now_ns() + kMillisecond / 5);
  }
  group.stop();
}

void LinuxMachine::run_entry(void (*entry)(void*), void* argument) {
  First first{*this, entry, argument};
  core_[0].first = &first;
  for (u32 i = 0; i < cores_; ++i) {
    const int error = ::pthread_create(&core_[i].thread, nullptr, &core_main, &core_[i]);
    ASSERT(error == 0);
  }
  for (u32 i = 0; i < cores_; ++i) ::pthread_join(core_[i].thread, nullptr);
}

}  // namespace vari::runtime
