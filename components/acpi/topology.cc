// Stage 1: tables through ACPICA's table manager, with a static array, before there is a heap. The
// manager finds the tables and normalises the FADT; the tables of interest are then read by tables.h.
#include "components/acpi/donor.h"
#include "components/acpi/state.h"
#include "components/acpi/tables.h"

extern "C" void vari_acpi_forget_tables(void);
extern "C" u32 vari_acpi_table_bytes(const char* signature);

namespace vari::components::acpi {

constinit State state;

namespace {

constexpr u32 kMaximumTables = 64;
// Handed to ACPICA, which keeps it until stage 2 moves it to the heap.
constinit acpi_table_desc early_tables[kMaximumTables] = {};

constexpr PhysicalAddress kDefaultLocalApic{0xfee0'0000};
constexpr std::size_t kRsdpBytes = 20;  // of ACPI 1.0; its checksum covers these

/// The loader's pointer is believed only if a root pointer lies there.
bool holds_root_pointer(PhysicalAddress address, EarlyMap& memory) {
  const auto* bytes = static_cast<const u8*>(memory.map(address, kRsdpBytes));
  if (!bytes) return false;
  const bool sound = std::memcmp(bytes, ACPI_SIG_RSDP, 8) == 0 && checksum_is_right({bytes, kRsdpBytes});
  memory.unmap(bytes, kRsdpBytes);
  return sound;
}

/// Applies `read` to the table of that name. A wrong checksum is reported but does not stop it: real
/// firmware has them, and `read` bears anything.
Result<> with_table(const char* signature, Topology& topology,
                    Result<> (*read)(std::span<const u8>, Topology&)) {
  const u32 length = vari_acpi_table_bytes(signature);
  if (length == 0) return std::unexpected(Error::NotFound);
  if (length < sizeof(acpi_table_header)) return std::unexpected(Error::Malformed);
  acpi_table_header* table = nullptr;
  char name[5] = {signature[0], signature[1], signature[2], signature[3], 0};
  if (ACPI_FAILURE(acpi_get_table(name, 1, &table))) return std::unexpected(Error::Malformed);
  const std::span bytes(reinterpret_cast<const u8*>(table), length);
  auto result = read(bytes, topology);
  if (!checksum_is_right(bytes)) result = std::unexpected(Error::Malformed);
  acpi_put_table(table);
  return result;
}

void use_fixed_description(Topology& topology) {
  const auto& timer = acpi_gbl_FADT.xpm_timer_block;
  if (timer.space_id == ACPI_ADR_SPACE_SYSTEM_IO && timer.address <= 0xfffc &&
      acpi_gbl_FADT.pm_timer_length == 4) {
    topology.pm_timer_port = static_cast<u32>(timer.address);
    topology.pm_timer_32_bit = acpi_gbl_FADT.flags & ACPI_FADT_32BIT_TIMER;
  }
  if (acpi_gbl_FADT.century < 128) topology.century_register = acpi_gbl_FADT.century;
}

Result<> find_tables(PhysicalAddress rsdp, EarlyMap& memory) {
  vari_acpi_forget_tables();
  state.rsdp = rsdp.value && holds_root_pointer(rsdp, memory) ? rsdp : PhysicalAddress{};
  const auto status = acpi_initialize_tables(early_tables, kMaximumTables, FALSE);
  state.tables_ready = ACPI_SUCCESS(status);
  if (status == AE_NOT_FOUND) return std::unexpected(Error::NotFound);
  if (ACPI_FAILURE(status)) return std::unexpected(Error::Malformed);
  return {};
}

Result<> read_tables(Topology& topology) {
  use_fixed_description(topology);
  const auto madt = with_table(ACPI_SIG_MADT, topology, read_madt);
  const auto srat = with_table(ACPI_SIG_SRAT, topology, read_srat);
  const auto hpet = with_table(ACPI_SIG_HPET, topology, read_hpet);
  const auto mcfg = with_table(ACPI_SIG_MCFG, topology, read_mcfg);
  if (!madt) return madt;
  for (const auto& result : {srat, hpet, mcfg})
    if (!result && result.error() != Error::NotFound) return result;
  return {};
}

}  // namespace

const void* LinearEarlyMap::map(PhysicalAddress begin, u64 bytes) {
  if (begin.value > limit_ || bytes > limit_ - begin.value) return nullptr;
  return reinterpret_cast<const void*>(window_ + begin.value);
}

Result<> read_topology(PhysicalAddress rsdp, EarlyMap& memory, Topology& topology) {
  topology = {};
  topology.local_apic = kDefaultLocalApic;
  state.early = &memory;
  auto result = find_tables(rsdp, memory);
  if (result) result = read_tables(topology);
  state.early = nullptr;
  if (topology.processor_count == 0) {
    topology.processor_count = 1;
    topology.processors[0] = {};
    if (result) result = std::unexpected(Error::Malformed);
  }
  return result;
}

}  // namespace vari::components::acpi
