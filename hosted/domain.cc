// What a domain does with its page tree alone: looking and copying. The cache: domain_cache.cc.
#include "hosted/domain.h"

#include <sched.h>

namespace vari::hosted {
namespace {

/// Bytes of guests' memory, which guests change at the same time: no access that a race detector judges.
void copy_bytes(void* to, const void* from, std::size_t count) {
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}
void clear_bytes(void* to, std::size_t count) {
  asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}

bool in_user_half(VirtualAddress address) {
  return address >= Domain::kUserBegin && address < Domain::kUserEnd;
}

}  // namespace

/// While one exists, no frame that is found in the tree goes to somebody else: unmap() waits.
class HostedDomain::Copying {
 public:
  explicit Copying(HostedDomain& domain) : domain_(domain) {
    runtime::port::disable_preemption();
    for (;;) {
      parity_ = __atomic_load_n(&domain_.epoch_, __ATOMIC_SEQ_CST) & 1;
      __atomic_fetch_add(&domain_.copying_[parity_], 1, __ATOMIC_SEQ_CST);
      if ((__atomic_load_n(&domain_.epoch_, __ATOMIC_SEQ_CST) & 1) == parity_) return;
      __atomic_fetch_sub(&domain_.copying_[parity_], 1, __ATOMIC_SEQ_CST);
    }
  }
  ~Copying() {
    __atomic_fetch_sub(&domain_.copying_[parity_], 1, __ATOMIC_SEQ_CST);
    runtime::port::enable_preemption();
  }
  Copying(const Copying&) = delete;
  Copying& operator=(const Copying&) = delete;

 private:
  HostedDomain& domain_;
  u32 parity_ = 0;
};

void HostedDomain::wait_for_copies_locked() {
  const u32 parity = __atomic_fetch_add(&epoch_, 1, __ATOMIC_SEQ_CST) & 1;
  while (__atomic_load_n(&copying_[parity], __ATOMIC_SEQ_CST) != 0) ::sched_yield();
}

Result<Ref<vari::Domain>> HostedDomain::create(HostedMemory& memory, Stubs& stubs) {
  auto* domain = new (runtime::kFallible) HostedDomain(memory, stubs);
  if (!domain) return std::unexpected(Error::OutOfMemory);
  return Ref<vari::Domain>::adopt(domain);
}

HostedDomain::~HostedDomain() {
  ASSERT(running_ == 0);
  if (process_) stubs_.give_back(*process_);
  if (slots_) runtime::free(slots_, slot_room_ * sizeof(Slot*));
}

Result<Mapping> HostedDomain::lookup(VirtualAddress page) {
  if (!in_user_half(page)) return std::unexpected(Error::InvalidArgument);
  const u64* entry = tree_.find(page);
  const u64 value = entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : 0;
  if (!(value & Entry::kPresent)) return std::unexpected(Error::NotFound);
  return Entry::mapping(value);
}

void HostedDomain::visit(VirtualAddress begin, u64 bytes, Visitor& seen) {
  const auto [first, end] = user_range(begin, bytes);
  tree_.for_each(first, end, [&](VirtualAddress page, const u64* entry) {
    const u64 value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
    if (value & Entry::kPresent) seen.visit(page, Entry::mapping(value));
    return true;
  });
}

bool HostedDomain::allowed(VirtualAddress address, Access access) const {
  if (!in_user_half(address)) return false;
  const u64* entry = tree_.find(address);
  const u64 value = entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : 0;
  // As the processor sees it: what may be written or executed may be read.
  if (!(value & Entry::kPresent) || !(value & Entry::kAccess)) return false;
  return access == Access::Read || allows(Entry::access(value), access);
}

u8* HostedDomain::reach(VirtualAddress address, Access wanted) {
  u64* entry = tree_.find(address);
  if (!entry) return nullptr;
  u64 value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
  const u64 noted = Entry::kAccessed | (wanted == Access::Write ? u64{Entry::kDirty} : 0);
  for (;;) {
    if (!(value & Entry::kPresent) || !(value & Entry::kAccess)) return nullptr;
    if (wanted == Access::Write && !(value & Entry::kWrite)) return nullptr;
    if ((value & noted) == noted) break;
    if (__atomic_compare_exchange_n(entry, &value, value | noted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      break;
  }
  return memory_.window(Entry::frame(value)) + address.page_offset();
}

/// Page by page, as far as the access is allowed: piece(memory, done, bytes). How much was done.
template <class Piece>
std::size_t HostedDomain::in_pages(VirtualAddress address, std::size_t size, Access wanted, Piece&& piece) {
  if (!in_user_half(address)) return 0;
  if (const u64 room = kUserEnd - address; size > room) size = room;
  std::size_t done = 0;
  while (done < size) {
    const VirtualAddress at = address + done;
    std::size_t bytes = kPageBytes - at.page_offset();
    if (bytes > size - done) bytes = size - done;
    const Copying copying(*this);
    u8* memory = reach(at, wanted);
    if (!memory) break;
    piece(memory, done, bytes);
    done += bytes;
  }
  return done;
}

std::size_t HostedDomain::copy_in(void* to, VirtualAddress from, std::size_t size) {
  return in_pages(from, size, Access::Read, [&](const u8* memory, std::size_t done, std::size_t bytes) {
    copy_bytes(static_cast<u8*>(to) + done, memory, bytes);
  });
}

std::size_t HostedDomain::copy_out(VirtualAddress to, const void* from, std::size_t size) {
  return in_pages(to, size, Access::Write, [&](u8* memory, std::size_t done, std::size_t bytes) {
    copy_bytes(memory, static_cast<const u8*>(from) + done, bytes);
  });
}

std::size_t HostedDomain::clear(VirtualAddress to, std::size_t size) {
  return in_pages(to, size, Access::Write,
                  [&](u8* memory, std::size_t, std::size_t bytes) { clear_bytes(memory, bytes); });
}

Result<u32> HostedDomain::load(VirtualAddress word) {
  if (!is_aligned(word.value, 4)) return std::unexpected(Error::InvalidArgument);
  u32 value = 0;
  const auto done = in_pages(word, 4, Access::Read, [&](const u8* memory, std::size_t, std::size_t) {
    value = __atomic_load_n(reinterpret_cast<const u32*>(memory), __ATOMIC_SEQ_CST);
  });
  if (done != 4) return std::unexpected(Error::Fault);
  return value;
}

Result<u32> HostedDomain::compare_exchange(VirtualAddress word, u32 expected, u32 desired) {
  if (!is_aligned(word.value, 4)) return std::unexpected(Error::InvalidArgument);
  u32 found = expected;
  const auto done = in_pages(word, 4, Access::Write, [&](u8* memory, std::size_t, std::size_t) {
    __atomic_compare_exchange_n(reinterpret_cast<u32*>(memory), &found, desired, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
  });
  if (done != 4) return std::unexpected(Error::Fault);
  return found;
}

}  // namespace vari::hosted
