#include "nucleus/clock.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/ports.h"

namespace vari::nucleus {
namespace {

/// A counter of known frequency to measure others against. Reads wrap at `mask`.
class Reference {
 public:
  virtual u64 read() const = 0;
  virtual const char* name() const = 0;
  u64 elapsed(u64 from, u64 to) const { return (to - from) & mask_; }
  u64 nanoseconds(u64 ticks) const {
    return ticks * (femtoseconds_ / 1000000) + ticks * (femtoseconds_ % 1000000) / 1000000;
  }
  u64 ticks_in(Nanoseconds duration) const { return duration * 1'000'000 / femtoseconds_; }
  Nanoseconds window() const { return window_; }

 protected:
  Reference(u64 femtoseconds, u64 mask, Nanoseconds window)
      : femtoseconds_(femtoseconds), mask_(mask), window_(window) {}
  ~Reference() = default;

 private:
  u64 femtoseconds_;  // a tick
  u64 mask_;
  Nanoseconds window_;  // long enough for the counter's coarseness
};

// IA-PC HPET specification 1.0a, 2.3.
constexpr u64 kHpetMaximumPeriod = 0x05f5'e100;
constexpr unsigned kHpetConfiguration = 0x10 / 8, kHpetCounter = 0xf0 / 8;

class HpetReference final : public Reference {
 public:
  HpetReference(volatile u64* registers, u64 femtoseconds, bool wide)
      : Reference(femtoseconds, wide ? ~u64{0} : 0xffff'ffff, kMillisecond), registers_(registers) {}
  u64 read() const override { return registers_[kHpetCounter]; }
  const char* name() const override { return "HPET"; }

 private:
  volatile u64* registers_;
};

/// ACPI specification, 4.8.3.3: 3.579545 MHz.
class PmTimerReference final : public Reference {
 public:
  PmTimerReference(u16 port, bool wide)
      : Reference(279'365'115, wide ? 0xffff'ffff : 0xff'ffff, 5 * kMillisecond), port_(port) {}
  u64 read() const override { return machine::read_port32(port_); }
  const char* name() const override { return "ACPI timer"; }

