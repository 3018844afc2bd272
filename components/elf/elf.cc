// Decodes an ELF image into what to map where. Nothing in the image is believed: every sum is checked
// for wrapping before it is formed, every range against the file's size and user space, and segments
// must ascend without sharing a page, since a later mapping would silently replace an earlier one.
// Source: System V ABI (gABI 4.1, chapter 5), and Linux's fs/binfmt_elf.c for what programs rely on.
#include "components/elf/elf.h"

#include <cstring>

#include "components/elf/layout.h"

namespace vari::components::elf {
namespace {

constexpr std::unexpected<Error> kMalformed{Error::Malformed};
// Linux's bounds: the table fits 64 KiB, an interpreter's path PATH_MAX.
constexpr u64 kMaximumTableBytes = 64 * kKiB;
constexpr u64 kMaximumInterpreterBytes = 4096;

template <class T>
Result<T> read_as(ImageSource& source, u64 offset) {
  T value;
  TRY(source.read(offset, {static_cast<u8*>(static_cast<void*>(&value)), sizeof value}));
  return value;
}

/// True if [begin, begin + bytes) lies within [0, limit).
constexpr bool within(u64 begin, u64 bytes, u64 limit) {
  return begin <= limit && bytes <= limit - begin;
}

Result<FileHeader> read_header(ImageSource& source) {
  if (source.size() < sizeof(FileHeader)) return kMalformed;
  const auto header = TRY(read_as<FileHeader>(source, 0));
  if (std::memcmp(header.identification, kMagic, sizeof kMagic) != 0) return kMalformed;
  const bool ours = header.identification[4] == kClass64 && header.identification[5] == kLittleEndian &&
                    header.machine == kMachineX86_64;
  if (!ours) return std::unexpected(Error::Unsupported);
  if (header.identification[6] != kVersion || header.version != kVersion) return kMalformed;
  if (header.type != kTypeExecutable && header.type != kTypeShared) return kMalformed;
  if (header.program_header_bytes != sizeof(ProgramHeader) || header.program_header_count == 0)
    return kMalformed;
  const u64 table_bytes = u64{header.program_header_count} * sizeof(ProgramHeader);
  if (table_bytes > kMaximumTableBytes) return kMalformed;
  if (!within(header.program_headers_offset, table_bytes, source.size())) return kMalformed;
  return header;
}

Access access_of(u32 flags) {
  Access access = Access::None;
  if (flags & kFlagRead) access = access | Access::Read;
  if (flags & kFlagWrite) access = access | Access::Write;
  if (flags & kFlagExecute) access = access | Access::Execute;
  return access;
}

/// What the address of a segment is measured against: a position-independent image is shifted up by
/// a bias of at least kUserBegin, so that its own addresses start from 0 and may use that much less.
struct AddressLimits {
  u64 begin, end;
};
AddressLimits limits_of(const FileHeader& header) {
  if (header.type == kTypeExecutable) return {Domain::kUserBegin.value, Domain::kUserEnd.value};
  return {0, Domain::kUserEnd.value - Domain::kUserBegin.value};
}

Result<> add_segment(const ProgramHeader& program, const AddressLimits& limits, u64 file_size,
                     ExecutableImage& image) {
  if (program.memory_bytes == 0 && program.file_bytes == 0) return {};
  if (program.file_bytes > program.memory_bytes) return kMalformed;
  if (!within(program.offset, program.file_bytes, file_size)) return kMalformed;
  if (program.address < limits.begin || !within(program.address, program.memory_bytes, limits.end))
    return kMalformed;
  if (program.file_bytes != 0 && program.address % kPageBytes != program.offset % kPageBytes)
    return kMalformed;
  if (image.segment_count == ExecutableImage::kMaximumSegments) return kMalformed;
  if (image.segment_count > 0) {
    const ExecutableSegment& previous = image.segments[image.segment_count - 1];
    const u64 free_from = align_up(previous.address.value + previous.memory_bytes, kPageBytes);
    if (align_down(program.address, kPageBytes) < free_from) return kMalformed;
  }
  image.segments[image.segment_count++] = {.file_offset = program.offset,
                                           .file_bytes = program.file_bytes,
                                           .address = {program.address},
                                           .memory_bytes = program.memory_bytes,
                                           .access = access_of(program.flags)};
  return {};
}

Result<> set_interpreter(const ProgramHeader& program, ImageSource& source, ExecutableImage& image) {
  if (image.interpreter_bytes != 0) return {};  // the first one counts, as in Linux
  if (program.file_bytes < 2 || program.file_bytes > kMaximumInterpreterBytes) return kMalformed;
  if (!within(program.offset, program.file_bytes, source.size())) return kMalformed;
  if (TRY(read_as<u8>(source, program.offset + program.file_bytes - 1)) != 0) return kMalformed;
  image.interpreter_offset = program.offset;
  image.interpreter_bytes = program.file_bytes;
  return {};
}

/// Programs find their own table by AT_PHDR: where a segment brings it into memory as a whole.
void locate_program_headers(const FileHeader& header, ExecutableImage& image) {
  const u64 begin = header.program_headers_offset;
  const u64 bytes = u64{header.program_header_count} * sizeof(ProgramHeader);
  for (std::size_t i = 0; i < image.segment_count; ++i) {
    const ExecutableSegment& segment = image.segments[i];
    if (begin < segment.file_offset || !within(begin - segment.file_offset, bytes, segment.file_bytes))
      continue;
    image.program_headers = segment.address + (begin - segment.file_offset);
    return;
  }
}

}  // namespace

Result<> ElfFormat::parse(ImageSource& source, ExecutableImage& image) const {
  image = {};
  const auto header = TRY(read_header(source));
  const AddressLimits limits = limits_of(header);
  if (header.entry >= limits.end) return kMalformed;
  image.entry = {header.entry};
  image.position_independent = header.type == kTypeShared;
  image.program_header_count = header.program_header_count;
  image.program_header_bytes = header.program_header_bytes;

  for (u16 i = 0; i < header.program_header_count; ++i) {
    const u64 offset = header.program_headers_offset + u64{i} * sizeof(ProgramHeader);
    const auto program = TRY(read_as<ProgramHeader>(source, offset));
    if (program.type == kSegmentLoad) TRY(add_segment(program, limits, source.size(), image));
    if (program.type == kSegmentInterpreter) TRY(set_interpreter(program, source, image));
    // Without the entry, x86-64 programs get a stack that is not executable.
    if (program.type == kSegmentGnuStack) image.executable_stack = program.flags & kFlagExecute;
  }
  if (image.segment_count == 0) return kMalformed;
  locate_program_headers(header, image);
  return {};
}

}  // namespace vari::components::elf
