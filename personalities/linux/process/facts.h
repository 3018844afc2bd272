// What getpid() and its like tell, kept as plain words, so that a place can answer such calls without a trap
// (interfaces/place.h, FactCalls). The calls themselves are still in calls/, for places that do not.
#pragma once

#include "interfaces/place.h"

namespace vari::linux {

struct Identity;

/// One task's. Written by whoever changes what it tells, under the lock that guards that; read at any time.
struct Facts {
  u32 unused = 0;  // offset 0 means: no fact
  u32 process = 0, task = 0, parent = 0;
  u32 user = 0, group = 0, effective_user = 0, effective_group = 0;

  static void set(u32& fact, i64 value) {
    __atomic_store_n(&fact, static_cast<u32>(value), __ATOMIC_RELAXED);
  }
  void set_identity(const Identity& identity);
  /// The calls that these words answer.
  FactCalls calls() const;
};

}  // namespace vari::linux
