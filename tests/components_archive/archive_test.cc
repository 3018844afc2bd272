// What is in an archive comes out of it, in both formats; what is damaged is called so.
#include <gtest/gtest.h>

#include "builder.h"

namespace vari::components::archive::test {
namespace {

using Kind = ArchiveEntry::Kind;

Collector read_cpio(const std::string& archive, Result<>* result = nullptr) {
  Collector collector;
  const auto done = CpioReader().read(bytes_of(archive), collector);
  if (result) {
    *result = done;
  } else {
    EXPECT_TRUE(done.has_value());
  }
  return collector;
}

Collector read_tar(const std::string& archive, Result<>* result = nullptr) {
  Collector collector;
  const auto done = TarReader().read(bytes_of(archive), collector);
  if (result) {
    *result = done;
  } else {
    EXPECT_TRUE(done.has_value());
  }
  return collector;
}

std::string every_kind_cpio() {
  CpioBuilder builder;
  return builder.add({.name = ".", .mode = 040755})
      .add({.name = "bin", .mode = 040755})
      .add({.name = "./bin/busybox", .data = "ELF", .mode = 0104755, .user = 1, .group = 2, .modified = 99})
      .add({.name = "bin/sh", .data = "busybox", .mode = 0120777})
      .add({.name = "/dev/null", .mode = 020666, .major = 1, .minor = 3})
      .add({.name = "dev/vda", .mode = 060660, .major = 254, .minor = 0})
      .add({.name = "fifo", .mode = 010644})
      .finish();
}

TEST(Cpio, DeliversEveryKind) {
  const auto archive = every_kind_cpio();
  EXPECT_TRUE(CpioReader().recognises(bytes_of(archive)));
  EXPECT_FALSE(TarReader().recognises(bytes_of(archive)));
  const auto found = read_cpio(archive).entries;
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[0].kind, Kind::Directory);
  EXPECT_EQ(found[1].path, "bin/busybox");
  EXPECT_EQ(found[1].data, "ELF");
  EXPECT_EQ(found[1].numbers.mode, 04755u);
  EXPECT_EQ(found[1].numbers.user, 1u);
  EXPECT_EQ(found[1].numbers.group, 2u);
  EXPECT_EQ(found[1].numbers.modified_seconds, 99u);
  EXPECT_EQ(found[2].kind, Kind::SymbolicLink);
  EXPECT_EQ(found[2].link, "busybox");
  EXPECT_EQ(found[3].kind, Kind::CharacterDevice);
  EXPECT_EQ(found[3].path, "dev/null");
  EXPECT_EQ(found[3].numbers.device_minor, 3u);
  EXPECT_EQ(found[4].kind, Kind::BlockDevice);
  EXPECT_EQ(found[5].kind, Kind::Fifo);
}

TEST(Cpio, HardLinksShareTheDataOfTheLast) {
  CpioBuilder builder;
  const auto archive = builder.add({.name = "a", .inode = 5, .links = 3})
                           .add({.name = "other", .data = "x", .inode = 6})
                           .add({.name = "b", .inode = 5, .links = 3})
                           .add({.name = "c", .data = "contents", .inode = 5, .links = 3})
                           .finish();
  const auto found = read_cpio(archive).entries;
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].kind, Kind::File);
  EXPECT_EQ(found[0].data, "contents");
  EXPECT_EQ(found[2].kind, Kind::HardLink);
  EXPECT_EQ(found[2].link, "a");
  EXPECT_EQ(found[3].kind, Kind::HardLink);
}

TEST(Cpio, TruncationAtEveryByteIsMalformed) {
  const auto archive = every_kind_cpio();
  for (std::size_t length = 0; length + 3 < archive.size(); ++length) {
    Result<> result;
    read_cpio(archive.substr(0, length), &result);
    ASSERT_FALSE(result.has_value()) << length;
    EXPECT_EQ(result.error(), Error::Malformed);
  }
}

TEST(Cpio, PathsThatLeaveTheRootAreDamage) {
  for (const char* name : {"../etc/passwd", "a/../../b", ".."}) {
    CpioBuilder builder;
    Result<> result;
    const auto found = read_cpio(builder.add({.name = name}).finish(), &result);
    EXPECT_FALSE(result.has_value()) << name;
    EXPECT_TRUE(found.entries.empty());
  }
}

