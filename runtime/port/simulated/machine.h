// A machine that exists in no time but its own: one core on one POSIX thread, a clock that moves by
// counting, and preemption at safe points that a seed chooses. What runs on it runs the same way each
// time, so that a fuzzer's input reproduces what it found; and a wait that nothing can end is seen at once.
#pragma once

#include <type_traits>

#include "base/types.h"

namespace vari::runtime {

class SimulatedMachine {
 public:
  explicit SimulatedMachine(u64 seed) : seed_(seed) {}
  SimulatedMachine(const SimulatedMachine&) = delete;

  /// Runs function() as the first thread and returns when it has returned and all other threads have
  /// ended. Aborts with a message where threads wait and nothing will ever wake them.
  template <class Function>
  void run(Function&& function) {
    run_entry([](void* argument) { (*static_cast<std::remove_reference_t<Function>*>(argument))(); },
              &function);
  }

 private:
  struct Core;
  void run_entry(void (*entry)(void*), void* argument);
  static void* core_main(void* core);
  static void first_main(void* core);
  const u64 seed_;
};

}  // namespace vari::runtime
