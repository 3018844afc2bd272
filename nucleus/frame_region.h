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
  u64 small_index(Frame frame) const { return frame.number - base_; }
  Frame frame_of(u64 index) const { return {base_ + index}; }

  bool split_large() REQUIRES(small_lock_) EXCLUDES(large_lock_);
  void give_locked(u64 index, bool clean) REQUIRES(small_lock_) EXCLUDES(large_lock_);
  void coalesce_small(u64 large) REQUIRES(small_lock_) EXCLUDES(large_lock_);
  bool split_huge() REQUIRES(large_lock_) EXCLUDES(huge_lock_);
  void coalesce_large(u64 huge) REQUIRES(large_lock_) EXCLUDES(huge_lock_);
  void give_large_locked(u64 large, bool clean) REQUIRES(large_lock_) EXCLUDES(huge_lock_);
  Frame take_short_run(u64 count, u64 alignment, u64 limit);
  Frame take_long_run(u64 count, u64 alignment, u64 limit);
  bool large_is_free(u64 large) const REQUIRES(large_lock_);
  void remove_large(u64 large) REQUIRES(large_lock_);
  void account(i64 free, i64 dirty);

  Frame begin_, end_;
  u64 base_ = 0;  // begin_, rounded down to 1 GiB only in the large levels; see initialise()
  u32 node_ = 0;
  u64 free_ = 0, dirty_ = 0;  // atomic; 4 KiB frames, all sizes together

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
