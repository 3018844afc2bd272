// Dropping translations here, and on the cores that may hold them.
#include "nucleus/tlb.h"

#include "machine/x86_64/paging.h"
#include "nucleus/core_set.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {
namespace {

struct Request {
  AddressSpace* space;  // null: the kernel's half
  VirtualAddress begin;
  u64 pages;
};

void drop_kernel_here(VirtualAddress begin, u64 pages) {
  CoreMemory& core = this_core_memory();
  if (pages >= kInvalidateAllFrom) return machine::invalidate_everything();
  for (u64 i = 0; i < pages; ++i) machine::invalidate_page(begin + i * kPageBytes);
  core.invalidations += pages;
}

void drop_at_interrupt_level(void* argument) {
  const auto& request = *static_cast<Request*>(argument);
  if (!request.space)
    drop_kernel_here(request.begin, request.pages);
  else if (this_core_memory().loaded == request.space)
    invalidate_here(request.begin, request.pages);
  // Else the core has left the space, and dropped its translations with it.
}

}  // namespace

void invalidate_here(VirtualAddress begin, u64 pages) {
  CoreMemory& core = this_core_memory();
  if (pages >= kInvalidateAllFrom) {
    machine::load_root_table(machine::root_table());
    ++core.root_loads;
    return;
  }
  for (u64 i = 0; i < pages; ++i) machine::invalidate_page(begin + i * kPageBytes);
  core.invalidations += pages;
}

void invalidate_kernel_everywhere(VirtualAddress begin, u64 pages) {
  PreemptionGuard guard;
  Request request{nullptr, begin, pages};
  drop_kernel_here(begin, pages);
  runtime::CpuSet others;
  remove_core(others, this_cpu());
  ++this_core_memory().shootdowns;
  broadcast(others, drop_at_interrupt_level, &request);
}

void SynchronousTlb::invalidate(AddressSpace& space, VirtualAddress begin, u64 pages) {
  PreemptionGuard guard;
  auto cores = space.active().snapshot();
  CoreMemory& core = this_core_memory();
  if (core.loaded == &space) invalidate_here(begin, pages);
  remove_core(cores, this_cpu());
  if (is_empty(cores)) return;
  Request request{&space, begin, pages};
  ++core.shootdowns;
  broadcast(cores, drop_at_interrupt_level, &request);
}

}  // namespace vari::nucleus
