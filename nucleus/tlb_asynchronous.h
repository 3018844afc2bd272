// KOS's asynchronous invalidation (KOS paper, address spaces; K56, K57): no core is interrupted.
//
// A range that was unmapped dangles, with the set and the count of the cores that had the space active
// at that moment. A core *passes* when it leaves the space, or at its timer tick, where it drops
// its translations; the count goes down, and at zero the range is released. The cost is linear in ranges
// times cores, and a core that never switches passes within one tick; so a kernel with this policy keeps a
// tick (kNeedsTick) on cores that run user code.
//
// POSIX munmap returns only when nobody can use the range: settle() waits for the count (K57). Changes of
// protection must take effect at once, which dangling can't give: they interrupt, as SynchronousTlb does
// (K58).
#pragma once

#include <boost/intrusive/list.hpp>

#include "nucleus/tlb.h"
#include "runtime/spinlock.h"
#include "runtime/wait.h"

namespace vari::nucleus {

/// One range of one space that some cores may still translate. The memory is the unmapper's: usually a
/// stack frame that waits, or a record it keeps with its frames.
struct DanglingRange {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  /// Called once, when no core can use the range any more; at interrupt level or with preemption disabled.
  void (*released)(DanglingRange&) = nullptr;
  AddressSpace* space = nullptr;
  VirtualAddress begin;
  u64 pages = 0;
  u32 holders = 0;        // cores yet to pass
  runtime::CpuSet cores;  // which
  Hook hook;
};

class AsynchronousTlb final : public SpaceObserver {
 public:
  static constexpr bool kNeedsTick = true;

  void attach(AddressSpace& space) { space.set_observer(this); }
  void detach(AddressSpace& space) { space.set_observer(nullptr); }

  /// Lets the range dangle. released() may be called before this returns, where no core holds the space.
  /// The calling core passes at once. No core is interrupted.
  void retire(DanglingRange& range, AddressSpace& space, VirtualAddress begin, u64 pages) EXCLUDES(lock_);
  /// The calling core passes in its loaded space: from its timer tick. Preemption is disabled.
  void on_tick() EXCLUDES(lock_);
  void on_leave(AddressSpace& space, CpuId core) override EXCLUDES(lock_);

  /// Retires, and blocks until the range is released.
  void settle(AddressSpace& space, VirtualAddress begin, u64 pages);
  void invalidate(AddressSpace& space, VirtualAddress begin, u64 pages) {
    synchronous_.invalidate(space, begin, pages);
  }
  /// Blocks until nothing dangles.
  void quiesce();
  u64 dangling() const { return __atomic_load_n(&dangling_, __ATOMIC_SEQ_CST); }

 private:
  using Ranges = boost::intrusive::list<
      DanglingRange, boost::intrusive::member_hook<DanglingRange, DanglingRange::Hook, &DanglingRange::hook>,
      boost::intrusive::constant_time_size<false>>;
  void pass(AddressSpace& space, CpuId core) EXCLUDES(lock_);

  SynchronousTlb synchronous_;
  runtime::IrqSpinLock lock_;
  Ranges ranges_ GUARDED_BY(lock_);
  u64 dangling_ = 0;  // atomic; length of ranges_
  runtime::WaitQueue waiters_;
};
static_assert(TlbPolicy<AsynchronousTlb>);

}  // namespace vari::nucleus
