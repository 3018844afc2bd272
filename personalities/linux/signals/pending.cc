// See pending.h.
#include "personalities/linux/signals/pending.h"

#include <bit>

namespace vari::linux {

PendingSignals::~PendingSignals() {
  free_queue(queue_);
}

void free_entries(SignalQueue& spent) {
  while (!spent.empty()) {
    auto* entry = &spent.front();
    spent.pop_front();
    delete entry;
  }
}

void PendingSignals::add(const SignalInfo& info, QueuedSignal* entry) {
  const auto bit = set_of(info.number);
  if (info.number < signal::kFirstRealTime) {
    if (!(set_ & bit)) classic_[info.number - 1] = info;
  } else if (entry) {
    entry->info = info;
    queue_.push_back(*entry);
    ++queued_;
  }
  set_ |= bit;
}

SignalInfo PendingSignals::take(SignalSet wanted, SignalQueue& spent) {
  SignalSet from = set_ & wanted;
  if (from & kSynchronous) from &= kSynchronous;
  const int number = std::countr_zero(from) + 1;
  const auto bit = set_of(number);
  if (number < signal::kFirstRealTime) {
    set_ &= ~bit;
    return classic_[number - 1];
  }
  SignalInfo info{.number = number};  // noted without an entry: nothing is known of it
  bool more = false, found = false;
  for (auto at = queue_.begin(); at != queue_.end();) {
    if (at->info.number != number) {
      ++at;
      continue;
    }
    if (found) {
      more = true;
      break;
    }
    info = at->info;
    found = true;
    auto& entry = *at;
    at = queue_.erase(at);
    --queued_;
    spent.push_back(entry);
  }
  if (!more) set_ &= ~bit;
  return info;
}

void PendingSignals::discard_pending(SignalSet unwanted, SignalQueue& spent) {
  set_ &= ~unwanted;
  for (auto at = queue_.begin(); at != queue_.end();) {
    if (!(set_of(at->info.number) & unwanted)) {
      ++at;
      continue;
    }
    auto& entry = *at;
    at = queue_.erase(at);
    --queued_;
    spent.push_back(entry);
  }
}

}  // namespace vari::linux
