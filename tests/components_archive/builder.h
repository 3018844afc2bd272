// Archives made by the tests themselves, byte by byte, so that nothing depends on the host's tools.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "components/archive/archive.h"

namespace vari::components::archive::test {

struct CpioEntry {
  std::string name = {}, data = {};
  u32 mode = 0100644, inode = 1, links = 1, user = 0, group = 0, modified = 0, major = 0, minor = 0;
};

class CpioBuilder {
 public:
  CpioBuilder& add(const CpioEntry& entry) {
    char header[111];
    std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
                  entry.inode, entry.mode, entry.user, entry.group, entry.links, entry.modified,
                  static_cast<unsigned>(entry.data.size()), 0u, 7u, entry.major, entry.minor,
                  static_cast<unsigned>(entry.name.size() + 1), 0u);
    bytes_ += header;
    bytes_ += entry.name + '\0';
    pad();
    bytes_ += entry.data;
    pad();
    return *this;
  }
  std::string finish() {
    add({.name = "TRAILER!!!", .mode = 0});
    return bytes_;
  }

 private:
  void pad() { bytes_.resize((bytes_.size() + 3) / 4 * 4); }
  std::string bytes_;
};

struct TarEntry {
  std::string name = {}, data = {}, link = {}, prefix = {};
  char type = '0';
  u32 mode = 0644, user = 0, group = 0, modified = 0, major = 0, minor = 0;
};

class TarBuilder {
 public:
  TarBuilder& add(const TarEntry& entry) {
    char block[512] = {};
    std::memcpy(block, entry.name.data(), std::min<std::size_t>(entry.name.size(), 100));
    octal(block + 100, 8, entry.mode);
    octal(block + 108, 8, entry.user);
    octal(block + 116, 8, entry.group);
    octal(block + 124, 12, entry.data.size());
    octal(block + 136, 12, entry.modified);
    block[156] = entry.type;
    std::memcpy(block + 157, entry.link.data(), std::min<std::size_t>(entry.link.size(), 100));
    std::memcpy(block + 257,
                "ustar\0"
                "00",
                8);
    octal(block + 329, 8, entry.major);
    octal(block + 337, 8, entry.minor);
    std::memcpy(block + 345, entry.prefix.data(), entry.prefix.size());
    std::memset(block + 148, ' ', 8);
    unsigned sum = 0;
    for (const char byte : block) sum += static_cast<unsigned char>(byte);
    std::snprintf(block + 148, 8, "%06o", sum);
    bytes_.append(block, sizeof block);
    bytes_ += entry.data;
    bytes_.resize((bytes_.size() + 511) / 512 * 512);
    return *this;
  }
  /// A pax record: "LENGTH KEY=VALUE\n", whose length counts itself.
  static std::string record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) ++length;
    return std::to_string(length) + " " + key + "=" + value + "\n";
  }
  std::string finish() {
    bytes_.append(1024, '\0');
    return bytes_;
  }

 private:
  static void octal(char* field, int bytes, unsigned long value) {
    field[--bytes] = 0;
    for (; bytes > 0; value >>= 3) field[--bytes] = static_cast<char>('0' + value % 8);
  }
  std::string bytes_;
};

/// Keeps copies of what a reader delivers.
class Collector final : public ArchiveSink {
 public:
  struct Entry {
    ArchiveEntry::Kind kind;
    std::string path, link, data;
    ArchiveEntry numbers;
  };
  Result<> on_entry(const ArchiveEntry& entry) override {
    if (entries.size() == fail_at) return std::unexpected(Error::NoSpace);
    entries.push_back({entry.kind, std::string(entry.path), std::string(entry.link_target),
                       std::string(reinterpret_cast<const char*>(entry.data.data()), entry.data.size()),
                       entry});
    return {};
  }
  std::vector<Entry> entries;
  std::size_t fail_at = ~std::size_t{0};
};

inline std::span<const u8> bytes_of(const std::string& text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

}  // namespace vari::components::archive::test
