// See frame_references.h. A slot's count is the number of holders beyond the first, so that zero, which
// is also what a missing leaf means, stands for one holder.
//
// Order: is_shared() and drop() look at a slot without its lock first. That is safe: who calls them
// holds the frame, and a second holder can only have come from the first one's reference, under a lock
// (of the memory map or of the object) that the caller has since taken.
#include "personalities/linux/memory/frame_references.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

FrameReferences::~FrameReferences() {
  if (zeros_) place_.free_frame(zeros_);
  for (auto* middle : root_) {
    if (!middle) continue;
    for (auto& slot : middle->slots) {
      if (slot.counts) place_.free_frame(slot.frame);
    }
    delete middle;
  }
}

Result<Frame> FrameReferences::zeros() {
  using Number = decltype(zeros_.number);
  if (const Number number = __atomic_load_n(&zeros_.number, __ATOMIC_ACQUIRE); number != 0)
    return Frame{number};
  const Frame made = TRY(place_.allocate_frame());
  Number none = 0;
  if (__atomic_compare_exchange_n(&zeros_.number, &none, made.number, false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE))
    return made;
  place_.free_frame(made);
  return Frame{none};
}

FrameReferences::Position FrameReferences::position_of(Frame frame) {
  const auto leaf = frame.number / kLeafCounts;
  return {static_cast<u32>(leaf / kFanOut), static_cast<u32>(leaf % kFanOut),
          static_cast<u32>(frame.number % kLeafCounts)};
}

FrameReferences::Slot* FrameReferences::slot_of(const Position& position) {
  if (position.root >= kRoots) return nullptr;
  auto* middle = __atomic_load_n(&root_[position.root], __ATOMIC_ACQUIRE);
  return middle ? &middle->slots[position.middle] : nullptr;
}

Result<> FrameReferences::make_leaf(const Position& position) {
  if (position.root >= kRoots) return std::unexpected(Error::OutOfMemory);
  if (!__atomic_load_n(&root_[position.root], __ATOMIC_ACQUIRE)) {
    auto* made = new (runtime::kFallible) Middle;
    if (!made) return std::unexpected(Error::OutOfMemory);
    Middle* none = nullptr;
    if (!__atomic_compare_exchange_n(&root_[position.root], &none, made, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
      delete made;
    }
  }
  const Frame frame = TRY(place_.allocate_frame());
  bool used = false;
  {
    Guard<SpinLock> guard(stripe_of(position).lock);
    auto& slot = *slot_of(position);
    if (!slot.counts) {
      slot.frame = frame;
      slot.used = 0;
      __atomic_store_n(&slot.counts, reinterpret_cast<u32*>(place_.window(frame)), __ATOMIC_RELEASE);
      used = true;
    }
  }
  if (!used) place_.free_frame(frame);
  return {};
}

Result<> FrameReferences::add(Frame frame) {
  if (is_uncounted(frame)) return {};
  const auto position = position_of(frame);
  for (;;) {
    if (auto* slot = slot_of(position)) {
      Guard<SpinLock> guard(stripe_of(position).lock);
      if (slot->counts) {
        if (slot->counts[position.leaf]++ == 0) ++slot->used;
        return {};
      }
    }
    TRY(make_leaf(position));
  }
}

void FrameReferences::drop(Frame frame) {
  if (is_uncounted(frame)) return;
  const auto position = position_of(frame);
  auto* slot = slot_of(position);
  if (!slot || !__atomic_load_n(&slot->counts, __ATOMIC_ACQUIRE)) return place_.free_frame(frame);
  Frame unused = frame;
  {
    Guard<SpinLock> guard(stripe_of(position).lock);
    if (slot->counts && slot->counts[position.leaf] != 0) {
      unused = {};
      if (--slot->counts[position.leaf] == 0 && --slot->used == 0) {
        unused = slot->frame;  // the leaf: nothing in its range is shared any more
        __atomic_store_n(&slot->counts, nullptr, __ATOMIC_RELEASE);
      }
    }
  }
  if (unused) place_.free_frame(unused);
}

bool FrameReferences::is_shared(Frame frame) {
  if (is_uncounted(frame)) return true;
  return count(frame) > 1;
}

u32 FrameReferences::count(Frame frame) {
  const auto position = position_of(frame);
  auto* slot = slot_of(position);
  if (!slot || !__atomic_load_n(&slot->counts, __ATOMIC_ACQUIRE)) return 1;
  Guard<SpinLock> guard(stripe_of(position).lock);
  return slot->counts ? slot->counts[position.leaf] + 1 : 1;
}

}  // namespace vari::linux
