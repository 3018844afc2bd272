#include "hosted/host_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "hosted/host_futex.h"

namespace vari::hosted {

Result<> HostInput::start() {
  if (::pthread_create(&thread_, nullptr, &read_all, this) != 0) return std::unexpected(Error::OutOfMemory);
  ::pthread_detach(thread_);
  return {};
}

void* HostInput::read_all(void* input) {
  static_cast<HostInput*>(input)->read_all();
  return nullptr;
}

void HostInput::read_all() {
  for (;;) {
    const u32 taken = __atomic_load_n(&taken_, __ATOMIC_ACQUIRE);
    const u32 room = kBytes - (written_ - taken);
    if (room == 0) {
      host_futex_wait(taken_, taken, kSecond);
      continue;
    }
    const u32 at = written_ % kBytes;
    const auto got = ::read(descriptor_, ring_ + at, std::min(room, kBytes - at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    __atomic_store_n(&written_, written_ + static_cast<u32>(got), __ATOMIC_RELEASE);
    events_.raise(arrived_);
  }
  __atomic_store_n(&ended_, true, __ATOMIC_RELEASE);
  events_.raise(arrived_);
}

std::size_t HostInput::available() const {
  return __atomic_load_n(&written_, __ATOMIC_ACQUIRE) - __atomic_load_n(&taken_, __ATOMIC_RELAXED);
}

std::size_t HostInput::take(std::span<u8> to) {
  const std::size_t count = std::min(available(), to.size());
  for (std::size_t i = 0; i < count; ++i) to[i] = ring_[(taken_ + i) % kBytes];
  __atomic_store_n(&taken_, taken_ + static_cast<u32>(count), __ATOMIC_RELEASE);
  if (count) host_futex_wake(taken_);
  return count;
}

}  // namespace vari::hosted
