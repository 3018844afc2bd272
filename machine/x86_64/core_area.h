// What a core must find without asking anyone: one block a core, reached through the GS base while the
// kernel runs (SWAPGS at each entry from user mode; docs/invariants.md, "GS base"). Only the owning core
// touches it, save the fields marked "any core". Mechanism only: the pointers into other rooms are opaque
// here and typed by nucleus/processor.h.
#pragma once

#include "base/types.h"
#include "machine/x86_64/core_area_offsets.h"

namespace vari::runtime {
class Scheduler;
class Thread;
}  // namespace vari::runtime
namespace vari::nucleus {
class Context;
struct Processor;
}  // namespace vari::nucleus

namespace vari::machine {

struct Features;
struct TimeScale;
class LocalApic;

/// Counted by the owning core without locks; read by anyone, approximately. CR3 loads, INVLPG and
/// shoot-downs are counted in the nucleus's CoreMemory, switches in the runtime's Scheduler.
struct CoreStatistics {
  u64 interrupts = 0;  // all interrupts taken, those below included
  u64 timer_interrupts = 0;
  u64 ipis_received = 0;
  u64 ipis_sent = 0;
  u64 user_traps = 0;     // faults and exceptions of programs; system calls are the personality's to count
  u64 kernel_faults = 0;  // faults of kernel instructions on user addresses, continued at their fix-up
  u64 context_loads = 0;  // a context's bases and domain became this core's
  u64 vector_saves = 0;
  u64 vector_loads = 0;
  u64 base_writes = 0;  // FS and GS base of contexts
  /// The longest that the timer's interrupt has come after its time: so long had this core interrupts masked,
  /// or handled others (C05, K63). Meaningful where the clock counts instructions; else it is the host's
  /// lateness.
  Nanoseconds timer_late_max_ns = 0;
};

struct CoreArea {
  CoreArea* self = nullptr;
  u64 user_stack_pointer = 0;           // scratch of the system-call entry
  u64 kernel_stack_pointer = 0;         // where run() left the kernel stack; the way back
  nucleus::Context* context = nullptr;  // whose bases and domain this core holds; null: none
  u64 trap_vector = 0;                  // the last trap from user mode, valid until interrupts are enabled
  u64 trap_error = 0;
  u64 fault_address = 0;
  u64 entry_stack = 0;  // top of the small stack on which the processor pushes frames from user mode
  // Calls that only tell a fact (interfaces/place.h, FactCalls), of the context that this core has loaded.
  const u16* fact_table = nullptr;
  u64 fact_count = 0;
  const u8* facts = nullptr;

  // The runtime's.
  runtime::Thread* thread = nullptr;
  runtime::Scheduler* scheduler = nullptr;
  u32 preemption_count = 1;  // preemption is possible at 0; a core starts without
  bool online = false;       // any core may read: takes part in broadcasts

  // Contexts.
  nucleus::Context* vector_owner = nullptr;  // whose vector state the registers hold, if it agrees
  bool vectors_live = false;  // CR0.TS is clear: the registers may have changed since the last save

  // What the core belongs to.
  nucleus::Processor* processor = nullptr;
  const Features* features = nullptr;
  const LocalApic* apic = nullptr;
  const TimeScale* time = nullptr;
  Nanoseconds timer_deadline = kForever;
  Nanoseconds timer_due = kForever;  // when the interrupt can come at the earliest: not before it was armed
  CpuId id;
  u32 apic_id = 0;
  u32 node = 0;  // NUMA
  CoreStatistics statistics;
};

static_assert(__builtin_offsetof(CoreArea, self) == CORE_SELF);
static_assert(__builtin_offsetof(CoreArea, user_stack_pointer) == CORE_USER_STACK);
static_assert(__builtin_offsetof(CoreArea, kernel_stack_pointer) == CORE_KERNEL_STACK);
static_assert(__builtin_offsetof(CoreArea, context) == CORE_CONTEXT);
static_assert(__builtin_offsetof(CoreArea, trap_vector) == CORE_TRAP_VECTOR);
static_assert(__builtin_offsetof(CoreArea, trap_error) == CORE_TRAP_ERROR);
static_assert(__builtin_offsetof(CoreArea, fault_address) == CORE_FAULT_ADDRESS);
static_assert(__builtin_offsetof(CoreArea, entry_stack) == CORE_ENTRY_STACK);
static_assert(__builtin_offsetof(CoreArea, fact_table) == CORE_FACT_TABLE);
static_assert(__builtin_offsetof(CoreArea, fact_count) == CORE_FACT_COUNT);
static_assert(__builtin_offsetof(CoreArea, facts) == CORE_FACTS);

/// A field of the calling core's block, read in one instruction: right even where the caller may be moved to
/// another core before or after. `kOffset` is the field's.
template <class T, std::size_t kOffset>
T core_field() {
  T value;
  asm volatile("mov %%gs:%c1, %0" : "=r"(value) : "i"(kOffset));
  return value;
}

/// The calling core's preemption count, up and down: one instruction each, so that a caller that is moved
/// between cores can't count on the wrong one. Down: true where it reached zero.
inline void raise_preemption_count() {
  asm volatile("incl %%gs:%c0" : : "i"(__builtin_offsetof(CoreArea, preemption_count)) : "memory", "cc");
}
inline bool lower_preemption_count() {
  bool zero;
  asm volatile("decl %%gs:%c1"
               : "=@ccz"(zero)
               : "i"(__builtin_offsetof(CoreArea, preemption_count))
               : "memory");
  return zero;
}

/// The calling core's block. Stable only while the caller can't be preempted.
inline CoreArea& this_core() {
  CoreArea* area;
  asm volatile("movq %%gs:%c1, %0" : "=r"(area) : "i"(CORE_SELF));
  return *area;
}

}  // namespace vari::machine
