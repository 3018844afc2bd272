// runtime/port.h for the one core of a simulated machine. As in the Linux port, an "interrupt" is seen at
// the next safe point; there alone the clock may jump, and with it a timer fires or a slice ends.
#include "runtime/port/simulated/core.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/assert.h"
#include "runtime/port/linux/sanitizers.h"
#include "runtime/port/switch_frame.h"
#include "runtime/scheduler.h"

namespace vari::runtime::port {
namespace {

// One machine at a time in a thread: it is all that there is.
constinit thread_local SimulatedCore the_core;

void deliver_interrupts(SimulatedCore& core) {
  if (std::exchange(core.rung, false)) core.scheduler->on_notify();
  if (core.now >= core.deadline) {
    core.deadline = kForever;
    core.scheduler->on_timer();
  }
}

/// xorshift64 (Marsaglia 2003): the same sequence everywhere.
bool chosen(SimulatedCore& core) {
  core.chance ^= core.chance << 13;
  core.chance ^= core.chance >> 7;
  core.chance ^= core.chance << 17;
  return core.chance % kJumpsOneIn == 0;
}

void safe_point() {
  SimulatedCore& core = simulated_core();
  if (!core.scheduler || core.interrupts_disabled) return;
  core.interrupts_disabled = true;
  if (chosen(core)) core.now += kSlice;
  deliver_interrupts(core);
  core.interrupts_disabled = false;
  if (core.preemption_disabled != 0 || !core.scheduler->preemption_pending()) return;
  core.interrupts_disabled = true;
  core.scheduler->preempt();
  core.interrupts_disabled = false;
}

}  // namespace

SimulatedCore& simulated_core() {
  return the_core;
}
LinuxCore& this_core() {
  return the_core;
}

Scheduler& this_scheduler() {
  ASSERT(the_core.scheduler);
  return *the_core.scheduler;
}
Thread& this_thread() {
  ASSERT(the_core.thread);
  return *the_core.thread;
}
void set_this_thread(Thread& thread) {
  the_core.thread = &thread;
}

void disable_preemption() {
  ++the_core.preemption_disabled;
}
void enable_preemption() {
  ASSERT(the_core.preemption_disabled > 0);
  if (--the_core.preemption_disabled == 0) safe_point();
}
bool preemption_enabled() {
  return the_core.preemption_disabled == 0;
}

u64 disable_interrupts() {
  return std::exchange(the_core.interrupts_disabled, true);
}
void restore_interrupts(u64 saved) {
  if (!saved) enable_interrupts();
}
void enable_interrupts() {
  the_core.interrupts_disabled = false;
  safe_point();
}
void relax() {
  // A spinlock of one core is never found taken: whoever spins here holds it himself, or was preempted
  // by a waiter, which preemption_disabled forbids.
  std::fprintf(stderr, "simulated machine: a spin that nothing will end\n");
  std::abort();
}

Nanoseconds now_ns() {
  return the_core.now += kTick;
}
void set_timer(Nanoseconds deadline) {
  the_core.deadline = deadline;
}
void notify(Scheduler&) {
  the_core.rung = true;
}

void idle() {
  SimulatedCore& core = the_core;
  if (!core.rung) {
    if (core.deadline == kForever) {
      std::fprintf(stderr, "simulated machine: every thread waits, and nothing will ever wake one\n");
      std::abort();
    }
    if (core.now < core.deadline) core.now = core.deadline;
  }
  deliver_interrupts(core);
}

void before_switch(Thread& outgoing, Thread& incoming) {
  the_core.outgoing = &outgoing;
  the_core.incoming = &incoming;
}

void switch_stacks(void** save, void* load) {
  prepare_switch(the_core);
  announce_switch(the_core);
  vari_switch_stacks(save, load);
  complete_switch();
}

namespace {
struct Start {
  void (*entry)(void*);
  void* argument;
};
void start_thread_here(void* argument) {
  complete_switch();
  const Start start = *static_cast<Start*>(argument);
  start.entry(start.argument);
}
}  // namespace

void* prepare_stack(Stack stack, void (*entry)(void*), void* argument) {
  stack.bytes -= align_up(sizeof(Start), 16);
  auto* start = ::new (static_cast<u8*>(stack.base) + stack.bytes) Start{entry, argument};
  return lay_out_stack(stack, &start_thread_here, start);
}

void on_thread_end(Thread& thread) {
  forget_thread(thread);
}

}  // namespace vari::runtime::port
