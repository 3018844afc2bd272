#include "nucleus/processor.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/msr.h"
#include "machine/x86_64/paging.h"
#include "nucleus/interrupts.h"
#include "nucleus/panic.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {

using machine::CoreArea;
using machine::Vector;

void Processors::adopt(Processor& processor, CpuId cpu) {
  processor.processors = this;
  processor.area.processor = &processor;
  processor.area.id = cpu;
  processor.area.features = &features_;
  processor.area.apic = &apic_;
  processor.area.time = &clock_.scale();
  processor.tables.load(processor.area, processor.exception_stacks);
  interrupt_table_.load();
  machine::enable_system_calls();
  machine::enable_features(features_);
  if (features_.tells_processor()) machine::write_msr(machine::Msr::TscAux, cpu.value);
  processor.memory.smap = features_.smap;
  processor.memory.translating = true;
  processors_[cpu.value] = &processor;
}

void Processors::adopt_boot_core() {
  features_ = machine::detect_features();
  interrupt_table_.fill();
  adopt(boot_processor_, CpuId{0});
  __atomic_store_n(&count_, 1, __ATOMIC_RELEASE);
}

Result<> Processors::prepare(Memory& memory, const Topology& topology) {
  memory_ = &memory;
  if (features_.x2apic) {
    apic_ = machine::LocalApic(nullptr, true);
  } else {
    auto* registers = TRY(memory.kernel().map_physical(topology.local_apic, kPageBytes, false));
    apic_ = machine::LocalApic(registers, false);
  }
  apic_.enable();
  TRY(clock_.calibrate(memory, topology, features_, apic_));
  for (std::size_t i = 0; i < topology.processor_count; ++i) {
    if (topology.processors[i].apic_id != apic_.id()) continue;
    boot_processor_.memory.node = boot_processor_.area.node = topology.processors[i].node;
  }
  join(boot_processor_);
  return {};
}

void Processors::join(Processor& processor) {
  CoreArea& core = processor.area;
  core.apic_id = apic_.id();
  apic_.enable_timer(features_.tsc_deadline);
  auto& scheduler = processor.scheduler.make(schedulers_, core.id, &processor);
  core.scheduler = &scheduler;
  scheduler.adopt({processor.idle_stack.bottom, processor.idle_stack.bytes});
  __atomic_store_n(&core.online, true, __ATOMIC_SEQ_CST);
}

void Processors::run_boot_core() {
  boot_processor_.area.preemption_count = 0;
  boot_processor_.scheduler->run_idle_loop();
  UNREACHABLE();
}

void Processors::send(CpuId cpu, Vector vector) {
  ++machine::this_core().statistics.ipis_sent;
  apic_.send(processors_[cpu.value]->area.apic_id, vector);
}

void Processors::on_interrupt(Processor& here, u8 number) {
  CoreArea& core = here.area;
  ++core.statistics.interrupts;
  const auto vector = static_cast<Vector>(number);
  if (vector >= Vector::DeviceFirst && vector <= Vector::DeviceLast) {
    router_->on_vector_irq(number);
    apic_.end_of_interrupt();
    return;
  }
  // Spurious interrupts of the local APIC and of the 8259s are not to be acknowledged.
  if (vector < Vector::DeviceFirst || vector == Vector::Spurious) return;
  apic_.end_of_interrupt();
  switch (vector) {
    case Vector::Timer:
      ++core.statistics.timer_interrupts;
      if (Clock::expired(core)) core.scheduler->on_timer();
      break;
    case Vector::Notify:
      ++core.statistics.ipis_received;
      core.scheduler->on_notify();
      break;
    case Vector::Call:
      ++core.statistics.ipis_received;
      serve_calls(here);
      break;
    default:  // Attention: the way back to user code looks around by itself
      ++core.statistics.ipis_received;
      break;
  }
}

// Calls. A caller fills its own CoreCall, enters itself in the boxes of those that shall run it, interrupts
// them, and waits for the count to reach zero. While it waits it serves others' calls, so two cores that call
// each other with interrupts off both get on.
void Processors::broadcast(const runtime::CpuSet& cores, void (*function)(void*), void* argument) {
  runtime::port::disable_preemption();
  Processor& here = this_processor();
  CoreCall& call = here.call;
  ASSERT(call.remaining == 0);  // Invariant: not called from a function that is being broadcast here
  call.function = function;
  call.argument = argument;

  const u32 self = here.area.id.value;
  // One more than are asked, so that the count can't reach zero before all have been.
  __atomic_store_n(&call.remaining, 1, __ATOMIC_RELAXED);
  for_each([&](Processor& other) {
    if (&other == &here || !cores.contains(other.area.id)) return;
    __atomic_fetch_add(&call.remaining, 1, __ATOMIC_RELAXED);
    // Order: the box is entered (sequentially consistent) after the call is filled, before the interrupt.
    __atomic_fetch_or(&other.callers[self / 64], u64{1} << (self % 64), __ATOMIC_SEQ_CST);
    send(other.area.id, Vector::Call);
  });
  __atomic_fetch_sub(&call.remaining, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n(&call.remaining, __ATOMIC_ACQUIRE)) {
    serve_calls(here);
    machine::pause();
  }
  runtime::port::enable_preemption();
}

void Processors::serve_calls(Processor& here) {
  const u32 limit = __atomic_load_n(&limit_, __ATOMIC_ACQUIRE);
  for (u32 word = 0; word * 64 < limit; ++word) {
    if (!__atomic_load_n(&here.callers[word], __ATOMIC_RELAXED)) continue;
    u64 callers = __atomic_exchange_n(&here.callers[word], 0, __ATOMIC_SEQ_CST);
    for (; callers; callers &= callers - 1) {
      const u32 cpu = word * 64 + static_cast<u32>(__builtin_ctzll(callers));
      CoreCall& call = processors_[cpu]->call;
      // Interrupt level, whoever looked: the function may rely on it.
      const u64 saved = runtime::port::disable_interrupts();
      call.function(call.argument);
      if (saved & machine::kFlagInterrupts) machine::enable_interrupts();
      // Order: release; after this the caller may reuse the call.
      __atomic_fetch_sub(&call.remaining, 1, __ATOMIC_ACQ_REL);
    }
  }
}

CpuId this_cpu() {
  return machine::this_core().id;
}
CoreMemory& this_core_memory() {
  return this_processor().memory;
}
void broadcast(const runtime::CpuSet& cores, void (*function)(void*), void* argument) {
  this_processor().processors->broadcast(cores, function, argument);
}

}  // namespace vari::nucleus
