// The memory of one nucleus: frames, the kernel's space, the heap. Made first, from the memory that
// it will manage; it needs no heap, no per-core state and no lock but the spinlocks' interrupt flag.
#pragma once

#include "base/result.h"
#include "interfaces/boot_information.h"
#include "interfaces/topology.h"
#include "nucleus/frame_manager.h"
#include "nucleus/heap.h"
#include "nucleus/kernel_image.h"
#include "nucleus/kernel_space.h"

namespace vari::nucleus {

/// Where physical memory and the heap appear: the kernel's own layout, or an arena in a host test.
struct MemoryPlacement {
  PhysicalWindow window;
  u64 heap_base = machine::kHeapBegin;
};

class Memory {
 public:
  /// Builds all three and loads the kernel's root table on the calling core. The object itself lies in
  /// a frame of its own. The boot modules and the image stay reserved (FrameManager::release() frees a
  /// module).
  static Result<Memory*> create(const BootInformation& boot, const Topology& topology,
                                const KernelImage& image, const MemoryPlacement& placement);
  /// The same for the image that runs (kernel images only).
  static Result<Memory*> create(const BootInformation& boot, const Topology& topology);

  FrameManager& frames() { return frames_; }
  KernelSpace& kernel() { return kernel_; }
  Heap& heap() { return heap_; }

  /// As FrameManager's, but first has the nucleus give up what it only keeps for later. At process level.
  Result<Frame> allocate_frame(u32 node = 0);
  Result<Frame> allocate_frame_uncleared(u32 node = 0);
  /// Frees retired stacks and empty heap chunks; true if there were any. At process level, no spinlock held.
  bool reclaim();

  /// Background work for the idle loop: gives back retired stacks and empty heap chunks, zeroes frames.
  /// True while there is more. Bounded: some tens of microseconds a call. Interruptible.
  bool idle_work();

  /// Frames that the nucleus itself holds: bitmaps, heap, kernel tables.
  u64 nucleus_frames();

 private:
  explicit Memory(const FrameManager& frames) : frames_(frames) {}
  FrameManager frames_;
  KernelSpace kernel_;
  Heap heap_;
};

}  // namespace vari::nucleus
