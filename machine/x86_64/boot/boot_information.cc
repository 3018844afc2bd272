// The common end of both boot paths: a BootInformation on the boot stack, then the kernel's main.
#include "machine/x86_64/boot/boot.h"
#include "machine/x86_64/boot/early_text.h"

namespace vari::machine {

MemoryKind memory_kind(u32 type) {
  switch (type) {
    case 1: return MemoryKind::Usable;
    case 3: return MemoryKind::AcpiReclaimable;
    case 4: return MemoryKind::AcpiNonVolatile;
    case 5: return MemoryKind::Bad;
    default: return MemoryKind::Reserved;
  }
}

std::string_view keep_text(BootInformation& boot, const char* text, std::size_t maximum) {
  char* begin = boot.text + boot.text_used;
  std::size_t length = 0;
  while (length < maximum && text[length] != 0) {
    if (boot.text_used + length + 1 >= BootInformation::kTextBytes) {
      boot.truncated = true;
      break;
    }
    begin[length] = text[length];
    ++length;
  }
  begin[length] = 0;
  boot.text_used += length + 1;
  return {begin, length};
}

void add_range(BootInformation& boot, PhysicalAddress begin, u64 bytes, MemoryKind kind) {
  if (bytes == 0 || begin.value + bytes < begin.value) return;
  if (boot.range_count == BootInformation::kMaximumRanges) {
    boot.truncated = true;
    return;
  }
  boot.ranges[boot.range_count++] = {begin, bytes, kind};
}

void add_module(BootInformation& boot, PhysicalAddress begin, u64 bytes, std::string_view command_line) {
  if (bytes == 0) return;
  if (boot.module_count == BootInformation::kMaximumModules) {
    boot.truncated = true;
    return;
  }
  boot.modules[boot.module_count++] = {begin, bytes, command_line};
}

}  // namespace vari::machine

/// Called by boot.S on the boot stack, interrupts off, boot tables loaded.
extern "C" [[noreturn]] void boot_entry(vari::u32 magic, vari::u32 information) {
  using namespace vari;
  BootInformation boot;
  const PhysicalAddress address{information};
  Result<> read = std::unexpected(Error::Unsupported);
  if (magic == machine::kPvhMagic) read = machine::read_pvh(address, boot);
  if (magic == machine::kMultiboot2Magic) read = machine::read_multiboot2(address, boot);
  if (!read)
    machine::early_stop("Vari: the boot loader's information can't be used: ", name_of(read.error()));
  // The copied root pointer lies in the boot stack, thus in the image, whose physical place is known.
  if (boot.rsdp.value == 0 && boot.rsdp_copy_bytes != 0)
    boot.rsdp = {reinterpret_cast<u64>(boot.rsdp_copy) - machine::kImageBase};
  kmain(boot);
}
