// A machine for host tests: physical memory is an arena, cores are simulated, and each has a TLB that really
// goes stale, so that a missing invalidation shows as a wrong translation.
//
// A core belongs to the thread that runs as it (RunAs), or to nobody: a call for it is then made at once by
// the caller, in its name. A core that a thread runs as serves calls in poll() and while it calls others.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "nucleus/memory.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {

struct CoreCallDouble;

struct SimulatedCore {
  CpuId cpu;
  CoreMemory memory;
  PhysicalAddress root;
  PhysicalWindow window;
  std::map<u64, u64> tlb;  // page number → entry
  u64 full_flushes = 0, page_flushes = 0, calls_served = 0;
  bool owned = false;                 // atomic: a thread runs as it
  CoreCallDouble* pending = nullptr;  // atomic

  /// What a user access finds: the frame, by the TLB where it has the page; none: a fault.
  Frame touch(VirtualAddress page);
};

/// Physical memory, cores, and the memory of one nucleus on them.
class SimulatedMachine {
 public:
  struct Options {
    u64 ram_bytes = 32 * kMiB;
    unsigned cores = 4;
    bool start = true;  // make the Memory
    u64 module_bytes = 0;
    std::vector<MemoryRange> ranges = {};  // instead of one of ram_bytes
    Topology* topology = nullptr;
  };
  SimulatedMachine() : SimulatedMachine(Options{}) {}
  explicit SimulatedMachine(const Options& options);
  ~SimulatedMachine();
  SimulatedMachine(const SimulatedMachine&) = delete;

  SimulatedCore& core(unsigned index) { return *cores_[index]; }
  unsigned core_count() const { return static_cast<unsigned>(cores_.size()); }
  Memory& memory() { return *memory_; }
  FrameManager& frames() { return memory_->frames(); }
  PhysicalWindow window() const { return window_; }
  const BootInformation& boot() const { return boot_; }
  KernelImage image() const;
  /// True when each level of bookkeeping agrees that `count` frames are free.
  u64 settled_free_frames();

 private:
  friend class RunAs;
  u8* arena_ = nullptr;
  u64 arena_bytes_ = 0;
  u8* heap_ = nullptr;
  PhysicalWindow window_;
  BootInformation boot_;
  Topology topology_;
  std::vector<std::unique_ptr<SimulatedCore>> cores_;
  Memory* memory_ = nullptr;
};

/// For a scope, the calling thread is that core.
class RunAs {
 public:
  RunAs(SimulatedMachine& machine, unsigned core);
  ~RunAs();
  RunAs(const RunAs&) = delete;

 private:
  SimulatedCore* previous_core_;
  SimulatedMachine* previous_machine_;
};

/// Interrupts arrive here.
void poll();

}  // namespace vari::nucleus
