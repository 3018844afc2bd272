// Firmware tables made by a test, in a physical memory of the test's own. Every map() gives a copy of
// exactly the bytes asked for, so that AddressSanitizer sees a read past them.
#pragma once

#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "components/acpi/acpi.h"

namespace vari::test {

using Bytes = std::vector<u8>;

/// Appends an integer, little-endian, of the given size.
inline Bytes& put(Bytes& to, u64 value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) to.push_back(static_cast<u8>(value >> 8 * i));
  return to;
}
inline void set(Bytes& in, std::size_t at, u64 value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) in.at(at + i) = static_cast<u8>(value >> 8 * i);
}

inline void fix_checksum(Bytes& table, std::size_t at = 9, std::size_t covered = 0) {
  if (table.size() <= at) return;
  table[at] = 0;
  u8 sum = 0;
  for (std::size_t i = 0; i < (covered ? covered : table.size()); ++i) sum = static_cast<u8>(sum + table[i]);
  table[at] = static_cast<u8>(-sum);
}

/// A table with the common header in front of `body`.
inline Bytes table(std::string_view signature, const Bytes& body, u8 revision = 1) {
  Bytes bytes(signature.begin(), signature.end());
  put(bytes, 36 + body.size(), 4);
  bytes.push_back(revision);
  bytes.resize(36);
  std::memcpy(bytes.data() + 10, "VARI  TEST    ", 14);
  bytes.insert(bytes.end(), body.begin(), body.end());
  fix_checksum(bytes);
  return bytes;
}

inline Bytes madt_start(u32 local_apic = 0xfee0'0000, u32 flags = 1) {
  Bytes body;
  put(put(body, local_apic, 4), flags, 4);
  return body;
}
inline void add_apic(Bytes& madt, u8 apic_id, u32 flags = 1) {
  put(put(put(put(put(madt, 0, 1), 8, 1), apic_id, 1), apic_id, 1), flags, 4);
}
inline void add_x2apic(Bytes& madt, u32 apic_id, u32 flags = 1) {
  put(put(put(put(put(put(madt, 9, 1), 16, 1), 0, 2), apic_id, 4), flags, 4), apic_id, 4);
}
inline void add_io_apic(Bytes& madt, u8 id, u32 address, u32 first) {
  put(put(put(put(put(put(madt, 1, 1), 12, 1), id, 1), 0, 1), address, 4), first, 4);
}
inline void add_override(Bytes& madt, u8 irq, u32 global, u16 flags) {
  put(put(put(put(put(put(madt, 2, 1), 10, 1), 0, 1), irq, 1), global, 4), flags, 2);
}
inline Bytes srat_start() {
  return Bytes(12);
}
inline void add_node_cpu(Bytes& srat, u8 apic_id, u32 domain) {
  put(put(put(put(put(srat, 0, 1), 16, 1), domain & 0xff, 1), apic_id, 1), 1, 4);
  put(put(put(srat, 0, 1), domain >> 8, 3), 0, 4);
}
inline void add_node_memory(Bytes& srat, u64 begin, u64 bytes, u32 domain) {
  put(put(put(put(srat, 1, 1), 40, 1), domain, 4), 0, 2);
  put(put(put(put(put(srat, begin, 8), bytes, 8), 0, 4), 1, 4), 0, 8);
}

class Firmware final : public components::acpi::EarlyMap {
 public:
  static constexpr u64 kRsdp = 0xf'0000;
  static constexpr u64 kXsdt = 0x10'0000;
  static constexpr u64 kTables = 0x11'0000;
  static constexpr u64 kApart = 0x1'0000;

  ~Firmware() {
    for (auto& [at, bytes] : mapped_) delete[] at;
  }

  /// Puts tables one after another, kApart from each other.
  void add(Bytes bytes, bool listed = true) {
    regions[kTables + kApart * count_++] = std::move(bytes);
    if (listed) listed_.push_back(last());
  }
  u64 last() const { return kTables + kApart * (count_ - 1); }

  /// Root table and root pointer for what was added so far.
  void finish() {
    Bytes entries;
    for (u64 address : listed_) put(entries, address, 8);
    regions[kXsdt] = table("XSDT", entries);
    Bytes rsdp{'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    rsdp.resize(15);
    put(put(put(put(rsdp, 2, 1), 0, 4), 36, 4), kXsdt, 8);
    rsdp.resize(36);
    fix_checksum(rsdp, 8, 20);
    fix_checksum(rsdp, 32);
    regions[kRsdp] = rsdp;
  }

  const void* map(PhysicalAddress begin, u64 bytes) override { return map_writable(begin.value, bytes); }
  void unmap(const void* mapped, u64 bytes) override {
    auto found = mapped_.find(static_cast<const u8*>(mapped));
    ASSERT(found != mapped_.end() && found->second == bytes);
    delete[] found->first;
    mapped_.erase(found);
  }
  u8* map_writable(u64 begin, u64 bytes) {
    auto* copy = new u8[bytes]();
    if (!read(begin, {copy, bytes})) {
      delete[] copy;
      return nullptr;
    }
    mapped_[copy] = bytes;
    return copy;
  }
  std::size_t still_mapped() const { return mapped_.size(); }

  std::map<u64, Bytes> regions;
  /// What lies between the regions reads as zeros where this is set (low memory, for the search).
  bool low_memory = false;

 private:
  bool read(u64 begin, std::span<u8> to) const {
    const bool zeros = low_memory && begin + to.size() <= 0x10'0000;
    for (const auto& [at, bytes] : regions) {
      if (begin < at && !zeros) continue;
      if (!zeros && (begin >= at + bytes.size() || to.size() > at + bytes.size() - begin)) continue;
      if (!zeros) {
        std::memcpy(to.data(), bytes.data() + (begin - at), to.size());
        return true;
      }
      for (std::size_t i = 0; i < to.size(); ++i)
        if (begin + i >= at && begin + i < at + bytes.size()) to[i] = bytes[begin + i - at];
    }
    return zeros;
  }

  u64 count_ = 0;
  std::vector<u64> listed_;
  std::map<const u8*, u64> mapped_;
};

}  // namespace vari::test
