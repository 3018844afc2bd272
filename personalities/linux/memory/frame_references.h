// How many hold a frame: mappings of programs and objects (a tmpfs file's page). A frame with one
// holder, the usual case, has no record at all; a count exists only while a frame is shared.
//
// Counts lie in leaves of 1024, found through two levels of pointers by the frame's number, made when
// the first frame of their range is shared and freed when the last one ceases to be.
#pragma once

#include <array>

#include "interfaces/place.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class FrameReferences {
 public:
  explicit FrameReferences(Place& place) : place_(place) {}
  ~FrameReferences();
  FrameReferences(const FrameReferences&) = delete;

  /// One holder more. OutOfMemory: no room for the count; nothing has changed.
  Result<> add(Frame frame);
  /// One holder fewer; the last one gives the frame back to the place. Never fails or allocates.
  void drop(Frame frame);
  /// True while more than one holds it. Stable only if the caller keeps others from adding.
  bool is_shared(Frame frame);
  u32 count(Frame frame);
  /// The frame of zeros that untouched memory shows to readers: held by any number, and never counted.
  Result<Frame> zeros();
  bool is_zeros(Frame frame) const {
    return frame.number == __atomic_load_n(&zeros_.number, __ATOMIC_RELAXED) && frame;
  }
  /// Frames that are somebody's for as long as programs run (the vDSO's two): held by any number, and never
  /// counted, so that fork and exit write to no line that all cores share. Before the first program.
  void keep_uncounted(Frame frame, u32 which) { uncounted_[which] = frame; }
  static constexpr u32 kUncounted = 2;
  /// Those, and zeros.
  bool is_uncounted(Frame frame) const {
    return is_zeros(frame) || (frame && (frame == uncounted_[0] || frame == uncounted_[1]));
  }
  Place& place() const { return place_; }

 private:
  static constexpr u32 kLeafCounts = 1024, kFanOut = 256, kRoots = 512, kStripes = 16;
  struct Slot {
    u32* counts = nullptr;  // a whole frame; null: nothing in this range is shared
    Frame frame;            // that holds the counts
    u32 used = 0;           // counts that are not zero
  };
  struct Middle : runtime::Allocated {
    std::array<Slot, kFanOut> slots;
  };
  struct alignas(64) Stripe {
    runtime::SpinLock lock;
  };
  struct Position {
    u32 root, middle, leaf;
  };
  static Position position_of(Frame frame);
  Stripe& stripe_of(const Position& position) { return stripes_[position.middle % kStripes]; }
  Slot* slot_of(const Position& position);
  Result<> make_leaf(const Position& position);

  Place& place_;
  Frame zeros_;  // its number is atomic; made once, when first asked for
  Frame uncounted_[kUncounted] = {};
  std::array<Stripe, kStripes> stripes_;  // a slot and its counts are guarded by its stripe
  std::array<Middle*, kRoots> root_{};    // atomic; set once
};

}  // namespace vari::linux
