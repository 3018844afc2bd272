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

/// Calls `use` with the register mapped, uncached.
template <class Use>
acpi_status with_register(acpi_physical_address address, u32 width, Use use) {
  auto mapped = environment().memory.map_physical({address}, width / 8, false);
  if (!mapped) return AE_NO_MEMORY;
  use(*mapped);
  environment().memory.unmap_physical(*mapped, width / 8);
  return AE_OK;
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
using vari::PhysicalAddress;

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
  return with_register(address, width, [&](void* at) {
    switch (width) {
      case 8: *value = *static_cast<volatile u8*>(at); break;
      case 16: *value = *static_cast<volatile u16*>(at); break;
      case 32: *value = *static_cast<volatile u32*>(at); break;
      default: *value = *static_cast<volatile u64*>(at); break;
    }
  });
}

acpi_status acpi_os_write_memory(acpi_physical_address address, u64 value, u32 width) {
  return with_register(address, width, [&](void* at) {
    switch (width) {
      case 8: *static_cast<volatile u8*>(at) = static_cast<u8>(value); break;
      case 16: *static_cast<volatile u16*>(at) = static_cast<u16>(value); break;
      case 32: *static_cast<volatile u32*>(at) = static_cast<u32>(value); break;
      default: *static_cast<volatile u64*>(at) = value; break;
    }
  });
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
