// ptrace(2): one process looks at tasks of others and steers them. A traced task stops at what its tracer
// asked for, its registers lie still until it is resumed, and the tracer hears of each stop by wait().
//
// All of a Trace is guarded by the process table's lock, save what says otherwise. A record holds a reference
// to its task, so that it can tell of the task's end; it is in its tracer's list from attach to detach, or
// until that end has been waited for.
#pragma once

#include "personalities/linux/signals/signal.h"
#include "runtime/wait.h"

namespace vari::linux {

class Process;

/// What stops tell beside a signal: `status >> 16` as wait() reports it, and option bits `1 << event`.
namespace trace_event {
inline constexpr u32 kFork = 1, kVfork = 2, kClone = 3, kExecute = 4, kVforkDone = 5, kExit = 6, kStop = 128;
}

struct TraceOptions {
  static constexpr u32 kMarkCalls = 1, kKillWithTracer = 1 << 20;
  static constexpr u32 kKnown = kMarkCalls | 1 << trace_event::kFork | 1 << trace_event::kVfork |
                                1 << trace_event::kClone | 1 << trace_event::kExecute |
                                1 << trace_event::kVforkDone | 1 << trace_event::kExit | kKillWithTracer;
};

/// Work that only the task's own thread can do, asked for by the tracer while the task is stopped.
class TraceErrand {
 public:
  virtual void carry_out() = 0;

 protected:
  ~TraceErrand() = default;
};

struct Trace {
  enum class State : u8 { Running, Stopped, Dead };
  enum class Resume : u8 { Go, NextCall, Step };
  enum class Call : u8 { None, Entry, Exit };
  static constexpr u64 kTrapFlag = 0x100;  // rflags: a trap after each instruction

  Process* tracer = nullptr;  // null: not traced
  State state = State::Running;
  Resume resume = Resume::Go;
  Call call = Call::None;  // where a stop at a call is
  bool seized = false;
  bool privileged = false;  // what it gains by exec it keeps
  bool told = true;         // the tracer has been told of the stop, or of the end
  bool listening = false;   // PTRACE_LISTEN: stopped with its group, and tells when that goes on
  bool busy = false;        // the tracer looks: the task must not go on
  bool leaving = false;     // stopped on its way out: only its tracer, or that one's end, lets it go
  u32 options = 0;
  i32 status = 0;   // of the stop (signal | event << 8), or of the end as wait() has it
  int signal = 0;   // what the tracer wants delivered in place of the one that stopped it
  u64 message = 0;  // PTRACE_GETEVENTMSG
  SignalInfo info = {};
  i64 call_number = -1;   // at a call: orig_rax
  bool stepping = false;  // the task's own: the trap flag is ours
  TraceErrand* errand = nullptr;
  runtime::WaitQueue queue;  // the stopped task, and a tracer that waits for an errand
};

}  // namespace vari::linux
