// A protection domain of the hosted placement: a page tree in the kernel's memory, and a process of the host
// whose mappings are a cache of it, as a TLB is.
//
// What the cache holds is marked in the tree. Mappings enter it when a guest's fault finds the tree willing
// (mend), with neighbours. What must leave it (unmap, protect, a replaced frame) is queued where no guest of
// the domain runs, and carried out before one runs again; where one runs, the process's leader does it before
// the call returns.
#pragma once

#include <span>

#include "hosted/page_tree.h"
#include "hosted/stubs.h"
#include "interfaces/place.h"
#include "runtime/synchronization.h"

namespace vari::hosted {

class HostedDomain final : public vari::Domain, public runtime::Allocated {
 public:
  static Result<Ref<vari::Domain>> create(HostedMemory& memory, Stubs& stubs);
  /// Every Domain that a hosted place hands out is one of these.
  static HostedDomain& of(vari::Domain& domain) { return static_cast<HostedDomain&>(domain); }

  void acquire() override { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  void release() override {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) delete this;
  }
  Result<Frame> map(VirtualAddress page, Frame frame, Access access) override;
  void unmap(VirtualAddress begin, u64 bytes, Visitor& removed) override;
  void protect(VirtualAddress begin, u64 bytes, Access access) override;
  void visit(VirtualAddress begin, u64 bytes, Visitor& seen) override;
  Result<Mapping> lookup(VirtualAddress page) override;
  std::size_t copy_in(void* to, VirtualAddress from, std::size_t size) override;
  std::size_t copy_out(VirtualAddress to, const void* from, std::size_t size) override;
  std::size_t clear(VirtualAddress to, std::size_t size) override;
  Result<u32> load(VirtualAddress word) override;
  Result<u32> compare_exchange(VirtualAddress word, u32 expected, u32 desired) override;

  // For contexts.
  /// A thread in the domain's process.
  Result<Slot*> attach() EXCLUDES(mutex_);
  void detach(Slot& slot) EXCLUDES(mutex_);
  /// The guest of the slot is about to run: afterwards it must. What the cache must lose first, and
  /// mappings around `wanted` (if not 0), are requested of its stub. Returns with preemption disabled: who
  /// changes the domain waits for the stub, so the caller resumes it before anything else.
  void enter(Slot& slot, VirtualAddress wanted) EXCLUDES(mutex_);
  /// It has stopped.
  void leave(Slot& slot);
  /// The host refused a mapping: the cache is emptied, to be filled again by faults.
  void drop_cache() EXCLUDES(mutex_);
  /// Whether the tree allows the access.
  bool allowed(VirtualAddress address, Access access) const;
  u64 table_bytes() const { return tree_.table_bytes(); }

 private:
  class Copying;
  struct Range {
    VirtualAddress begin, end;
  };
  /// The part of a range that guests may have, in whole pages.
  static Range user_range(VirtualAddress begin, u64 bytes) {
    u64 end = begin.value + bytes;
    if (end < begin.value || end > kUserEnd.value) end = kUserEnd.value;
    const VirtualAddress first = begin < kUserBegin ? kUserBegin : begin.page();
    return {first, {align_up(end, kPageBytes)}};
  }
  HostedDomain(HostedMemory& memory, Stubs& stubs) : memory_(memory), stubs_(stubs) {}
  ~HostedDomain();

  /// One page's bytes at `address`, if the access is allowed, marked as used; null otherwise.
  u8* reach(VirtualAddress address, Access wanted);
  template <class Piece>
  std::size_t in_pages(VirtualAddress address, std::size_t size, Access wanted, Piece&& piece);

  // The cache; all under mutex_.
  void forget_locked(VirtualAddress begin, u64 bytes) REQUIRES(mutex_);
  void change_locked(const Request& request) REQUIRES(mutex_);
  void queue_locked(const Request& request) REQUIRES(mutex_);
  void drop_all_locked() REQUIRES(mutex_);
  /// Returns when no guest can use any longer what was queued.
  void settle_locked() REQUIRES(mutex_);
  void wait_for_acknowledgements_locked() REQUIRES(mutex_);
  void mend_locked(Slot& slot, VirtualAddress wanted) REQUIRES(mutex_);
  /// Waits until nobody copies who may have found an entry that has gone.
  void wait_for_copies_locked() REQUIRES(mutex_);

  HostedMemory& memory_;
  Stubs& stubs_;
  PageTree tree_;
  u32 references_ = 1;   // atomic
  u32 running_ = 0;      // atomic: guests between enter() and leave()
  u32 epoch_ = 0;        // atomic: parity selects the count of those who copy
  u32 copying_[2] = {};  // atomic

  runtime::Mutex mutex_;
  StubProcess* process_ GUARDED_BY(mutex_) = nullptr;
  /// Slots of the domain's contexts, and the one that carries out what was queued.
  static constexpr u32 kQueue = 40;
  Request queue_[kQueue] GUARDED_BY(mutex_);
  u32 queued_ = 0;        // atomic; changed under mutex_
  Slot* busy_ = nullptr;  // atomic: its stub carries out what was queued; others wait for it
  Slot** slots_ GUARDED_BY(mutex_) = nullptr;
  u32 slot_count_ GUARDED_BY(mutex_) = 0, slot_room_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vari::hosted
