// Threads: a stack, a place in one scheduler, a few words of state.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/result.h"
#include "base/types.h"
#include "runtime/memory.h"
#include "runtime/port.h"
#include "runtime/wait.h"

namespace vari::runtime {

/// Few levels, strictly ordered; round robin within one.
enum class Priority : u8 { Interrupt, High, Normal, Low, Idle };
inline constexpr unsigned kPriorities = 5;

/// The set of cores on which a thread may run.
struct CpuSet {
  u64 words[kMaximumCpus / 64] = {~u64{0}, ~u64{0}, ~u64{0}, ~u64{0}};
  bool contains(CpuId cpu) const { return words[cpu.value / 64] >> (cpu.value % 64) & 1; }
  static CpuSet only(CpuId cpu) {
    CpuSet set{{0, 0, 0, 0}};
    set.words[cpu.value / 64] = u64{1} << (cpu.value % 64);
    return set;
  }
};

struct ThreadOptions {
  const char* name = "thread";
  Priority priority = Priority::Normal;
  CpuSet affinity;
  std::size_t stack_bytes = 16 * kKiB;
  void* personality = nullptr;  // the client's own; Thread::personality()
};

/// A runtime thread. Reference-counted: its creator's reference and its own.
class Thread : public Managed {
 public:
  using Entry = void (*)(void*);
  /// Starts a thread that runs entry(argument) and ends when it returns. OutOfMemory.
  static Result<Ref<Thread>> start(Entry entry, void* argument, const ThreadOptions& options = {});
  static Thread& current() { return port::this_thread(); }

  /// Ends the calling thread. Never allocates; its stack is freed by its successor.
  [[noreturn]] static void exit();
  /// Lets others of the same priority run.
  static void yield();
  /// Blocks until the deadline. Interrupted if cancelled.
  static Result<> sleep_until(Nanoseconds deadline, Cancellation cancellation = Cancellation::Ignore);

  /// Blocks until the thread has ended.
  void join();
  /// Ends its present cancellable wait, or its next one if there is none; see clear_cancel().
  void cancel();
  /// Forgets a cancel() that has not ended a wait yet. Of the current thread only.
  void clear_cancel();
  bool cancel_pending() const;

  /// May move it at its next switch. InvalidArgument: no such core.
  Result<> set_affinity(const CpuSet& affinity);
  CpuSet affinity() const;
  void set_priority(Priority priority);
  Priority priority() const;
  CpuId last_cpu() const;
  u64 id() const;
  const char* name() const;
  void* personality() const;
  /// Processor time used so far.
  Nanoseconds run_time_ns() const;

 private:
  friend class Scheduler;
  friend class Wait;
  // Members are the implementation's; see runtime/thread.cc.
};

}  // namespace vari::runtime
