// Traps that hit the kernel itself: interrupts, faults on user addresses with a fix-up, and bugs.
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/exception_table.h"
#include "machine/x86_64/memory_layout.h"
#include "machine/x86_64/trap_frame.h"
#include "nucleus/context.h"
#include "nucleus/panic.h"
#include "nucleus/processor.h"

namespace vari::nucleus {
namespace {

using machine::TrapFrame;
using machine::Vector;

constexpr u64 kFirstInterrupt = 32;

const char* name_of(u64 vector) {
  switch (static_cast<Vector>(vector)) {
    case Vector::DivideError: return "division error";
    case Vector::Debug: return "debug exception";
    case Vector::Breakpoint: return "breakpoint";
    case Vector::InvalidOpcode: return "invalid instruction";
    case Vector::DeviceNotAvailable: return "use of vector registers";
    case Vector::DoubleFault: return "double fault";
    case Vector::GeneralProtection: return "general protection fault";
    case Vector::PageFault: return "page fault";
    case Vector::MachineCheck: return "machine check: the hardware reports an error";
    default: return "unexpected exception";
  }
}

bool in_stack_area(u64 address) {
  return address >= machine::kStacksBegin && address < machine::kDevicesBegin;
}

}  // namespace

extern "C" void vari_kernel_trap(TrapFrame* frame) {
  machine::CoreArea& core = machine::this_core();
  if (frame->vector >= kFirstInterrupt) {
    // While the count is up, no lock that is released in there preempts; it is done once, on the way out.
    ++core.preemption_count;
    core.processor->processors->on_interrupt(*core.processor, static_cast<u8>(frame->vector));
    --core.preemption_count;
    if (core.preemption_count == 0 && core.scheduler->preemption_pending()) core.scheduler->preempt();
    return;
  }
  const auto vector = static_cast<Vector>(frame->vector);
  if (vector == Vector::PageFault || vector == Vector::GeneralProtection) {
    if (const u64 fixup = machine::find_fixup(frame->rip)) {
      ++core.statistics.kernel_faults;
      frame->rip = fixup;
      return;
    }
  }
  panic(name_of(frame->vector), frame);
}

extern "C" void vari_kernel_exception(TrapFrame* frame) {
  machine::CoreArea& core = machine::this_core();
  const auto vector = static_cast<Vector>(frame->vector);
  if (vector == Vector::Nmi) {
    PanicState& state = core.processor->processors->panic_state();
    if (__atomic_load_n(&state.first, __ATOMIC_ACQUIRE) != PanicState::kNobody) report_and_halt(*frame);
    return;  // nobody here asks for NMIs but a panic: the machine's own are noise
  }
  if (vector == Vector::DoubleFault) {
    // The push that failed went below the stack's last page: there the guard page lies.
    const u64 fault = machine::read_cr2();
    if (in_stack_area(fault) && fault - (frame->rsp - kPageBytes) < 2 * kPageBytes) {
      panic("kernel stack overflow", frame);
    }
  }
  panic(name_of(frame->vector), frame);
}

extern "C" i32 vari_context_prepare(Context* context) {
  return context->prepare();
}
extern "C" i32 vari_context_trap(Context* context) {
  return context->on_trap();
}

}  // namespace vari::nucleus
