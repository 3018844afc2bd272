// PVH: what QEMU's -kernel hands over (Xen: public/arch-x86/hvm/start_info.h; the layout is an ABI).
#include "machine/x86_64/boot/boot.h"

namespace vari::machine {
namespace {

struct StartInfo {
  u32 magic, version, flags, module_count;
  u64 modules, command_line, rsdp;
  u64 memory_map;  // from version 1 on
  u32 memory_map_entries, reserved;
};
static_assert(sizeof(StartInfo) == 56);

struct ModuleEntry {
  u64 begin, bytes, command_line, reserved;
};
struct MemoryMapEntry {
  u64 begin, bytes;
  u32 type, reserved;
};
static_assert(sizeof(ModuleEntry) == 32 && sizeof(MemoryMapEntry) == 24);

}  // namespace

Result<> read_pvh(PhysicalAddress information, BootInformation& boot) {
  const auto* start = boot_mapped<StartInfo>(information.value);
  if (start->magic != kPvhMagic || start->version < 1 || start->memory_map_entries == 0)
    return std::unexpected(Error::Malformed);
  boot.protocol = "PVH";
  boot.rsdp = {start->rsdp};
  if (start->command_line)
    boot.command_line = keep_text(boot, boot_mapped<char>(start->command_line), BootInformation::kTextBytes);
  const auto* entries = boot_mapped<MemoryMapEntry>(start->memory_map);
  for (u32 i = 0; i < start->memory_map_entries; ++i)
    add_range(boot, {entries[i].begin}, entries[i].bytes, memory_kind(entries[i].type));
  const auto* modules = boot_mapped<ModuleEntry>(start->modules);
  for (u32 i = 0; i < start->module_count; ++i) {
    std::string_view text;
    if (modules[i].command_line)
      text = keep_text(boot, boot_mapped<char>(modules[i].command_line), BootInformation::kTextBytes);
    add_module(boot, {modules[i].begin}, modules[i].bytes, text);
  }
  return {};
}

}  // namespace vari::machine
