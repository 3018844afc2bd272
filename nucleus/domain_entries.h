// How a domain's mapping is written into a page-table entry, and read back.
#pragma once

#include "interfaces/place.h"
#include "machine/x86_64/page_table_format.h"
#include "machine/x86_64/program_mode.h"

namespace vari::nucleus {

/// Permission bits of a user leaf. Whatever may be written or run may be read: the processor knows no
/// other way.
inline u64 access_bits(Access access) {
  u64 bits = machine::kPresent | machine::kProgramMode.page_bits;
  if (allows(access, Access::Write)) bits |= machine::kWritable;
  if (!allows(access, Access::Execute)) bits |= machine::kNoExecute;
  return bits;
}
inline constexpr u64 kAccessBits =
    machine::kPresent | machine::kUser | machine::kWritable | machine::kNoExecute;

inline u64 user_entry(Frame frame, Access access) {
  const u64 entry = frame.address().value | access_bits(access);
  return access == Access::None ? machine::kept_entry(entry) : entry;
}

/// The same mapping with other rights; what the processor noted of it stays.
inline u64 with_access(u64 entry, Access access) {
  const u64 noted = entry & (machine::kAccessed | machine::kDirty);
  return user_entry(Frame::containing(machine::address_of(entry)), access) | noted;
}

constexpr Mapping mapping_of(u64 entry) {
  Mapping mapping;
  mapping.frame = Frame::containing(machine::address_of(entry));
  mapping.dirty = entry & machine::kDirty;
  mapping.accessed = entry & machine::kAccessed;
  if (!(entry & machine::kPresent)) return mapping;
  mapping.access = Access::Read;
  if (entry & machine::kWritable) mapping.access = mapping.access | Access::Write;
  if (!(entry & machine::kNoExecute)) mapping.access = mapping.access | Access::Execute;
  return mapping;
}

/// The part of [begin, begin + bytes) that is user memory, in whole pages.
struct UserRange {
  VirtualAddress begin, end;
};
constexpr UserRange user_range(VirtualAddress begin, u64 bytes) {
  u64 end = begin.value + bytes;
  if (end < begin.value || end > Domain::kUserEnd.value) end = Domain::kUserEnd.value;
  UserRange range{begin.page(), {align_up(end, kPageBytes)}};
  if (range.begin < Domain::kUserBegin) range.begin = Domain::kUserBegin;
  if (range.end < range.begin) range.end = range.begin;
  return range;
}

}  // namespace vari::nucleus
