// The loop that every program thread lives in: run the context until it traps, then decide. The fast
// path is a system call that leaves nothing to attend to: no lock, no allocation, one word checked.
#include "personalities/linux/process/task.h"

#include <algorithm>

#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr u64 kSignalReturn = 15;
constexpr bool is_restart(i64 result) {
  return result <= failure(Errno::RestartIfHandlerSays) && result >= failure(Errno::RestartBlock);
}

}  // namespace

Task::Task(Personality& personality, Ref<Process> process)
    : calls_(&personality.parts().selection.calls), personality_(personality), process_(std::move(process)) {}

Task::~Task() = default;

void Task::live() {
  TaskInternals::adopt_thread(*this);
  if (set_child_tid_) (void)user().write(set_child_tid_, id());
  set_child_tid_ = 0;
  // A task that runs has a context, and keeps it for life.
  Context& context = *context_;
  Registers& registers = *registers_;
  do {
    while (fastpath(__atomic_load_n(&attention_, __ATOMIC_RELAXED) == 0)) {
      const auto kind = context.run();
      if (fastpath(kind == TrapKind::SystemCall)) {
        dispatch_call(registers);
      } else {
        handle_trap(kind);
      }
    }
  } while (attend());
  TaskInternals::end(*this);
}

inline void Task::dispatch_call(Registers& from) {
  const u64 number = from.rax;
  const Arguments arguments{{from.rdi, from.rsi, from.rdx, from.r10, from.r8, from.r9}};
  const Handlers& calls = *__atomic_load_n(&calls_, __ATOMIC_ACQUIRE);
  const i64 result = calls[std::min<u64>(number, kCallCount)](*this, arguments);
  from.rax = static_cast<u64>(result);
  if (slowpath(is_restart(result))) note_interrupted_call(number, result);
}

void Task::note_interrupted_call(u64 number, i64 result) {
  if (number == kSignalReturn) return;  // what the program had in rax when the signal came
  interrupted_call_ = static_cast<i64>(number);
  restart_code_ = result;
  set_attention(kRestart);
}

void Task::handle_trap(TrapKind kind) {
  switch (kind) {
    case TrapKind::PageFault: return handle_page_fault(context_->trap());
    case TrapKind::Exception: return handle_exception(context_->trap());
    case TrapKind::SystemCall:
    case TrapKind::Interrupted: return;
  }
}

void Task::handle_page_fault(const Trap& trap) {
  constexpr int kNotMapped = 1, kNotAllowed = 2, kNoObject = 2;
  const auto done = memory_->resolve_fault(trap.address.value, trap.access);
  if (fastpath(done.has_value())) {
    ++minor_faults_;
    return;
  }
  SignalInfo info{.number = signal::kSegmentation, .code = kNotMapped, .value = trap.address.value};
  switch (done.error()) {
    case FaultError::OutOfMemory: return TaskInternals::out_of_memory(*this);
    case FaultError::NotMapped: break;
    case FaultError::Forbidden: info.code = kNotAllowed; break;
    case FaultError::BeyondObject:
      info.number = signal::kBus;
      info.code = kNoObject;
      break;
  }
  force_signal(*this, info);
}

void Task::handle_exception(const Trap& trap) {
  const u64 at = registers_->rip;
  switch (trap.vector) {
    case 0: return force_signal(*this, {.number = signal::kFloatingPoint, .code = 1, .value = at});
    case 1: return TaskInternals::end_step(*this, at);
    case 3: return force_signal(*this, SignalInfo::from_kernel(signal::kTrap));
    case 6: return force_signal(*this, {.number = signal::kIllegal, .code = 2, .value = at});
    case 16:
    case 19: return force_signal(*this, {.number = signal::kFloatingPoint, .code = 7, .value = at});
    case 11:
    case 12: return force_signal(*this, SignalInfo::from_kernel(signal::kBus));
    case 17: return force_signal(*this, {.number = signal::kBus, .code = 1});
    default: return force_signal(*this, SignalInfo::from_kernel(signal::kSegmentation));
  }
}

/// Under the process's lock, which keeps the task from ending meanwhile.
/// Order: the bit is set before the thread is disturbed; attend() forgets cancellations before it looks.
void Task::alert(u32 attention) {
  set_attention(attention);
  if (!thread_ || thread_.get() == &runtime::Thread::current()) return;
  thread_->cancel();
  if (context_) context_->interrupt();
}

Ref<MemoryMap> Task::memory_of_other() {
  Guard<SpinLock> guard(process_->lock_);
  return memory_;
}
Ref<FileTable> Task::files_of_other() {
  Guard<SpinLock> guard(process_->lock_);
  return files_;
}
Ref<FileSystemContext> Task::file_system_of_other() {
  Guard<SpinLock> guard(process_->lock_);
  return file_system_;
}
Ref<Credentials> Task::credentials_of_other() {
  Guard<SpinLock> guard(process_->lock_);
  return credentials_;
}

void Task::copy_name(char (&to)[16]) const {
  Guard<SpinLock> guard(process_->lock_);
  __builtin_memcpy(to, name_, sizeof name_);
}

void Task::set_name(std::string_view name) {
  Guard<SpinLock> guard(process_->lock_);
  const auto length = std::min(name.size(), sizeof name_ - 1);
  __builtin_memset(name_, 0, sizeof name_);
  __builtin_memcpy(name_, name.data(), length);
}

char Task::state() const {
  {
    Guard<SpinLock> guard(personality_.processes().lock_);
    if (trace_.state == Trace::State::Stopped) return 't';
  }
  Guard<SpinLock> guard(process_->lock_);
  if (stopped_) return 'T';
  if (process_->id() == 1) return 'S';  // init's wait is none that could be cancelled
  if (!thread_) return 'R';             // not yet, or not any more
  return thread_->is_blocked() ? 'S' : 'R';
}

Nanoseconds Task::run_time_ns() const {
  Guard<SpinLock> guard(process_->lock_);
  return used_ns();
}

}  // namespace vari::linux
