// The ELF64 structures that the loader reads (System V ABI, chapters 4 and 5), byte for byte.
#pragma once

#include "base/types.h"

namespace vari::components::elf {

struct FileHeader {
  u8 identification[16];
  u16 type;
  u16 machine;
  u32 version;
  u64 entry;
  u64 program_headers_offset;
  u64 section_headers_offset;
  u32 flags;
  u16 header_bytes;
  u16 program_header_bytes;
  u16 program_header_count;
  u16 section_header_bytes;
  u16 section_header_count;
  u16 section_name_index;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
  u32 type;
  u32 flags;
  u64 offset;
  u64 address;
  u64 physical_address;
  u64 file_bytes;
  u64 memory_bytes;
  u64 alignment;
};
static_assert(sizeof(ProgramHeader) == 56);

inline constexpr u8 kMagic[4] = {0x7f, 'E', 'L', 'F'};
inline constexpr u8 kClass64 = 2, kLittleEndian = 1, kVersion = 1;
inline constexpr u16 kTypeExecutable = 2, kTypeShared = 3;
inline constexpr u16 kMachineX86_64 = 62;
inline constexpr u32 kSegmentLoad = 1, kSegmentInterpreter = 3, kSegmentGnuStack = 0x6474e551;
inline constexpr u32 kFlagExecute = 1, kFlagWrite = 2, kFlagRead = 4;

}  // namespace vari::components::elf
