// Multiboot2: what GRUB hands over, under BIOS and under UEFI (specification 2.0, section 3.6).
#include <cstring>

#include "machine/x86_64/boot/boot.h"

namespace vari::machine {
namespace {

struct Tag {
  u32 type, bytes;
};
enum TagType : u32 {
  kEnd = 0,
  kCommandLine = 1,
  kModule = 3,
  kMemoryMap = 6,
  kFramebuffer = 8,
  kRsdpOld = 14,
  kRsdpNew = 15
};

struct ModuleTag {
  Tag tag;
  u32 begin, end;
  char text[];
};
struct MemoryMapTag {
  Tag tag;
  u32 entry_bytes, entry_version;
};
struct MemoryMapEntry {
  u64 begin, bytes;
  u32 type, reserved;
};
struct FramebufferTag {
  Tag tag;
  u64 address;
  u32 pitch, width, height;
  u8 bits_per_pixel, type;
  u16 reserved;
  u8 red_position, red_bits, green_position, green_bits, blue_position, blue_bits;
} __attribute__((packed));

void read_memory_map(const MemoryMapTag* map, BootInformation& boot) {
  if (map->entry_bytes < sizeof(MemoryMapEntry)) return;
  const auto* bytes = reinterpret_cast<const u8*>(map);
  for (u32 at = sizeof *map; at + map->entry_bytes <= map->tag.bytes; at += map->entry_bytes) {
    const auto* entry = reinterpret_cast<const MemoryMapEntry*>(bytes + at);
    add_range(boot, {entry->begin}, entry->bytes, memory_kind(entry->type));
  }
}

void read_framebuffer(const FramebufferTag* tag, BootInformation& boot) {
  constexpr u8 kDirectColour = 1;
  if (tag->type != kDirectColour || tag->bits_per_pixel < 24) return;
  boot.framebuffer = {{tag->address},      tag->width,        tag->height,         tag->pitch,
                      tag->bits_per_pixel, tag->red_position, tag->green_position, tag->blue_position};
}

/// The root pointer lies in the tag, in memory that is given away later: keep a copy of it.
void read_rsdp(const Tag* tag, BootInformation& boot) {
  const std::size_t bytes = tag->bytes - sizeof *tag;
  if (bytes > sizeof boot.rsdp_copy) return;
  std::memcpy(boot.rsdp_copy, tag + 1, bytes);
  boot.rsdp_copy_bytes = bytes;
}

void read_tag(const Tag* tag, BootInformation& boot) {
  switch (tag->type) {
    case kCommandLine:
      boot.command_line = keep_text(boot, reinterpret_cast<const char*>(tag + 1), tag->bytes - sizeof *tag);
      break;
    case kModule: {
      const auto* module = reinterpret_cast<const ModuleTag*>(tag);
      if (module->end > module->begin)
        add_module(boot, {module->begin}, module->end - module->begin,
                   keep_text(boot, module->text, tag->bytes - sizeof *module));
      break;
    }
    case kMemoryMap: read_memory_map(reinterpret_cast<const MemoryMapTag*>(tag), boot); break;
    case kFramebuffer: read_framebuffer(reinterpret_cast<const FramebufferTag*>(tag), boot); break;
    case kRsdpOld:
      if (boot.rsdp_copy_bytes == 0) read_rsdp(tag, boot);
      break;
    case kRsdpNew: read_rsdp(tag, boot); break;
    default: break;
  }
}

}  // namespace

Result<> read_multiboot2(PhysicalAddress information, BootInformation& boot) {
  const u8* begin = boot_mapped<u8>(information.value);
  const u32 total = *reinterpret_cast<const u32*>(begin);
  if (!is_aligned(information.value, 8) || total < 16) return std::unexpected(Error::Malformed);
  boot.protocol = "Multiboot2";
  for (u32 at = 8; at + sizeof(Tag) <= total;) {
    const auto* tag = reinterpret_cast<const Tag*>(begin + at);
    if (tag->type == kEnd) break;
    if (tag->bytes < sizeof(Tag) || tag->bytes > total - at) return std::unexpected(Error::Malformed);
    read_tag(tag, boot);
    at += static_cast<u32>(align_up(tag->bytes, 8));
  }
  if (boot.range_count == 0) return std::unexpected(Error::Malformed);
  return {};
}

}  // namespace vari::machine
