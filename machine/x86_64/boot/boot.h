// The boot path's own declarations: loaders' information in, BootInformation out.
#pragma once

#include "base/result.h"
#include "interfaces/boot_information.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::machine {

inline constexpr u32 kPvhMagic = 0x336ec578;
inline constexpr u32 kMultiboot2Magic = 0x36d76289;

/// Reads Xen's hvm_start_info (version 0 and 1) at `information`. Malformed: wrong magic, or no memory map.
Result<> read_pvh(PhysicalAddress information, BootInformation& boot);
/// Reads the Multiboot2 boot information (specification 3.6).
Result<> read_multiboot2(PhysicalAddress information, BootInformation& boot);

/// The types of ACPI's address range descriptors (ACPI 6.4, 15.1), which both protocols use.
MemoryKind memory_kind(u32 type);
/// Copies a loader's string into boot.text; cut at its end.
std::string_view keep_text(BootInformation& boot, const char* text, std::size_t maximum);
void add_range(BootInformation& boot, PhysicalAddress begin, u64 bytes, MemoryKind kind);
void add_module(BootInformation& boot, PhysicalAddress begin, u64 bytes, std::string_view command_line);

/// Memory below kBootMapped, as the boot tables map it.
template <class T>
const T* boot_mapped(u64 physical) {
  return reinterpret_cast<const T*>(kDirectMap + physical);
}

}  // namespace vari::machine

namespace vari {
/// The kernel's own main: the boot as a visible sequence of calls (kernels/NAME/main.cc).
[[noreturn]] void kmain(BootInformation& boot);
}  // namespace vari
