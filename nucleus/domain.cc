// What a domain does without taking mappings away: looking, and copying. Changes: domain_changes.cc.
//
// User memory is touched directly where the domain's space is the loaded one, and through the page
// tables and the direct map otherwise. A thread that touches its own program's memory after a switch loads
// the space right then: on the way back to user code it would do so anyway. Preemption is disabled from
// the check to the end of a piece, because another thread's space may be loaded afterwards.
#include "nucleus/domain.h"

#include "machine/x86_64/user_copy.h"
#include "nucleus/domain_entries.h"
#include "nucleus/page_tables.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"
#include "nucleus/thread_space.h"

namespace vari::nucleus {
namespace {

/// The longest stretch without preemption.
constexpr std::size_t kPieceBytes = 32 * kKiB;

/// How much of [address, address + size) lies in the user half, from its beginning on.
std::size_t clip(VirtualAddress address, std::size_t size) {
  if (address < Domain::kUserBegin || address >= Domain::kUserEnd) return 0;
  const u64 room = Domain::kUserEnd - address;
  return size < room ? size : room;
}

/// Keeps a frame of a foreign space from being given to somebody else: while the calling core is in
/// the space's set and takes no interrupts, no invalidation of that space can end.
class ForeignAccess {
 public:
  explicit ForeignAccess(AddressSpace& space) : space_(space), cpu_(this_cpu()) { space_.active().add(cpu_); }
  ~ForeignAccess() {
    if (this_core_memory().loaded != &space_) space_.active().remove(cpu_);
  }
  /// The bytes at `address`, to the end of their page; null where the access is not allowed.
  u8* find(VirtualAddress address, u64 wanted_bits) {
    const WindowTables tables(space_.window(), space_.root());
    const Leaf leaf = find_leaf(tables, address);
    if (!leaf.entry) return nullptr;
    const u64 wanted = machine::kPresent | machine::kProgramMode.page_bits | wanted_bits;
    u64 entry = read_entry(leaf.entry);
    if ((entry & wanted) != wanted) return nullptr;
    // As the processor would note it.
    const u64 noted = machine::kAccessed | (wanted_bits & machine::kWritable ? machine::kDirty : 0);
    while ((entry & noted) != noted) {
      if (__atomic_compare_exchange_n(leaf.entry, &entry, entry | noted, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE))
        break;
      if ((entry & wanted) != wanted) return nullptr;
    }
    return space_.window().at(machine::address_of(entry)) + address.value % leaf.bytes();
  }

