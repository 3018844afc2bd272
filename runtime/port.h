// The one seam between the runtime and its platform. Implemented twice: runtime/port/nucleus (a
// core of the machine is a processor) and runtime/port/linux (a POSIX thread is a processor).
// All functions are out of line, so that code above the runtime is the same bytes on both.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "base/types.h"

namespace vari::runtime {
class Scheduler;
class Thread;
}  // namespace vari::runtime

namespace vari::runtime::port {

/// What the port keeps with each thread (processor state, a sanitizer's fiber); zero at first.
struct ThreadState {
  void* words[4] = {};
};

/// The scheduler of the processor that the caller runs on. Stable only while preemption is disabled.
Scheduler& this_scheduler();
Thread& this_thread();
void set_this_thread(Thread& thread);

/// Nest. While disabled, the caller stays on its processor. The outermost enabling runs a pending
/// preemption (Scheduler::preemption_pending(), then preempt()), unless interrupts are masked.
void disable_preemption();
void enable_preemption();
bool preemption_enabled();

/// Masks the processor's interrupts; returns what restore_interrupts() wants.
u64 disable_interrupts();
/// When it unmasks them and preemption is enabled, it also runs a pending preemption: a wake-up on the
/// own core raises no interrupt.
void restore_interrupts(u64 saved);
/// Unmasks, whatever was before: the first act of a new thread.
void enable_interrupts();
/// A hint in a bounded spin.
void relax();

Nanoseconds now_ns();
/// Calls Scheduler::on_timer() at interrupt level on this processor at or soon after `deadline`;
/// replaces the previous request. kForever: none.
void set_timer(Nanoseconds deadline);

/// Makes the processor of `scheduler` look at its queues soon: ends its idle(), or interrupts it. That
/// processor then calls Scheduler::on_notify() at interrupt level, and on the way out of the
/// interrupt, as of every other, preempt() if one is pending and preemption is enabled.
void notify(Scheduler& scheduler);
/// Waits for an interrupt or notify(). Called by the idle thread with interrupts disabled, returns
/// with them disabled. A notify() that came before is not lost. Before halting, may use the time for
/// background work (zeroing frames); returns true if there is more of it.
void idle();

struct Stack {
  void* base = nullptr;
  std::size_t bytes = 0;
};
/// A stack with a guard page below. Cached per core.
Result<Stack> allocate_stack(std::size_t bytes);
void free_stack(Stack stack);

/// Saves callee-saved registers on the current stack, stores its pointer to `*save`, and continues on
/// `load`. Called with interrupts disabled.
void switch_stacks(void** save, void* load);
/// Lays out a stack so that switch_stacks() to the result calls entry(argument).
void* prepare_stack(Stack stack, void (*entry)(void*), void* argument);

/// Called with interrupts disabled around each switch: the outgoing thread's processor state (vector
/// registers, per-thread segment bases) is put away, the incoming one's made ready.
void before_switch(Thread& outgoing, Thread& incoming);
/// A thread has ended and will not run again; it runs no longer, either. Releases what the port keeps
/// in Thread::port_state(). Called with interrupts disabled, before its stack is freed.
void on_thread_end(Thread& thread);

}  // namespace vari::runtime::port
