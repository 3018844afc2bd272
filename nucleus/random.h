// Random numbers fit for keys: ChaCha20 (RFC 8439) in fast-key-erasure form (D. J. Bernstein, 2017), seeded
// and reseeded from RDSEED/RDRAND where the machine has them and from the jitter of interrupts.
#pragma once

#include <span>

#include "base/types.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

class Random {
 public:
  /// Adds whatever is known of the machine's state; never makes things worse.
  void mix(std::span<const u8> entropy);
  void mix(u64 word);
  /// Fills `to`. Never blocks.
  void fill(std::span<u8> to);

 private:
  static constexpr std::size_t kBlockWords = 16, kKeyWords = 8;
  void block(u32 (&output)[kBlockWords]) REQUIRES(lock_);

  runtime::SpinLock lock_;
  u32 key_[kKeyWords] GUARDED_BY(lock_) = {};
  u64 counter_ GUARDED_BY(lock_) = 0;
};

}  // namespace vari::nucleus
