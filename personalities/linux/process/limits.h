// Resource limits, as setrlimit knows them.
#pragma once

#include "base/types.h"

namespace vari::linux {

enum class Resource : u32 {
  CpuSeconds,
  FileBytes,
  DataBytes,
  StackBytes,
  CoreBytes,
  ResidentBytes,
  Processes,
  OpenFiles,
  LockedBytes,
  AddressSpace,
  FileLocks,
  PendingSignals,
  QueueBytes,
  Nice,
  RealTimePriority,
  RealTimeMicros,
};
inline constexpr u32 kResources = 16;
inline constexpr u64 kUnlimited = ~u64{0};

struct Limit {
  u64 soft = kUnlimited, hard = kUnlimited;
};

struct Limits {
  Limit of[kResources];
  static Limits defaults();
  const Limit& operator[](Resource resource) const { return of[static_cast<u32>(resource)]; }
  Limit& operator[](Resource resource) { return of[static_cast<u32>(resource)]; }
};

}  // namespace vari::linux
