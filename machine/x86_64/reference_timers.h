// Counters of known frequency, to measure others against: the HPET, the ACPI timer, the old interval timer.
#pragma once

#include "base/types.h"

namespace vari::machine {

/// Counts upwards and wraps at a power of two.
class ReferenceTimer {
 public:
  virtual u64 read() const = 0;
  virtual const char* name() const = 0;
  u64 elapsed(u64 from, u64 to) const { return (to - from) & mask_; }
  u64 nanoseconds(u64 ticks) const {
    // In two parts, because a product in 128 bits would need a division that is not linked into kernels.
    return ticks * (femtoseconds_ / 1'000'000) + ticks * (femtoseconds_ % 1'000'000) / 1'000'000;
  }
  u64 ticks_in(Nanoseconds duration) const { return duration * 1'000'000 / femtoseconds_; }
  u64 femtoseconds() const { return femtoseconds_; }
  /// How long a measurement should last, so that the counter's coarseness does no harm.
  Nanoseconds window() const { return window_; }

 protected:
  ReferenceTimer(u64 femtoseconds, u64 mask, Nanoseconds window)
      : femtoseconds_(femtoseconds), mask_(mask), window_(window) {}
  ~ReferenceTimer() = default;

 private:
  u64 femtoseconds_;  // a tick
  u64 mask_;
  Nanoseconds window_;
};

/// IA-PC HPET specification 1.0a, 2.3.
class Hpet final : public ReferenceTimer {
 public:
  /// `registers`: mapped uncached. Starts the counter.
  explicit Hpet(void* registers);
  bool usable() const;
  /// 64 bits wide: it never wraps in practice.
  bool wide() const { return wide_; }
  const volatile u64* counter() const { return registers_ + kCounter; }
  u64 read() const override { return *counter(); }
  const char* name() const override { return "HPET"; }

 private:
  static constexpr unsigned kConfiguration = 0x10 / 8, kCounter = 0xf0 / 8;
  Hpet(volatile u64* registers, u64 capabilities);
  volatile u64* registers_;
  bool wide_;
};

/// ACPI specification, 4.8.3.3: 3.579545 MHz.
class AcpiTimer final : public ReferenceTimer {
 public:
  AcpiTimer(u16 port, bool wide);
  u64 read() const override;
  const char* name() const override { return "ACPI timer"; }

 private:
  u16 port_;
};

/// Channel 2 of the 8254, 1.193182 MHz, its gate opened by the constructor: wraps after 55 ms.
class IntervalTimer final : public ReferenceTimer {
 public:
  IntervalTimer();
  u64 read() const override;
  const char* name() const override { return "PIT"; }
};

}  // namespace vari::machine
