// What the calls of a traced task go through: it stops before and after each where its tracer wants that.
//
// A traced task has another table of handlers: the others pay nothing.
#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

bool wants_calls(Task& task) {
  Guard<SpinLock> guard(TaskInternals::table_lock(task));
  const auto& trace = TaskInternals::trace(task);
  return trace.tracer && trace.resume == Trace::Resume::NextCall;
}

void stop_at_call(Task& task, Trace::Call where) {
  constexpr int kMark = 0x80;
  auto& trace = TaskInternals::trace(task);
  int number = signal::kTrap;
  {
    Guard<SpinLock> guard(TaskInternals::table_lock(task));
    trace.call = where;
    if (trace.options & TraceOptions::kMarkCalls) number |= kMark;
  }
  const bool resumed = TaskInternals::trace_stop(task, number, {.number = signal::kTrap, .code = number});
  int wanted = 0;
  {
    Guard<SpinLock> guard(TaskInternals::table_lock(task));
    trace.call = Trace::Call::None;
    wanted = resumed ? trace.signal : 0;
  }
  // A signal given at a call's stop comes as if it had been sent.
  if (wanted) send_signal(task, {.number = wanted});
  TaskInternals::renew_cancel(task);
}

i64 carry_out(Task& task, u64 number) {
  auto& registers = task.registers();
  if (static_cast<i64>(number) < 0) return static_cast<i64>(registers.rax);  // the tracer left it out
  if (fatal_signal_pending(task)) return failure(Errno::Interrupted);
  registers.rax = number;
  const Arguments arguments{
      {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9}};
  return TaskInternals::calls_below_tracer(task)[std::min<u64>(number, kCallCount)](task, arguments);
}

i64 call_traced(Task& task, const Arguments&) {
  auto& registers = task.registers();
  auto& trace = TaskInternals::trace(task);
  trace.call_number = static_cast<i64>(registers.rax);
  registers.rax = static_cast<u64>(failure(Errno::NoSys));  // what a call that is left out gives
  if (wants_calls(task)) stop_at_call(task, Trace::Call::Entry);
  i64 result = carry_out(task, static_cast<u64>(trace.call_number));
  if (wants_calls(task) && !fatal_signal_pending(task)) {
    registers.rax = static_cast<u64>(result);
    stop_at_call(task, Trace::Call::Exit);
    result = static_cast<i64>(registers.rax);
  }
  trace.call_number = -1;
  // The trap flag has no effect on the instruction itself.
  if (trace.stepping) TaskInternals::end_step(task, registers.rip);
  return result;
}

constexpr Handlers all_traced() {
  Handlers handlers{};
  handlers.fill(&call_traced);
  return handlers;
}
constexpr Handlers kTraced = all_traced();

}  // namespace

const Handlers& TaskInternals::traced_calls() {
  return kTraced;
}

}  // namespace vari::linux
