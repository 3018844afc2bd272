// Frame regions: taking, giving, splitting, coalescing. Searches for runs: frame_runs.cc.
#include "nucleus/frame_region.h"

#include "machine/x86_64/clear_page.h"

namespace vari::nucleus {
namespace {

using LargeWords = u64[kFramesPerLarge / kWordBits];
constexpr unsigned kWordsPerGroup = kFramesPerLarge / kWordBits;
static_assert(kFramesPerLarge == kLargePerHuge, "both coalesce groups are eight words");

constexpr u64 kNone = HierarchicalBitmap::kNone;

}  // namespace

u64 FrameRegion::metadata_bytes(Frame begin, Frame end) {
  const u64 large = large_bits(begin, end);
  return 8 *
         (2 * HierarchicalBitmap::words_for(small_bits(begin, end)) +
          3 * HierarchicalBitmap::words_for(large) + HierarchicalBitmap::words_for(large / kLargePerHuge));
}

void FrameRegion::initialise(Frame begin, Frame end, u32 node, u8* metadata) NO_THREAD_SAFETY_ANALYSIS {
  begin_ = begin;
  end_ = end;
  node_ = node;
  small_base_ = small_base(begin);
  large_base_ = large_base(begin);
  auto* words = reinterpret_cast<u64*>(metadata);
  const auto make = [&words](HierarchicalBitmap& bitmap, u64 bits) {
    bitmap.initialise(words, bits);
    words += HierarchicalBitmap::words_for(bits);
  };
  make(small_clean_, small_bits(begin, end));
  make(small_dirty_, small_bits(begin, end));
  const u64 large = large_bits(begin, end);
  make(large_clean_, large);
  make(large_dirty_, large);
  make(large_fresh_, large);
  make(huge_, large / kLargePerHuge);
}

void FrameRegion::add_fresh(Frame first, u64 count) {
  ASSERT(first >= begin_ && count <= end_.number - first.number);
  const u64 end = first.number + count;
  const u64 large_begin = align_up(first.number, kFramesPerLarge);
  const u64 large_end = align_down(end, kFramesPerLarge);
  if (large_begin >= large_end) return give_run(first, count);
  give_run(first, large_begin - first.number);
  give_run({large_end}, end - large_end);

  runtime::Guard guard(large_lock_);
  const u64 begin_index = large_begin / kFramesPerLarge - large_base_;
  const u64 larges = (large_end - large_begin) / kFramesPerLarge;
  large_fresh_.set_range(begin_index, larges);
  account(larges * kFramesPerLarge, 0);
  for (u64 group = align_down(begin_index, kLargePerHuge); group < begin_index + larges;
       group += kLargePerHuge)
    coalesce_large(group);
}

FrameRegion::Taken FrameRegion::take(Preference preference) {
  runtime::Guard guard(small_lock_);
  const bool want_clean = preference == Preference::Clean;
  do {
    HierarchicalBitmap& first = want_clean ? small_clean_ : small_dirty_;
    HierarchicalBitmap& second = want_clean ? small_dirty_ : small_clean_;
    HierarchicalBitmap* from = &first;
    u64 index = first.find_first();
    if (index == kNone) {
      from = &second;
      index = second.find_first();
    }
    if (fastpath(index != kNone)) {
      from->clear(index);
      const bool clean = from == &small_clean_;
      account(-u64{1}, clean ? 0 : -u64{1});
      return {frame_of_small(index), clean};
    }
  } while (split_a_large());
  return {};
}

void FrameRegion::give(Frame frame, bool clean) {
  ASSERT(contains(frame));
  const u64 index = frame.number - small_base_;
  runtime::Guard guard(small_lock_);
  ASSERT(!small_clean_.test(index) && !small_dirty_.test(index));
  (clean ? small_clean_ : small_dirty_).set(index);
  account(1, clean ? 0 : 1);
  coalesce_small(index, clean);
}

/// Joins the 512 frames around `small` if all of them are free. Clean frames among dirty ones become
/// dirty again: that costs idle time later, but no record of its own. After a frame was zeroed, only clean
/// ones are joined; else idle zeroing would undo its own work for ever.
void FrameRegion::coalesce_small(u64 small, bool only_clean) {
  const u64 word = small / kWordBits;
  if ((small_clean_.word(word) | small_dirty_.word(word)) != ~u64{0}) return;
  const u64 first = align_down(word, kWordsPerGroup);
  u64 free = ~u64{0}, dirty_count = 0;
  for (unsigned i = 0; i < kWordsPerGroup; ++i) {
    const u64 dirty = small_dirty_.word(first + i);
    free &= small_clean_.word(first + i) | dirty;
    dirty_count += count_bits(dirty);
  }
  if (free != ~u64{0} || (only_clean && dirty_count != 0)) return;
  small_clean_.clear_range(first * kWordBits, kFramesPerLarge);
  small_dirty_.clear_range(first * kWordBits, kFramesPerLarge);
  if (dirty_count != 0) account(0, kFramesPerLarge - dirty_count);
  add_large(large_of_small(first * kWordBits), dirty_count == 0);
}

/// Breaks a free 2 MiB frame into 4 KiB ones: clean ones first, untouched memory last.
bool FrameRegion::split_a_large(u64 limit) {
  u64 large = kNone;
  bool clean = false, fresh = false;
  {
    runtime::Guard guard(large_lock_);
    do {
      HierarchicalBitmap* kinds[] = {&large_clean_, &large_dirty_, &large_fresh_};
      for (auto* kind : kinds) {
        large = kind->find_first();
        if (large == kNone || frame_of_large(large).number + kFramesPerLarge > limit) {
          large = kNone;
          continue;
        }
        kind->clear(large);
        clean = kind == &large_clean_;
        fresh = kind == &large_fresh_;
        break;
      }
    } while (large == kNone && split_a_huge());
  }
  if (large == kNone) return false;
  (clean ? small_clean_ : small_dirty_).set_range(small_of_large(large), kFramesPerLarge);
  if (fresh) account(0, kFramesPerLarge);
  return true;
}

void FrameRegion::add_large(u64 large, bool clean) {
  runtime::Guard guard(large_lock_);
  ASSERT(!large_clean_.test(large) && !large_dirty_.test(large) && !large_fresh_.test(large));
  (clean ? large_clean_ : large_dirty_).set(large);
  if (clean) coalesce_large(large);
}

/// Joins 512 free 2 MiB frames, once none of them waits to be zeroed.
void FrameRegion::coalesce_large(u64 large) {
  const u64 first = align_down(large, kLargePerHuge);
  u64 idle = ~u64{0};
  for (unsigned i = 0; i < kWordsPerGroup; ++i) {
    const u64 word = first / kWordBits + i;
    idle &= large_clean_.word(word) | large_fresh_.word(word);
  }
  if (idle != ~u64{0}) return;
  large_clean_.clear_range(first, kLargePerHuge);
  large_fresh_.clear_range(first, kLargePerHuge);
  runtime::Guard guard(huge_lock_);
  huge_.set(first / kLargePerHuge);
}

bool FrameRegion::split_a_huge() {
  u64 huge;
  {
    runtime::Guard guard(huge_lock_);
    huge = huge_.find_first();
    if (huge == kNone) return false;
    huge_.clear(huge);
  }
  large_fresh_.set_range(huge * kLargePerHuge, kLargePerHuge);
  return true;
}

/// Takes a free 2 MiB frame out of whichever bitmap has it.
bool FrameRegion::remove_large(u64 large) {
  if (large_fresh_.test(large)) {
    large_fresh_.clear(large);
    account(-kFramesPerLarge, 0);
  } else if (large_clean_.test(large)) {
    large_clean_.clear(large);
    account(-kFramesPerLarge, 0);
  } else if (large_dirty_.test(large)) {
    large_dirty_.clear(large);
    account(-kFramesPerLarge, -kFramesPerLarge);
  } else {
    return false;
  }
  return true;
}

FrameRegion::Taken FrameRegion::take_large() {
  runtime::Guard guard(large_lock_);
  do {
    // The contents do not matter to the caller: what is dirty goes first, what is clean last.
    for (auto* kind : {&large_dirty_, &large_fresh_, &large_clean_}) {
      const u64 large = kind->find_first();
      if (large == kNone) continue;
      remove_large(large);
      return {frame_of_large(large), kind == &large_clean_};
    }
  } while (split_a_huge());
  return {};
}

void FrameRegion::give_large(Frame frame, bool clean) {
  ASSERT(contains(frame) && is_aligned(frame.number, kFramesPerLarge));
  account(kFramesPerLarge, clean ? 0 : kFramesPerLarge);
  add_large(frame.number / kFramesPerLarge - large_base_, clean);
}

Frame FrameRegion::take_huge() {
  runtime::Guard large_guard(large_lock_);
  {
    runtime::Guard guard(huge_lock_);
    if (const u64 huge = huge_.find_first(); huge != kNone) {
      huge_.clear(huge);
      account(-kFramesPerLarge * kLargePerHuge, 0);
      return frame_of_large(huge * kLargePerHuge);
    }
  }
  // None has coalesced; dirty 2 MiB frames may still make up one.
  const BitmapUnion any(large_clean_, large_dirty_, large_fresh_);
  const u64 place = find_run(any, kLargePerHuge, kLargePerHuge);
  if (place == kNone) return {};
  for (u64 i = 0; i < kLargePerHuge; ++i) remove_large(place + i);
  return frame_of_large(place);
}

void FrameRegion::give_huge(Frame frame) {
  for (u64 i = 0; i < kLargePerHuge; ++i) give_large({frame.number + i * kFramesPerLarge}, false);
}

bool FrameRegion::zero_some(unsigned budget, PhysicalWindow window) {
  for (unsigned i = 0; i < budget; ++i) {
    u64 index;
    {
      runtime::Guard guard(small_lock_);
      index = small_dirty_.find_first();
      if (index == kNone) {
        u64 large;
        {
          runtime::Guard large_guard(large_lock_);
          large = large_dirty_.find_first();
          if (large != kNone) large_dirty_.clear(large);
        }
        if (large == kNone) return false;
        small_dirty_.set_range(small_of_large(large), kFramesPerLarge);
        continue;
      }
      // In nobody's bitmap while it is being zeroed, so nobody else can get it.
      small_dirty_.clear(index);
      account(-u64{1}, -u64{1});
    }
    machine::clear_page(window.at(frame_of_small(index)));
    give(frame_of_small(index), true);
  }
  return dirty_frames() != 0;
}

}  // namespace vari::nucleus
