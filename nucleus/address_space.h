// An address space: a root table, and the set of cores that may hold translations of it. The page
// tables are the only record of what is mapped (no second data structure); richer maps belong to the
// personalities.
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "interfaces/place.h"
#include "nucleus/core_set.h"
#include "nucleus/physical_window.h"

namespace vari::nucleus {

class AddressSpace;
class FrameManager;
class KernelSpace;

/// Told when a core leaves a space; for TLB policies that count cores (tlb_asynchronous.h).
class SpaceObserver {
 public:
  /// Preemption is disabled, and the core has dropped its translations of the space.
  virtual void on_leave(AddressSpace& space, CpuId core) = 0;

 protected:
  ~SpaceObserver() = default;
};

class AddressSpace {
 public:
  AddressSpace(FrameManager& frames, KernelSpace& kernel) : frames_(frames), kernel_(kernel) {}
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;
  /// Makes all cores leave the space, then frees its tables (K53). Frames that are still mapped are
  /// the mapper's.
  ~AddressSpace();

  /// Makes the root table. OutOfMemory.
  Result<> initialise();

  /// Loads this space on the calling core; nothing is written where it is loaded already. Preemption
  /// is disabled.
  void activate();
  /// Leaves this space, which the calling core has loaded, for the kernel's own table. Preemption is
  /// disabled.
  void leave_for_kernel();

  PhysicalAddress root() const { return root_.address(); }
  FrameManager& frames() { return frames_; }
  PhysicalWindow window() const;
  /// Cores that may hold translations of this space.
  CoreSet& active() { return active_; }
  void set_observer(SpaceObserver* observer) { observer_ = observer; }

  /// Where walks get missing tables from (page_tables.h).
  Result<Frame> allocate_table();
  void free_table(Frame table);
  /// Table frames below the root, for accounting.
  u64 table_frames() const { return __atomic_load_n(&table_frames_, __ATOMIC_RELAXED); }

 private:
  void leave(CpuId core);

  FrameManager& frames_;
  KernelSpace& kernel_;
  Frame root_;
  u64 table_frames_ = 0;
  CoreSet active_;
  SpaceObserver* observer_ = nullptr;
};

}  // namespace vari::nucleus
