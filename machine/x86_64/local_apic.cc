#include "machine/x86_64/local_apic.h"

#include "machine/x86_64/cpu.h"

namespace vari::machine {

void LocalApic::enable() const {
  u64 base = read_msr(Msr::ApicBase) | kApicBaseEnable;
  write_msr(Msr::ApicBase, base);
  if (x2apic_) write_msr(Msr::ApicBase, base | kApicBaseX2);  // by way of xAPIC mode (SDM vol. 3, 10.12.1)
  constexpr u32 kSoftwareEnable = 1 << 8;
  write(kLineTimer, kMasked | static_cast<u32>(Vector::Timer));
  write(kLineThermal, kMasked);
  write(kLinePerformance, kMasked);
  write(kLine0, kMasked);
  write(kLine1, kNmi);  // by the convention of PC firmware, NMI comes here
  write(kLineError, kMasked);
  write(kTaskPriority, 0);
  write(kSpurious, kSoftwareEnable | static_cast<u32>(Vector::Spurious));
  end_of_interrupt();
}

void LocalApic::enable_timer(bool deadline_mode) const {
  constexpr u32 kDivideBy1 = 0b1011;
  write(kTimerDivide, kDivideBy1);
  write(kLineTimer, static_cast<u32>(Vector::Timer) | (deadline_mode ? kDeadlineMode : 0));
}

void LocalApic::command(u32 apic_id, u32 low) const {
  if (x2apic_) {
    // One write; but it is not ordered after earlier stores by itself (SDM vol. 3, 10.12.3).
    asm volatile("mfence; lfence" : : : "memory");
    write_msr(x2(kCommandLow), u64{apic_id} << 32 | low);
    return;
  }
  // Two writes, with interrupts off in between: an interrupt handler may send one of its own.
  const bool enabled = interrupts_enabled();
  disable_interrupts();
  while (read(kCommandLow) & kPending) pause();
  write(kCommandHigh, apic_id << 24);
  write(kCommandLow, low);
  if (enabled) enable_interrupts();
}

}  // namespace vari::machine
