// What may end a transfer at any moment: an error that waits, directions that were shut down. Set by either
// side of a connection without a lock, before the sleepers concerned are woken.
#pragma once

#include <utility>

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

class SocketStatus {
 public:
  static constexpr u32 kNoReceive = 1, kNoSend = 2, kBoth = 3;

  u32 shutdown() const { return __atomic_load_n(&shutdown_, __ATOMIC_ACQUIRE); }
  bool receives() const { return !(shutdown() & kNoReceive); }
  bool sends() const { return !(shutdown() & kNoSend); }
  void shut_down(u32 directions) { __atomic_fetch_or(&shutdown_, directions, __ATOMIC_ACQ_REL); }

  bool has_error() const { return __atomic_load_n(&error_, __ATOMIC_ACQUIRE) != 0; }
  void set_error(Errno error) { __atomic_store_n(&error_, static_cast<int>(error), __ATOMIC_RELEASE); }
  /// The error, told once; 0: none.
  int take_error() { return has_error() ? __atomic_exchange_n(&error_, 0, __ATOMIC_ACQ_REL) : 0; }
  LinuxResult<> check_error() {
    if (const int error = take_error()) return std::unexpected(static_cast<Errno>(error));
    return {};
  }

 private:
  u32 shutdown_ = 0;  // atomic
  int error_ = 0;     // atomic: Errno, as SO_ERROR has it
};

/// How long a call may wait.
struct Patience {
  bool waits = true;
  Nanoseconds deadline = kForever;
  /// What a wait that did not end well means for the call.
  Errno error_for(Error error) const {
    if (error == Error::TimedOut) return Errno::Again;
    return deadline == kForever ? Errno::RestartIfHandlerSays : Errno::Interrupted;
  }
};

}  // namespace vari::linux
