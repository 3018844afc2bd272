// Free frames of one contiguous piece of one NUMA node, by hierarchical bitmaps (K41).
//
// Each free frame is recorded exactly once, at the largest size to which it has coalesced:
//
//   4 KiB   clean, dirty      clean frames are all zero; dirty ones hold old contents
//   2 MiB   clean, dirty, fresh   fresh: never handed out since start; contents unknown, nobody's
//   1 GiB   whole             512 free 2 MiB frames, none of them dirty
//
// Two bitmaps for 4 KiB frames are the 0.006 % of the KOS paper (K42): "free" and "to be zeroed".
// Fresh memory is not zeroed in idle: a machine with much RAM would touch all of it for nothing.
// One lock a frame size (K45); order: 4 KiB before 2 MiB before 1 GiB.
#pragma once

#include "base/hierarchical_bitmap.h"
#include "base/types.h"
#include "nucleus/physical_window.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

inline constexpr u64 kFramesPerLarge = kLargePageBytes / kPageBytes;
inline constexpr u64 kLargePerHuge = kHugePageBytes / kLargePageBytes;

class FrameRegion {
 public:
  /// Bytes of bitmaps for the frames [begin, end).
  static u64 metadata_bytes(Frame begin, Frame end);
  /// All frames taken. `metadata`: metadata_bytes() bytes, 8-byte aligned.
  void initialise(Frame begin, Frame end, u32 node, u8* metadata);
  /// Adds frames at start, when nobody else looks: they are fresh.
  void add_fresh(Frame first, u64 count);

  bool contains(Frame frame) const { return frame >= begin_ && frame < end_; }
  Frame begin() const { return begin_; }
  Frame end() const { return end_; }
  u32 node() const { return node_; }

  enum class Preference : u8 { Clean, Dirty };
  struct Taken {
    Frame frame;  // none: nothing is left
    bool clean = false;
  };
  Taken take(Preference preference);
  Taken take_large();
  Frame take_huge();
  /// `limit`: the first frame number that the run must not contain.
  Frame take_run(u64 count, u64 alignment, u64 limit);
  void give(Frame frame, bool clean);
  void give_large(Frame frame, bool clean);
  void give_huge(Frame frame);
  void give_run(Frame first, u64 count);

  /// Zeroes up to `budget` dirty frames, each outside the locks. True while dirty ones remain.
  bool zero_some(unsigned budget, PhysicalWindow window);

  u64 free_frames() const { return __atomic_load_n(&free_, __ATOMIC_RELAXED); }
  u64 dirty_frames() const { return __atomic_load_n(&dirty_, __ATOMIC_RELAXED); }

 private:
  using Lock = runtime::IrqSpinLock;
  static u64 small_base(Frame begin) { return align_down(begin.number, kFramesPerLarge); }
  static u64 large_base(Frame begin) { return align_down(begin.number / kFramesPerLarge, kLargePerHuge); }
  static u64 small_bits(Frame begin, Frame end) {
    return align_up(end.number, kFramesPerLarge) - small_base(begin);
  }
  static u64 large_bits(Frame begin, Frame end) {
    return align_up(divide_up(end.number, kFramesPerLarge), kLargePerHuge) - large_base(begin);
  }
  // Indices: of 4 KiB frames from small_base_, of 2 MiB frames from large_base_ (so that a group of
  // 512 is always eight whole words), of 1 GiB frames from large_base_, too.
  u64 small_of_large(u64 large) const { return (large_base_ + large) * kFramesPerLarge - small_base_; }
  u64 large_of_small(u64 small) const { return (small_base_ + small) / kFramesPerLarge - large_base_; }
  Frame frame_of_small(u64 small) const { return {small_base_ + small}; }
  Frame frame_of_large(u64 large) const { return {(large_base_ + large) * kFramesPerLarge}; }

  bool split_a_large(u64 limit = ~u64{0}) REQUIRES(small_lock_) EXCLUDES(large_lock_);
  void coalesce_small(u64 small, bool only_clean) REQUIRES(small_lock_) EXCLUDES(large_lock_);
  bool split_a_huge() REQUIRES(large_lock_) EXCLUDES(huge_lock_);
  void add_large(u64 large, bool clean) EXCLUDES(large_lock_, huge_lock_);
  void coalesce_large(u64 large) REQUIRES(large_lock_) EXCLUDES(huge_lock_);
  bool remove_large(u64 large) REQUIRES(large_lock_);
  Frame take_short_run(u64 count, u64 alignment, u64 limit);
  Frame take_long_run(u64 count, u64 alignment, u64 limit);
  void account(u64 free, u64 dirty) {
    __atomic_fetch_add(&free_, free, __ATOMIC_RELAXED);
    __atomic_fetch_add(&dirty_, dirty, __ATOMIC_RELAXED);
  }

  Frame begin_, end_;
  u64 small_base_ = 0, large_base_ = 0;
  u32 node_ = 0;
  u64 free_ = 0, dirty_ = 0;  // atomic; in 4 KiB frames, of all sizes together

  Lock small_lock_;
  HierarchicalBitmap small_clean_ GUARDED_BY(small_lock_);
  HierarchicalBitmap small_dirty_ GUARDED_BY(small_lock_);
  Lock large_lock_;
  HierarchicalBitmap large_clean_ GUARDED_BY(large_lock_);
  HierarchicalBitmap large_dirty_ GUARDED_BY(large_lock_);
  HierarchicalBitmap large_fresh_ GUARDED_BY(large_lock_);
  Lock huge_lock_;
  HierarchicalBitmap huge_ GUARDED_BY(huge_lock_);
};

}  // namespace vari::nucleus
