// The RAM of a hosted placement: one sparse memory file. A frame is a page of it, a domain's process maps the
// frames that it may touch, and the kernel's own process maps them all.
#pragma once

#include <pthread.h>

#include "base/hierarchical_bitmap.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/spinlock.h"

namespace vari::hosted {

class HostedMemory {
 public:
  HostedMemory() = default;
  ~HostedMemory();
  HostedMemory(const HostedMemory&) = delete;
  HostedMemory& operator=(const HostedMemory&) = delete;

  /// `bytes` of RAM; the host gives pages as they are touched. OutOfMemory, InvalidArgument.
  Result<> initialise(u64 bytes);

  /// The lowest free frame: what is asked for in succession lies side by side, where it can.
  Result<Frame> allocate() EXCLUDES(lock_);
  Result<Frame> allocate_uncleared() EXCLUDES(lock_);
  void free(Frame frame) EXCLUDES(lock_);
  u8* window(Frame frame) const { return window_ + frame.number * kPageBytes; }

  /// The memory file, for stubs.
  int descriptor() const { return descriptor_; }
  u64 total_bytes() const { return (frames_ - 1) * kPageBytes; }
  u64 free_bytes() const { return __atomic_load_n(&free_frames_, __ATOMIC_RELAXED) * kPageBytes; }

 private:
  /// Fresh pages of the file come so many at once: a fault for each would cost three times as much. A thread
  /// keeps some ready, so that a machine with another processor makes them there.
  static constexpr u64 kTogether = 64, kLeast = 256, kMost = 512;
  enum Maker : u32 { kIdle, kAsked, kEnding };
  static void* make_ahead(void* memory);
  void tell_maker(u32 what);
  void make_present(u64 begin, u64 end);
  /// False: there are no more.
  bool make_more() EXCLUDES(lock_);
  bool is_ready(u64 frames) EXCLUDES(lock_);
  /// A frame, and whether it has been used before.
  Result<std::pair<Frame, bool>> take() EXCLUDES(lock_);

  int descriptor_ = -1;
  u8* window_ = nullptr;
  u64 frames_ = 0;  // with frame 0, which serves as "none"
  u64* storage_ = nullptr;
  u64 free_frames_ = 0;  // atomic, for reports
  runtime::SpinLock lock_;
  HierarchicalBitmap free_ GUARDED_BY(lock_);
  u64 never_used_ GUARDED_BY(lock_) = 1;  // frames from here on are zero
  u64 present_ GUARDED_BY(lock_) = 1;     // pages from here on are holes in the file, and not free yet
  u64 ready_ GUARDED_BY(lock_) = 0;       // how many are in free_
  u64 being_made_ GUARDED_BY(lock_) = 0;  // below present_, and in nobody's hands yet
  u32 maker_ = kIdle;                     // atomic, futex
  bool has_maker_ = false;
  pthread_t maker_thread_{};
};

}  // namespace vari::hosted
