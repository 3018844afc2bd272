// The kernel's log: the last lines in a ring, for dmesg, and an echo to the early console until a
// terminal takes it over. Bytes have positions that only grow, so that a reader knows what it missed.
#pragma once

#include <span>
#include <string_view>

#include "base/format.h"
#include "base/types.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

class Log {
 public:
  static constexpr std::size_t kBytes = 32 * kKiB;
  using Echo = void (*)(std::string_view text);

  /// Adds one line; a newline is supplied, and "<6>[seconds.microseconds] " before it, as dmesg wants.
  /// Any thread, and interrupt level.
  void line(std::string_view text);
  template <class... Pieces>
  void print(const Pieces&... pieces) {
    const Text<240> text(pieces...);
    line(text.text());
  }
  /// Copies from position `from` on; moves `from` forward where older bytes are gone. The count.
  std::size_t read(u64& from, std::span<char> to);
  /// Where lines go besides the ring; null: nowhere.
  void set_echo(Echo echo) { __atomic_store_n(&echo_, echo, __ATOMIC_RELEASE); }

 private:
  void append(std::string_view text) REQUIRES(lock_);

  runtime::IrqSpinLock lock_;
  u64 end_ GUARDED_BY(lock_) = 0;  // bytes ever written
  char ring_[kBytes] GUARDED_BY(lock_);
  Echo echo_ = nullptr;
};

}  // namespace vari::nucleus
