// The runtime's port to the nucleus: a processor is a core, found through GS; masking interrupts is CLI; the
// timer is the core's local APIC's; a notification is an inter-processor interrupt. Preemption in kernel
// mode happens in three places: on the way out of an interrupt (nucleus/kernel_traps.cc), where the
// outermost enable_preemption() or restore_interrupts() finds one pending, and in no other.
#include "runtime/port.h"

#include "base/assert.h"
#include "machine/x86_64/core_area.h"
#include "machine/x86_64/cpu.h"
#include "nucleus/context.h"
#include "nucleus/processor.h"
#include "runtime/memory.h"
#include "runtime/scheduler.h"

namespace vari::runtime {
namespace {

using machine::core_field;
using machine::CoreArea;
using machine::this_core;

nucleus::Memory& memory_of_this_core() {
  return *core_field<nucleus::Processor*, __builtin_offsetof(CoreArea, processor)>()->processors->memory();
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  // free() is not told the alignment. The heap's block is the same with and without it for these sizes only.
  ASSERT(alignment <= 16 || (is_aligned(bytes, alignment) && (bytes & (bytes - 1)) == 0));
  return memory_of_this_core().heap().allocate(bytes, alignment);
}
void free(void* memory, std::size_t bytes) noexcept {
  if (memory) memory_of_this_core().heap().free(memory, bytes);
}

namespace port {

Scheduler& this_scheduler() {
  return *core_field<Scheduler*, __builtin_offsetof(CoreArea, scheduler)>();
}
Thread& this_thread() {
  return *core_field<Thread*, __builtin_offsetof(CoreArea, thread)>();
}
void set_this_thread(Thread& thread) {
  this_core().thread = &thread;
}

void disable_preemption() {
  machine::raise_preemption_count();
}
void enable_preemption() {
  const bool outermost = machine::lower_preemption_count();
  if (fastpath(!outermost) || fastpath(!this_scheduler().preemption_pending())) return;
  // With interrupts masked it stays pending until they are unmasked. Read from another core's
  // scheduler, if we were just moved, the answer is no harm: preempt() looks again.
  if (machine::interrupts_enabled()) this_scheduler().preempt();
}
bool preemption_enabled() {
  return core_field<u32, __builtin_offsetof(CoreArea, preemption_count)>() == 0;
}

u64 disable_interrupts() {
  const u64 flags = machine::read_flags();
  machine::disable_interrupts();
  return flags;
}
void restore_interrupts(u64 saved) {
  if (!(saved & machine::kFlagInterrupts)) return;
  enable_interrupts();
}
void enable_interrupts() {
  if (preemption_enabled() && slowpath(this_scheduler().preemption_pending())) this_scheduler().preempt();
  machine::enable_interrupts();
}
void relax() {
  machine::pause();
}

Nanoseconds now_ns() {
  return nucleus::Clock::now(*core_field<const machine::TimeScale*, __builtin_offsetof(CoreArea, time)>());
}

void set_timer(Nanoseconds deadline) {
  const u64 saved = disable_interrupts();
  nucleus::Clock::arm(this_core(), deadline);
  if (saved & machine::kFlagInterrupts) machine::enable_interrupts();
}

void notify(Scheduler& scheduler) {
  auto& processor = *static_cast<nucleus::Processor*>(scheduler.port_data());
  processor.processors->send(scheduler.cpu(), machine::Vector::Notify);
}

void idle() {
  CoreArea& core = this_core();
  // While the count is up, an interrupt's way out does not preempt: its caller, the idle loop, looks at the
  // queues anyway, and does not do so on top of an interrupted idle thread.
  ++core.preemption_count;
  machine::enable_interrupts();
  const bool more_work = memory_of_this_core().idle_work();
  machine::disable_interrupts();
  // What is told from here on is told by an interrupt that is held back until the halt.
  if (!more_work && !core.scheduler->preemption_pending()) {
    machine::enable_interrupts_and_halt();
    machine::disable_interrupts();
  }
  --core.preemption_count;
}

Result<Stack> allocate_stack(std::size_t bytes) {
  {
    const u64 saved = disable_interrupts();
    nucleus::Processor& here = nucleus::this_processor();
    nucleus::KernelStack found;
    if (here.cached_stack_count && here.cached_stacks[here.cached_stack_count - 1].bytes == bytes) {
      found = here.cached_stacks[--here.cached_stack_count];
    }
    restore_interrupts(saved);
    if (found.bottom) return Stack{found.bottom, found.bytes};
  }
  const auto stack = TRY(memory_of_this_core().kernel().allocate_stack(bytes));
  return Stack{stack.bottom, stack.bytes};
}

void free_stack(Stack stack) {
  const u64 saved = disable_interrupts();
  nucleus::Processor& here = nucleus::this_processor();
  const nucleus::KernelStack kernel_stack{stack.base, stack.bytes};
  const bool cached = here.cached_stack_count < nucleus::Processor::kCachedStacks;
  if (cached) here.cached_stacks[here.cached_stack_count++] = kernel_stack;
  restore_interrupts(saved);
  if (!cached) memory_of_this_core().kernel().free_stack(kernel_stack);
}

void before_switch(Thread&, Thread&) {
  CoreArea& core = this_core();
  if (core.context) core.context->put_away(core);
}

void on_thread_end(Thread&) {}

}  // namespace port
}  // namespace vari::runtime
