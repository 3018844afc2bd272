// Reading single ACPI tables, given as bytes from outside (ACPI 6.4, chapter 5). Pure functions: they
// touch nothing but `topology`, and leave it consistent whatever the bytes say.
#pragma once

#include <cstring>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/types.h"
#include "interfaces/topology.h"

namespace vari::components::acpi {

/// The first sizeof(T) bytes at `offset` as a T, wherever they lie; nullopt if there are fewer.
template <class T>
std::optional<T> read_at(std::span<const u8> bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// Calls `visit(type, entry)` for each entry of a table whose entries start with type and length;
/// false if an entry doesn't fit, or visit() returned false.
template <class Visit>
bool for_each_entry(std::span<const u8> table, std::size_t first, Visit visit) {
  if (first > table.size()) return false;
  for (auto rest = table.subspan(first); !rest.empty();) {
    if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) return false;
    if (!visit(rest[0], rest.first(rest[1]))) return false;
    rest = rest.subspan(rest[1]);
  }
  return true;
}

/// All bytes of a table add up to 0.
bool checksum_is_right(std::span<const u8> table);

/// Processors, I/O APICs, overrides, the local APIC's address.
Result<> read_madt(std::span<const u8> table, Topology& topology);
/// Memory nodes, and the processors' nodes; after read_madt().
Result<> read_srat(std::span<const u8> table, Topology& topology);
Result<> read_hpet(std::span<const u8> table, Topology& topology);
Result<> read_mcfg(std::span<const u8> table, Topology& topology);

}  // namespace vari::components::acpi
