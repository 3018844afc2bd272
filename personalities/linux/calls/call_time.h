// Time-outs as calls get them, and memory for a call's arrays.
#pragma once

#include <algorithm>
#include <span>

#include "personalities/linux/calls/file_call_helpers.h"
#include "runtime/port.h"

namespace vari::linux {

/// Memory for a call's arrays: on the stack where they are short.
template <class T, std::size_t kInline>
class CallArray {
 public:
  CallArray() = default;
  ~CallArray() {
    if (large_) runtime::free(large_, count_ * sizeof(T));
  }
  CallArray(const CallArray&) = delete;
  LinuxResult<std::span<T>> make(std::size_t count) {
    count_ = count;
    if (count <= kInline) return std::span<T>(small_, count);
    large_ = static_cast<T*>(runtime::allocate(count * sizeof(T)));
    if (!large_) return std::unexpected(Errno::NoMemory);
    return std::span<T>(large_, count);
  }

 private:
  T small_[kInline];
  T* large_ = nullptr;
  std::size_t count_ = 0;
};

/// A relative time-out as a deadline. Negative or absent: never.
inline LinuxResult<Nanoseconds> deadline_in(i64 seconds, i64 nanoseconds) {
  if (seconds < 0 || nanoseconds < 0 || nanoseconds >= 1'000'000'000) return std::unexpected(Errno::Invalid);
  if (seconds == 0 && nanoseconds == 0) return 0;
  constexpr i64 kMost = 8'000'000'000;
  const u64 duration = static_cast<u64>(std::min(seconds, kMost)) * kSecond + static_cast<u64>(nanoseconds);
  return runtime::port::now_ns() + duration;
}

inline LinuxResult<Nanoseconds> deadline_at(Task& task, u64 address) {
  if (!address) return kForever;
  const auto time = TRY(task.user().read<TimeSpec>(address));
  return deadline_in(time.seconds, time.nanoseconds);
}

/// A time of one of the clocks as one of the monotonic clock.
inline Nanoseconds monotonic_of(Task& task, Nanoseconds when, bool realtime) {
  auto& place = task.personality().place();
  if (!realtime) return when;
  const Nanoseconds now = place.realtime_ns();
  return place.monotonic_ns() + (when > now ? when - now : 0);
}

}  // namespace vari::linux
