// Signals that wait: of one task, or of a whole process. One record a classic signal, so that noting one
// never allocates; a queue for real-time signals, whose entries the sender brings.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/signals/signal.h"
#include "runtime/memory.h"

namespace vari::linux {

struct QueuedSignal : runtime::Allocated {
  SignalInfo info;
  boost::intrusive::list_member_hook<> hook;
};
using SignalQueue = boost::intrusive::list<
    QueuedSignal,
    boost::intrusive::member_hook<QueuedSignal, boost::intrusive::list_member_hook<>, &QueuedSignal::hook>>;

/// Guarded by the lock of the process that it belongs to.
class PendingSignals {
 public:
  PendingSignals() = default;
  PendingSignals(const PendingSignals&) = delete;
  ~PendingSignals();

  SignalSet set() const { return set_; }
  u32 queued() const { return queued_; }
  /// Notes one. A classic signal that already waits is dropped; so is `entry` (freed) where not needed.
  void add(const SignalInfo& info, QueuedSignal* entry = nullptr);
  /// Takes the one to be delivered next out of `wanted` (some of them wait): synchronous ones first,
  /// then by number. A queue entry that has become free is put on `spent`, to be freed without locks.
  SignalInfo take(SignalSet wanted, SignalQueue& spent);
  /// Forgets all of them that are in `unwanted`.
  void discard(SignalSet unwanted, SignalQueue& spent) {
    if (set_ & unwanted) discard_pending(unwanted, spent);
  }

 private:
  void discard_pending(SignalSet unwanted, SignalQueue& spent);

  SignalSet set_ = 0;
  u32 queued_ = 0;
  SignalInfo classic_[signal::kFirstRealTime - 1];
  SignalQueue queue_;
};

/// Frees entries; without locks held. Mostly there are none.
void free_entries(SignalQueue& spent);
inline void free_queue(SignalQueue& spent) {
  if (!spent.empty()) free_entries(spent);
}

}  // namespace vari::linux
