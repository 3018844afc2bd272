// What the host tells outside the runtime (input, signals), brought to threads of the runtime: a POSIX thread
// that is no core raises an event and rings core 0, whose interrupt level wakes whoever waits.
#pragma once

#include "hosted/stubs.h"
#include "runtime/synchronization.h"

namespace vari::hosted {

class HostEvent {
 public:
  /// Waits until it has been raised since the last wait.
  void wait() { (void)raised_.wait(); }
  /// From a thread of the runtime.
  void signal() { raised_.signal(); }

 private:
  friend class HostEvents;
  u32 pending_ = 0;  // atomic
  runtime::Semaphore raised_;
};

class HostEvents {
 public:
  explicit HostEvents(Stubs& stubs) : stubs_(stubs) {}
  /// Before the cores start.
  void add(HostEvent& event);
  /// From any POSIX thread.
  void raise(HostEvent& event);
  /// At interrupt level of core 0.
  void deliver();

 private:
  static constexpr std::size_t kMost = 8;
  Stubs& stubs_;
  HostEvent* events_[kMost] = {};
  std::size_t count_ = 0;
};

}  // namespace vari::hosted
