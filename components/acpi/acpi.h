// ACPI in two stages, through ACPICA, which is compiled unmodified (design.md, rule 6; see README.md).
//
// Stage 1, read_topology(): the fixed tables that the nucleus needs before it has frames, a heap or a
// second core. Uses no memory beyond its stack and one static array.
// Stage 2, Acpi: the namespace and its byte code, for power-off and the power button. It costs millions
// of instructions and is therefore loaded on first use, not at boot.
//
// ACPICA keeps its state in globals of its own, so that an image holds one ACPI; see README.md.
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "interfaces/environment.h"
#include "interfaces/topology.h"

namespace vari::components::acpi {

/// How stage 1 reaches physical memory.
class EarlyMap {
 public:
  /// The bytes at `begin`, to be read until unmap(); null where no memory is, or none that may be
  /// read. Addresses and lengths come from the tables and may be absurd.
  virtual const void* map(PhysicalAddress begin, u64 bytes) = 0;
  virtual void unmap(const void* mapped, u64 bytes) = 0;

 protected:
  ~EarlyMap() = default;
};

/// Physical [0, limit) lies at `window`.
class LinearEarlyMap final : public EarlyMap {
 public:
  LinearEarlyMap(u64 window, u64 limit) : window_(window), limit_(limit) {}
  const void* map(PhysicalAddress begin, u64 bytes) override;
  void unmap(const void*, u64) override {}

 private:
  u64 window_;
  u64 limit_;
};

/// Fills `topology` from MADT, SRAT, FADT, HPET and MCFG. `rsdp` 0: it is searched for where a PC's
/// firmware leaves it. Whatever the result, `topology` is complete and consistent:
///   - no tables (NotFound) or no usable MADT (Malformed): one processor, no I/O APIC, legacy PIC;
///   - a damaged entry: it and all that follows in its table are left out, and the result is Malformed;
///   - SRAT that contradicts itself: one memory node.
/// Processors come in the MADT's order without duplicates; nodes are numbered densely from 0.
/// Called once, by the boot processor, before any other function here.
Result<> read_topology(PhysicalAddress rsdp, EarlyMap& memory, Topology& topology);

/// Told in a thread of the component's own; may block.
class PowerButtonListener {
 public:
  virtual void on_power_button() = 0;

 protected:
  ~PowerButtonListener() = default;
};

/// Stage 2. All functions may be called from any thread at process level.
class Acpi {
 public:
  /// `rsdp` as for read_topology(); not destroyed again. OutOfMemory; Busy: there is one already.
  static Result<Acpi*> create(Environment& environment, PhysicalAddress rsdp);

  /// Loads the namespace, takes over the ACPI hardware and its interrupt. The first caller does it,
  /// others wait; later calls return the first one's result.
  virtual Result<> start() = 0;
  /// Runs _PTS and enters S5. Starts first where needed. Returns only if the machine doesn't obey.
  virtual Result<> power_off() = 0;
  /// By the FADT's reset register, else by the chipset's and the keyboard controller's. Needs no
  /// start(). Returns only if the machine doesn't obey.
  virtual Result<> reset() = 0;
  /// Calls `listener` at each press from now on. Starts first where needed.
  virtual Result<> watch_power_button(PowerButtonListener& listener) = 0;

 protected:
  ~Acpi() = default;
};

}  // namespace vari::components::acpi
