// Packets in a pipe (pipe(2), O_DIRECT). Their bytes lie in the ring as all others do; beside it stands how
// long each packet is, and each run of plain bytes between packets. A pipe that never saw a packet has no
// such list.
#include <algorithm>

#include "personalities/linux/files/pipe.h"

namespace vari::linux {

using runtime::Cancellation;
using runtime::Guard;

struct Pipe::Stretches : runtime::Allocated {
  struct Stretch {
    u32 bytes = 0;
    bool packet = false;
  };
  Stretch& at(u32 index) { return all[(first + index) % kMaximumPages]; }
  Stretch all[kMaximumPages];
  u32 first = 0, count = 0;  // count: atomic
};

LinuxResult<> Pipe::prepare_stretches() {
  if (stretches_) return {};
  auto* made = new (runtime::kFallible) Stretches;
  if (!made) return std::unexpected(Errno::NoMemory);
  if (used_) {
    made->all[0] = {used_, false};
    made->count = 1;
  }
  __atomic_store_n(&stretches_, made, __ATOMIC_RELEASE);
  return {};
}

void Pipe::free_stretches() {
  delete stretches_;
}

/// As in Linux, where each packet has a page of its own: no more packets than pages.
bool Pipe::room_for(u32 bytes) const {
  if (capacity_bytes() - used_bytes() < bytes) return false;
  const auto* stretches = __atomic_load_n(&stretches_, __ATOMIC_ACQUIRE);
  if (!stretches) [[likely]]
    return true;
  return __atomic_load_n(&stretches->count, __ATOMIC_ACQUIRE) < capacity_bytes() / kPageBytes;
}

void Pipe::note_stretch(u32 bytes, bool packet) {
  auto& stretches = *stretches_;
  if (!packet && stretches.count && !stretches.at(stretches.count - 1).packet) {
    stretches.at(stretches.count - 1).bytes += bytes;
    return;
  }
  stretches.at(stretches.count) = {bytes, packet};
  __atomic_store_n(&stretches.count, stretches.count + 1, __ATOMIC_RELEASE);
}

LinuxResult<u64> Pipe::write_some_noted(Transfer& from, u64 wanted) {
  const auto moved = write_some(from, wanted);
  if (moved && *moved) note_stretch(static_cast<u32>(*moved), false);
  return moved;
}

void Pipe::drop(u32 bytes) {
  first_ = (first_ + bytes) & (capacity_ - 1);
  __atomic_store_n(&used_, used_ - bytes, __ATOMIC_RELEASE);
  if (used_ == 0) first_ = 0;
}

LinuxResult<u64> Pipe::read_stretch(Transfer& to) {
  auto& stretches = *stretches_;
  auto& first = stretches.at(0);
  const auto moved = read_some(to, first.bytes);
  if (!moved) return moved;
  first.bytes -= static_cast<u32>(*moved);
  // What of a packet did not fit is gone.
  if (first.packet) drop(std::exchange(first.bytes, 0));
  if (first.bytes == 0) {
    stretches.first = (stretches.first + 1) % kMaximumPages;
    __atomic_store_n(&stretches.count, stretches.count - 1, __ATOMIC_RELEASE);
  }
  return moved;
}

LinuxResult<u64> Pipe::write_packets(Transfer& from, bool wait) {
  u64 done = 0;
  while (from.remaining() != 0) {
    const u32 bytes = static_cast<u32>(std::min<u64>(from.remaining(), kAtomicBytes));
    {
      Guard guard(mutex_);
      if (readers_ == 0) return done ? LinuxResult<u64>(done) : std::unexpected(Errno::Pipe);
      TRY(prepare_stretches());
      if (room_for(bytes)) {
        const auto moved = write_some(from, bytes);
        if (!moved) return done ? LinuxResult<u64>(done) : moved;
        if (*moved) note_stretch(static_cast<u32>(*moved), true);
        if (sleeping_readers_) read_queue_.wake_one();
        poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
        done += *moved;
        if (*moved < bytes) return done;
        continue;
      }
      if (!wait) return done ? LinuxResult<u64>(done) : std::unexpected(Errno::Again);
      ++sleeping_writers_;
    }
    const auto slept =
        write_queue_.wait_until([&] { return writable(bytes); }, kForever, Cancellation::Respect);
    Guard guard(mutex_);
    --sleeping_writers_;
    if (slept) continue;
    if (room_for(1) && sleeping_writers_) write_queue_.wake_one();
    if (done) return done;
    return std::unexpected(to_errno(slept.error()));
  }
  return done;
}

}  // namespace vari::linux
