// One core of a nucleus, and the set of them. A Processor holds all that a core needs of its own: the block
// found through GS, descriptor tables, exception stacks, scheduler, memory caches, and its box for calls from
// other cores. Nothing here is shared but through the functions that say so.
#pragma once

#include "base/late.h"
#include "base/result.h"
#include "interfaces/topology.h"
#include "machine/x86_64/core_area.h"
#include "machine/x86_64/core_tables.h"
#include "machine/x86_64/features.h"
#include "machine/x86_64/local_apic.h"
#include "nucleus/clock.h"
#include "nucleus/core_memory.h"
#include "nucleus/memory.h"
#include "runtime/scheduler.h"

namespace vari::nucleus {

class InterruptRouter;
class Processors;

/// A request to run a function on other cores; each core has one, since it makes one at a time.
struct CoreCall {
  void (*function)(void*) = nullptr;
  void* argument = nullptr;
  u32 remaining = 0;  // atomic: cores that have not done it yet
};

/// Who reports in a panic. All atomic.
struct PanicState {
  static constexpr u32 kNobody = ~u32{0};
  u32 first = kNobody;  // the core that panicked first
  u32 turn = kNobody;   // the core whose turn it is to report
  u32 reported = 0;     // how many of the others have
  bool silent = false;  // nothing is wrong: the cores only stop (halt_machine)
};

struct alignas(kPageBytes) Processor {
  machine::ExceptionStacks exception_stacks;
  machine::CoreTables tables;
  machine::CoreArea area;
  CoreMemory memory;
  Late<runtime::Scheduler> scheduler;
  Processors* processors = nullptr;
  KernelStack idle_stack;  // empty for the boot core, which keeps the boot stack
  // Stacks of ended threads, to be had again without a change of the page tables. Interrupts are disabled.
  static constexpr u32 kCachedStacks = 2;
  KernelStack cached_stacks[kCachedStacks];
  u32 cached_stack_count = 0;
  alignas(64) CoreCall call;                        // made by this core
  alignas(64) u64 callers[kMaximumCpus / 64] = {};  // atomic: whose call this core has yet to run
};

/// The calling core's. Stable only while preemption is disabled.
inline Processor& this_processor() {
  return *machine::this_core().processor;
}

class Processors {
 public:
  explicit Processors(runtime::SchedulerGroup& schedulers) : schedulers_(schedulers) {}
  Processors(const Processors&) = delete;
  Processors& operator=(const Processors&) = delete;

  /// The first act of kmain: tables, GS and features of the boot core. From here on traps are reported, and
  /// spinlocks, this_core.h and runtime/port.h work; there are no interrupts yet.
  void adopt_boot_core();
  /// Next, when there is memory: clock, local APIC, the boot core's scheduler. From here on threads can be
  /// made, and run as soon as run_boot_core() is called. Interrupts stay disabled.
  Result<> prepare(Memory& memory, const Topology& topology);
  /// Starts all other cores of the topology, at most `limit` cores in all. A core that does not answer is
  /// left out. Returns how many run now.
  Result<u32> start_others(const Topology& topology, u32 limit = kMaximumCpus);
  /// The boot core becomes its idle thread, and threads run.
  [[noreturn]] void run_boot_core();

  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_ACQUIRE); }
  Processor& at(CpuId cpu) { return *processors_[cpu.value]; }
  /// Calls function(Processor&) for each core that runs.
  template <class Function>
  void for_each(Function&& function) {
    const u32 limit = __atomic_load_n(&limit_, __ATOMIC_ACQUIRE);
    for (u32 cpu = 0; cpu < limit; ++cpu) {
      Processor* processor = processors_[cpu];
      if (processor && __atomic_load_n(&processor->area.online, __ATOMIC_SEQ_CST)) function(*processor);
    }
  }
  Memory* memory() { return memory_; }
  Clock& clock() { return clock_; }
  const machine::Features& features() const { return features_; }
  const machine::LocalApic& apic() const { return apic_; }
  runtime::SchedulerGroup& schedulers() { return schedulers_; }
  /// Who takes device interrupts; set by InterruptRouter.
  void set_router(InterruptRouter& router) { router_ = &router; }

  /// See this_core.h.
  void broadcast(const runtime::CpuSet& cores, void (*function)(void*), void* argument);
  /// Runs what other cores have asked of this one. Interrupts are disabled, or this core waits in
  /// broadcast().
  void serve_calls(Processor& here);
  /// Interrupts one core, which may be the calling one.
  void send(CpuId cpu, machine::Vector vector);
  /// Interrupt level: the calling core took `vector`, which is no exception.
  void on_interrupt(Processor& here, u8 vector);
  PanicState& panic_state() { return panic_; }

 private:
  friend class CoreStartup;
  /// The parts of start-up that every core does for itself.
  void adopt(Processor& processor, CpuId cpu);
  void join(Processor& processor);

  runtime::SchedulerGroup& schedulers_;
  machine::Features features_;
  machine::LocalApic apic_;
  machine::InterruptTable interrupt_table_;
  Clock clock_;
  Memory* memory_ = nullptr;
  InterruptRouter* router_ = nullptr;
  u32 count_ = 0;  // atomic: cores that run
  u32 limit_ = 1;  // atomic: one more than the greatest number that a core has or will have
  PanicState panic_;
  Processor* processors_[kMaximumCpus] = {};
  Processor boot_processor_;
};

}  // namespace vari::nucleus
