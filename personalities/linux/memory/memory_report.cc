// What /proc and the limits ask of a memory map.
#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

void MemoryMap::count_resident(i64 pages) {
  const u64 now = resident_pages_ + static_cast<u64>(pages);
  __atomic_store_n(&resident_pages_, now, __ATOMIC_RELAXED);
  if (now > peak_resident_pages_) __atomic_store_n(&peak_resident_pages_, now, __ATOMIC_RELAXED);
}

namespace {

class Counter final : public Domain::Visitor {
 public:
  void visit(VirtualAddress, const Mapping&) override { ++count; }
  u64 count = 0;
};

void set_text(char (&to)[128], std::string_view text) {
  const auto length = std::min(text.size(), sizeof to - 1);
  __builtin_memcpy(to, text.data(), length);
  to[length] = 0;
}

}  // namespace

bool MemoryMap::describe(u64 after, RegionDescription& to, bool count_resident) {
  Guard<Mutex> guard(lock_);
  const auto at = regions_.upper_bound(after);
  if (at == regions_.end()) return false;
  to = {};
  to.begin = at->begin;
  to.end = at->end;
  to.access = at->access;
  to.shared = at->shared;
  if (at->object) {
    to.offset = at->first_page << kPageShift;
    to.inode = at->object->inode_number();
    set_text(to.name, at->object->name());
  } else if (at->heap) {
    set_text(to.name, "[heap]");
  } else if (at->begin <= layout_.stack_begin && layout_.stack_begin < at->end) {
    set_text(to.name, "[stack]");
  }
  if (count_resident) {
    Counter counter;
    domain_->visit({at->begin}, at->bytes(), counter);
    to.resident_pages = counter.count;
  }
  return true;
}

ProgramLayout MemoryMap::layout() {
  Guard<Mutex> guard(lock_);
  return layout_;
}

void MemoryMap::set_layout(const ProgramLayout& layout) {
  Guard<Mutex> guard(lock_);
  layout_ = layout;
}

void MemoryMap::set_limits(u64 stack_bytes, u64 address_space_bytes) {
  Guard<Mutex> guard(lock_);
  stack_limit_bytes_ = stack_bytes;
  address_space_limit_bytes_ = address_space_bytes;
}

}  // namespace vari::linux
