// A domain's mappings in the host's process as a cache of its page tree: filled at faults, and emptied before
// unmap() and protect() return or, where no guest runs, before the next one does.
//
// Invariant: an entry with kCached is mapped by the host with the entry's access, or a request that does so
// is with a stub, or one that undoes it is queued. Order: a guest that starts counts itself in running_ and
// then looks at queued_; whoever queues does so first and then looks at running_; one of them sees the other.
#include <sched.h>
#include <sys/mman.h>

#include "hosted/domain.h"
#include "hosted/spin.h"

namespace vari::hosted {
namespace {

constexpr u32 protection_of(Access access) {
  u32 protection = 0;
  if (access != Access::None) protection |= PROT_READ;
  if (allows(access, Access::Write)) protection |= PROT_WRITE;
  if (allows(access, Access::Execute)) protection |= PROT_EXEC;
  return protection;
}

constexpr Request unmapping(VirtualAddress begin, u64 bytes) {
  return {.kind = Request::Unmap, .protection = 0, .address = begin.value, .bytes = bytes, .offset = 0};
}

bool acknowledged(const Slot& slot) {
  return __atomic_load_n(&slot.request_count, __ATOMIC_SEQ_CST) == 0;
}

}  // namespace

Result<Frame> HostedDomain::map(VirtualAddress page, Frame frame, Access access) {
  if (page < kUserBegin || page >= kUserEnd || page.page_offset() != 0 || !frame)
    return std::unexpected(Error::InvalidArgument);
  u64* entry = TRY(tree_.reach(page));
  const u64 old = __atomic_exchange_n(entry, Entry::of(frame, access), __ATOMIC_ACQ_REL);
  if (!(old & Entry::kPresent)) return Frame{};
  runtime::Guard guard(mutex_);
  if (old & Entry::kCached) {
    change_locked(unmapping(page, kPageBytes));
    settle_locked();
  }
  wait_for_copies_locked();
  return Entry::frame(old);
}

void HostedDomain::unmap(VirtualAddress begin, u64 bytes, Visitor& visitor) {
  struct Removed {
    VirtualAddress page;
    u64 entry;
  };
  constexpr unsigned kBatch = 128;
  auto [at, end] = user_range(begin, bytes);
  while (at < end) {
    Removed removed[kBatch];
    unsigned count = 0;
    {
      runtime::Guard guard(mutex_);
      Request run = unmapping({}, 0);
      at = tree_.for_each(at, end, [&](VirtualAddress page, u64* entry) NO_THREAD_SAFETY_ANALYSIS {
        const u64 old = __atomic_exchange_n(entry, 0, __ATOMIC_ACQ_REL);
        if (!(old & Entry::kPresent)) return true;
        removed[count++] = {page, old};
        if (old & Entry::kCached) {
          if (run.bytes && run.address + run.bytes == page.value) {
            run.bytes += kPageBytes;
          } else {
            if (run.bytes) change_locked(run);
            run = unmapping(page, kPageBytes);
          }
        }
        return count < kBatch;
      });
      if (run.bytes) change_locked(run);
      settle_locked();
      if (count) wait_for_copies_locked();
    }
    for (unsigned i = 0; i < count; ++i) visitor.visit(removed[i].page, Entry::mapping(removed[i].entry));
  }
}

void HostedDomain::protect(VirtualAddress begin, u64 bytes, Access access) {
  const auto [first, end] = user_range(begin, bytes);
  Request run = {
      .kind = Request::Protect, .protection = protection_of(access), .address = 0, .bytes = 0, .offset = 0};
  runtime::Guard guard(mutex_);
  tree_.for_each(first, end, [&](VirtualAddress page, u64* entry) NO_THREAD_SAFETY_ANALYSIS {
    u64 old = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
    u64 wanted;
    do {
      if (!(old & Entry::kPresent) || Entry::access(old) == access) return true;
      wanted = (old & ~u64{Entry::kAccess}) | Entry::bits(access);
    } while (!__atomic_compare_exchange_n(entry, &old, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    if (!(old & Entry::kCached)) return true;
    if (run.bytes && run.address + run.bytes == page.value) {
      run.bytes += kPageBytes;
      return true;
    }
    if (run.bytes) change_locked(run);
    run.address = page.value;
    run.bytes = kPageBytes;
    return true;
  });
  if (run.bytes) change_locked(run);
  settle_locked();
  wait_for_copies_locked();
}

/// Takes a change of what the host has mapped into the queue.
void HostedDomain::change_locked(const Request& request) {
  if (queued_ > 0) {
    Request& last = queue_[queued_ - 1];
    if (last.kind == request.kind && last.protection == request.protection &&
        last.address + last.bytes == request.address) {
      last.bytes += request.bytes;
      return;
    }
  }
  if (queued_ == kQueue) {
    drop_all_locked();
    return;
  }
  queue_locked(request);
}

void HostedDomain::queue_locked(const Request& request) {
  queue_[queued_] = request;
  __atomic_store_n(&queued_, queued_ + 1, __ATOMIC_SEQ_CST);
}

/// One request in place of all: the host keeps nothing.
void HostedDomain::drop_all_locked() {
  tree_.for_each(kUserBegin, kUserEnd, [](VirtualAddress, u64* entry) {
    __atomic_fetch_and(entry, ~u64{Entry::kCached}, __ATOMIC_ACQ_REL);
    return true;
  });
  __atomic_store_n(&queued_, 0, __ATOMIC_SEQ_CST);
  queue_locked(unmapping({}, kStubBase));
}

void HostedDomain::drop_cache() {
  runtime::Guard guard(mutex_);
  drop_all_locked();
  settle_locked();
}

void HostedDomain::settle_locked() {
  if (__atomic_load_n(&queued_, __ATOMIC_SEQ_CST) == 0) return;
  if (!process_) {
    __atomic_store_n(&queued_, 0, __ATOMIC_SEQ_CST);
    return;
  }
  // Nobody runs: whoever starts will see the queue.
  if (__atomic_load_n(&running_, __ATOMIC_SEQ_CST) == 0) return;
  // Guests that run may have stubs that still map what must go now.
  wait_for_acknowledgements_locked();
  if (!process_->execute({queue_, queued_})) {
    // The host could not split a mapping (its count is exhausted), or the process has died: drop all.
    drop_all_locked();
    (void)process_->execute({queue_, queued_});
  }
  __atomic_store_n(&queued_, 0, __ATOMIC_SEQ_CST);
}

void HostedDomain::wait_for_acknowledgements_locked() {
  for (u32 i = 0; i < slot_count_; ++i) {
    const Slot& slot = *slots_[i];
    if (spin_until([&] { return acknowledged(slot); }, kSpinCycles)) continue;
    while (!acknowledged(slot) && !process_->dead()) ::sched_yield();
  }
  __atomic_store_n(&busy_, nullptr, __ATOMIC_SEQ_CST);
}

void HostedDomain::enter(Slot& slot, VirtualAddress wanted) {
  runtime::port::disable_preemption();
  __atomic_fetch_add(&running_, 1, __ATOMIC_SEQ_CST);
  if (fastpath(wanted.value == 0 && __atomic_load_n(&queued_, __ATOMIC_SEQ_CST) == 0 &&
               __atomic_load_n(&busy_, __ATOMIC_SEQ_CST) == nullptr))
    return;
  // Whoever changes the tree meanwhile must not wait for a guest that does not run yet.
  __atomic_fetch_sub(&running_, 1, __ATOMIC_SEQ_CST);
  runtime::port::enable_preemption();
  runtime::Guard guard(mutex_);
  if (busy_) wait_for_acknowledgements_locked();
  runtime::port::disable_preemption();
  u32 count = 0;
  for (; count < queued_; ++count) slot.requests[count] = queue_[count];
  if (count > 0) __atomic_store_n(&busy_, &slot, __ATOMIC_SEQ_CST);
  __atomic_store_n(&slot.request_count, count, __ATOMIC_SEQ_CST);
  if (wanted.value != 0) mend_locked(slot, wanted);
  __atomic_fetch_add(&running_, 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&queued_, 0, __ATOMIC_SEQ_CST);
}

void HostedDomain::leave(Slot& slot) {
  __atomic_fetch_sub(&running_, 1, __ATOMIC_SEQ_CST);
  // Its stub has carried out all before the guest ran.
  Slot* own = &slot;
  if (__atomic_load_n(&busy_, __ATOMIC_RELAXED) == own)
    __atomic_compare_exchange_n(&busy_, &own, nullptr, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/// Requests the mapping of a page and of neighbours that the tree allows: few faults for many pages.
void HostedDomain::mend_locked(Slot& slot, VirtualAddress wanted) {
  constexpr u64 kAround = 32 * kPageBytes, kAhead = 64 * kPageBytes;
  u32 count = slot.request_count;
  // What was queued for just this page is overtaken by its mapping.
  if (count > 0 && slot.requests[count - 1].kind == Request::Unmap &&
      slot.requests[count - 1].address == wanted.page().value && slot.requests[count - 1].bytes == kPageBytes)
    --count;
  const u32 limit = count + 20 < kRequests ? count + 20 : kRequests;
  const VirtualAddress begin{align_down(wanted.value, kAround)};
  Request* last = nullptr;
  tree_.for_each(begin, begin + kAhead, [&](VirtualAddress page, u64* entry) {
    u64 old = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
    u64 marked;
    do {
      if (!(old & Entry::kPresent) || !(old & Entry::kAccess)) return true;
      if (old & Entry::kCached && page != wanted.page()) return true;
      marked = old | Entry::kCached | Entry::kAccessed;
      if (old & Entry::kWrite) marked |= Entry::kDirty;
      const u64 offset = Entry::frame(old).address().value;
      const bool joins = last && last->address + last->bytes == page.value &&
                         last->offset + last->bytes == offset &&
                         last->protection == protection_of(Entry::access(old));
      // Beyond the neighbourhood only what costs no further request.
      if (!joins && (count == limit || page >= begin + kAround)) return page < wanted.page();
    } while (!__atomic_compare_exchange_n(entry, &old, marked, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    const u64 offset = Entry::frame(old).address().value;
    const u32 protection = protection_of(Entry::access(old));
    if (last && last->address + last->bytes == page.value && last->offset + last->bytes == offset &&
        last->protection == protection) {
      last->bytes += kPageBytes;
      return true;
    }
    last = &slot.requests[count++];
    *last = {.kind = Request::Map,
             .protection = protection,
             .address = page.value,
             .bytes = kPageBytes,
             .offset = offset};
    return true;
  });
  __atomic_store_n(&slot.request_count, count, __ATOMIC_SEQ_CST);
}

Result<Slot*> HostedDomain::attach() {
  runtime::Guard guard(mutex_);
  if (!process_) process_ = TRY(stubs_.take());
  if (slot_count_ == slot_room_) {
    const u32 room = slot_room_ ? 2 * slot_room_ : 4;
    auto** slots = static_cast<Slot**>(runtime::allocate(room * sizeof(Slot*)));
    if (!slots) return std::unexpected(Error::OutOfMemory);
    for (u32 i = 0; i < slot_count_; ++i) slots[i] = slots_[i];
    if (slots_) runtime::free(slots_, slot_room_ * sizeof(Slot*));
    slots_ = slots;
    slot_room_ = room;
  }
  Slot* slot = TRY(process_->attach());
  slots_[slot_count_++] = slot;
  return slot;
}

void HostedDomain::detach(Slot& slot) {
  runtime::Guard guard(mutex_);
  for (u32 i = 0; i < slot_count_; ++i) {
    if (slots_[i] != &slot) continue;
    slots_[i] = slots_[--slot_count_];
    break;
  }
  process_->detach(slot);
}

}  // namespace vari::hosted
