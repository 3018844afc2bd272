// Making, loading, leaving and ending address spaces.
#include "nucleus/address_space.h"

#include "machine/x86_64/page_table_format.h"
#include "machine/x86_64/paging.h"
#include "nucleus/frame_manager.h"
#include "nucleus/kernel_space.h"
#include "nucleus/page_tables.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {
namespace {

constexpr unsigned kKernelSlots = machine::kTableEntries / 2;

void leave_at_interrupt_level(void* argument) {
  auto* space = static_cast<AddressSpace*>(argument);
  if (this_core_memory().loaded == space) space->leave_for_kernel();
}

}  // namespace

Result<> AddressSpace::initialise() {
  root_ = TRY(frames_.allocate(this_core_memory().node));
  // The kernel's slots are complete before the first space is made, so copying them once is enough.
  u64* entries = window().at<u64>(root_);
  const u64* kernel = window().at<u64>(kernel_.root());
  for (unsigned i = kKernelSlots; i < machine::kTableEntries; ++i) entries[i] = kernel[i];
  entries[machine::kRecursiveSlot] = root().value | machine::kTable | machine::kNoExecute;
  return {};
}

AddressSpace::~AddressSpace() {
  if (!root_) return;
  {
    PreemptionGuard guard;
    leave_at_interrupt_level(this);
    if (const auto cores = active_.snapshot(); !is_empty(cores))
      broadcast(cores, leave_at_interrupt_level, this);
  }
  free_tables(window(), root(), 0, kKernelSlots, *this);
  frames_.free(root_);
}

PhysicalWindow AddressSpace::window() const {
  return frames_.window();
}

Result<Frame> AddressSpace::allocate_table() {
  const Frame table = TRY(frames_.allocate(this_core_memory().node));
  __atomic_fetch_add(&table_frames_, 1, __ATOMIC_RELAXED);
  return table;
}

void AddressSpace::free_table(Frame table) {
  __atomic_fetch_sub(&table_frames_, 1, __ATOMIC_RELAXED);
  frames_.free(table);
}

void AddressSpace::activate() {
  CoreMemory& core = this_core_memory();
  if (fastpath(core.loaded == this)) return;
  const CpuId cpu = this_cpu();
  AddressSpace* old = core.loaded;
  // Order: in the set before the first translation can be made, out of the old one's after its
  // last one is gone. An invalidation that comes in between finds one core too many, never one too few.
  active_.add(cpu);
  core.loaded = this;
  machine::load_root_table(root());
  ++core.root_loads;
  if (old) old->leave(cpu);
}

void AddressSpace::leave_for_kernel() {
  CoreMemory& core = this_core_memory();
  core.loaded = nullptr;
  machine::load_root_table(kernel_.root());
  ++core.root_loads;
  leave(this_cpu());
}

void AddressSpace::leave(CpuId core) {
  active_.remove(core);
  if (observer_) observer_->on_leave(*this, core);
}

}  // namespace vari::nucleus
