// What firmware says of processors, interrupt controllers and memory nodes (ACPI: MADT, SRAT, FADT,
// HPET, MCFG), in plain data. Filled by components/acpi, used by the nucleus at start-up.
#pragma once

#include "base/types.h"

namespace vari {

struct ProcessorDescription {
  u32 apic_id = 0;
  u32 acpi_id = 0;
  u32 node = 0;
};

struct IoApicDescription {
  u8 id = 0;
  PhysicalAddress address;
  u32 first_interrupt = 0;  // global system interrupt of its pin 0
};

/// How an ISA interrupt reaches the I/O APICs where it differs from "same number, edge, high".
struct InterruptOverride {
  u8 isa_irq = 0;
  u32 global_interrupt = 0;
  bool level = false, active_low = false;
};

struct MemoryNode {
  PhysicalAddress begin;
  u64 bytes = 0;
  u32 node = 0;
};

/// Memory-mapped PCI configuration space (MCFG).
struct PciWindow {
  PhysicalAddress begin;  // of the segment's bus 0
  u16 segment = 0;
  u8 first_bus = 0, last_bus = 0;
};

struct Topology {
  static constexpr std::size_t kMaximumIoApics = 8, kMaximumOverrides = 24, kMaximumMemoryNodes = 64,
                               kMaximumPciWindows = 8;

  PhysicalAddress local_apic;
  bool has_legacy_pic = true;
  ProcessorDescription processors[kMaximumCpus];
  std::size_t processor_count = 0;
  IoApicDescription io_apics[kMaximumIoApics];
  std::size_t io_apic_count = 0;
  InterruptOverride overrides[kMaximumOverrides];
  std::size_t override_count = 0;
  MemoryNode memory_nodes[kMaximumMemoryNodes];  // empty: one node
  std::size_t memory_node_count = 0;
  PhysicalAddress hpet;   // 0: none
  u32 pm_timer_port = 0;  // 0: none; 3.579545 MHz
  bool pm_timer_32_bit = false;
  u8 century_register = 0;  // of the RTC; 0: none
  PciWindow pci_windows[kMaximumPciWindows];
  std::size_t pci_window_count = 0;
};

}  // namespace vari
