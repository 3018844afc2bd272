// The kernel's half of every address space (machine/x86_64/memory_layout.h), built once from the memory
// map: direct map of RAM, the image with write-xor-execute permissions, recursive slot, and the areas
// for heap, stacks and device registers. All root slots that can ever be used are filled when it
// is built, so a later kernel mapping is seen in every space without a walk over them (K49).
#pragma once

#include "base/hierarchical_bitmap.h"
#include "base/result.h"
#include "base/types.h"
#include "interfaces/boot_information.h"
#include "nucleus/frame_manager.h"
#include "nucleus/kernel_image.h"
#include "nucleus/page_tables.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

/// A kernel stack; the page below `bottom` is never mapped. `top` is 16-byte aligned.
struct KernelStack {
  void* bottom = nullptr;
  std::size_t bytes = 0;
  void* top() const { return static_cast<u8*>(bottom) + bytes; }
};

class KernelSpace {
 public:
  KernelSpace() = default;
  KernelSpace(const KernelSpace&) = delete;
  KernelSpace& operator=(const KernelSpace&) = delete;

  /// Builds the tables; load() must follow on each core.
  Result<> initialise(FrameManager& frames, const BootInformation& boot, const KernelImage& image);
  /// Loads the kernel's own root table on the calling core: the identity map is gone from here on.
  void load();
  PhysicalAddress root() const { return root_.address(); }

  /// Maps device registers (uncached) or firmware tables (cached), at any alignment.
  Result<void*> map_physical(PhysicalAddress begin, u64 bytes, bool cached) EXCLUDES(lock_);
  void unmap_physical(void* mapped, u64 bytes) EXCLUDES(lock_);

  /// A stack of whole pages with a guard page below it. OutOfMemory.
  Result<KernelStack> allocate_stack(std::size_t bytes = 16 * kKiB) EXCLUDES(lock_);
  /// Its memory is free again after the next flush of retired stacks, at the latest when memory is
  /// short. Not the stack that the caller runs on.
  void free_stack(KernelStack stack) EXCLUDES(lock_);
  /// Frees retired stacks now. True if there were any.
  bool flush_retired() EXCLUDES(lock_);
  u64 retired_frames() const { return __atomic_load_n(&retired_frames_, __ATOMIC_RELAXED); }

  /// A temporary root table for processor start-up: the kernel's half, and an identity map of the first
  /// 2 MiB (executable); below 4 GiB, since a core loads it in 32-bit mode.
  Result<PhysicalAddress> make_startup_root();
  void free_startup_root(PhysicalAddress root);

  /// Maps one page of the kernel's half, for heap and shadow: read, write, global. `page` lies in a
  /// pre-filled slot where nothing is mapped.
  Result<> map_page(VirtualAddress page, Frame frame, u64 flags = kKernelData);
  Result<> map_large_page(VirtualAddress page, Frame frame, u64 flags = kKernelData);
  /// Takes the mappings of a range out, drops them on all cores, and frees their frames of either
  /// size. No spinlock is held, since other cores are interrupted.
  void unmap_and_free(VirtualAddress begin, u64 bytes);
  /// The same for pages that no core has touched yet: no core holds their translations.
  void unmap_unseen(VirtualAddress begin, u64 bytes) { free_forbidden(begin, bytes); }
  /// The size of the page that maps a kernel address, or 0.
  u64 page_bytes_at(VirtualAddress address) const;

  FrameManager& frames() { return *frames_; }
  u64 table_frames() const { return __atomic_load_n(&table_frames_, __ATOMIC_RELAXED); }
  Result<Frame> allocate_table();
  void free_table(Frame table);

 private:
  static constexpr u64 kKernelData =
      machine::kPresent | machine::kWritable | machine::kGlobal | machine::kNoExecute;
  static constexpr unsigned kRetiredStacks = 16;
  // Address space is handed out in slots: a stack's is its guard page and up to seven pages (or more
  // slots in a row).
  static constexpr u64 kStackSlotBytes = 32 * kKiB, kStackSlots = 32768;
  static constexpr u64 kDeviceSlotBytes = 64 * kKiB, kDeviceSlots = 16384;

  WindowTables tables() const { return {frames_->window(), root_.address()}; }
  Result<> build_direct_map(const BootInformation& boot);
  Result<> map_direct(u64 begin, u64 end, bool huge_pages);
  Result<> build_image(const KernelImage& image);
  Result<> map_image_part(VirtualAddress begin, VirtualAddress end, u64 flags);
  Result<> fill_slots();
  Result<> make_areas();
  Result<KernelStack> build_stack(u64 slot, std::size_t bytes);
  void forbid(VirtualAddress begin, u64 bytes);
  void free_forbidden(VirtualAddress begin, u64 bytes);
  u64 take_slots(HierarchicalBitmap& free, u64 count) REQUIRES(lock_);

  FrameManager* frames_ = nullptr;
  Frame root_;
  u64 table_frames_ = 0;    // atomic
  u64 retired_frames_ = 0;  // atomic
  runtime::IrqSpinLock lock_;
  HierarchicalBitmap free_stack_slots_ GUARDED_BY(lock_);
  HierarchicalBitmap free_device_slots_ GUARDED_BY(lock_);
  // Freed stacks that are mapped still: had again at once, or unmapped sixteen at a time.
  KernelStack retired_[kRetiredStacks] GUARDED_BY(lock_);
  unsigned retired_count_ GUARDED_BY(lock_) = 0;
};

}  // namespace vari::nucleus
