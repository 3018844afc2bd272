#include "machine/x86_64/reference_timers.h"

#include "machine/x86_64/ports.h"

namespace vari::machine {
namespace {

constexpr u64 kHpetMaximumPeriod = 0x05f5'e100;  // femtoseconds
constexpr u64 kAcpiPeriod = 279'365'115, kIntervalPeriod = 838'095'345;
constexpr u16 kSpeakerPort = 0x61, kChannel2Port = 0x42, kCommandPort = 0x43;

}  // namespace

Hpet::Hpet(void* registers)
    : Hpet(static_cast<volatile u64*>(registers), *static_cast<volatile u64*>(registers)) {}

Hpet::Hpet(volatile u64* registers, u64 capabilities)
    : ReferenceTimer(capabilities >> 32, capabilities >> 13 & 1 ? ~u64{0} : 0xffff'ffff, kMillisecond),
      registers_(registers),
      wide_(capabilities >> 13 & 1) {
  registers_[kConfiguration] = registers_[kConfiguration] | 1;
}

bool Hpet::usable() const {
  return femtoseconds() != 0 && femtoseconds() <= kHpetMaximumPeriod;
}

AcpiTimer::AcpiTimer(u16 port, bool wide)
    : ReferenceTimer(kAcpiPeriod, wide ? 0xffff'ffff : 0xff'ffff, 5 * kMillisecond), port_(port) {}

u64 AcpiTimer::read() const {
  return read_port32(port_);
}

IntervalTimer::IntervalTimer() : ReferenceTimer(kIntervalPeriod, 0xffff, 10 * kMillisecond) {
  write_port8(kSpeakerPort, (read_port8(kSpeakerPort) & ~2) | 1);  // gate open, speaker off
  write_port8(kCommandPort, 0xb4);                                 // channel 2, both bytes, mode 2
  write_port8(kChannel2Port, 0xff);
  write_port8(kChannel2Port, 0xff);
}

u64 IntervalTimer::read() const {
  write_port8(kCommandPort, 0x80);  // latch channel 2
  const u64 low = read_port8(kChannel2Port);
  return 0xffff - (low | u64{read_port8(kChannel2Port)} << 8);
}

}  // namespace vari::machine
