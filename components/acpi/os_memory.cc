// ACPICA's OS layer: memory, ports, PCI configuration, and the overrides that we don't use. All over
// the Environment; in stage 1, before there is one, tables are reached through the EarlyMap.
#include "base/assert.h"
#include "components/acpi/donor.h"
#include "components/acpi/state.h"

namespace vari::components::acpi {
namespace {

// MemoryService::free() wants the size, ACPICA does not say it: it is kept in front of the block.
struct alignas(16) BlockHeader {
  std::size_t bytes;
};

// No firmware table that stage 1 reads is larger; it bounds what absurd lengths can cost.
constexpr u64 kMaximumEarlyTable = kMiB;
constexpr u64 kMaximumTable = 16 * kMiB;

Environment& environment() {
  ASSERT(state.environment);
  return *state.environment;
}

/// One access of the register's own width, as devices want it.
template <class Word>
Result<u64> access(acpi_physical_address address, const u64* written) {
  auto* mapped = TRY(environment().memory.map_physical({address}, sizeof(Word), false));
  auto& device = *static_cast<volatile Word*>(mapped);
  if (written) device = static_cast<Word>(*written);
  const u64 value = written ? *written : device;
  environment().memory.unmap_physical(mapped, sizeof(Word));
  return value;
}

/// Reads, or where `written` is given writes, a register of `width` bits.
Result<u64> access(acpi_physical_address address, u32 width, const u64* written = nullptr) {
  switch (width) {
    case 8: return access<u8>(address, written);
    case 16: return access<u16>(address, written);
    case 32: return access<u32>(address, written);
    case 64: return access<u64>(address, written);
    default: return std::unexpected(Error::InvalidArgument);
  }
}

Result<PciConfigurationService::Address> pci_address(const acpi_pci_id& id, u32 width) {
  if ((width != 8 && width != 16 && width != 32) || id.bus > 255 || id.device > 31 || id.function > 7)
    return std::unexpected(Error::InvalidArgument);
  return PciConfigurationService::Address{id.segment, static_cast<u8>(id.bus), static_cast<u8>(id.device),
                                          static_cast<u8>(id.function)};
}

}  // namespace
}  // namespace vari::components::acpi

using namespace vari::components::acpi;

extern "C" {

acpi_status acpi_os_initialize() {
  return AE_OK;
}
acpi_status acpi_os_terminate() {
  return AE_OK;
}

acpi_physical_address acpi_os_get_root_pointer() {
  if (state.rsdp.value) return state.rsdp.value;
  acpi_physical_address found = 0;
  return ACPI_SUCCESS(acpi_find_root_pointer(&found)) ? found : 0;
}

void* acpi_os_allocate(acpi_size bytes) {
  const auto total = bytes + sizeof(BlockHeader);
  if (total < bytes || !state.environment) return nullptr;
  auto* header = static_cast<BlockHeader*>(environment().memory.allocate(total, alignof(BlockHeader)));
  if (!header) return nullptr;
  header->bytes = total;
  return header + 1;
}

void acpi_os_free(void* memory) {
  if (!memory) return;
  auto* header = static_cast<BlockHeader*>(memory) - 1;
  environment().memory.free(header, header->bytes);
}

void* acpi_os_map_memory(acpi_physical_address where, acpi_size length) {
  if (length == 0 || where + length < where) return nullptr;
  if (state.early) {
    if (length > kMaximumEarlyTable) return nullptr;
    return const_cast<void*>(state.early->map({where}, length));
  }
  if (length > kMaximumTable) return nullptr;
  auto mapped = environment().memory.map_physical({where}, length, true);
  return mapped ? *mapped : nullptr;
}

void acpi_os_unmap_memory(void* mapped, acpi_size bytes) {
  if (state.early) return state.early->unmap(mapped, bytes);
  environment().memory.unmap_physical(mapped, bytes);
}

acpi_status acpi_os_read_port(acpi_io_address address, u32* value, u32 width) {
  const auto port = static_cast<u16>(address);
  auto& ports = environment().ports;
  switch (width) {
    case 8: *value = ports.read8(port); return AE_OK;
    case 16: *value = ports.read16(port); return AE_OK;
    case 32: *value = ports.read32(port); return AE_OK;
    default: return AE_BAD_PARAMETER;
  }
}

acpi_status acpi_os_write_port(acpi_io_address address, u32 value, u32 width) {
  const auto port = static_cast<u16>(address);
  auto& ports = environment().ports;
  switch (width) {
    case 8: ports.write8(port, static_cast<u8>(value)); return AE_OK;
    case 16: ports.write16(port, static_cast<u16>(value)); return AE_OK;
    case 32: ports.write32(port, value); return AE_OK;
    default: return AE_BAD_PARAMETER;
  }
}

acpi_status acpi_os_read_memory(acpi_physical_address address, u64* value, u32 width) {
  const auto read = access(address, width);
  if (!read) return AE_ERROR;
  *value = *read;
  return AE_OK;
}

acpi_status acpi_os_write_memory(acpi_physical_address address, u64 value, u32 width) {
  return access(address, width, &value) ? AE_OK : AE_ERROR;
}

acpi_status acpi_os_read_pci_configuration(acpi_pci_id* id, u32 offset, u64* value, u32 width) {
  const auto address = pci_address(*id, width);
  if (!address) return AE_BAD_PARAMETER;
  const auto read = environment().pci.read(*address, static_cast<u16>(offset), static_cast<u8>(width / 8));
  if (!read) return AE_ERROR;
  *value = *read;
  return AE_OK;
}

acpi_status acpi_os_write_pci_configuration(acpi_pci_id* id, u32 offset, u64 value, u32 width) {
  const auto address = pci_address(*id, width);
  if (!address) return AE_BAD_PARAMETER;
  return environment().pci.write(*address, static_cast<u16>(offset), static_cast<u8>(width / 8),
                                 static_cast<u32>(value))
             ? AE_OK
             : AE_ERROR;
}

acpi_status acpi_os_predefined_override(const acpi_predefined_names*, acpi_string* value) {
  *value = nullptr;
  return AE_OK;
}

acpi_status acpi_os_table_override(acpi_table_header*, acpi_table_header** table) {
  *table = nullptr;
  return AE_OK;
}

acpi_status acpi_os_physical_table_override(acpi_table_header*, acpi_physical_address* address, u32* length) {
  *address = 0;
  *length = 0;
  return AE_OK;
}

}  // extern "C"
