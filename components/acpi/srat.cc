// SRAT: which memory and which processors are near to each other (ACPI 6.4, 5.2.16), and the two small
// tables HPET and MCFG.
#include <algorithm>
#include <numeric>

#include "base/assert.h"
#include "components/acpi/donor.h"
#include "components/acpi/tables.h"

namespace vari::components::acpi {
namespace {

/// Firmware's proximity domains are sparse numbers; ours are dense, in the order of their first memory.
class Proximities {
 public:
  /// The domain's number, made if it is new.
  u32 number(u32 domain) {
    const auto found = find(domain);
    if (found) return *found;
    ASSERT(count_ < Topology::kMaximumMemoryNodes);
    domains_[count_] = domain;
    return count_++;
  }
  std::optional<u32> find(u32 domain) const {
    const auto known = std::span(domains_, count_);
    const auto at = std::ranges::find(known, domain);
    if (at == known.end()) return std::nullopt;
    return static_cast<u32>(at - known.begin());
  }

 private:
  u32 domains_[Topology::kMaximumMemoryNodes];
  u32 count_ = 0;
};

bool overlap(const MemoryNode& a, const MemoryNode& b) {
  return a.begin.value < b.begin.value + b.bytes && b.begin.value < a.begin.value + a.bytes;
}

bool add_memory(std::span<const u8> entry, Topology& topology, Proximities& proximities) {
  const auto memory = read_at<acpi_srat_mem_affinity>(entry, 0);
  if (!memory) return false;
  if (!(memory->flags & ACPI_SRAT_MEM_ENABLED) || memory->length == 0) return true;
  if (memory->base_address + memory->length < memory->base_address) return false;
  if (topology.memory_node_count == Topology::kMaximumMemoryNodes) return false;
  const MemoryNode node{{memory->base_address}, memory->length, proximities.number(memory->proximity_domain)};
  const auto known = std::span(topology.memory_nodes, topology.memory_node_count);
  if (std::ranges::any_of(known, [&](const auto& other) { return overlap(node, other); })) return false;
  topology.memory_nodes[topology.memory_node_count++] = node;
  return true;
}

void place_processor(Topology& topology, const Proximities& proximities, u32 apic_id, u32 domain) {
  for (auto& processor : std::span(topology.processors, topology.processor_count)) {
    // A processor in a domain without memory joins node 0.
    if (processor.apic_id == apic_id) processor.node = proximities.find(domain).value_or(0);
  }
}

bool add_processor(u8 type, std::span<const u8> entry, Topology& topology, const Proximities& proximities) {
  if (type == ACPI_SRAT_TYPE_CPU_AFFINITY) {
    const auto cpu = read_at<acpi_srat_cpu_affinity>(entry, 0);
    if (!cpu) return false;
    const u32 domain = cpu->proximity_domain_lo | u32{cpu->proximity_domain_hi[0]} << 8 |
                       u32{cpu->proximity_domain_hi[1]} << 16 | u32{cpu->proximity_domain_hi[2]} << 24;
    if (cpu->flags & ACPI_SRAT_CPU_ENABLED) place_processor(topology, proximities, cpu->apic_id, domain);
  } else if (type == ACPI_SRAT_TYPE_X2APIC_CPU_AFFINITY) {
    const auto cpu = read_at<acpi_srat_x2apic_cpu_affinity>(entry, 0);
    if (!cpu) return false;
    if (cpu->flags & ACPI_SRAT_CPU_ENABLED)
      place_processor(topology, proximities, cpu->apic_id, cpu->proximity_domain);
  }
  return true;
}

void forget_nodes(Topology& topology) {
  topology.memory_node_count = 0;
  for (auto& processor : topology.processors) processor.node = 0;
}

}  // namespace

bool checksum_is_right(std::span<const u8> table) {
  return std::accumulate(table.begin(), table.end(), u8{0},
                         [](u8 a, u8 b) { return static_cast<u8>(a + b); }) == 0;
}

Result<> read_srat(std::span<const u8> table, Topology& topology) {
  Proximities proximities;
  // Memory first: only domains with memory get a number.
  const bool sound = for_each_entry(table, sizeof(acpi_table_srat),
                                    [&](u8 type, std::span<const u8> entry) {
                                      return type != ACPI_SRAT_TYPE_MEMORY_AFFINITY ||
                                             add_memory(entry, topology, proximities);
                                    }) &&
                     for_each_entry(table, sizeof(acpi_table_srat), [&](u8 type, std::span<const u8> entry) {
                       return add_processor(type, entry, topology, proximities);
                     });
  if (sound) return {};
  forget_nodes(topology);
  return std::unexpected(Error::Malformed);
}

Result<> read_hpet(std::span<const u8> table, Topology& topology) {
  const auto hpet = read_at<acpi_table_hpet>(table, 0);
  if (!hpet || hpet->address.address == 0 || !is_aligned(hpet->address.address, 8))
    return std::unexpected(Error::Malformed);
  if (hpet->address.space_id == ACPI_ADR_SPACE_SYSTEM_MEMORY) topology.hpet = {hpet->address.address};
  return {};
}

Result<> read_mcfg(std::span<const u8> table, Topology& topology) {
  for (auto offset = sizeof(acpi_table_mcfg); offset < table.size(); offset += sizeof(acpi_mcfg_allocation)) {
    const auto window = read_at<acpi_mcfg_allocation>(table, offset);
    if (!window || window->address == 0 || !is_aligned(window->address, kMiB) ||
        window->address + 256 * kMiB < window->address || window->end_bus_number < window->start_bus_number)
      return std::unexpected(Error::Malformed);
    if (topology.pci_window_count == Topology::kMaximumPciWindows) return {};
    topology.pci_windows[topology.pci_window_count++] = {
        {window->address}, window->pci_segment, window->start_bus_number, window->end_bus_number};
  }
  return {};
}

}  // namespace vari::components::acpi
