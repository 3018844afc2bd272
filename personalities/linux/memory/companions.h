// What belongs to a program's memory beside its pages, and ends with it (exec, the last exit): the contexts
// of io_setup(2). A fork has none of them.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/types.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

/// Known by an address in that memory. There is one kind so far, so whoever finds one knows what it is.
class MemoryCompanion : public runtime::Managed {
 public:
  explicit MemoryCompanion(u64 address) : address_(address) {}
  u64 address() const { return address_; }

 private:
  friend class MemoryCompanions;
  const u64 address_;
  boost::intrusive::list_member_hook<> hook_;
};

class MemoryCompanions {
 public:
  MemoryCompanions() = default;
  MemoryCompanions(const MemoryCompanions&) = delete;
  /// Lets go of all of them; with no lock held, for their ends may block.
  ~MemoryCompanions() NO_THREAD_SAFETY_ANALYSIS {
    while (!list_.empty()) (void)take(list_.front().address());
  }
  void add(Ref<MemoryCompanion> companion) EXCLUDES(lock_) {
    runtime::Guard guard(lock_);
    list_.push_back(*companion.leak());
  }
  /// Null where there is none.
  Ref<MemoryCompanion> find(u64 address) EXCLUDES(lock_) {
    runtime::Guard guard(lock_);
    MemoryCompanion* const found = find_locked(address);
    return found ? Ref<MemoryCompanion>(*found) : nullptr;
  }
  /// Likewise; it is no longer here. One of those that ask at the same time gets it.
  Ref<MemoryCompanion> take(u64 address) EXCLUDES(lock_) {
    runtime::Guard guard(lock_);
    MemoryCompanion* const found = find_locked(address);
    if (!found) return {};
    list_.erase(list_.iterator_to(*found));
    return Ref<MemoryCompanion>::adopt(found);
  }

 private:
  using List = boost::intrusive::list<
      MemoryCompanion,
      boost::intrusive::member_hook<MemoryCompanion, boost::intrusive::list_member_hook<>,
                                    &MemoryCompanion::hook_>,
      boost::intrusive::constant_time_size<false>>;
  MemoryCompanion* find_locked(u64 address) REQUIRES(lock_) {
    for (auto& each : list_)
      if (each.address() == address) return &each;
    return nullptr;
  }
  runtime::SpinLock lock_;
  List list_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
