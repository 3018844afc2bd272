// What the boot path hands to kmain, whichever loader came first (PVH, Multiboot2).
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"

namespace vari {

enum class MemoryKind : u8 { Usable, Reserved, AcpiReclaimable, AcpiNonVolatile, Bad };

struct MemoryRange {
  PhysicalAddress begin;
  u64 bytes = 0;
  MemoryKind kind = MemoryKind::Reserved;
};

/// A flat file with a string, loaded by the boot loader.
struct BootModule {
  PhysicalAddress begin;
  u64 bytes = 0;
  std::string_view command_line;
};

struct Framebuffer {
  PhysicalAddress begin;
  u32 width = 0, height = 0, pitch_bytes = 0;
  u8 bits_per_pixel = 0;  // 0: there is none, use VGA text
  u8 red_shift = 0, green_shift = 0, blue_shift = 0;
};

struct BootInformation {
  static constexpr std::size_t kMaximumRanges = 64;
  static constexpr std::size_t kMaximumModules = 16;

  static constexpr std::size_t kTextBytes = 16384;

  const char* protocol = "";  // "PVH" or "Multiboot2"
  std::string_view command_line;
  MemoryRange ranges[kMaximumRanges];
  std::size_t range_count = 0;
  BootModule modules[kMaximumModules];
  std::size_t module_count = 0;
  PhysicalAddress rsdp;  // ACPI's root pointer; 0: see rsdp_copy, or search for it
  u8 rsdp_copy[64];      // Multiboot2 hands over a copy of the structure
  std::size_t rsdp_copy_bytes = 0;
  Framebuffer framebuffer;
  // The loader's strings are copied here: its own memory is given to the frame manager.
  char text[kTextBytes];
  std::size_t text_used = 0;
  bool truncated = false;  // something did not fit in the arrays above
};

}  // namespace vari
