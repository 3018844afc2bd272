// Physical memory: all frame regions of one nucleus behind one door.
//
// A region (frame_region.h) is a contiguous piece of one NUMA node, with a hierarchical bitmap for
// each frame size; holes of the memory map lie between regions and cost nothing. Works before any
// heap exists: its metadata is taken from the memory that it manages (K44).
//
// Frames come back dirty and are zeroed by the idle loop (zero_some()); a cleared allocation takes a
// clean frame or clears one at once, so no domain ever sees what another one left (K46).
// All functions may be called on any core, also at interrupt level; none blocks.
#pragma once

#include <span>

#include "base/result.h"
#include "base/types.h"
#include "interfaces/boot_information.h"
#include "interfaces/topology.h"
#include "nucleus/frame_region.h"
#include "nucleus/physical_window.h"

namespace vari::nucleus {

/// A piece of physical memory that is not to be handed out.
struct ReservedRange {
  PhysicalAddress begin;
  u64 bytes = 0;
};

class FrameManager {
 public:
  static constexpr PhysicalAddress kNoLimit{~u64{0}};

  FrameManager() = default;
  /// Only to move it to its final place right after initialise(): the regions do not move.
  FrameManager(const FrameManager&) = default;
  FrameManager& operator=(const FrameManager&) = delete;

  /// Takes over the usable ranges of `boot` but for `reserved` and the first MiB. Until
  /// open() is called, only memory below `reachable` is used: what the boot path has mapped.
  Result<> initialise(const BootInformation& boot, const Topology& topology,
                      std::span<const ReservedRange> reserved, PhysicalWindow window,
                      PhysicalAddress reachable);
  /// The direct map is complete: memory of any address may be used from now on.
  void open() { reachable_ = kNoLimit; }

  /// A 4 KiB frame, all zero. Prefers `node`. OutOfMemory.
  Result<Frame> allocate(u32 node = 0);
  /// A 4 KiB frame with unspecified contents: the caller overwrites all of it.
  Result<Frame> allocate_uncleared(u32 node = 0);
  void free(Frame frame);

  /// A 2 MiB frame (its first 4 KiB frame), contents unspecified.
  Result<Frame> allocate_large(u32 node = 0);
  void free_large(Frame frame);
  /// A 1 GiB frame, contents unspecified.
  Result<Frame> allocate_huge(u32 node = 0);
  void free_huge(Frame frame);

  /// `count` contiguous 4 KiB frames, aligned to `alignment` frames (a power of two), ending at or
  /// below `limit`, contents unspecified: for DMA. A search, not a fast path (K43).
  Result<Frame> allocate_run(u64 count, u64 alignment = 1, PhysicalAddress limit = kNoLimit, u32 node = 0);
  void free_run(Frame first, u64 count);
  /// Gives memory that was reserved at start (a boot module that is no longer needed) to the free
  /// frames: the whole frames inside the range.
  void release(PhysicalAddress begin, u64 bytes);

  /// Zeroes a few dirty frames; true while there are more. For the idle loop; interruptible.
  bool zero_some();

  /// RAM that was ever handed to this manager, its own metadata included.
  u64 total_frames() const { return __atomic_load_n(&total_, __ATOMIC_RELAXED); }
  u64 free_frames() const;
  /// Free frames that hold old contents of somebody.
  u64 dirty_frames() const;
  u64 metadata_bytes() const { return metadata_bytes_; }
  std::span<FrameRegion> regions() { return {regions_, region_count_}; }
  PhysicalWindow window() const { return window_; }

 private:
  FrameRegion* region_of(Frame frame);
  template <class Take>
  auto take(u32 node, Take&& take);

  PhysicalWindow window_;
  FrameRegion* regions_ = nullptr;  // ascending by address, in the metadata
  std::size_t region_count_ = 0;
  PhysicalAddress reachable_;
  u64 metadata_bytes_ = 0;
  u64 total_ = 0;  // atomic
};

}  // namespace vari::nucleus
