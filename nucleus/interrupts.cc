#include "nucleus/interrupts.h"

#include "nucleus/processor.h"

namespace vari::nucleus {
namespace {

constexpr u32 kFirstVector = static_cast<u32>(machine::Vector::DeviceFirst);
constexpr u32 kIsaInterrupts = 16;

}  // namespace

Result<> InterruptRouter::initialise(Memory& memory, const Topology& topology) {
  if (topology.has_legacy_pic) machine::mask_legacy_controllers();
  for (std::size_t i = 0; i < topology.io_apic_count; ++i) {
    const IoApicDescription& description = topology.io_apics[i];
    auto* registers = TRY(memory.kernel().map_physical(description.address, kPageBytes, false));
    io_apics_[io_apic_count_++] = machine::IoApic(registers, description.first_interrupt);
  }
  override_count_ = topology.override_count;
  for (std::size_t i = 0; i < override_count_; ++i) overrides_[i] = topology.overrides[i];
  for (u32 i = 0; i < kMaximumLines; ++i) {
    lines_[i].router = this;
    lines_[i].index = i;
  }
  processors_.set_router(*this);
  return {};
}

Result<> InterruptRouter::attach_isa(u8 irq, InterruptHandler& handler) {
  if (irq >= kIsaInterrupts) return std::unexpected(Error::InvalidArgument);
  for (std::size_t i = 0; i < override_count_; ++i) {
    const InterruptOverride& other = overrides_[i];
    if (other.isa_irq != irq) continue;
    return attach_global(other.global_interrupt, other.level ? TriggerMode::Level : TriggerMode::Edge,
                         other.active_low, handler);
  }
  return attach_global(irq, TriggerMode::Edge, false, handler);
}

Result<> InterruptRouter::attach_global(u32 global_interrupt, TriggerMode mode, bool active_low,
                                        InterruptHandler& handler) {
  runtime::Guard guard(mutex_);
  Line& line = *TRY(open_line(global_interrupt, mode, active_low));
  bool placed = false;
  {
    runtime::Guard line_guard(line.mutex);
    for (auto& slot : line.handlers) {
      if (slot) continue;
      slot = &handler;
      placed = true;
      break;
    }
  }
  if (!placed) return std::unexpected(Error::LimitReached);
  set_masked(line, false);
  return {};
}

Result<InterruptRouter::Line*> InterruptRouter::open_line(u32 global_interrupt, TriggerMode mode,
                                                          bool active_low) {
  if (!controller(global_interrupt)) return std::unexpected(Error::NotFound);
  Line* free_line = nullptr;
  for (Line& line : lines_) {
    if (line.used && line.global_interrupt == global_interrupt) {
      // Only level-triggered lines can be shared, and only by those that agree on them.
      if (line.mode != mode || line.active_low != active_low) return std::unexpected(Error::Busy);
      return &line;
    }
    if (!line.used && !free_line) free_line = &line;
  }
  if (!free_line) return std::unexpected(Error::LimitReached);
  Line& line = *free_line;
  line.global_interrupt = global_interrupt;
  line.mode = mode;
  line.active_low = active_low;
  line.apic_id = static_cast<u8>(processors_.at(CpuId{0}).area.apic_id);
  line.thread = TRY(runtime::Thread::start(
      &InterruptRouter::thread_main, &line,
      {.name = "interrupt", .priority = runtime::Priority::Interrupt, .stack_bytes = 16 * kKiB}));
  line.used = true;
  return &line;
}

void InterruptRouter::detach(InterruptHandler& handler) {
  runtime::Guard guard(mutex_);
  for (Line& line : lines_) {
    if (!line.used) continue;
    // The line's mutex is held while its handlers run: after this none does.
    runtime::Guard line_guard(line.mutex);
    bool any = false;
    for (auto& slot : line.handlers) {
      if (slot == &handler) slot = nullptr;
      any = any || slot;
    }
    if (!any) set_masked(line, true);
  }
}

void InterruptRouter::on_vector_irq(u8 vector) {
  const u32 index = vector - kFirstVector;
  Line& line = lines_[index];
  ++line.interrupts;
  // Still asserted: without the mask it would come again as soon as it is acknowledged.
  if (line.mode == TriggerMode::Level) set_masked(line, true);
  const u64 bit = u64{1} << index;
  if (!(__atomic_fetch_or(&pending_lines_, bit, __ATOMIC_ACQ_REL) & bit)) line.pending.signal();
}

void InterruptRouter::thread_main(void* argument) {
  auto& line = *static_cast<Line*>(argument);
  for (;;) {
    // Without deadline or cancellation this wait has no error.
    (void)line.pending.wait();
    line.router->serve(line);
  }
}

void InterruptRouter::serve(Line& line) {
  // Order: cleared before the handlers look at their devices, so what comes during that counts anew.
  __atomic_fetch_and(&pending_lines_, ~(u64{1} << line.index), __ATOMIC_ACQ_REL);
  runtime::Guard guard(line.mutex);
  ++line.rounds;
  bool any = false;
  for (InterruptHandler* handler : line.handlers) {
    if (!handler) continue;
    handler->on_interrupt();
    any = true;
  }
  if (any && line.mode == TriggerMode::Level) set_masked(line, false);
}

const machine::IoApic* InterruptRouter::controller(u32 global_interrupt) const {
  for (std::size_t i = 0; i < io_apic_count_; ++i) {
    if (io_apics_[i].serves(global_interrupt)) return &io_apics_[i];
  }
  return nullptr;
}

void InterruptRouter::set_masked(const Line& line, bool masked) {
  const machine::IoApic* io_apic = controller(line.global_interrupt);
  runtime::Guard guard(register_lock_);
  io_apic->set_route(line.global_interrupt - io_apic->first_interrupt(),
                     {.vector = static_cast<u8>(kFirstVector + line.index),
                      .level = line.mode == TriggerMode::Level,
                      .active_low = line.active_low,
                      .apic_id = line.apic_id,
                      .masked = masked});
}

bool InterruptRouter::statistics(u32 index, LineStatistics& out) const {
  if (index >= kMaximumLines) return false;
  const Line& line = lines_[index];
  if (!line.used) return false;
  out = {line.global_interrupt, line.interrupts, line.rounds, line.thread->id()};
  return true;
}

}  // namespace vari::nucleus
