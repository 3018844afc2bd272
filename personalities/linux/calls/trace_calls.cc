// ptrace(2). The rules of stops: process/tracing.cc; what the calls of a traced task go through:
// traced_calls.cc.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/access_check.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/process/traced_registers.h"
#include "personalities/linux/signals/frame.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

enum Request : u32 {
  kTraceMe = 0,
  kPeekText = 1,
  kPeekData = 2,
  kPeekUser = 3,
  kPokeText = 4,
  kPokeData = 5,
  kPokeUser = 6,
  kContinue = 7,
  kKill = 8,
  kStep = 9,
  kGetRegisters = 12,
  kSetRegisters = 13,
  kGetVectors = 14,
  kSetVectors = 15,
  kAttach = 16,
  kDetach = 17,
  kNextCall = 24,
  kSetOptions = 0x4200,
  kGetMessage = 0x4201,
  kGetSignal = 0x4202,
  kSetSignal = 0x4203,
  kGetSet = 0x4204,
  kSetSet = 0x4205,
  kSeize = 0x4206,
  kInterrupt = 0x4207,
  kListen = 0x4208,
  kGetMask = 0x420a,
  kSetMask = 0x420b,
  kGetCall = 0x420e
};

// --- How a task becomes traced
// -------------------------------------------------------------------------------

LinuxResult<u64> trace_me(Task& task) {
  Guard<SpinLock> guard(TaskInternals::table_lock(task));
  auto* parent = TaskInternals::parent_locked(task.process());
  if (TaskInternals::trace(task).tracer || !parent) return std::unexpected(Errno::Perm);
  // Else a program that gives rights would hand them to whoever started it.
  const auto theirs = parent->identity();
  if (!theirs.may(Capability::Trace) &&
      (task.identity().capabilities.permitted & ~theirs.capabilities.permitted) != 0)
    return std::unexpected(Errno::Perm);
  TaskInternals::link_tracer_locked(task, *parent,
                                    {&TaskInternals::traced_calls(), 0, false, task.may(Capability::Trace)});
  TaskInternals::stop_fact_calls(task);
  return 0;
}

LinuxResult<u64> attach(Task& task, i32 tid, bool seize, u64 address, u64 options) {
  if (seize && address) return std::unexpected(Errno::Io);
  if (seize && options & ~u64{TraceOptions::kKnown}) return std::unexpected(Errno::Io);
  const auto target = task.personality().processes().find_task(tid);
  if (!target) return std::unexpected(Errno::NoProcess);
  auto& process = target->process();
  if (&process == &task.process() || process.id() == 1) return std::unexpected(Errno::Perm);
  {
    Guard<SpinLock> guard(TaskInternals::table_lock(task));
    // Order: an exec that gives rights either is seen here, or sees the tracer.
    if (!may_inspect(task, process)) return std::unexpected(Errno::Perm);
    if (process.has_ended() || !TaskInternals::is_member(*target)) return std::unexpected(Errno::NoProcess);
    if (TaskInternals::trace(*target).tracer) return std::unexpected(Errno::Perm);
    TaskInternals::link_tracer_locked(*target, task.process(),
                                      {&TaskInternals::traced_calls(), static_cast<u32>(seize ? options : 0),
                                       seize, task.may(Capability::Trace)});
  }
  TaskInternals::disturb(*target, Task::kFiltered);
  TaskInternals::recall_stopped(process);
  if (!seize) send_signal(*target, {.number = signal::kStop});
  return 0;
}

// --- A stopped task, held still while its tracer looks
// -------------------------------------------------------