TEST(Cpio, TheSinksErrorStopsTheWalk) {
  Collector collector;
  collector.fail_at = 2;
  const auto result = CpioReader().read(bytes_of(every_kind_cpio()), collector);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), Error::NoSpace);
  EXPECT_EQ(collector.entries.size(), 2u);
}

TEST(Cpio, ManyHardLinksHaveABudget) {
  CpioBuilder builder;
  for (u32 i = 0; i < 8000; ++i) builder.add({.name = "f", .inode = i, .links = 2});
  Result<> result;
  read_cpio(builder.finish(), &result);
  EXPECT_FALSE(result.has_value());
}

TEST(Tar, DeliversEveryKind) {
  TarBuilder builder;
  const auto archive =
      builder.add({.name = "./", .type = '5', .mode = 0755})
          .add({.name = "bin/", .type = '5', .mode = 0755})
          .add({.name = "bin/busybox", .data = "ELF", .mode = 04755, .user = 1, .group = 2, .modified = 99})
          .add({.name = "bin/sh", .link = "busybox", .type = '2'})
          .add({.name = "bin/ls", .link = "./bin/busybox", .type = '1'})
          .add({.name = "dev/null", .type = '3', .mode = 0666, .major = 1, .minor = 3})
          .add({.name = "dev/vda", .type = '4', .major = 254})
          .add({.name = "fifo", .type = '6'})
          .finish();
  EXPECT_TRUE(TarReader().recognises(bytes_of(archive)));
  EXPECT_FALSE(CpioReader().recognises(bytes_of(archive)));
  const auto found = read_tar(archive).entries;
  ASSERT_EQ(found.size(), 7u);
  EXPECT_EQ(found[0].path, "bin");
  EXPECT_EQ(found[1].data, "ELF");
  EXPECT_EQ(found[1].numbers.mode, 04755u);
  EXPECT_EQ(found[2].link, "busybox");
  EXPECT_EQ(found[3].kind, Kind::HardLink);
  EXPECT_EQ(found[3].link, "bin/busybox");
  EXPECT_EQ(found[4].numbers.device_minor, 3u);
  EXPECT_EQ(found[6].kind, Kind::Fifo);
}

TEST(Tar, LongNamesOfAllThreeStyles) {
  const std::string long_name = std::string(150, 'n') + "/" + std::string(120, 'm');
  const std::string long_target(140, 't');
  TarBuilder builder;
  const auto archive =
      builder.add({.name = "././@LongLink", .data = long_name + '\0', .type = 'L'})
          .add({.name = "cut", .data = "gnu"})
          .add({.name = "././@LongLink", .data = long_target + '\0', .type = 'K'})
          .add({.name = "link", .link = "cut", .type = '2'})
          .add({.name = "pax",
                .data = TarBuilder::record("path", long_name) + TarBuilder::record("mtime", "17.5") +
                        TarBuilder::record("uid", "70000"),
                .type = 'x'})
          .add({.name = "cut", .data = "pax"})
          .add({.name = "file", .data = "ustar", .prefix = "some/prefix"})
          .finish();
  const auto found = read_tar(archive).entries;
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].path, long_name);
  EXPECT_EQ(found[0].data, "gnu");
  EXPECT_EQ(found[1].link, long_target);
  EXPECT_EQ(found[2].path, long_name);
  EXPECT_EQ(found[2].numbers.modified_seconds, 17u);
  EXPECT_EQ(found[2].numbers.user, 70000u);
  EXPECT_EQ(found[3].path, "some/prefix/file");
}

TEST(Tar, AWrongChecksumIsDamage) {
  TarBuilder builder;
  auto archive = builder.add({.name = "a", .data = "1"}).add({.name = "b", .data = "2"}).finish();
  archive[1024] = 'x';
  Result<> result;
  const auto found = read_tar(archive, &result);
  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(found.entries.size(), 1u);
}

TEST(Tar, TruncatedDataIsDamage) {
  TarBuilder builder;
  const auto archive = builder.add({.name = "a", .data = std::string(2000, 'x')}).finish();
  for (const std::size_t length : {513u, 1024u, 2000u, 2511u}) {
    Result<> result;
    read_tar(archive.substr(0, length), &result);
    EXPECT_FALSE(result.has_value()) << length;
  }
}

}  // namespace
}  // namespace vari::components::archive::test
