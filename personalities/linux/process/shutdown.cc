// Leaving the machine in good order. As with every init since System V's, and as busybox's halt, poweroff and
// reboot expect it: SIGUSR1 to pid 1 asks for halt, SIGUSR2 for power-off, SIGTERM for a restart. Programs
// are asked to end, those that don't are killed, and then the place is told.
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

void TaskInternals::ask_for_shutdown_locked(Process& init, int number) {
  if (number != signal::kUser1 && number != signal::kUser2 && number != signal::kTerminate) return;
  init.pending_.add({.number = number});
  init.child_events_.wake_all();
}

int TaskInternals::take_shutdown(Process& init) {
  SignalQueue spent;  // stays empty: these are classic signals
  Guard<SpinLock> guard(init.lock_);
  return init.pending_.set() ? init.pending_.take(init.pending_.set(), spent).number : 0;
}

void TaskInternals::shut_down(Task& init, int number) {
  auto& personality = init.personality_;
  constexpr Nanoseconds kGrace = kSecond;
  personality.log("init: the system is going down");
  if (!personality.end_programs(signal::kTerminate, kGrace))
    (void)personality.end_programs(signal::kKill, kGrace);
  using Action = Place::PowerAction;
  personality.place().power(number == signal::kUser1   ? Action::Halt
                            : number == signal::kUser2 ? Action::Off
                                                       : Action::Reset);
  personality.log("init: the machine does not obey");
}

bool Personality::end_programs(int number, Nanoseconds patience) {
  constexpr Nanoseconds kLook = 10 * kMillisecond;
  const Nanoseconds deadline = runtime::port::now_ns() + patience;
  // KILL goes again to those that a fork has brought since; others are asked once.
  for (bool ask = true;; ask = number == signal::kKill) {
    bool any = false;
    for (auto process = processes_.next(1); process; process = processes_.next(process->id())) {
      if (process->task_count() == 0) continue;
      any = true;
      if (ask) send_signal(*process, SignalInfo::from_kernel(number));
    }
    if (!any) return true;
    if (runtime::port::now_ns() >= deadline) return false;
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kLook);
  }
}

}  // namespace vari::linux
