// The local APIC (Intel SDM vol. 3, chapter 10): inter-processor interrupts, end of interrupt, the one-shot
// timer. By memory-mapped registers; by MSRs in x2APIC mode (untried: no emulator here has it).
#pragma once

#include "base/types.h"
#include "machine/x86_64/msr.h"
#include "machine/x86_64/trap_frame.h"

namespace vari::machine {

class LocalApic {
 public:
  LocalApic() = default;
  /// `registers`: mapped uncached; not used with x2APIC.
  LocalApic(void* registers, bool x2apic)
      : registers_(static_cast<volatile u32*>(registers)), x2apic_(x2apic) {}

  /// Of the calling core: software-enables it, masks its local lines, sets the spurious vector.
  void enable() const;
  u32 id() const { return x2apic_ ? read(kId) : read(kId) >> 24; }
  void end_of_interrupt() const { write(kEndOfInterrupt, 0); }

  void send(u32 apic_id, Vector vector) const { command(apic_id, kFixed | static_cast<u32>(vector)); }
  void send_nmi(u32 apic_id) const { command(apic_id, kNmi); }
  void send_init(u32 apic_id) const { command(apic_id, kInit | kAssert); }
  /// `page`: physical page number below 1 MiB where the core starts in real mode.
  void send_startup(u32 apic_id, u8 page) const { command(apic_id, kStartup | kAssert | page); }

  /// Mode of the timer: one shot by count, or by TSC deadline. Divisor 1.
  void enable_timer(bool deadline_mode) const;
  void set_timer_count(u32 ticks) const { write(kTimerInitial, ticks); }
  u32 timer_count() const { return read(kTimerCurrent); }

 private:
  static constexpr u32 kId = 0x20, kTaskPriority = 0x80, kEndOfInterrupt = 0xb0, kSpurious = 0xf0,
                       kErrorStatus = 0x280, kCommandLow = 0x300, kCommandHigh = 0x310, kLineTimer = 0x320,
                       kLineThermal = 0x330, kLinePerformance = 0x340, kLine0 = 0x350, kLine1 = 0x360,
                       kLineError = 0x370, kTimerInitial = 0x380, kTimerCurrent = 0x390, kTimerDivide = 0x3e0;
  static constexpr u32 kFixed = 0, kNmi = 4 << 8, kInit = 5 << 8, kStartup = 6 << 8, kAssert = 1 << 14,
                       kPending = 1 << 12, kMasked = 1 << 16, kDeadlineMode = 2 << 17;

  u32 read(u32 offset) const {
    return x2apic_ ? static_cast<u32>(read_msr(x2(offset))) : registers_[offset / 4];
  }
  void write(u32 offset, u32 value) const {
    if (x2apic_) {
      write_msr(x2(offset), value);
    } else {
      registers_[offset / 4] = value;
    }
  }
  static Msr x2(u32 offset) { return static_cast<Msr>(static_cast<u32>(Msr::X2ApicBase) + offset / 16); }
  void command(u32 apic_id, u32 low) const;

  volatile u32* registers_ = nullptr;
  bool x2apic_ = false;
};

}  // namespace vari::machine
