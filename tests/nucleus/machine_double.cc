// The doubles that stand in for privileged instructions and for processors.
#include "tests/nucleus/machine_double.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>

#include "machine/x86_64/paging.h"
#include "nucleus/page_tables.h"

namespace vari::nucleus {

struct CoreCallDouble {
  void (*function)(void*);
  void* argument;
  u32 remaining;  // atomic
};

namespace {

// Who the thread is. Tests may have globals; the code under test has none.
thread_local SimulatedCore* current_core;
thread_local SimulatedMachine* current_machine;

constexpr u64 kHeapReserve = 32 * kGiB;

/// Aligned to 2 MiB.
u8* reserve(u64 bytes) {
  void* memory = ::mmap(nullptr, bytes + kLargePageBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  return reinterpret_cast<u8*>(align_up(reinterpret_cast<u64>(memory), kLargePageBytes));
}

}  // namespace

SimulatedMachine::SimulatedMachine(const Options& options) {
  boot_.ranges[0] = {{0}, options.ram_bytes, MemoryKind::Usable};
  boot_.range_count = 1;
  if (!options.ranges.empty()) {
    boot_.range_count = options.ranges.size();
    for (std::size_t i = 0; i < options.ranges.size(); ++i) boot_.ranges[i] = options.ranges[i];
  }
  for (std::size_t i = 0; i < boot_.range_count; ++i)
    arena_bytes_ = std::max(arena_bytes_, boot_.ranges[i].begin.value + boot_.ranges[i].bytes);
  if (options.module_bytes != 0) {
    boot_.modules[0] = {{4 * kMiB}, options.module_bytes, "module"};
    boot_.module_count = 1;
  }
  if (options.topology) topology_ = *options.topology;
  arena_ = reserve(arena_bytes_);
  heap_ = reserve(kHeapReserve);
  window_ = PhysicalWindow(reinterpret_cast<u64>(arena_));
  for (unsigned i = 0; i < options.cores; ++i) {
    cores_.push_back(std::make_unique<SimulatedCore>());
    cores_.back()->cpu = {i};
    cores_.back()->window = window_;
  }
  if (!options.start) return;
  RunAs run(*this, 0);
  const auto memory = Memory::create(boot_, topology_, image(), {window_, reinterpret_cast<u64>(heap_)});
  EXPECT_TRUE(memory.has_value());
  if (memory) memory_ = *memory;
}

SimulatedMachine::~SimulatedMachine() {
  ::munmap(arena_, arena_bytes_);
  ::munmap(heap_, kHeapReserve);
}

KernelImage SimulatedMachine::image() const {
  const VirtualAddress begin{machine::kImageBase + kMiB};
  return {begin, begin + 0x20000, begin + 0x20000, begin + 0x28000, begin + 0x28000, begin + 0x40000};
}

u64 SimulatedMachine::settled_free_frames() {
  for (auto& core : cores_) {
    RunAs run(*this, core->cpu.value);
    memory().heap().drain_core_cache();
  }
  RunAs run(*this, 0);
  while (memory().idle_work()) {
  }
  return frames().free_frames();
}

RunAs::RunAs(SimulatedMachine& machine, unsigned core)
    : previous_core_(current_core), previous_machine_(current_machine) {
  current_core = &machine.core(core);
  current_machine = &machine;
  __atomic_store_n(&current_core->owned, true, __ATOMIC_SEQ_CST);
}

RunAs::~RunAs() {
  poll();
  __atomic_store_n(&current_core->owned, false, __ATOMIC_SEQ_CST);
  poll();
  current_core = previous_core_;
  current_machine = previous_machine_;
}

void poll() {
  SimulatedCore& core = *current_core;
  auto* call = __atomic_exchange_n(&core.pending, nullptr, __ATOMIC_ACQ_REL);
  if (!call) return;
  ++core.calls_served;
  call->function(call->argument);
  __atomic_fetch_sub(&call->remaining, 1, __ATOMIC_RELEASE);
}

Frame SimulatedCore::touch(VirtualAddress page) {
  const u64 number = page.value / kPageBytes;
  if (const auto found = tlb.find(number); found != tlb.end())
    return Frame::containing(machine::address_of(found->second));
  const Leaf leaf = find_leaf(WindowTables(window, root), page);
  if (!leaf.entry || !(read_entry(leaf.entry) & machine::kPresent)) return {};
  tlb[number] = read_entry(leaf.entry);
  return Frame::containing(machine::address_of(tlb[number]));
}

// nucleus/this_core.h

CpuId this_cpu() {
  return current_core->cpu;
}
CoreMemory& this_core_memory() {
  return current_core->memory;
}

void broadcast(const runtime::CpuSet& cores, void (*function)(void*), void* argument) {
  SimulatedCore* const self = current_core;
  CoreCallDouble call{function, argument, 0};
  for (unsigned i = 0; i < current_machine->core_count(); ++i) {
    SimulatedCore& core = current_machine->core(i);
    if (&core == self || !cores.contains(core.cpu)) continue;
    if (!__atomic_load_n(&core.owned, __ATOMIC_SEQ_CST)) {
      current_core = &core;
      ++core.calls_served;
      function(argument);
      current_core = self;
      continue;
    }
    __atomic_fetch_add(&call.remaining, 1, __ATOMIC_RELAXED);
    CoreCallDouble* none = nullptr;
    while (!__atomic_compare_exchange_n(&core.pending, &none, &call, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
      none = nullptr;
      poll();
      ::sched_yield();
    }
  }
  while (__atomic_load_n(&call.remaining, __ATOMIC_ACQUIRE) != 0) {
    poll();
    ::sched_yield();
  }
}

}  // namespace vari::nucleus

// machine/x86_64/paging.h

namespace vari::machine {

using nucleus::current_core;

PhysicalAddress root_table() {
  return current_core->root;
}
void load_root_table(PhysicalAddress root) {
  current_core->root = root;
  current_core->tlb.clear();
  ++current_core->full_flushes;
}
void invalidate_page(VirtualAddress page) {
  current_core->tlb.erase(page.value / kPageBytes);
  ++current_core->page_flushes;
}
void invalidate_everything() {
  current_core->tlb.clear();
  ++current_core->full_flushes;
}
bool has_huge_pages() {
  return true;
}

}  // namespace vari::machine