 private:
  u16 port_;
};

/// Channel 2 of the 8254, counting down from 65535 with its gate open: good for 54 ms.
class PitReference final : public Reference {
 public:
  PitReference() : Reference(838'095'345, 0xffff, 10 * kMillisecond) {
    machine::write_port8(0x61, (machine::read_port8(0x61) & ~2) | 1);  // gate on, speaker off
    machine::write_port8(0x43, 0xb4);                                  // channel 2, both bytes, mode 2
    machine::write_port8(0x42, 0xff);
    machine::write_port8(0x42, 0xff);
  }
  u64 read() const override {
    machine::write_port8(0x43, 0x80);  // latch channel 2
    const u64 low = machine::read_port8(0x42);
    return 0xffff - (low | u64{machine::read_port8(0x42)} << 8);
  }
  const char* name() const override { return "PIT"; }
};

struct Sample {
  u64 tsc = 0, reference = 0, apic = 0;
};

/// All counters at one time, as nearly as can be: of several readings the one that took least.
Sample take_sample(const Reference& reference, const machine::LocalApic& apic) {
  Sample best;
  u64 least = ~u64{0};
  for (int i = 0; i < 4; ++i) {
    const u64 before = machine::read_tsc();
    const u64 value = reference.read();
    const u64 after = machine::read_tsc();
    if (after - before >= least) continue;
    least = after - before;
    best = {before + (after - before) / 2, value, apic.timer_count()};
  }
  return best;
}

struct Rates {
  u64 tsc_per_second = 0, apic_per_second = 0;
};

Rates measure(const Reference& reference, const machine::LocalApic& apic) {
  const Sample first = take_sample(reference, apic);
  const u64 wanted = reference.ticks_in(reference.window());
  // Bounded also where the reference stands still.
  for (u64 tries = 0; tries < 10'000'000; ++tries) {
    if (reference.elapsed(first.reference, reference.read()) >= wanted) break;
    machine::pause();
  }
  const Sample last = take_sample(reference, apic);
  const u64 elapsed = reference.nanoseconds(reference.elapsed(first.reference, last.reference));
  if (elapsed == 0) return {};
  return {(last.tsc - first.tsc) * kSecond / elapsed, (first.apic - last.apic) * kSecond / elapsed};
}

bool agree(u64 a, u64 b) {
  const u64 difference = a > b ? a - b : b - a;
  return difference <= a / 1000;
}

/// Two measurements in a row that agree to a thousandth; an emulator or a management interrupt may stop
/// this core at any time, so the first alone proves nothing.
Rates calibrate_against(const Reference& reference, const machine::LocalApic& apic) {
  Rates previous = measure(reference, apic);
  for (int i = 0; i < 8; ++i) {
    const Rates next = measure(reference, apic);
    const bool good = agree(next.tsc_per_second, previous.tsc_per_second) && next.tsc_per_second;
    previous = next;
    if (good) break;
  }
  return previous;
}

/// 32.32 quotient.
u64 ratio(u64 a, u64 b) {
  return b ? (a / b << 32) + ((a % b) << 32) / b : 0;
}

}  // namespace

Result<> Clock::calibrate(Memory& memory, const Topology& topology, const machine::Features& features,
                          const machine::LocalApic& apic) {
  const u64 start = machine::read_tsc();
  apic.enable_timer(false);
  apic.set_timer_count(~u32{0});
  Rates rates;
  if (topology.hpet.value) {
    auto* registers =
        static_cast<volatile u64*>(TRY(memory.kernel().map_physical(topology.hpet, kPageBytes, false)));
    const u64 capabilities = registers[0];
    const u64 period = capabilities >> 32;
    if (period != 0 && period <= kHpetMaximumPeriod) {
      registers[kHpetConfiguration] = registers[kHpetConfiguration] | 1;
      const bool wide = capabilities & 1 << 13;
      const HpetReference reference(registers, period, wide);
      rates = calibrate_against(reference, apic);
      reference_ = reference.name();
      if (wide) {
        hpet_ = registers + kHpetCounter;
        hpet_ns_ = ratio(period, 1'000'000);
      }
    }
  }
  if (!rates.tsc_per_second && topology.pm_timer_port) {
    const PmTimerReference reference(static_cast<u16>(topology.pm_timer_port), topology.pm_timer_32_bit);
    rates = calibrate_against(reference, apic);
    reference_ = reference.name();
  }
  if (!rates.tsc_per_second) {
    const PitReference reference;
    rates = calibrate_against(reference, apic);
    reference_ = reference.name();
  }
  apic.set_timer_count(0);
  if (!rates.tsc_per_second || !rates.apic_per_second) return std::unexpected(Error::DeviceError);

  tsc_khz_ = rates.tsc_per_second / 1000;
  scale_.tsc_at_zero = start;
  scale_.tsc_per_ns = ratio(rates.tsc_per_second, kSecond);
  scale_.timer_ticks_per_ns =
      features.tsc_deadline ? scale_.tsc_per_ns : ratio(rates.apic_per_second, kSecond);
  scale_.ns_per_tsc = ratio(kSecond, rates.tsc_per_second);
  return {};
}

void Clock::distrust_tsc() {
  if (!hpet_) return;
  const Nanoseconds now = Clock::now(scale_);
  scale_.hpet_at_zero = *hpet_ - ratio(now, hpet_ns_);
  scale_.ns_per_hpet = hpet_ns_;
  scale_.hpet_counter = hpet_;
}

Nanoseconds Clock::now(const machine::TimeScale& scale) {
  if (slowpath(scale.hpet_counter != nullptr)) {
    return machine::scale(*scale.hpet_counter - scale.hpet_at_zero, scale.ns_per_hpet);
  }
  return machine::scale(machine::read_tsc() - scale.tsc_at_zero, scale.ns_per_tsc);
}

void Clock::arm(machine::CoreArea& core, Nanoseconds deadline) {
  core.timer_deadline = deadline;
  const machine::TimeScale& time = *core.time;
  if (deadline == kForever) {
    if (core.features->tsc_deadline) return machine::write_msr(machine::Msr::TscDeadline, 0);
    return core.apic->set_timer_count(0);
  }
  const Nanoseconds now = Clock::now(time);
  // A deadline far off is reached in steps: expired() arms again.
  constexpr Nanoseconds kLongest = 2 * kSecond;
  const Nanoseconds wait = deadline > now ? std::min(deadline - now, kLongest) : 0;
  const u64 ticks = machine::scale(wait, time.timer_ticks_per_ns) + 1;
  if (core.features->tsc_deadline) {
    machine::write_msr(machine::Msr::TscDeadline, machine::read_tsc() + ticks);
  } else {
    core.apic->set_timer_count(static_cast<u32>(std::min<u64>(ticks, ~u32{0})));
  }
}

bool Clock::expired(machine::CoreArea& core) {
  if (core.timer_deadline == kForever) return false;
  if (Clock::now(*core.time) < core.timer_deadline) {
    arm(core, core.timer_deadline);
    return false;
  }
  core.timer_deadline = kForever;
  return true;
}

}  // namespace vari::nucleus
