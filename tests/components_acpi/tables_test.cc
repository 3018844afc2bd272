// read_topology() with sound tables, with damaged ones, and with none.
#include <gtest/gtest.h>

#include "tests/components_acpi/firmware.h"

namespace vari::test {
namespace {

using components::acpi::read_topology;

Bytes madt_of(unsigned processors) {
  auto body = madt_start();
  for (unsigned i = 0; i < processors; ++i) add_apic(body, static_cast<u8>(i));
  add_io_apic(body, 0, 0xfec0'0000, 0);
  add_override(body, 0, 2, 0);
  add_override(body, 9, 9, 0xd);    // level, active high
  add_override(body, 10, 10, 0xf);  // level, active low
  return body;
}

class Topologies : public testing::Test {
 protected:
  Result<> read(u64 rsdp = Firmware::kRsdp) {
    firmware.finish();
    const auto result = read_topology({rsdp}, firmware, topology);
    EXPECT_EQ(firmware.still_mapped(), 0u);
    return result;
  }
  Firmware firmware;
  Topology topology;
};

TEST_F(Topologies, CountProcessors) {
  for (unsigned processors : {1u, 3u, 8u, 64u}) {
    Firmware one;
    one.add(table("APIC", madt_of(processors)));
    one.finish();
    ASSERT_TRUE(read_topology({Firmware::kRsdp}, one, topology));
    ASSERT_EQ(topology.processor_count, processors);
    for (unsigned i = 0; i < processors; ++i) EXPECT_EQ(topology.processors[i].apic_id, i);
    EXPECT_EQ(one.still_mapped(), 0u);
  }
}

TEST_F(Topologies, TellInterruptWiring) {
  firmware.add(table("APIC", madt_of(1)));
  ASSERT_TRUE(read());
  EXPECT_EQ(topology.local_apic.value, 0xfee0'0000u);
  EXPECT_TRUE(topology.has_legacy_pic);
  ASSERT_EQ(topology.io_apic_count, 1u);
  EXPECT_EQ(topology.io_apics[0].address.value, 0xfec0'0000u);
  ASSERT_EQ(topology.override_count, 3u);
  EXPECT_EQ(topology.overrides[0].global_interrupt, 2u);
  EXPECT_FALSE(topology.overrides[0].level);
  EXPECT_TRUE(topology.overrides[1].level);
  EXPECT_FALSE(topology.overrides[1].active_low);
  EXPECT_TRUE(topology.overrides[2].active_low);
}

TEST_F(Topologies, SkipDisabledDuplicateAndBroadcastProcessors) {
  auto body = madt_start();
  add_apic(body, 0);
  add_apic(body, 1, 0);
  add_apic(body, 0xff);
  add_x2apic(body, 0);
  add_x2apic(body, 300);
  firmware.add(table("APIC", body));
  ASSERT_TRUE(read());
  ASSERT_EQ(topology.processor_count, 2u);
  EXPECT_EQ(topology.processors[1].apic_id, 300u);
}

TEST_F(Topologies, StopAtTheLastProcessorThatThereIsRoomFor) {
  auto body = madt_start();
  for (u32 i = 0; i < kMaximumCpus + 20; ++i) add_x2apic(body, i);
  firmware.add(table("APIC", body));
  ASSERT_TRUE(read());
  EXPECT_EQ(topology.processor_count, kMaximumCpus);
}

TEST_F(Topologies, NumberNodesDensely) {
  firmware.add(table("APIC", madt_of(4)));
  auto body = srat_start();
  add_node_cpu(body, 0, 7);
  add_node_cpu(body, 1, 900);
  add_node_cpu(body, 2, 55);  // has no memory
  add_node_memory(body, 0, kGiB, 900);
  add_node_memory(body, kGiB, kGiB, 7);
  add_node_memory(body, 4 * kGiB, kGiB, 900);
  firmware.add(table("SRAT", body));
  ASSERT_TRUE(read());
  ASSERT_EQ(topology.memory_node_count, 3u);
  EXPECT_EQ(topology.memory_nodes[0].node, 0u);
  EXPECT_EQ(topology.memory_nodes[1].node, 1u);
  EXPECT_EQ(topology.memory_nodes[2].node, 0u);
  EXPECT_EQ(topology.processors[0].node, 1u);
  EXPECT_EQ(topology.processors[1].node, 0u);
  EXPECT_EQ(topology.processors[2].node, 0u);
}

TEST_F(Topologies, ForgetNodesThatOverlapOrWrap) {
  for (const bool wrap : {false, true}) {
    Firmware one;
    one.add(table("APIC", madt_of(2)));
    auto body = srat_start();
    add_node_cpu(body, 1, 1);
    add_node_memory(body, 0, kGiB, 0);
    add_node_memory(body, kGiB - (wrap ? 0 : 1), wrap ? ~u64{0} : kGiB, 1);
    one.add(table("SRAT", body));
    one.finish();
    EXPECT_EQ(read_topology({Firmware::kRsdp}, one, topology).error(), Error::Malformed);
    EXPECT_EQ(topology.memory_node_count, 0u);
    EXPECT_EQ(topology.processors[1].node, 0u);
    EXPECT_EQ(topology.processor_count, 2u);
  }
}

TEST_F(Topologies, ReadTimersAndPciWindows) {
  firmware.add(table("APIC", madt_of(1)));
  Bytes hpet;
  put(put(put(hpet, 0x8086'a201, 4), 0x0000'4000, 4), 0xfed0'0000, 8);
  set(hpet, 4, 0, 1);
  put(hpet, 0, 4);
  firmware.add(table("HPET", hpet));
  Bytes mcfg(8);
  put(put(put(put(put(mcfg, 0xb000'0000, 8), 0, 2), 0, 1), 255, 1), 0, 4);
  firmware.add(table("MCFG", mcfg));
  ASSERT_TRUE(read());
  EXPECT_EQ(topology.hpet.value, 0xfed0'0000u);
  ASSERT_EQ(topology.pci_window_count, 1u);
  EXPECT_EQ(topology.pci_windows[0].begin.value, 0xb000'0000u);
  EXPECT_EQ(topology.pci_windows[0].last_bus, 255);
}

void expect_fallback(const Topology& topology) {
  EXPECT_EQ(topology.processor_count, 1u);
  EXPECT_EQ(topology.local_apic.value, 0xfee0'0000u);
  EXPECT_TRUE(topology.has_legacy_pic);
}

TEST_F(Topologies, FallBackWithoutTables) {
  EXPECT_EQ(read_topology({}, firmware, topology).error(), Error::NotFound);
  expect_fallback(topology);
}

TEST_F(Topologies, FallBackWithoutMadt) {
  firmware.add(table("FACP", Bytes(240)));
  EXPECT_FALSE(read());
  expect_fallback(topology);
}

TEST_F(Topologies, KeepWhatComesBeforeADamagedEntry) {
  auto body = madt_of(3);
  put(put(body, 0, 1), 1, 1);  // an entry shorter than its own header
  add_apic(body, 9);
  firmware.add(table("APIC", body));
  EXPECT_EQ(read().error(), Error::Malformed);
  EXPECT_EQ(topology.processor_count, 3u);
}

TEST_F(Topologies, ReportAWrongChecksum) {
  auto bytes = table("APIC", madt_of(3));
  bytes[9] ^= 1;
  firmware.add(bytes);
  EXPECT_EQ(read().error(), Error::Malformed);
  EXPECT_EQ(topology.processor_count, 3u);
}

TEST_F(Topologies, SearchLowMemoryWhenTheLoadersPointerIsWrong) {
  firmware.low_memory = true;
  firmware.add(table("APIC", madt_of(2)));
  ASSERT_TRUE(read(0x9000));
  EXPECT_EQ(topology.processor_count, 2u);
}

}  // namespace
}  // namespace vari::test
