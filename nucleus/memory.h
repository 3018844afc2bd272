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

class Memory {
 public:
  /// Builds all three and loads the kernel's root table on the calling core. The object itself lies in
  /// a frame. `cores`: how many may be started.
  static Result<Memory*> create(const BootInformation& boot, const Topology& topology,
                                const KernelImage& image = KernelImage::of_this_kernel(),
                                PhysicalWindow window = PhysicalWindow());

  FrameManager& frames() { return frames_; }
  KernelSpace& kernel() { return kernel_; }
  Heap& heap() { return heap_; }

  /// Background work for the idle loop: zeroes frames, gives back empty heap chunks and retired stacks.
  /// True while there is more. Bounded: some tens of microseconds a call.
  bool idle_work();

 private:
  Memory() = default;
  FrameManager frames_;
  KernelSpace kernel_;
  Heap heap_;
};

}  // namespace vari::nucleus
