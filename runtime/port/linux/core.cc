// runtime/port.h over POSIX threads. No signal is ever used: an "interrupt" (timer, notify) is seen at
// the next safe point, with the same masking rules as in the nucleus. So races between cores are real
// and preemption is, too, but only there.
#include "runtime/port/linux/core.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "runtime/port/linux/sanitizers.h"
#include "runtime/port/switch_frame.h"
#include "runtime/scheduler.h"

namespace vari::runtime::port {
namespace {

// A core finds its own through the thread pointer, as the nucleus does through GS.
constinit thread_local LinuxCore core_of_this_thread;

void futex_wait(u32& word, u32 expected, Nanoseconds until) {
  timespec absolute{};
  absolute.tv_sec = static_cast<time_t>(until / kSecond);
  absolute.tv_nsec = static_cast<long>(until % kSecond);
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, until == kForever ? nullptr : &absolute, nullptr,
            FUTEX_BITSET_MATCH_ANY);
}

/// Interrupt level: what has arrived is handed to the scheduler.
void deliver_interrupts(LinuxCore& core) {
  Scheduler& scheduler = *core.scheduler;
  Doorbell& doorbell = doorbell_of(scheduler);
  if (__atomic_load_n(doorbell.rung, __ATOMIC_RELAXED) &&
      __atomic_exchange_n(doorbell.rung, 0, __ATOMIC_ACQ_REL)) {
    if (doorbell.attendant) doorbell.attendant->on_doorbell(scheduler.cpu());
    scheduler.on_notify();
  }
  if (core.deadline != kForever && now_ns() >= core.deadline) {
    core.deadline = kForever;
    scheduler.on_timer();
  }
}

/// Interrupts have just been unmasked, or preemption enabled.
void safe_point() {
  LinuxCore& core = this_core();
  if (!core.scheduler || core.interrupts_disabled) return;
  core.interrupts_disabled = true;
  deliver_interrupts(core);
  core.interrupts_disabled = false;
  if (core.preemption_disabled != 0 || !core.scheduler->preemption_pending()) return;
  // As on the way out of an interrupt: still masked, so that this does not nest.
  core.interrupts_disabled = true;
  core.scheduler->preempt();
  this_core().interrupts_disabled = false;  // another core, perhaps
}

}  // namespace

// Out of line and opaque, so that no caller keeps the address over a switch.
[[gnu::noinline]] LinuxCore& this_core() {
  asm volatile("" ::: "memory");
  return core_of_this_thread;
}

Doorbell& doorbell_of(Scheduler& scheduler) {
  return *static_cast<Doorbell*>(scheduler.port_data());
}

Scheduler& this_scheduler() {
  Scheduler* scheduler = this_core().scheduler;
  ASSERT(scheduler);  // blocking needs a core: run the test on a LinuxMachine
  return *scheduler;
}
Thread& this_thread() {
  Thread* thread = this_core().thread;
  ASSERT(thread);
  return *thread;
}
void set_this_thread(Thread& thread) {
  this_core().thread = &thread;
}

void disable_preemption() {
  ++this_core().preemption_disabled;
}
void enable_preemption() {
  LinuxCore& core = this_core();
  ASSERT(core.preemption_disabled > 0);
  if (--core.preemption_disabled == 0) safe_point();
}
bool preemption_enabled() {
  return this_core().preemption_disabled == 0;
}

u64 disable_interrupts() {
  LinuxCore& core = this_core();
  return std::exchange(core.interrupts_disabled, true);
}
void restore_interrupts(u64 saved) {
  if (!saved) enable_interrupts();
}
void enable_interrupts() {
  this_core().interrupts_disabled = false;
  safe_point();
}
void relax() {
  ::sched_yield();
  safe_point();
}

Nanoseconds now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
}
void set_timer(Nanoseconds deadline) {
  this_core().deadline = deadline;
}

void notify(Scheduler& scheduler) {
  u32& rung = *doorbell_of(scheduler).rung;
  if (__atomic_exchange_n(&rung, 1, __ATOMIC_ACQ_REL) != 0) return;
  ::syscall(SYS_futex, &rung, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void idle() {
  LinuxCore& core = this_core();
  futex_wait(*doorbell_of(*core.scheduler).rung, 0, core.deadline);
  deliver_interrupts(core);
}

void before_switch(Thread& outgoing, Thread& incoming) {
  LinuxCore& core = this_core();
  core.outgoing = &outgoing;
  core.incoming = &incoming;
}

void switch_stacks(void** save, void* load) {
  LinuxCore& core = this_core();
  prepare_switch(core);
  announce_switch(core);
  vari_switch_stacks(save, load);
  complete_switch();
}

namespace {
/// First on a new stack: the sanitizers' half of the switch, then the thread's entry.
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
  // The top of the stack holds what the first function needs.
  stack.bytes -= align_up(sizeof(Start), 16);
  auto* start = reinterpret_cast<Start*>(static_cast<u8*>(stack.base) + stack.bytes);
  *start = Start{entry, argument};
  return lay_out_stack(stack, &start_thread_here, start);
}

void on_thread_end(Thread& thread) {
  forget_thread(thread);
}

}  // namespace vari::runtime::port
