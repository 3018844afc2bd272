// The parts of the kernel's half that come and go: stacks with guard pages, device registers.
#include "nucleus/kernel_space.h"
#include "nucleus/tlb.h"

namespace vari::nucleus {
namespace {

using runtime::Guard;

constexpr u64 stack_pages(std::size_t bytes) {
  return divide_up(bytes, kPageBytes);
}
VirtualAddress address(const KernelStack& stack) {
  return {reinterpret_cast<u64>(stack.bottom)};
}

}  // namespace

Result<> KernelSpace::make_areas() {
  const u64 stack_words = HierarchicalBitmap::words_for(kStackSlots);
  const u64 device_words = HierarchicalBitmap::words_for(kDeviceSlots);
  const u64 bytes = 8 * (stack_words + device_words);
  const Frame storage = TRY(frames_->allocate_run(divide_up(bytes, kPageBytes)));
  u64* words = frames_->window().at<u64>(storage);
  Guard guard(lock_);
  free_stack_slots_.initialise(words, kStackSlots);
  free_stack_slots_.set_range(0, kStackSlots);
  free_device_slots_.initialise(words + stack_words, kDeviceSlots);
  free_device_slots_.set_range(0, kDeviceSlots);
  return {};
}

u64 KernelSpace::take_slots(HierarchicalBitmap& free, u64 count) {
  const u64 slot = find_run(free, count);
  if (slot != HierarchicalBitmap::kNone) free.clear_range(slot, count);
  return slot;
}

Result<KernelStack> KernelSpace::allocate_stack(std::size_t bytes) {
  if (bytes == 0 || bytes > kMiB) return std::unexpected(Error::InvalidArgument);
  bytes = align_up(bytes, kPageBytes);
  const u64 slots = divide_up(bytes + kPageBytes, kStackSlotBytes);
  u64 slot;
  {
    Guard guard(lock_);
    for (unsigned i = retired_count_; i-- > 0;) {
      if (retired_[i].bytes != bytes) continue;
      const KernelStack stack = retired_[i];
      retired_[i] = retired_[--retired_count_];
      __atomic_fetch_sub(&retired_frames_, stack_pages(bytes), __ATOMIC_RELAXED);
      return stack;
    }
    slot = take_slots(free_stack_slots_, slots);
  }
  if (slot == HierarchicalBitmap::kNone) return std::unexpected(Error::LimitReached);
  const auto stack = build_stack(slot, bytes);
  if (!stack) {
    Guard guard(lock_);
    free_stack_slots_.set_range(slot, slots);
  }
  return stack;
}

/// Maps the pages above the guard page; all of them or none.
Result<KernelStack> KernelSpace::build_stack(u64 slot, std::size_t bytes) {
  const VirtualAddress bottom{machine::kStacksBegin + slot * kStackSlotBytes + kPageBytes};
  Result<> result;
  u64 mapped = 0;
  while (result && mapped < bytes) {
    const auto frame = frames_->allocate_uncleared();
    if (!frame) {
      result = std::unexpected(frame.error());
      break;
    }
    result = map_page(bottom + mapped, *frame);
    if (!result)
      frames_->free(*frame);
    else
      mapped += kPageBytes;
  }
  if (!result) {
    if (mapped != 0) unmap_and_free(bottom, mapped);
    return std::unexpected(result.error());
  }
  return KernelStack{reinterpret_cast<void*>(bottom.value), bytes};
}

void KernelSpace::free_stack(KernelStack stack) {
  for (;;) {
    {
      Guard guard(lock_);
      if (retired_count_ < kRetiredStacks) {
        retired_[retired_count_++] = stack;
        __atomic_fetch_add(&retired_frames_, stack_pages(stack.bytes), __ATOMIC_RELAXED);
        return;
      }
    }
    flush_retired();
  }
}

bool KernelSpace::flush_retired() {
  KernelStack stacks[kRetiredStacks];
  unsigned count;
  {
    Guard guard(lock_);
    count = retired_count_;
    retired_count_ = 0;
    for (unsigned i = 0; i < count; ++i) {
      stacks[i] = retired_[i];
      __atomic_fetch_sub(&retired_frames_, stack_pages(stacks[i].bytes), __ATOMIC_RELAXED);
    }
  }
  if (count == 0) return false;
  // Without the lock: other cores are interrupted, and may be waiting for it. Once for all of them.
  for (unsigned i = 0; i < count; ++i) forbid(address(stacks[i]), stacks[i].bytes);
  invalidate_kernel_everywhere({machine::kStacksBegin}, kStackSlots);
  for (unsigned i = 0; i < count; ++i) {
    free_forbidden(address(stacks[i]), stacks[i].bytes);
    const u64 slot = (address(stacks[i]).value - machine::kStacksBegin) / kStackSlotBytes;
    Guard guard(lock_);
    free_stack_slots_.set_range(slot, divide_up(stacks[i].bytes + kPageBytes, kStackSlotBytes));
  }
  return true;
}

Result<void*> KernelSpace::map_physical(PhysicalAddress begin, u64 bytes, bool cached) {
  if (bytes == 0 || begin.value + bytes < begin.value) return std::unexpected(Error::InvalidArgument);
  const u64 offset = begin.value % kPageBytes;
  const u64 pages = divide_up(offset + bytes, kPageBytes);
  if (cached) {
    // Most firmware tables lie in the direct map already.
    u64 at = machine::kDirectMap + begin.value;
    const u64 end = at + bytes;
    while (at < end) {
      const u64 page = page_bytes_at({at});
      if (page == 0) break;
      at = align_down(at, page) + page;
    }
    if (at >= end) return frames_->window().at<void>(begin);
  }
  u64 slot;
  {
    Guard guard(lock_);
    slot = take_slots(free_device_slots_, divide_up(pages * kPageBytes, kDeviceSlotBytes));
  }
  if (slot == HierarchicalBitmap::kNone) return std::unexpected(Error::OutOfMemory);
  const VirtualAddress base{machine::kDevicesBegin + slot * kDeviceSlotBytes};
  const u64 flags = kKernelData | (cached ? 0 : machine::kUncached);
  for (u64 i = 0; i < pages; ++i) {
    const Frame frame{begin.value / kPageBytes + i};
    if (const auto mapped = map_page(base + i * kPageBytes, frame, flags); !mapped) {
      unmap_physical(reinterpret_cast<void*>(base.value), (i + 1) * kPageBytes);
      return std::unexpected(mapped.error());
    }
  }
  return reinterpret_cast<void*>(base.value + offset);
}

void KernelSpace::unmap_physical(void* mapped, u64 bytes) {
  const VirtualAddress address{reinterpret_cast<u64>(mapped)};
  if (address.value < machine::kDevicesBegin || address.value >= machine::kShadowBegin) return;
  const VirtualAddress begin = address.page();
  const u64 pages = divide_up(address.page_offset() + bytes, kPageBytes);
  for_each_leaf(tables(), begin, begin + pages * kPageBytes, [](VirtualAddress, u64* entry, unsigned) {
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    return true;
  });
  invalidate_kernel_everywhere(begin, pages);
  const u64 slot = (begin.value - machine::kDevicesBegin) / kDeviceSlotBytes;
  Guard guard(lock_);
  free_device_slots_.set_range(slot, divide_up(pages * kPageBytes, kDeviceSlotBytes));
}

}  // namespace vari::nucleus
