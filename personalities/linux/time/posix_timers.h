// POSIX timers (timer_create): any number a process, on any clock, each with a signal of its own for the
// process or for one thread. What preemptive runtimes tick by. timer_create(2), timer_settime(2).
#pragma once

#include "personalities/linux/errno.h"
#include "personalities/linux/signals/signal.h"
#include "personalities/linux/time/timer_service.h"
#include "runtime/memory.h"

namespace vari::linux {

class Process;
class Task;

class PosixTimers {
 public:
  /// What a timer counts by. Wall: monotonic time; real time is converted when the timer is set, and a later
  /// change of that clock does not move it.
  enum class Clock : u8 { Wall, ProcessCpu, ThreadCpu };
  struct Request {
    Clock clock = Clock::Wall;
    bool realtime = false;  // Wall: absolute times are since 1970
    Ref<Task> clock_task;   // ThreadCpu: whose
    Ref<Task> target;       // the thread to signal; null: the process
    int signal = 0;         // 0: nobody is told
    u64 value = 0;          // sigval; where `value_is_id`, the timer's number
    bool value_is_id = false;
  };
  struct Setting {
    Nanoseconds value = 0;  // 0: stopped
    Nanoseconds interval = 0;
  };
  static constexpr u32 kMaximum = 1024;
  static constexpr u64 kMaximumOverrun = 0x7fff'ffff;

  explicit PosixTimers(Process& process) : process_(process) {}
  ~PosixTimers();
  PosixTimers(const PosixTimers&) = delete;

  /// Its number. Again: too many; NoMemory.
  LinuxResult<i32> create(const Request& request);
  /// Invalid for a number that is no timer's, as the others. Blocks for a handler that runs just now.
  LinuxResult<> remove(i32 id);
  /// All of them: exec, and the end of the process. Blocks.
  void clear();
  /// `absolute`: a reading of the timer's clock; else from now on. The old setting.
  LinuxResult<Setting> set(i32 id, const Setting& setting, bool absolute);
  LinuxResult<Setting> get(i32 id);
  /// How often it ran out beyond the signal that was delivered last.
  LinuxResult<i32> overrun(i32 id);
  /// A timer's signal has been taken out for delivery: completes it by the overrun.
  void delivered(SignalInfo& info);

 private:
  class Item;
  Ref<Item> find(i32 id);
  Nanoseconds read(const Item& item);

  Process& process_;
  runtime::SpinLock lock_;
  Item* first_ GUARDED_BY(lock_) = nullptr;  // a list by number; each holds a reference
  u32 count_ GUARDED_BY(lock_) = 0;
};

}  // namespace vari::linux
