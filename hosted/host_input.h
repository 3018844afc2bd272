// A descriptor of the host that is read by a POSIX thread of its own, into a ring from which a thread of the
// runtime takes: reading may block for ever, and a core may not.
#pragma once

#include <pthread.h>

#include <span>

#include "hosted/host_events.h"

namespace vari::hosted {

class HostInput {
 public:
  HostInput(HostEvents& events, int descriptor) : events_(events), descriptor_(descriptor) {
    events_.add(arrived_);
  }
  /// Starts reading. OutOfMemory.
  Result<> start();
  /// Raised when bytes have come, or the end.
  HostEvent& arrived() { return arrived_; }
  /// Bytes that can be had now.
  std::size_t available() const;
  /// No bytes will follow those that are available.
  bool ended() const { return __atomic_load_n(&ended_, __ATOMIC_ACQUIRE); }
  /// Takes what there is; never blocks. One thread at a time.
  std::size_t take(std::span<u8> to);

 private:
  static void* read_all(void* input);
  void read_all();

  static constexpr u32 kBytes = 64 * kKiB;
  HostEvents& events_;
  const int descriptor_;
  HostEvent arrived_;
  pthread_t thread_{};
  bool ended_ = false;  // atomic
  u32 written_ = 0;     // atomic: bytes ever put into the ring, modulo 2^32
  u32 taken_ = 0;       // atomic, futex: bytes ever taken
  u8 ring_[kBytes];
};

}  // namespace vari::hosted
