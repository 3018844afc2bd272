// Writes by the polled early text output and nothing else. The first core that panics interrupts all others
// by NMI, reports, and then gives each of them its turn; a core that does not answer is named and left.
// A panic within a panic ends at once.
#include "nucleus/panic.h"

#include "base/assert.h"
#include "base/format.h"
#include "machine/x86_64/boot/early_text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/stack_frame.h"
#include "machine/x86_64/symbols.h"
#include "nucleus/processor.h"
#include "runtime/thread.h"

namespace vari::nucleus {
namespace {

using machine::CoreArea;
using machine::early_write;
using machine::TrapFrame;

constexpr unsigned kMaximumFrames = 32;

template <class... Pieces>
void print(const Pieces&... pieces) {
  Text<160> line(pieces...);
  early_write(line.text());
}

void print_place(u64 address) {
  u64 offset = 0;
  const char* name = machine::find_symbol(address, &offset);
  if (name) {
    print("    ", Hex{address, 16}, " ", name, "+0x", Hex{offset}, "\n");
  } else {
    print("    ", Hex{address, 16}, "\n");
  }
}

void print_stack(machine::StackFrame frame) {
  print("  stack:\n");
  print_place(frame.code);
  for (unsigned i = 0; i < kMaximumFrames && machine::step_out(frame); ++i) print_place(frame.code);
}

void print_registers(const TrapFrame& f) {
  print("  rax ", Hex{f.rax, 16}, " rbx ", Hex{f.rbx, 16}, " rcx ", Hex{f.rcx, 16}, " rdx ", Hex{f.rdx, 16},
        "\n");
  print("  rsi ", Hex{f.rsi, 16}, " rdi ", Hex{f.rdi, 16}, " rbp ", Hex{f.rbp, 16}, " rsp ", Hex{f.rsp, 16},
        "\n");
  print("  r8  ", Hex{f.r8, 16}, " r9  ", Hex{f.r9, 16}, " r10 ", Hex{f.r10, 16}, " r11 ", Hex{f.r11, 16},
        "\n");
  print("  r12 ", Hex{f.r12, 16}, " r13 ", Hex{f.r13, 16}, " r14 ", Hex{f.r14, 16}, " r15 ", Hex{f.r15, 16},
        "\n");
  print("  rip ", Hex{f.rip, 16}, " flags ", Hex{f.rflags, 8}, " cs ", Hex{f.cs}, " vector ", f.vector,
        " error ", Hex{f.error}, "\n");
}

void report(const CoreArea& core, const TrapFrame* frame) {
  print("core ", core.id.value, " (APIC ", core.apic_id, ")");
  if (core.thread) print(", thread ", core.thread->id(), " \"", core.thread->name(), "\"");
  print(", cr2 ", Hex{machine::read_cr2(), 16}, "\n");
  if (frame) {
    print_registers(*frame);
    print_stack({frame->rip, frame->rbp});
  } else {
    print_stack(machine::calling_frame());
  }
}

/// True when `done` came true within about a second.
template <class Condition>
bool wait_for(Condition done) {
  for (u64 tries = 0; tries < 20'000'000; ++tries) {
    if (done()) return true;
    machine::pause();
  }
  return false;
}

void report_others(Processors& processors, PanicState& state, const CoreArea& self) {
  processors.for_each([&](Processor& other) {
    if (&other.area == &self) return;
    const u32 before = __atomic_load_n(&state.reported, __ATOMIC_ACQUIRE);
    __atomic_store_n(&state.turn, other.area.id.value, __ATOMIC_RELEASE);
    if (!wait_for([&] { return __atomic_load_n(&state.reported, __ATOMIC_ACQUIRE) != before; })) {
      print("core ", other.area.id.value, " does not answer\n");
    }
  });
}

[[noreturn]] void wait_turn_and_halt(CoreArea& core, PanicState& state, const TrapFrame* frame,
                                     std::string_view reason) {
  while (__atomic_load_n(&state.turn, __ATOMIC_ACQUIRE) != core.id.value) machine::pause();
  if (!reason.empty()) print("also: ", reason, "\n");
  report(core, frame);
  __atomic_fetch_add(&state.reported, 1, __ATOMIC_ACQ_REL);
  machine::halt_forever();
}

/// The core that ends the machine first tells the others by NMI to stop; returns kNobody to that core, and
/// the first core to one that came later. `silent`: there is nothing to report.
u32 stop_others(Processors& processors, const CoreArea& core, bool silent) {
  PanicState& state = processors.panic_state();
  u32 first = PanicState::kNobody;
  if (!__atomic_compare_exchange_n(&state.first, &first, core.id.value, false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE))
    return first;
  __atomic_store_n(&state.silent, silent, __ATOMIC_SEQ_CST);  // Order: before the NMIs
  processors.for_each([&](Processor& other) {
    if (&other.area != &core) processors.apic().send_nmi(other.area.apic_id);
  });
  return PanicState::kNobody;
}

}  // namespace

void panic(std::string_view reason, const TrapFrame* frame) {
  machine::disable_interrupts();
  CoreArea& core = machine::this_core();
  Processors& processors = *core.processor->processors;
  PanicState& state = processors.panic_state();
  // All stop first, so that the report is of one moment.
  if (const u32 first = stop_others(processors, core, false); first != PanicState::kNobody) {
    if (first == core.id.value) machine::early_stop("panic within a panic: ", reason);
    wait_turn_and_halt(core, state, frame, reason);
  }
  print("\nPANIC: ", reason, "\n");
  report(core, frame);
  report_others(processors, state, core);
  machine::early_stop("", "end of panic");
}

void halt_machine() {
  machine::disable_interrupts();
  CoreArea& core = machine::this_core();
  Processors& processors = *core.processor->processors;
  if (stop_others(processors, core, true) == PanicState::kNobody) print("\nThe machine is halted.\n");
  machine::halt_forever();
}

void report_and_halt(const TrapFrame& frame) {
  CoreArea& core = machine::this_core();
  PanicState& state = core.processor->processors->panic_state();
  if (__atomic_load_n(&state.silent, __ATOMIC_ACQUIRE)) machine::halt_forever();
  wait_turn_and_halt(core, state, &frame, {});
}

}  // namespace vari::nucleus

namespace vari {

void assertion_failed(const char* expression, const char* file, int line) {
  Text<160> reason("assertion failed: ", expression, " (", file, ":", line, ")");
  nucleus::panic(reason.text());
}

}  // namespace vari
