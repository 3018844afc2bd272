// MADT: which processors and interrupt controllers there are (ACPI 6.4, 5.2.12).
#include <algorithm>

#include "components/acpi/donor.h"
#include "components/acpi/tables.h"

namespace vari::components::acpi {
namespace {

constexpr u32 kBroadcastApicId = 0xff;

void add_processor(Topology& topology, u32 apic_id, u32 acpi_id) {
  const auto known = std::span(topology.processors, topology.processor_count);
  if (std::ranges::any_of(known, [&](const auto& p) { return p.apic_id == apic_id; })) return;
  if (topology.processor_count == kMaximumCpus) return;
  topology.processors[topology.processor_count++] = {apic_id, acpi_id, 0};
}

bool add_local_apic(std::span<const u8> entry, Topology& topology) {
  const auto apic = read_at<acpi_madt_local_apic>(entry, 0);
  if (!apic) return false;
  if ((apic->lapic_flags & ACPI_MADT_ENABLED) && apic->id != kBroadcastApicId)
    add_processor(topology, apic->id, apic->processor_id);
  return true;
}

bool add_local_x2apic(std::span<const u8> entry, Topology& topology) {
  const auto apic = read_at<acpi_madt_local_x2apic>(entry, 0);
  if (!apic) return false;
  if ((apic->lapic_flags & ACPI_MADT_ENABLED) && apic->local_apic_id != ~u32{0})
    add_processor(topology, apic->local_apic_id, apic->uid);
  return true;
}

bool add_io_apic(std::span<const u8> entry, Topology& topology) {
  const auto apic = read_at<acpi_madt_io_apic>(entry, 0);
  if (!apic || apic->address == 0 || !is_aligned(apic->address, 16)) return false;
  const auto known = std::span(topology.io_apics, topology.io_apic_count);
  const bool duplicate = std::ranges::any_of(known, [&](const auto& other) {
    return other.address.value == apic->address || other.first_interrupt == apic->global_irq_base;
  });
  if (duplicate) return false;
  if (topology.io_apic_count == Topology::kMaximumIoApics) return true;
  topology.io_apics[topology.io_apic_count++] = {apic->id, {apic->address}, apic->global_irq_base};
  return true;
}

bool add_override(std::span<const u8> entry, Topology& topology) {
  const auto source = read_at<acpi_madt_interrupt_override>(entry, 0);
  if (!source || source->bus != 0 || source->source_irq > 15) return false;
  if (topology.override_count == Topology::kMaximumOverrides) return true;
  // "Conforms to the bus" means edge and high for ISA.
  topology.overrides[topology.override_count++] = {
      source->source_irq, source->global_irq,
      (source->inti_flags & ACPI_MADT_TRIGGER_MASK) == ACPI_MADT_TRIGGER_LEVEL,
      (source->inti_flags & ACPI_MADT_POLARITY_MASK) == ACPI_MADT_POLARITY_ACTIVE_LOW};
  return true;
}

bool set_local_apic_address(std::span<const u8> entry, Topology& topology) {
  const auto override_ = read_at<acpi_madt_local_apic_override>(entry, 0);
  if (!override_ || override_->address == 0 || !is_aligned(override_->address, kPageBytes)) return false;
  topology.local_apic = {override_->address};
  return true;
}

}  // namespace

Result<> read_madt(std::span<const u8> table, Topology& topology) {
  const auto header = read_at<acpi_table_madt>(table, 0);
  if (!header) return std::unexpected(Error::Malformed);
  bool sound = header->address != 0 && is_aligned(header->address, kPageBytes);
  if (sound) topology.local_apic = {header->address};
  topology.has_legacy_pic = header->flags & ACPI_MADT_PCAT_COMPAT;
  sound &= for_each_entry(table, sizeof(acpi_table_madt), [&](u8 type, std::span<const u8> entry) {
    switch (type) {
      case ACPI_MADT_TYPE_LOCAL_APIC: return add_local_apic(entry, topology);
      case ACPI_MADT_TYPE_LOCAL_X2APIC: return add_local_x2apic(entry, topology);
      case ACPI_MADT_TYPE_IO_APIC: return add_io_apic(entry, topology);
      case ACPI_MADT_TYPE_INTERRUPT_OVERRIDE: return add_override(entry, topology);
      case ACPI_MADT_TYPE_LOCAL_APIC_OVERRIDE: return set_local_apic_address(entry, topology);
      default: return true;
    }
  });
  if (!sound) return std::unexpected(Error::Malformed);
  return {};
}

}  // namespace vari::components::acpi
