// Ten thousand damaged sets of tables: never a crash, never a read past a table (AddressSanitizer watches),
// never an inconsistent topology, nothing left mapped. The seed is fixed: a failure can be repeated.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/components_acpi/firmware.h"

namespace vari::test {
namespace {

constexpr unsigned kRounds = 10'000;

void add_sound_tables(Firmware& firmware) {
  auto madt = madt_start();
  for (u8 i = 0; i < 6; ++i) add_apic(madt, i);
  add_x2apic(madt, 700);
  add_io_apic(madt, 0, 0xfec0'0000, 0);
  add_override(madt, 0, 2, 0);
  firmware.add(table("APIC", madt));
  auto srat = srat_start();
  add_node_cpu(srat, 1, 1);
  add_node_memory(srat, 0, kGiB, 0);
  add_node_memory(srat, kGiB, kGiB, 1);
  firmware.add(table("SRAT", srat));
  firmware.add(table("HPET", Bytes(20, 8)));
  firmware.add(table("MCFG", Bytes(24)));
  firmware.add(table("DSDT", Bytes(64)), false);
  Bytes fixed(240);
  set(fixed, 4, firmware.last(), 4);
  set(fixed, 76 - 36, 0x608, 4);
  set(fixed, 91 - 36, 4, 1);
  firmware.add(table("FACP", fixed, 4));
  firmware.finish();
}

using Random = std::mt19937;

void damage(Bytes& bytes, Random& random) {
  const auto any = [&](std::size_t below) { return random() % std::max<std::size_t>(below, 1); };
  switch (any(5)) {
    case 0:  // single bits
      for (auto n = any(4) + 1; n--;) bytes[any(bytes.size())] ^= static_cast<u8>(1u << any(8));
      break;
    case 1:  // a length, somewhere or the table's own
      if (bytes.size() >= 8) set(bytes, any(2) ? 4 : any(bytes.size() - 3), random(), 4);
      break;
    case 2:  // extreme values
      bytes[any(bytes.size())] = any(2) ? 0xff : 0;
      break;
    case 3:  // cut off, the length left as it was
      bytes.resize(any(bytes.size()) + 1);
      break;
    default:  // noise behind the header
      for (std::size_t i = std::min<std::size_t>(36, bytes.size()); i < bytes.size(); ++i)
        bytes[i] = static_cast<u8>(random());
  }
  if (any(2)) fix_checksum(bytes);
}

void expect_consistent(const Topology& topology) {
  ASSERT_GE(topology.processor_count, 1u);
  ASSERT_LE(topology.processor_count, kMaximumCpus);
  ASSERT_LE(topology.io_apic_count, Topology::kMaximumIoApics);
  ASSERT_LE(topology.override_count, Topology::kMaximumOverrides);
  ASSERT_LE(topology.memory_node_count, Topology::kMaximumMemoryNodes);
  ASSERT_LE(topology.pci_window_count, Topology::kMaximumPciWindows);
  ASSERT_NE(topology.local_apic.value, 0u);
  u32 nodes = 1;
  for (std::size_t i = 0; i < topology.memory_node_count; ++i) {
    const auto& memory = topology.memory_nodes[i];
    ASSERT_GT(memory.begin.value + memory.bytes, memory.begin.value);
    ASSERT_LE(memory.node, nodes);
    nodes = std::max(nodes, memory.node + 1);
  }
  for (std::size_t i = 0; i < topology.processor_count; ++i) {
    ASSERT_LT(topology.processors[i].node, nodes);
    for (std::size_t j = 0; j < i; ++j)
      ASSERT_NE(topology.processors[i].apic_id, topology.processors[j].apic_id);
  }
}

TEST(MutatedTables, LeaveAConsistentTopology) {
  Random random(20260101);
  unsigned refused = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    Firmware firmware;
    firmware.low_memory = random() % 8 == 0;
    add_sound_tables(firmware);
    for (auto n = random() % 3 + 1; n--;) {
      auto victim = firmware.regions.begin();
      std::advance(victim, random() % firmware.regions.size());
      damage(victim->second, random);
    }
    Topology topology;
    if (!components::acpi::read_topology({Firmware::kRsdp}, firmware, topology)) ++refused;
    ASSERT_NO_FATAL_FAILURE(expect_consistent(topology));
    ASSERT_EQ(firmware.still_mapped(), 0u);
  }
  // The damage must matter, and must not be all that is ever seen.
  EXPECT_GT(refused, kRounds / 10);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace vari::test
