#include "hosted/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/memory.h"

namespace vari::hosted {

HostedMemory::~HostedMemory() {
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
  free_.set_range(1, frames_ - 1);
  free_frames_ = frames_ - 1;
  return {};
}

void HostedMemory::make_present(u64 number) {
  constexpr u64 kTogether = 256;
  u64 present = __atomic_load_n(&present_, __ATOMIC_RELAXED);
  if (number < present) return;
  const u64 end = std::min(number + kTogether, frames_);
  if (!__atomic_compare_exchange_n(&present_, &present, end, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    return;
  (void)::madvise(window(Frame{number}), (end - number) * kPageBytes, MADV_POPULATE_WRITE);
}

Result<std::pair<Frame, bool>> HostedMemory::take() {
  u64 number;
  bool used;
  {
    runtime::Guard guard(lock_);
    number = free_.find_first();
    if (number == HierarchicalBitmap::kNone) return std::unexpected(Error::OutOfMemory);
    free_.clear(number);
    __atomic_fetch_sub(&free_frames_, 1, __ATOMIC_RELAXED);
    used = number < never_used_;
    if (!used) never_used_ = number + 1;
  }
  if (!used) make_present(number);
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
  __atomic_fetch_add(&free_frames_, 1, __ATOMIC_RELAXED);
}

}  // namespace vari::hosted
