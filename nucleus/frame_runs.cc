// Contiguous runs of frames, for DMA: searched for, rare, slower than single frames (K43).
#include "nucleus/frame_region.h"

namespace vari::nucleus {
namespace {
constexpr u64 kNone = HierarchicalBitmap::kNone;
}

Frame FrameRegion::take_run(u64 count, u64 alignment, u64 limit) {
  if (count == 0 || begin_.number >= limit) return {};
  if (count <= kFramesPerLarge && alignment <= kFramesPerLarge)
    return take_short_run(count, alignment, limit);
  return take_long_run(count, alignment, limit);
}

/// Up to 2 MiB: among single frames, or out of one 2 MiB frame, in which it always fits.
Frame FrameRegion::take_short_run(u64 count, u64 alignment, u64 limit) {
  runtime::Guard guard(small_lock_);
  const u64 end = limit <= small_base_ ? 0 : limit - small_base_;
  do {
    const u64 place = find_run(BitmapUnion(small_clean_, small_dirty_), count, alignment, 0, end);
    if (place == kNone) continue;
    u64 dirty = 0;
    for (u64 i = place; i < place + count; ++i) dirty += small_dirty_.test(i);
    small_clean_.clear_range(place, count);
    small_dirty_.clear_range(place, count);
    account(-count, -dirty);
    return frame_of_small(place);
  } while (split_a_large(limit));
  return {};
}

/// Longer ones are made of whole 2 MiB frames; what is too much at the end goes back.
Frame FrameRegion::take_long_run(u64 count, u64 alignment, u64 limit) {
  const u64 larges = divide_up(count, kFramesPerLarge);
  const u64 large_alignment = divide_up(alignment, kFramesPerLarge);
  const u64 limit_large = limit / kFramesPerLarge;
  const u64 end = limit_large <= large_base_ ? 0 : limit_large - large_base_;
  Frame first;
  {
    runtime::Guard guard(large_lock_);
    do {
      const u64 place = find_run(BitmapUnion(large_clean_, large_dirty_, large_fresh_), larges,
                                 large_alignment, 0, end, large_base_);
      if (place == kNone) continue;
      for (u64 i = 0; i < larges; ++i) remove_large(place + i);
      first = frame_of_large(place);
      break;
    } while (split_a_huge());
  }
  if (first) give_run({first.number + count}, larges * kFramesPerLarge - count);
  return first;
}

void FrameRegion::give_run(Frame first, u64 count) {
  while (count > 0) {
    if (is_aligned(first.number, kFramesPerLarge) && count >= kFramesPerLarge) {
      give_large(first, false);
      first.number += kFramesPerLarge;
      count -= kFramesPerLarge;
    } else {
      give(first, false);
      ++first.number;
      --count;
    }
  }
}

}  // namespace vari::nucleus
