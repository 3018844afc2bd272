#include "nucleus/clock.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/reference_timers.h"

namespace vari::nucleus {
namespace {

struct Sample {
  u64 tsc = 0, reference = 0, apic = 0;
};

/// All counters at one time, as nearly as can be: of several readings the one that took least.
Sample take_sample(const machine::ReferenceTimer& reference, const machine::LocalApic& apic) {
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

Rates measure(const machine::ReferenceTimer& reference, const machine::LocalApic& apic) {
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
Rates calibrate_against(const machine::ReferenceTimer& reference, const machine::LocalApic& apic) {
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
    const machine::Hpet hpet(TRY(memory.kernel().map_physical(topology.hpet, kPageBytes, false)));
    if (hpet.usable()) {
      rates = calibrate_against(hpet, apic);
      reference_ = hpet.name();
      if (hpet.wide()) {
        hpet_counter_ = hpet.counter();
        ns_per_hpet_ = ratio(hpet.femtoseconds(), 1'000'000);
      }
    }
  }
  if (!rates.tsc_per_second && topology.pm_timer_port) {
    const machine::AcpiTimer reference(static_cast<u16>(topology.pm_timer_port), topology.pm_timer_32_bit);
    rates = calibrate_against(reference, apic);
    reference_ = reference.name();
  }
  if (!rates.tsc_per_second) {
    const machine::IntervalTimer reference;
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
  if (!hpet_counter_) return;
  // The new clock goes on where the old one is: its ticks so far are taken off.
  scale_.hpet_at_zero = *hpet_counter_ - ratio(Clock::now(scale_), ns_per_hpet_);
  scale_.ns_per_hpet = ns_per_hpet_;
  scale_.hpet_counter = hpet_counter_;
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
  core.timer_due = std::max(deadline, now);
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
  const Nanoseconds now = Clock::now(*core.time);
  if (now < core.timer_deadline) {
    arm(core, core.timer_deadline);
    return false;
  }
  Nanoseconds& worst = core.statistics.timer_late_max_ns;
  worst = std::max(worst, now - core.timer_due);
  core.timer_deadline = kForever;
  return true;
}

}  // namespace vari::nucleus