class Held {
 public:
  /// NoProcess: it is not this process's tracee, or not stopped.
  static LinuxResult<Ref<Task>> hold(Task& tracer, i32 tid, bool listening_too = false) {
    for (;;) {
      {
        Guard<SpinLock> guard(TaskInternals::table_lock(tracer));
        Task* found = TaskInternals::tracee_locked(tracer.process(), tid);
        if (!found) return std::unexpected(Errno::NoProcess);
        auto& trace = TaskInternals::trace(*found);
        if (trace.state != Trace::State::Stopped || (trace.listening && !listening_too))
          return std::unexpected(Errno::NoProcess);
        if (!trace.busy) {
          trace.busy = true;
          return Ref<Task>(*found);
        }
      }
      runtime::Thread::yield();  // another thread of the tracer looks
    }
  }
  explicit Held(Ref<Task> task) : task_(std::move(task)) {}
  ~Held() {
    Guard<SpinLock> guard(TaskInternals::table_lock(*task_));
    auto& trace = TaskInternals::trace(*task_);
    trace.busy = false;
    trace.queue.wake_all();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Task& operator*() const { return *task_; }
  Task* operator->() const { return task_.get(); }
  Trace& trace() const { return TaskInternals::trace(*task_); }

  /// Has the task's own thread do it.
  void run(TraceErrand& errand) const {
    {
      Guard<SpinLock> guard(TaskInternals::table_lock(*task_));
      trace().errand = &errand;
      trace().queue.wake_all();
    }
    (void)trace().queue.wait_until([&] {
      Guard<SpinLock> guard(TaskInternals::table_lock(*task_));
      return trace().errand == nullptr;
    });
  }

 private:
  const Ref<Task> task_;
};

// --- Memory
// --------------------------------------------------------------------------------------------------

LinuxResult<u64> peek(Task& task, const Held& held, u64 from, u64 to) {
  const auto memory = held->memory_of_other();
  if (!memory) return std::unexpected(Errno::NoProcess);
  const auto word = UserMemory(*memory).read<u64>(from);
  if (!word.has_value()) return std::unexpected(Errno::Io);
  TRY(task.user().write(to, *word));
  return 0;
}

LinuxResult<u64> poke(const Held& held, u64 to, u64 word) {
  const auto memory = held->memory_of_other();
  if (!memory) return std::unexpected(Errno::NoProcess);
  u8 bytes[sizeof word];
  __builtin_memcpy(bytes, &word, sizeof word);
  const u64 first = std::min(sizeof word, kPageBytes - to % kPageBytes);
  TRY(memory->write_by_force(to, std::span(bytes).first(first)));
  if (first < sizeof word) TRY(memory->write_by_force(to + first, std::span(bytes).subspan(first)));
  return 0;
}

// --- Registers
// -----------------------------------------------------------------------------------------------

u8* bytes_of(TracedRegisters& registers) {
  return static_cast<u8*>(static_cast<void*>(&registers));
}

LinuxResult<u64> peek_user(Task& task, const Held& held, u64 offset, u64 to) {
  if (offset % sizeof(u64) || offset >= kUserAreaBytes) return std::unexpected(Errno::Io);
  u64 word = 0;
  if (offset < sizeof(TracedRegisters)) {
    auto registers = TracedRegisters::of(*held);
    __builtin_memcpy(&word, bytes_of(registers) + offset, sizeof word);
  }
  TRY(task.user().write(to, word));
  return 0;
}

LinuxResult<u64> poke_user(const Held& held, u64 offset, u64 word) {
  if (offset % sizeof(u64) || offset >= kUserAreaBytes) return std::unexpected(Errno::Io);
  if (offset >= sizeof(TracedRegisters)) {
    // The debug registers are not to be had; that they are off is true.
    if (word == 0) return 0;
    return std::unexpected(Errno::Io);
  }
  auto registers = TracedRegisters::of(*held);
  __builtin_memcpy(bytes_of(registers) + offset, &word, sizeof word);
  TRY(registers.put(*held));
  return 0;
}

/// The vector state of a stopped task, moved by its own thread.
class VectorErrand final : public TraceErrand {
 public:
  VectorErrand(Task& task, std::span<u8> bytes, bool store) : task_(task), bytes_(bytes), store_(store) {}
  void carry_out() override {
    if (store_) {
      result = task_.context().restore_vector_state(bytes_).has_value();
    } else {
      task_.context().save_vector_state(bytes_);
    }
  }
  bool result = true;

