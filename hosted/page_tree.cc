#include "hosted/page_tree.h"

#include "runtime/memory.h"

namespace vari::hosted {

PageTree::~PageTree() {
  if (root_) free_table(table(root_), kLevels - 1);
}

void PageTree::free_table(Table* freed, unsigned level) {
  if (level > 0) {
    for (const u64 slot : freed->slots)
      if (slot) free_table(table(slot), level - 1);
  }
  runtime::free(freed, sizeof(Table));
}

u64* PageTree::find_or_skip(u64 address, u64& skip) const {
  const u64* slot = &root_;
  for (unsigned level = kLevels; level-- > 0;) {
    const u64 next = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (!next) {
      skip = u64{1} << (kPageShift + kBits * (level + 1));
      return nullptr;
    }
    u64* entry = &table(next)->slots[index(address, level)];
    if (level == 0) return entry;
    slot = entry;
  }
  UNREACHABLE();
}

u64* PageTree::find(VirtualAddress address) const {
  u64 skip;
  return find_or_skip(address.value, skip);
}

Result<u64*> PageTree::reach(VirtualAddress address) {
  u64* slot = &root_;
  for (unsigned level = kLevels; level-- > 0;) {
    u64 next = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (!next) {
      auto* made = static_cast<Table*>(runtime::allocate(sizeof(Table)));
      if (!made) return std::unexpected(Error::OutOfMemory);
      __builtin_memset(made, 0, sizeof *made);
      if (__atomic_compare_exchange_n(slot, &next, reinterpret_cast<u64>(made), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE)) {
        next = reinterpret_cast<u64>(made);
        __atomic_fetch_add(&tables_, 1, __ATOMIC_RELAXED);
      } else {
        runtime::free(made, sizeof(Table));  // somebody else was faster
      }
    }
    slot = &table(next)->slots[index(address.value, level)];
  }
  return slot;
}

}  // namespace vari::hosted
