// Threads: their start, end, cancellation, and what can be asked of them.
//
// cancel() and a wait that respects it meet in one word, Thread::cancel_: empty, a cancel that waits
// for a wait, the address of a wait that may be cancelled, or busy. A canceller first takes the address
// out (leaving busy), so that the wait's owner cannot go away under it; the owner that finds busy spins
// for the few instructions until the canceller has written the result. The canceller has interrupts
// disabled, so it can't be preempted there.
#include "runtime/thread.h"

#include <iterator>

#include "runtime/scheduler.h"

namespace vari::runtime {

Thread::Thread(Entry entry, void* argument, const ThreadOptions& options)
    : priority_(static_cast<u8>(options.priority)),
      entry_(entry),
      argument_(argument),
      personality_(options.personality) {
  store_affinity(options.affinity);
  std::size_t length = 0;
  while (length + 1 < sizeof name_ && options.name[length]) {
    name_[length] = options.name[length];
    ++length;
  }
  name_[length] = 0;
}

namespace {

bool some_core_allows(SchedulerGroup& group, const Scheduler& here, const CpuSet& affinity) {
  if (affinity.contains(here.cpu())) return true;
  for (u32 cpu = 0; cpu < group.limit(); ++cpu) {
    if (affinity.contains(CpuId{cpu}) && group.at(CpuId{cpu})) return true;
  }
  return false;
}

SchedulerGroup& this_group() {
  InterruptsOff off;
  return port::this_scheduler().group();
}

}  // namespace

Result<Ref<Thread>> Thread::start(Entry entry, void* argument, const ThreadOptions& options) {
  SchedulerGroup& group = this_group();
  {
    InterruptsOff off;
    if (!some_core_allows(group, port::this_scheduler(), options.affinity)) {
      return std::unexpected(Error::InvalidArgument);
    }
  }
  const port::Stack stack = TRY(port::allocate_stack(options.stack_bytes));
  auto* thread = new (kFallible) Thread(entry, argument, options);
  if (!thread) {
    port::free_stack(stack);
    return std::unexpected(Error::OutOfMemory);
  }
  thread->stack_ = stack;
  thread->id_ = group.next_thread_id();
  thread->stack_pointer_ = port::prepare_stack(stack, &Thread::main, thread);
  group.count_thread(1);
  auto reference = Ref<Thread>(*thread);  // the creator's; that of creation is the thread's own
  InterruptsOff off;
  thread->scheduler_ = &port::this_scheduler();
  Scheduler::make_ready_first(*thread);
  return reference;
}

void Thread::main(void* argument) {
  Scheduler::finish_first_switch();
  port::enable_interrupts();
  auto& thread = *static_cast<Thread*>(argument);
  thread.entry_(thread.argument_);
  exit();
}

void Thread::exit() {
  Thread& thread = current();
  ASSERT(port::preemption_enabled());
  __atomic_store_n(&thread.ended_, true, __ATOMIC_RELEASE);
  thread.joiners_.wake_all();
  port::disable_interrupts();
  port::this_scheduler().end_current();
}

void Thread::yield() {
  ASSERT(port::preemption_enabled());
  InterruptsOff off;
  port::this_scheduler().yield();
}

Result<> Thread::sleep_until(Nanoseconds deadline, Cancellation cancellation) {
  Wait wait;
  if (wait.block(deadline, cancellation) == Wait::Outcome::Cancelled)
    return std::unexpected(Error::Interrupted);
  return {};
}

void Thread::join() {
  // Without deadline or cancellation this wait has no error.
  (void)joiners_.wait_until([this] { return ended(); });
}

void Thread::cancel() {
  InterruptsOff off;
  u64 seen = kNoCancel;
  for (;;) {
    const u64 next = seen == kNoCancel ? kCancelPending : kCancelBusy;
    if (__atomic_compare_exchange_n(&cancel_, &seen, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) break;
    // Another cancel() that has not yet had its effect: this one is part of it.
    if (seen == kCancelPending || seen == kCancelBusy) return;
  }
  if (seen == kNoCancel) return;
  Thread* woken = nullptr;
  const bool won = reinterpret_cast<Wait*>(seen)->try_win(WaitState::Cancelled, woken);
  // The wait must not be touched any more. One that ended otherwise leaves the cancel to the next.
  __atomic_store_n(&cancel_, won ? kNoCancel : kCancelPending, __ATOMIC_RELEASE);
  if (woken) Scheduler::make_ready(*woken);
}

bool Thread::publish_for_cancel(Wait& wait) {
  u64 expected = kNoCancel;
  if (fastpath(__atomic_compare_exchange_n(&cancel_, &expected, reinterpret_cast<u64>(&wait), false,
                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))) {
    return true;
  }
  // Pending. It is consumed only if it ends this wait.
  Thread* woken = nullptr;
  if (wait.try_win(WaitState::Cancelled, woken)) clear_cancel();
  return false;
}

void Thread::withdraw_from_cancel(Wait& wait) {
  u64 expected = reinterpret_cast<u64>(&wait);
  if (fastpath(__atomic_compare_exchange_n(&cancel_, &expected, kNoCancel, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))) {
    return;
  }
  while (__atomic_load_n(&cancel_, __ATOMIC_ACQUIRE) == kCancelBusy) port::relax();
}

void Thread::clear_cancel() {
  u64 expected = kCancelPending;
  __atomic_compare_exchange_n(&cancel_, &expected, kNoCancel, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool Thread::cancel_pending() const {
  return __atomic_load_n(&cancel_, __ATOMIC_ACQUIRE) == kCancelPending;
}

void Thread::store_affinity(const CpuSet& affinity) {
  bool everywhere = true;
  for (std::size_t i = 0; i < std::size(affinity.words); ++i) {
    everywhere = everywhere && affinity.words[i] == ~u64{0};
    __atomic_store_n(&affinity_.words[i], affinity.words[i], __ATOMIC_RELAXED);
  }
  __atomic_store_n(&restricted_, !everywhere, __ATOMIC_RELEASE);
}

Result<> Thread::set_affinity(const CpuSet& affinity) {
  InterruptsOff off;
  Scheduler& here = port::this_scheduler();
  if (!some_core_allows(here.group(), here, affinity)) return std::unexpected(Error::InvalidArgument);
  Scheduler::set_affinity(*this, affinity);
  return {};
}

CpuSet Thread::affinity() const {
  CpuSet copy;
  for (std::size_t i = 0; i < std::size(copy.words); ++i) {
    copy.words[i] = __atomic_load_n(&affinity_.words[i], __ATOMIC_RELAXED);
  }
  return copy;
}

void Thread::set_priority(Priority priority) {
  InterruptsOff off;
  Scheduler::set_priority(*this, priority);
}

Priority Thread::priority() const {
  return static_cast<Priority>(level());
}
CpuId Thread::last_cpu() const {
  return scheduler().cpu();
}
u64 Thread::id() const {
  return id_;
}
const char* Thread::name() const {
  return name_;
}
void* Thread::personality() const {
  return personality_;
}

Nanoseconds Thread::run_time_ns() const {
  const Nanoseconds until_switch = __atomic_load_n(&run_time_, __ATOMIC_RELAXED);
  // A thread that runs has used some since its last switch.
  return until_switch + scheduler().running_for_ns(*this);
}

}  // namespace vari::runtime
