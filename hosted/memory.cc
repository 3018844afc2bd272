#include "hosted/memory.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "hosted/host_futex.h"
#include "runtime/memory.h"

namespace vari::hosted {

HostedMemory::~HostedMemory() {
  if (has_maker_) {
    tell_maker(kEnding);
    ::pthread_join(maker_thread_, nullptr);
  }
  if (window_) ::munmap(window_, frames_ * kPageBytes);
  if (descriptor_ >= 0) ::close(descriptor_);
  if (storage_) runtime::free(storage_, HierarchicalBitmap::words_for(frames_) * sizeof(u64));
}

Result<> HostedMemory::initialise(u64 bytes) {
  ASSERT(!window_);
  if (bytes < kMiB || bytes > u64{1} << 44) return std::unexpected(Error::InvalidArgument);
  frames_ = bytes / kPageBytes;
  descriptor_ = ::memfd_create("vari-ram", MFD_CLOEXEC);
  if (descriptor_ < 0 || ::ftruncate(descriptor_, static_cast<off_t>(frames_ * kPageBytes)) != 0)
    return std::unexpected(Error::OutOfMemory);
  void* mapped = ::mmap(nullptr, frames_ * kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        descriptor_, 0);
  if (mapped == MAP_FAILED) return std::unexpected(Error::OutOfMemory);
  window_ = static_cast<u8*>(mapped);
  storage_ = static_cast<u64*>(runtime::allocate(HierarchicalBitmap::words_for(frames_) * sizeof(u64)));
  if (!storage_) return std::unexpected(Error::OutOfMemory);
  runtime::Guard guard(lock_);
  free_.initialise(storage_, frames_);
  free_frames_ = frames_ - 1;
  maker_ = kAsked;
  has_maker_ = ::pthread_create(&maker_thread_, nullptr, &make_ahead, this) == 0;
  return {};
}

/// Written rather than touched, which takes the host half the time; reading them in maps them writable, as
/// they are nobody's but ours. If the host has no memory to give they stay holes, and whoever touches one is
/// ended.
void HostedMemory::make_present(u64 begin, u64 end) {
  static constexpr u8 kZeros[kPageBytes] = {};
  iovec pieces[kTogether];
  const u64 count = end - begin;
  for (u64 i = 0; i < count; ++i) pieces[i] = {const_cast<u8*>(kZeros), kPageBytes};
  (void)::pwritev(descriptor_, pieces, static_cast<int>(count), static_cast<off_t>(begin * kPageBytes));
  (void)::madvise(window(Frame{begin}), count * kPageBytes, MADV_POPULATE_READ);
}

/// Order: pages become free when they are made, so that nobody's are written over. False: all are made. While
/// somebody else makes the last ones there is memory still, though none to take yet.
bool HostedMemory::make_more() {
  u64 begin, end;
  {
    runtime::Guard guard(lock_);
    begin = present_;
    if (begin == frames_ && being_made_ == 0) return false;
    present_ = end = std::min(begin + kTogether, frames_);
    being_made_ += end - begin;
  }
  if (begin == end) {
    ::sched_yield();
    return true;
  }
  make_present(begin, end);
  runtime::Guard guard(lock_);
  free_.set_range(begin, end - begin);
  ready_ += end - begin;
  being_made_ -= end - begin;
  return true;
}

bool HostedMemory::is_ready(u64 frames) {
  runtime::Guard guard(lock_);
  return ready_ >= frames;
}

void* HostedMemory::make_ahead(void* argument) {
  constexpr Nanoseconds kLongest = 3600 * kSecond;
  auto& memory = *static_cast<HostedMemory*>(argument);
  for (;;) {
    while (__atomic_load_n(&memory.maker_, __ATOMIC_ACQUIRE) == kIdle)
      host_futex_wait(memory.maker_, kIdle, kLongest);
    u32 asked = kAsked;
    // Only now, so that one who asks meanwhile is heard.
    if (!__atomic_compare_exchange_n(&memory.maker_, &asked, kIdle, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
      return nullptr;
    while (!memory.is_ready(kMost) && memory.make_more() &&
           __atomic_load_n(&memory.maker_, __ATOMIC_ACQUIRE) != kEnding) {
    }
  }
}

void HostedMemory::tell_maker(u32 what) {
  u32 idle = kIdle;
  if (what == kEnding) {
    __atomic_store_n(&maker_, kEnding, __ATOMIC_RELEASE);
  } else if (!__atomic_compare_exchange_n(&maker_, &idle, what, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    return;
  }
  host_futex_wake(maker_);
}

Result<std::pair<Frame, bool>> HostedMemory::take() {
  u64 number;
  bool used, few;
  do {
    runtime::Guard guard(lock_);
    number = free_.find_first();
    if (number == HierarchicalBitmap::kNone) continue;
    free_.clear(number);
    few = --ready_ < kLeast && present_ < frames_;
    __atomic_fetch_sub(&free_frames_, 1, __ATOMIC_RELAXED);
    used = number < never_used_;
    if (!used) never_used_ = number + 1;
    break;
  } while (is_ready(1) || make_more());
  if (number == HierarchicalBitmap::kNone) return std::unexpected(Error::OutOfMemory);
  if (few) tell_maker(kAsked);
  return std::pair(Frame{number}, used);
}

Result<Frame> HostedMemory::allocate() {
  const auto [frame, used] = TRY(take());
  if (used) __builtin_memset(window(frame), 0, kPageBytes);
  return frame;
}

Result<Frame> HostedMemory::allocate_uncleared() {
  return TRY(take()).first;
}

void HostedMemory::free(Frame frame) {
  ASSERT(frame.number > 0 && frame.number < frames_);
  runtime::Guard guard(lock_);
  ASSERT(!free_.test(frame.number));
  free_.set(frame.number);
  ++ready_;
  __atomic_fetch_add(&free_frames_, 1, __ATOMIC_RELAXED);
}

}  // namespace vari::hosted
