// One process of the host that serves a domain: requests to its leader, threads for contexts.
#include "hosted/host_futex.h"
#include "hosted/spin.h"
#include "hosted/stubs.h"

namespace vari::hosted {
namespace {

/// How often a sleeper looks whether the other side is still alive.
constexpr Nanoseconds kPatience = 100 * kMillisecond;
/// A stub that does not answer for so long never will.
constexpr unsigned kLooks = 600;

void resume(Slot& slot) {
  // Order: as in context.cc: against the stub, which says that it sleeps and then looks again.
  __atomic_store_n(&slot.state, kRun, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&slot.stub_sleeps, __ATOMIC_SEQ_CST)) host_futex_wake(slot.state);
}

bool trapped(const Slot& slot) {
  return __atomic_load_n(&slot.state, __ATOMIC_SEQ_CST) == kTrapped;
}

}  // namespace

bool StubProcess::wait_for(Slot& slot) {
  if (!spin_until([&] { return trapped(slot); }, kSpinCycles)) {
    __atomic_store_n(&slot.kernel_waits, kOnState, __ATOMIC_SEQ_CST);
    for (unsigned looks = 0; !trapped(slot); ++looks) {
      if (dead() || looks == kLooks) return false;
      host_futex_wait(slot.state, kRun, kPatience);
    }
    __atomic_store_n(&slot.kernel_waits, kAwake, __ATOMIC_RELAXED);
  }
  return !dead();
}

Result<> StubProcess::execute(std::span<const Request> requests) {
  Slot& leader = stubs_.slot(leader_);
  while (!requests.empty()) {
    const std::size_t count = requests.size() < kRequests ? requests.size() : kRequests;
    for (std::size_t i = 0; i < count; ++i) leader.requests[i] = requests[i];
    if (dead()) return std::unexpected(Error::DeviceError);
    leader.request_count = static_cast<u32>(count);
    resume(leader);
    if (!wait_for(leader) || leader.signal != 0) return std::unexpected(Error::DeviceError);
    requests = requests.subspan(count);
  }
  return {};
}

Result<Slot*> StubProcess::attach() {
  if (dead()) return std::unexpected(Error::DeviceError);
  if (idle_ != 0) {
    Slot& slot = stubs_.slot(idle_);
    idle_ = stubs_.records_[idle_].next_idle;
    return &slot;
  }
  const u32 index = TRY(stubs_.allocate_slot(this));
  Slot& slot = stubs_.slot(index);
  slot.fs_gs_instructions = stubs_.has_fs_gs_instructions();
  const Request request = {
      .kind = Request::Thread, .protection = 0, .address = 0, .bytes = 0, .offset = index};
  if (!execute({&request, 1}) || !wait_for(slot)) {
    stubs_.free_slot(index);
    return std::unexpected(Error::OutOfMemory);
  }
  return &slot;
}

void StubProcess::detach(Slot& slot) {
  const u32 index = stubs_.index_of(slot);
  stubs_.records_[index].next_idle = idle_;
  idle_ = index;
}

}  // namespace vari::hosted
