// An atomic set of cores.
#pragma once

#include "base/types.h"
#include "runtime/thread.h"

namespace vari::nucleus {

inline bool is_empty(const runtime::CpuSet& set) {
  u64 any = 0;
  for (const u64 word : set.words) any |= word;
  return any == 0;
}
inline void remove_core(runtime::CpuSet& set, CpuId core) {
  set.words[core.value / 64] &= ~(u64{1} << (core.value % 64));
}

class CoreSet {
 public:
  /// Order: sequentially consistent, because adding a core and reading a table entry afterwards races
  /// with changing the entry and reading the set afterwards; one of the two must see the other.
  void add(CpuId core) { __atomic_fetch_or(&word(core), mask(core), __ATOMIC_SEQ_CST); }
  void remove(CpuId core) { __atomic_fetch_and(&word(core), ~mask(core), __ATOMIC_SEQ_CST); }
  bool contains(CpuId core) const {
    return __atomic_load_n(&words_[core.value / 64], __ATOMIC_SEQ_CST) & mask(core);
  }
  runtime::CpuSet snapshot() const {
    runtime::CpuSet set;
    for (unsigned i = 0; i < kWords; ++i) set.words[i] = __atomic_load_n(&words_[i], __ATOMIC_SEQ_CST);
    return set;
  }

 private:
  static constexpr unsigned kWords = kMaximumCpus / 64;
  static u64 mask(CpuId core) { return u64{1} << (core.value % 64); }
  u64& word(CpuId core) { return words_[core.value / 64]; }
  u64 words_[kWords] = {};
};

}  // namespace vari::nucleus
