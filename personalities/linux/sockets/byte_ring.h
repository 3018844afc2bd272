// Bytes of a stream in page frames: a ring that takes its frames when bytes first need them and begins again
// at its first byte whenever it runs empty, so that short messages live in one page and allocate nothing.
#pragma once

#include "interfaces/place.h"
#include "personalities/linux/files/transfer.h"

namespace vari::linux {

/// Who uses it orders its calls; used() alone may be read meanwhile.
class ByteRing {
 public:
  static constexpr u32 kPages = 64, kCapacity = kPages * kPageBytes;

  explicit ByteRing(Place& place) : place_(place) {}
  ~ByteRing() { clear(); }
  ByteRing(const ByteRing&) = delete;

  u32 used() const { return __atomic_load_n(&used_, __ATOMIC_ACQUIRE); }
  /// Up to `bytes` from the transfer behind the last byte; how many. Fault or NoMemory: not even one.
  LinuxResult<u64> put(Transfer& from, u64 bytes);
  /// Up to `bytes` from the first on.
  LinuxResult<u64> take(Transfer& to, u64 bytes);
  /// As take(), from `offset` bytes behind the first on, and leaves them.
  LinuxResult<u64> peek(Transfer& to, u32 offset, u64 bytes);
  /// Gives all frames back. Never allocates.
  void clear();

 private:
  struct Page {
    Frame frame;
    u8* bytes = nullptr;
  };
  LinuxResult<> make_page(Page& page);
  void set_used(u32 used) { __atomic_store_n(&used_, used, __ATOMIC_RELEASE); }

  Place& place_;
  Page* pages_ = nullptr;  // kPages of them, once something was put
  u32 first_ = 0;          // offset of the oldest byte
  u32 used_ = 0;           // atomic
};

}  // namespace vari::linux
