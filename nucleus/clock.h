// Time of one nucleus: a monotonic clock from the time stamp counter, calibrated against the best reference
// that the machine has, and each core's one-shot timer. No periodic tick anywhere.
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "interfaces/topology.h"
#include "machine/x86_64/core_area.h"
#include "machine/x86_64/features.h"
#include "machine/x86_64/local_apic.h"
#include "machine/x86_64/time_scale.h"
#include "nucleus/memory.h"

namespace vari::nucleus {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  /// Calibrates: HPET, else the ACPI timer, else the PIT. The clock reads 0 before, and goes on from about 0.
  Result<> calibrate(Memory& memory, const Topology& topology, const machine::Features& features,
                     const machine::LocalApic& apic);
  /// The cores' time stamp counters were seen to disagree: from now on the HPET is the clock, if there is
  /// one.
  void distrust_tsc();

  const machine::TimeScale& scale() const { return scale_; }
  u64 tsc_khz() const { return tsc_khz_; }
  const char* reference() const { return reference_; }

  /// Nanoseconds since calibration, never going back on a core; across cores as far as their TSCs agree.
  static Nanoseconds now(const machine::TimeScale& scale);
  /// Arms the calling core's timer; kForever: stops it. Interrupts are disabled.
  static void arm(machine::CoreArea& core, Nanoseconds deadline);
  /// Interrupt level: the timer fired. True if its deadline has come; else it is armed again.
  static bool expired(machine::CoreArea& core);

 private:
  machine::TimeScale scale_;
  decltype(machine::TimeScale::hpet_counter) hpet_counter_ = nullptr;  // where the machine has a good one
  u64 ns_per_hpet_ = 0;                                                // 32.32
  u64 tsc_khz_ = 0;
  const char* reference_ = "none";
};

}  // namespace vari::nucleus
