// A machine made of POSIX threads, for tests and for the hosted placement: each thread is a core with a
// scheduler; what the kernel's interrupts do is done at safe points (whenever the runtime unmasks
// interrupts or enables preemption, in relax(), and while idle).
#pragma once

#include <utility>

#include "runtime/scheduler.h"

namespace vari::runtime {

class Attendant;

class LinuxMachine {
 public:
  explicit LinuxMachine(u32 cores = 4, const SchedulingPolicy& policy = {}, Attendant* attendant = nullptr);
  ~LinuxMachine();
  LinuxMachine(const LinuxMachine&) = delete;
  LinuxMachine& operator=(const LinuxMachine&) = delete;

  /// Starts the cores, runs function() as their first thread, waits until it has returned and all other
  /// threads have ended, and stops the cores. Aborts with a message if threads remain for a minute.
  /// Once for each machine.
  template <class Function>
  void run(Function&& function) {
    run_entry([](void* argument) { (*static_cast<std::remove_reference_t<Function>*>(argument))(); },
              &function);
  }

  SchedulerGroup& group() { return group_; }
  Scheduler& scheduler(u32 cpu);
  u32 cores() const { return cores_; }

 private:
  struct Core;
  struct First;
  void run_entry(void (*entry)(void*), void* argument);
  static void* core_main(void* core);
  static void first_main(void* first);

  const u32 cores_;
  SchedulerGroup group_;
  Core* core_ = nullptr;  // an array
  u32 joined_ = 0;        // atomic
};

/// A thread from a callable that outlives it (tests join before it goes).
template <class Function>
Result<Ref<Thread>> start_thread(Function& function, const ThreadOptions& options = {}) {
  return Thread::start([](void* argument) { (*static_cast<Function*>(argument))(); }, &function, options);
}

}  // namespace vari::runtime
