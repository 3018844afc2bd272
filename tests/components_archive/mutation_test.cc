// Ten thousand damaged archives of each kind: whatever the bytes, the readers stay within them (ASan
// watches), end, and never deliver a path that leaves the root.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "builder.h"

namespace vari::components::archive::test {
namespace {

class Checker final : public ArchiveSink {
 public:
  Result<> on_entry(const ArchiveEntry& entry) override {
    EXPECT_FALSE(entry.path.empty());
    EXPECT_FALSE(entry.path.starts_with('/'));
    EXPECT_EQ(("/" + std::string(entry.path) + "/").find("/../"), std::string::npos);
    // Every byte that is promised is there.
    for (const u8 byte : entry.data) sum += byte;
    for (const char character : entry.link_target) sum += static_cast<u8>(character);
    return {};
  }
  u64 sum = 0;
};

std::string damage(const std::string& archive, std::mt19937& random) {
  auto damaged = archive;
  const auto any = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  for (std::size_t count = 1 + any(6); count > 0; --count) {
    switch (any(4)) {
      case 0: damaged[any(damaged.size())] = static_cast<char>(any(256)); break;
      case 1: damaged[any(damaged.size())] ^= static_cast<char>(1 << any(8)); break;
      case 2: damaged[any(damaged.size())] = "0f7F/.8"[any(7)]; break;
      default: damaged.resize(1 + any(damaged.size())); break;
    }
  }
  return damaged;
}

/// In memory of exactly the archive's size, so that a byte too far is seen.
void read_exact(const ArchiveReader& reader, const std::string& archive) {
  auto exact = std::make_unique<u8[]>(archive.size());
  std::memcpy(exact.get(), archive.data(), archive.size());
  Checker checker;
  (void)reader.recognises({exact.get(), archive.size()});
  (void)reader.read({exact.get(), archive.size()}, checker);
}

TEST(Mutation, Cpio) {
  CpioBuilder builder;
  const auto archive = builder.add({.name = "dir", .mode = 040755})
                           .add({.name = "dir/file", .data = std::string(70, 'x'), .inode = 4, .links = 2})
                           .add({.name = "dir/link", .data = "file", .mode = 0120777})
                           .add({.name = "dir/hard", .inode = 4, .links = 2})
                           .finish();
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) read_exact(CpioReader(), damage(archive, random));
}

/// A tar's checksums stop nearly all damage at once: half of the archives get them mended.
std::string mend(std::string archive) {
  for (std::size_t at = 0; at + 512 <= archive.size(); at += 512) {
    if (archive.compare(at + 257, 5, "ustar") != 0) continue;
    std::memset(&archive[at + 148], ' ', 8);
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(archive[at + i]);
    std::snprintf(&archive[at + 148], 8, "%06o", sum);
  }
  return archive;
}

TEST(Mutation, Tar) {
  TarBuilder builder;
  const auto archive = builder.add({.name = "dir/", .type = '5'})
                           .add({.name = "long", .data = std::string(120, 'l'), .type = 'L'})
                           .add({.name = "dir/file", .data = std::string(70, 'x')})
                           .add({.name = "pax",
                                 .data = TarBuilder::record("path", "a/b") + TarBuilder::record("size", "5"),
                                 .type = 'x'})
                           .add({.name = "sized", .data = "12345"})
                           .add({.name = "link", .link = "dir/file", .type = '1'})
                           .finish();
  std::mt19937 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const auto damaged = damage(archive, random);
    read_exact(TarReader(), i % 2 ? mend(damaged) : damaged);
  }
}

}  // namespace
}  // namespace vari::components::archive::test
