#include "hosted/host_events.h"

#include "hosted/host_futex.h"

namespace vari::hosted {

void HostEvents::add(HostEvent& event) {
  ASSERT(count_ < kMost);
  events_[count_++] = &event;
}

void HostEvents::raise(HostEvent& event) {
  __atomic_store_n(&event.pending_, 1, __ATOMIC_SEQ_CST);
  u32& rung = stubs_.doorbell(CpuId{0}).rung;
  if (__atomic_exchange_n(&rung, 1, __ATOMIC_ACQ_REL) == 0) host_futex_wake(rung);
}

void HostEvents::deliver() {
  for (std::size_t i = 0; i < count_; ++i) {
    if (__atomic_exchange_n(&events_[i]->pending_, 0, __ATOMIC_SEQ_CST)) events_[i]->raised_.signal();
  }
}

}  // namespace vari::hosted
