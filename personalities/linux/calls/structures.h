// The kernel's structures that calls of several files exchange with programs.
#pragma once

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

struct TimeSpec {
  i64 seconds = 0, nanoseconds = 0;
  bool valid() const { return seconds >= 0 && nanoseconds >= 0 && nanoseconds < static_cast<i64>(kSecond); }
  /// Saturates: what lies beyond five centuries is for ever.
  Nanoseconds total() const {
    constexpr u64 kMost = u64{1} << 33;
    if (static_cast<u64>(seconds) > kMost) return kForever / 2;
    return static_cast<u64>(seconds) * kSecond + static_cast<u64>(nanoseconds);
  }
  static TimeSpec of(Nanoseconds total) {
    return {static_cast<i64>(total / kSecond), static_cast<i64>(total % kSecond)};
  }
  /// A time of day, which may be before 1970: the nanoseconds count forward all the same.
  static TimeSpec of(i64 since_1970) {
    constexpr i64 kOne = kSecond;
    const i64 rest = since_1970 % kOne, back = rest < 0;
    return {since_1970 / kOne - back, rest + back * kOne};
  }
};

struct TimeValue {
  i64 seconds = 0, microseconds = 0;
  bool valid() const { return seconds >= 0 && microseconds >= 0 && microseconds < 1'000'000; }
  Nanoseconds total() const { return TimeSpec{seconds, microseconds * 1000}.total(); }
  static TimeValue of(Nanoseconds total) {
    return {static_cast<i64>(total / kSecond), static_cast<i64>(total % kSecond / 1000)};
  }
};

struct Usage;
/// struct rusage.
struct ResourceUsage {
  TimeValue user, system;
  i64 peak_resident_kib = 0, shared = 0, data = 0, stack = 0, minor_faults = 0, major_faults = 0, swaps = 0,
      blocks_in = 0, blocks_out = 0, sent = 0, received = 0, signals = 0, voluntary = 0, involuntary = 0;
  static ResourceUsage of(const Usage& usage);
};
static_assert(sizeof(ResourceUsage) == 144);

}  // namespace vari::linux
