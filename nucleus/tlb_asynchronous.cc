// Dangling ranges: begun by whoever unmaps, counted down by the cores as they pass.
#include "nucleus/tlb_asynchronous.h"

#include "base/bits.h"
#include "machine/x86_64/paging.h"
#include "nucleus/core_set.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {
namespace {

u32 count_cores(const runtime::CpuSet& set) {
  u32 count = 0;
  for (const u64 word : set.words) count += count_bits(word);
  return count;
}

struct Settling : DanglingRange {
  u32 done = 0;  // atomic
};

}  // namespace

void AsynchronousTlb::retire(DanglingRange& range, AddressSpace& space, VirtualAddress begin, u64 pages) {
  PreemptionGuard preemption;
  if (this_core_memory().loaded == &space) invalidate_here(begin, pages);
  range.space = &space;
  range.begin = begin;
  range.pages = pages;
  {
    runtime::Guard guard(lock_);
    // Order: the count goes up before the set is read, and a core leaves the set before it reads
    // the count. So a core is either not in the snapshot, or looks through the list when it passes.
    __atomic_fetch_add(&dangling_, 1, __ATOMIC_SEQ_CST);
    range.cores = space.active().snapshot();
    remove_core(range.cores, this_cpu());
    range.holders = count_cores(range.cores);
    if (range.holders != 0) {
      ranges_.push_back(range);
      return;
    }
    __atomic_fetch_sub(&dangling_, 1, __ATOMIC_RELEASE);
  }
  range.released(range);
}

void AsynchronousTlb::on_leave(AddressSpace& space, CpuId core) {
  pass(space, core);
}

void AsynchronousTlb::on_tick() {
  CoreMemory& core = this_core_memory();
  if (!core.loaded || dangling() == 0) return;
  machine::load_root_table(machine::root_table());
  ++core.root_loads;
  pass(*core.loaded, this_cpu());
}

/// `core` has dropped its translations of `space` since each range in the list was unmapped.
void AsynchronousTlb::pass(AddressSpace& space, CpuId core) {
  if (dangling() == 0) return;
  Ranges released;
  {
    runtime::Guard guard(lock_);
    for (auto i = ranges_.begin(); i != ranges_.end();) {
      DanglingRange& range = *i++;
      if (range.space != &space || !range.cores.contains(core)) continue;
      remove_core(range.cores, core);
      if (--range.holders != 0) continue;
      ranges_.erase(ranges_.iterator_to(range));
      released.push_back(range);
    }
  }
  bool any = false;
  while (!released.empty()) {
    DanglingRange& range = released.front();
    released.pop_front();
    __atomic_fetch_sub(&dangling_, 1, __ATOMIC_RELEASE);
    range.released(range);  // the range may be gone from here on
    any = true;
  }
  if (any) waiters_.wake_all();
}

void AsynchronousTlb::settle(AddressSpace& space, VirtualAddress begin, u64 pages) {
  Settling range;
  range.released = [](DanglingRange& released) {
    __atomic_store_n(&static_cast<Settling&>(released).done, 1, __ATOMIC_RELEASE);
  };
  retire(range, space, begin, pages);
  (void)waiters_.wait_until([&] { return __atomic_load_n(&range.done, __ATOMIC_ACQUIRE) != 0; });
}

void AsynchronousTlb::quiesce() {
  (void)waiters_.wait_until([this] { return dangling() == 0; });
}

}  // namespace vari::nucleus