 private:
  InterruptGuard guard_;
  AddressSpace& space_;
  const CpuId cpu_;
};

/// Splits [address, address + size) into pieces; piece(address, done, bytes) returns how much it did.
template <class Piece>
std::size_t in_pieces(VirtualAddress address, std::size_t size, std::size_t limit, Piece&& piece) {
  std::size_t done = 0;
  while (done < size) {
    const VirtualAddress at = address + done;
    std::size_t bytes = size - done;
    if (limit == kPageBytes && bytes > kPageBytes - at.page_offset()) bytes = kPageBytes - at.page_offset();
    if (bytes > limit) bytes = limit;
    const std::size_t did = piece(at, done, bytes);
    done += did;
    if (did < bytes) break;
  }
  return done;
}

/// Does one access of `size` user bytes that lie in the user half: direct(address, done, bytes) where the
/// space is loaded, and foreign(pointer, done, bytes) page by page where it is not.
template <class Direct, class Foreign>
[[gnu::noinline]] std::size_t access_in_pieces(AddressSpace& space, VirtualAddress address, std::size_t size,
                                               u64 wanted_bits, Direct direct, Foreign foreign) {
  return in_pieces(address, size, kPieceBytes, [&](VirtualAddress at, std::size_t done, std::size_t bytes) {
    {
      PreemptionGuard guard;
      const CoreMemory& core = this_core_memory();
      if (slowpath(core.loaded != &space) && core.translating && is_own_space(space)) {
        InterruptGuard uninterrupted;
        space.activate();
      }
      if (fastpath(core.loaded == &space && core.translating)) {
        machine::UserAccess user(core.smap);
        return bytes - direct(at, done, bytes);
      }
    }
    return in_pieces(at, bytes, kPageBytes, [&](VirtualAddress page, std::size_t before, std::size_t part) {
      ForeignAccess access(space);
      u8* memory = access.find(page, wanted_bits);
      if (!memory) return std::size_t{0};
      foreign(memory, done + before, part);
      return part;
    });
  });
}

/// As that, of any bytes. Nearly all are few, and in the space that is loaded: those go without a loop.
template <class Direct, class Foreign>
std::size_t access(AddressSpace& space, VirtualAddress address, std::size_t size, u64 wanted_bits,
                   Direct direct, Foreign foreign) {
  size = clip(address, size);
  if (size == 0) return 0;
  if (fastpath(size <= kPieceBytes)) {
    PreemptionGuard guard;
    const CoreMemory& core = this_core_memory();
    if (fastpath(core.loaded == &space && core.translating)) {
      machine::UserAccess user(core.smap);
      return size - direct(address, 0, size);
    }
  }
  return access_in_pieces(space, address, size, wanted_bits, direct, foreign);
}

void* pointer(VirtualAddress address) {
  return reinterpret_cast<void*>(address.value);
}

}  // namespace

std::size_t NucleusDomain::copy_in(void* to, VirtualAddress from, std::size_t size) {
  u8* bytes = static_cast<u8*>(to);
  return access(
      space_, from, size, 0,
      [bytes](VirtualAddress at, std::size_t done, std::size_t count) {
        return vari_user_copy(bytes + done, pointer(at), count);
      },
      [bytes](const u8* memory, std::size_t done, std::size_t count) {
        __builtin_memcpy(bytes + done, memory, count);
      });
}

std::size_t NucleusDomain::copy_out(VirtualAddress to, const void* from, std::size_t size) {
  const u8* bytes = static_cast<const u8*>(from);
  return access(
      space_, to, size, machine::kWritable,
      [bytes](VirtualAddress at, std::size_t done, std::size_t count) {
        return vari_user_copy(pointer(at), bytes + done, count);
      },
      [bytes](u8* memory, std::size_t done, std::size_t count) {
        __builtin_memcpy(memory, bytes + done, count);
      });
}

std::size_t NucleusDomain::clear(VirtualAddress to, std::size_t size) {
  return access(
      space_, to, size, machine::kWritable,
      [&](VirtualAddress at, std::size_t, std::size_t count) { return vari_user_clear(pointer(at), count); },
      [&](u8* memory, std::size_t, std::size_t count) { __builtin_memset(memory, 0, count); });
}

Result<u32> NucleusDomain::load(VirtualAddress word) {
  if (!is_aligned(word.value, 4)) return std::unexpected(Error::InvalidArgument);
  u32 value = 0;
  const std::size_t done = access(
      space_, word, 4, 0,
      [&](VirtualAddress at, std::size_t, std::size_t) -> std::size_t {
        return vari_user_load32(pointer(at), &value) ? 4 : 0;
      },
      [&](const u8* memory, std::size_t, std::size_t) {
        value = __atomic_load_n(reinterpret_cast<const u32*>(memory), __ATOMIC_SEQ_CST);
      });
  if (done != 4) return std::unexpected(Error::Fault);
  return value;
}

Result<u32> NucleusDomain::compare_exchange(VirtualAddress word, u32 expected, u32 desired) {
  if (!is_aligned(word.value, 4)) return std::unexpected(Error::InvalidArgument);
  u32 found = expected;
  const std::size_t done = access(
      space_, word, 4, machine::kWritable,
      [&](VirtualAddress at, std::size_t, std::size_t) -> std::size_t {
        return vari_user_compare_exchange32(pointer(at), expected, desired, &found) ? 4 : 0;
      },
      [&](u8* memory, std::size_t, std::size_t) {
        __atomic_compare_exchange_n(reinterpret_cast<u32*>(memory), &found, desired, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
      });
  if (done != 4) return std::unexpected(Error::Fault);
  return found;
}

Result<Mapping> NucleusDomain::lookup(VirtualAddress page) {
  if (page < kUserBegin || page >= kUserEnd) return std::unexpected(Error::InvalidArgument);
  const WindowTables tables(space_.window(), space_.root());
  const Leaf leaf = find_leaf(tables, page);
  if (!leaf.entry) return std::unexpected(Error::NotFound);
  const u64 entry = read_entry(leaf.entry);
  if (!machine::has_frame(entry)) return std::unexpected(Error::NotFound);
  return mapping_of(entry);
}

void NucleusDomain::visit(VirtualAddress begin, u64 bytes, Visitor& seen) {
  const UserRange range = user_range(begin, bytes);
  const WindowTables tables(space_.window(), space_.root());
  for_each_leaf(tables, range.begin, range.end, [&](VirtualAddress page, u64* entry, unsigned) {
    const u64 value = read_entry(entry);
    if (machine::has_frame(value)) seen.visit(page, mapping_of(value));
    return true;
  });
}

}  // namespace vari::nucleus