 private:
  Task& task_;
  const std::span<u8> bytes_;
  const bool store_;
};

/// Up to `room` bytes of the vector state between the caller's memory and the task; how many.
LinuxResult<u64> move_vectors(Task& task, const Held& held, u64 address, u64 room, bool store) {
  const u64 all = held->context().vector_state_bytes();
  const u64 bytes = std::min(room, all);
  auto* memory = static_cast<u8*>(runtime::allocate(all));
  if (!memory) return std::unexpected(Errno::NoMemory);
  const auto move = [&]() -> LinuxResult<u64> {
    VectorErrand save(*held, {memory, all}, false);
    held.run(save);
    if (!store) {
      // Where debuggers look for the components that the processor has.
      u64 features = 3;
      if (all > frame::kLegacyAndHeaderBytes) {
        __builtin_memcpy(&features, memory + frame::kFeaturesOffset, sizeof features);
        features |= 7;
      }
      __builtin_memcpy(memory + frame::XsaveMarker::kOffset, &features, sizeof features);
      TRY(task.user().copy_out(address, memory, bytes));
      return bytes;
    }
    TRY(task.user().copy_in(memory, address, bytes));
    __builtin_memset(memory + frame::XsaveMarker::kOffset, 0, sizeof(frame::XsaveMarker));
    if (bytes <= frame::kLegacyBytes && all > frame::kLegacyAndHeaderBytes) {
      // The legacy part alone was written: a component that the header calls initial would be ignored.
      u64 features = 0;
      __builtin_memcpy(&features, memory + frame::kFeaturesOffset, sizeof features);
      features |= 3;
      __builtin_memcpy(memory + frame::kFeaturesOffset, &features, sizeof features);
    }
    VectorErrand load(*held, {memory, all}, true);
    held.run(load);
    if (!load.result) return std::unexpected(Errno::Invalid);
    return bytes;
  };
  const auto moved = move();
  runtime::free(memory, all);
  return moved;
}

LinuxResult<u64> move_general(Task& task, const Held& held, u64 address, u64 room, bool store) {
  auto registers = TracedRegisters::of(*held);
  const u64 bytes = std::min<u64>(room, sizeof registers);
  if (store) {
    TRY(task.user().copy_in(&registers, address, bytes));
    TRY(registers.put(*held));
  } else {
    TRY(task.user().copy_out(address, &registers, bytes));
  }
  return bytes;
}

LinuxResult<u64> move_set(Task& task, const Held& held, u64 kind, u64 vector_address, bool store) {
  constexpr u64 kGeneral = 1, kFloating = 2, kExtended = 0x202;
  auto vector = TRY(task.user().read<IoVector>(vector_address));
  u64 moved = 0;
  switch (kind) {
    case kGeneral:
      if (vector.bytes % sizeof(u64)) return std::unexpected(Errno::Invalid);
      moved = TRY(move_general(task, held, vector.base, vector.bytes, store));
      break;
    case kFloating:
      moved = TRY(move_vectors(task, held, vector.base, std::min(vector.bytes, frame::kLegacyBytes), store));
      break;
    case kExtended:
      if (store && vector.bytes < held->context().vector_state_bytes()) return std::unexpected(Errno::Fault);
      moved = TRY(move_vectors(task, held, vector.base, vector.bytes, store));
      break;
    default: return std::unexpected(Errno::Invalid);
  }
  TRY(task.user().write(vector_address + __builtin_offsetof(IoVector, bytes), moved));
  return 0;
}

/// struct ptrace_syscall_info.
struct CallInformation {
  u8 kind = 0, padding[3] = {};
  u32 architecture = FilteredCall::kX86_64;
  u64 instruction = 0, stack = 0;
  u64 values[8] = {};
};
static_assert(sizeof(CallInformation) == 88);

LinuxResult<u64> tell_call(Task& task, const Held& held, u64 room, u64 address) {
  constexpr u64 kNone = 24, kEntryBytes = 80, kExitBytes = 33;
  const auto& registers = held->registers();
  CallInformation information;
  information.instruction = registers.rip;
  information.stack = registers.rsp;
  u64 bytes = kNone;
  if (held.trace().call == Trace::Call::Entry) {
    information.kind = 1;
    const u64 values[] = {static_cast<u64>(held.trace().call_number),
                          registers.rdi,
                          registers.rsi,
                          registers.rdx,
                          registers.r10,
                          registers.r8,
                          registers.r9};
    __builtin_memcpy(information.values, values, sizeof values);
    bytes = kEntryBytes;
  } else if (held.trace().call == Trace::Call::Exit) {
    information.kind = 2;
    const auto result = static_cast<i64>(registers.rax);
    information.values[0] = registers.rax;
    information.values[1] = result < 0 && result >= -4095;
    bytes = kExitBytes;
  }
  TRY(task.user().copy_out(address, &information, std::min(room, bytes)));
  return bytes;
}

LinuxResult<u64> move_mask(Task& task, const Held& held, u64 bytes, u64 address, bool store) {
  if (bytes != sizeof(SignalSet)) return std::unexpected(Errno::Invalid);
  if (!store) {
    TRY(task.user().write(address, held->blocked_signals()));
    return 0;
  }
  const auto mask = TRY(task.user().read<SignalSet>(address));
  TaskInternals::set_mask(*held, mask);
  return 0;
}

LinuxResult<u64> set_signal(Task& task, const Held& held, u64 address) {
  const auto info = TRY(task.user().read<frame::Info>(address));
  held.trace().info = {.number = info.number,
                       .code = info.code,
                       .error = info.error,
                       .pid = info.user.pid,
                       .uid = info.user.uid,
                       .value = info.user.value};
  return 0;
}

// --- Going on
// ------------------------------------------------------------------------------------------------

LinuxResult<u64> resume(Task& task, i32 tid, Trace::Resume how, u64 number) {
  if (number > signal::kCount) return std::unexpected(Errno::Io);
  Guard<SpinLock> guard(TaskInternals::table_lock(task));
  Task* found = TaskInternals::tracee_locked(task.process(), tid);
  if (!found) return std::unexpected(Errno::NoProcess);
  auto& trace = TaskInternals::trace(*found);
  if (trace.state != Trace::State::Stopped || trace.listening) return std::unexpected(Errno::NoProcess);
  trace.resume = how;
  trace.signal = static_cast<int>(number);
  trace.state = Trace::State::Running;
  trace.queue.wake_all();
  return 0;
}

LinuxResult<u64> detach(Task& task, i32 tid, u64 number) {
  if (number > signal::kCount) return std::unexpected(Errno::Io);
  Ref<Task> record;  // released without the lock
  Guard<SpinLock> guard(TaskInternals::table_lock(task));
  Task* found = TaskInternals::tracee_locked(task.process(), tid);
  if (!found || TaskInternals::trace(*found).state != Trace::State::Stopped)
    return std::unexpected(Errno::NoProcess);
  record = TaskInternals::unlink_tracer_locked(*found, static_cast<int>(number));
  return 0;
}

LinuxResult<u64> interrupt(Task& task, i32 tid) {
  Ref<Task> target;
  {
    Guard<SpinLock> guard(TaskInternals::table_lock(task));
    Task* found = TaskInternals::tracee_locked(task.process(), tid);
    if (!found || TaskInternals::trace(*found).state == Trace::State::Dead)
      return std::unexpected(Errno::NoProcess);
    if (!TaskInternals::trace(*found).seized) return std::unexpected(Errno::Io);
    target = Ref<Task>(*found);
  }
  TaskInternals::disturb(*target, Task::kTraceStop);
  return 0;
}

LinuxResult<u64> listen(Task& task, i32 tid) {
  constexpr i32 kEventShift = 8;
  Guard<SpinLock> guard(TaskInternals::table_lock(task));
  Task* found = TaskInternals::tracee_locked(task.process(), tid);
  if (!found) return std::unexpected(Errno::NoProcess);
  auto& trace = TaskInternals::trace(*found);
  if (trace.state != Trace::State::Stopped) return std::unexpected(Errno::NoProcess);
  if (!trace.seized || trace.status >> kEventShift != static_cast<i32>(trace_event::kStop))
    return std::unexpected(Errno::Io);
  trace.listening = true;
  trace.queue.wake_all();
  return 0;
}

LinuxResult<u64> kill(Task& task, i32 tid) {
  Ref<Task> target;
  {
    Guard<SpinLock> guard(TaskInternals::table_lock(task));
    Task* found = TaskInternals::tracee_locked(task.process(), tid);
    if (!found) return std::unexpected(Errno::NoProcess);
    target = Ref<Task>(*found);
  }
  send_signal(target->process(), {.number = signal::kKill});
  return 0;
}

LinuxResult<u64> of_stopped(Task& task, u32 request, i32 tid, u64 address, u64 data) {
  const Held held(TRY(Held::hold(task, tid)));
  switch (request) {
    case kPeekText:
    case kPeekData: return peek(task, held, address, data);
    case kPokeText:
    case kPokeData: return poke(held, address, data);
    case kPeekUser: return peek_user(task, held, address, data);
    case kPokeUser: return poke_user(held, address, data);
    case kGetRegisters: TRY(move_general(task, held, data, sizeof(TracedRegisters), false)); return 0;
    case kSetRegisters: TRY(move_general(task, held, data, sizeof(TracedRegisters), true)); return 0;
    case kGetVectors: TRY(move_vectors(task, held, data, frame::kLegacyBytes, false)); return 0;
    case kSetVectors: TRY(move_vectors(task, held, data, frame::kLegacyBytes, true)); return 0;
    case kGetSet: return move_set(task, held, address, data, false);
    case kSetSet: return move_set(task, held, address, data, true);
    case kSetOptions:
      if (data & ~u64{TraceOptions::kKnown}) return std::unexpected(Errno::Invalid);
      held.trace().options = static_cast<u32>(data);
      return 0;
    case kGetMessage: TRY(task.user().write(data, held.trace().message)); return 0;
    case kGetSignal: TRY(task.user().write(data, frame::encode(held.trace().info))); return 0;
    case kSetSignal: return set_signal(task, held, data);
    case kGetMask: return move_mask(task, held, address, data, false);
    case kSetMask: return move_mask(task, held, address, data, true);
    case kGetCall: return tell_call(task, held, address, data);
    default: return std::unexpected(Errno::Io);
  }
}

LinuxResult<u64> trace(Task& task, const Arguments& a) {
  const auto request = static_cast<u32>(a.a[0]);
  const auto tid = static_cast<i32>(a.a[1]);
  switch (request) {
    case kTraceMe: return trace_me(task);
    case kAttach: return attach(task, tid, false, 0, 0);
    case kSeize: return attach(task, tid, true, a.a[2], a.a[3]);
    case kContinue: return resume(task, tid, Trace::Resume::Go, a.a[3]);
    case kNextCall: return resume(task, tid, Trace::Resume::NextCall, a.a[3]);
    case kStep: return resume(task, tid, Trace::Resume::Step, a.a[3]);
    case kDetach: return detach(task, tid, a.a[3]);
    case kInterrupt: return interrupt(task, tid);
    case kListen: return listen(task, tid);
    case kKill: return kill(task, tid);
    default: return of_stopped(task, request, tid, a.a[2], a.a[3]);
  }
}

}  // namespace

i64 call_ptrace(Task& task, const Arguments& arguments) {
  return to_return_value(trace(task, arguments));
}

}  // namespace vari::linux
