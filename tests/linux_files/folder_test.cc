// A folder as root file system, of two kinds: one in memory, and one of the host.
#include <algorithm>
#include <set>

#include "folder_program.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux::test {
namespace {

class FolderRoot : public testing::TestWithParam<bool> {
 public:
  FolderRoot()
      : side_(GetParam() ? std::unique_ptr<OtherSide>(new HostSide) : std::make_unique<FakeSide>()) {}
  OtherSide& side() { return *side_; }

 private:
  std::unique_ptr<OtherSide> side_;
};

constexpr i64 kReadWriteMap = 3, kSharedMap = 1, kPrivateMap = 2;
enum : u64 { kMmapCall = 9, kMunmapCall = 11, kMsyncCall = 26, kFsyncCall = 74, kSyncCall = 162 };

std::string pattern(u64 bytes) {
  std::string text;
  for (u64 i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

TEST_P(FolderRoot, BytesGoBothWays) {
  side().put("from-host", pattern(50'000));
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys.read_file("/from-host"), pattern(50'000));
    EXPECT_EQ(sys.write_file("/from-guest", pattern(3000)), 3000);
    EXPECT_EQ(side().get("from-guest"), pattern(3000));
    EXPECT_EQ(sys.mode_of("/from-guest"), 0100644u);
    // In pieces, across pages, over what is there, and behind the end.
    const i64 file = sys(call::open, "/pieces", kRdWr | kCreat, 0600);
    std::string model;
    for (u64 offset : {0, 4000, 4090, 9000, 3, 20'000}) {
      const auto text = pattern(200 + offset % 97);
      EXPECT_EQ(sys(call::pwrite, file, text, text.size(), offset), static_cast<i64>(text.size()));
      if (model.size() < offset + text.size()) model.resize(offset + text.size());
      model.replace(offset, text.size(), text);
    }
    EXPECT_EQ(sys.read_file("/pieces"), model);
    EXPECT_EQ(side().get("pieces"), model);
    EXPECT_EQ(sys(call::ftruncate, file, 4095), 0);
    EXPECT_EQ(sys(call::ftruncate, file, 8000), 0);
    model.resize(4095);
    model.resize(8000);
    EXPECT_EQ(sys.read_file("/pieces"), model);
    EXPECT_EQ(side().get("pieces"), model);
  });
}

TEST_P(FolderRoot, HostChangesAreSeenAtTheNextOpen) {
  side().put("f", "one");
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys.read_file("/f"), "one");
    side().put("f", "two!");
    EXPECT_EQ(sys.read_file("/f"), "two!");
    EXPECT_EQ(sys.size_of("/f"), 4);
    // A reader at the end sees what is added.
    const i64 file = sys(call::open, "/f", kRdOnly, 0);
    EXPECT_EQ(sys(call::read, file, sys.room(), 100), 4);
    EXPECT_EQ(sys(call::read, file, sys.room(), 100), 0);
    side().put("f", "two!more");
    EXPECT_EQ(sys(call::read, file, sys.room(), 100), 4);
    EXPECT_EQ(sys.text(sys.room(), 4), "more");
    // Names come and go.
    side().remove("f");
    EXPECT_EQ(sys(call::open, "/f", kRdOnly, 0), kNoEnt);
    side().put("f", "three");
    EXPECT_EQ(sys.read_file("/f"), "three");
    EXPECT_EQ(sys(call::pread, file, sys.room(), 8, 0), 8);  // the old one is still open
    EXPECT_EQ(sys.text(sys.room(), 8), "two!more");
    EXPECT_EQ(sys(call::open, "/f", kWrOnly | kCreat | kExcl, 0600), kExist);
  });
}

TEST_P(FolderRoot, AppendGoesToTheEndThatTheHostSees) {
  side().put("log", "a");
  run_in(side(), [&](Sys& sys) {
    const i64 file = sys(call::open, "/log", kWrOnly | kAppendTo, 0);
    EXPECT_EQ(sys(call::write, file, "b", 1), 1);
    side().put("log", "abHOST");
    EXPECT_EQ(sys(call::write, file, "c", 1), 1);
    EXPECT_EQ(side().get("log"), "abHOSTc");
  });
}

TEST_P(FolderRoot, SharedMappingsAreWrittenBack) {
  side().put("f", pattern(10'000));
  run_in(side(), [&](Sys& sys) {
    auto model = pattern(10'000);
    const i64 file = sys(call::open, "/f", kRdWr, 0);
    const i64 map = sys(kMmapCall, 0, 12'288, kReadWriteMap, kSharedMap, file, 0);
    ASSERT_GT(map, 0);
    EXPECT_EQ(sys.text(static_cast<u64>(map) + 5000, 10), model.substr(5000, 10));
    sys.put(std::array<char, 4>{'W', 'X', 'Y', 'Z'}, static_cast<u64>(map) + 5000);
    EXPECT_EQ(side().get("f"), model);  // not yet: else this test would show nothing
    model.replace(5000, 4, "WXYZ");
    EXPECT_EQ(sys.read_file("/f"), model);  // but read() sees it
    EXPECT_EQ(sys(kMsyncCall, map, 12'288, 4), 0);
    EXPECT_EQ(side().get("f"), model);
    // After msync the next write is noticed anew.
    sys.put(std::array<char, 2>{'!', '!'}, static_cast<u64>(map) + 5002);
    model.replace(5002, 2, "!!");
    EXPECT_EQ(sys(kFsyncCall, file), 0);
    EXPECT_EQ(side().get("f"), model);
    sys.put(std::array<char, 2>{'?', '?'}, static_cast<u64>(map) + 9000);
    model.replace(9000, 2, "??");
    // write() to a page that is dirty, and munmap after close.
    EXPECT_EQ(sys(call::pwrite, file, "pw", 2, 9001), 2);
    model.replace(9001, 2, "pw");
    EXPECT_EQ(sys(call::close, file), 0);
    sys.put(char{'e'}, static_cast<u64>(map) + 9990);
    sys.put(char{'x'}, static_cast<u64>(map) + 10'100);  // behind the end: no part of the file
    model.replace(9990, 1, "e");
    EXPECT_EQ(sys(kMunmapCall, map, 12'288), 0);
    EXPECT_EQ(side().get("f"), model);
    EXPECT_EQ(sys.read_file("/f"), model);
  });
}

TEST_P(FolderRoot, ExitWritesBackAndPrivatePagesStayPrivate) {
  side().put("shared", pattern(5000));
  side().put("private", pattern(5000));
  run_in(side(), [&](Sys& sys) {
    for (const bool shared : {true, false}) {
      const i64 file = sys(call::open, shared ? "/shared" : "/private", kRdWr, 0);
      const i64 map = sys(kMmapCall, 0, 8192, kReadWriteMap, shared ? kSharedMap : kPrivateMap, file, 0);
      ASSERT_GT(map, 0);
      sys.put(char{'#'}, static_cast<u64>(map) + 4500);
      EXPECT_EQ(sys.text(static_cast<u64>(map) + 4500, 1), "#");
      EXPECT_EQ(sys(call::close, file), 0);
    }
  });
  EXPECT_EQ(side().get("shared")[4500], '#');
  EXPECT_EQ(side().get("private"), pattern(5000));
}

TEST_P(FolderRoot, NamesAreMadeMovedAndRemoved) {
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/d", 0750), 0);
    EXPECT_EQ(sys.mode_of("/d"), 040750u);
    EXPECT_EQ(sys(call::mkdir, "/d", 0750), kExist);
    EXPECT_EQ(sys.write_file("/d/a", "A"), 1);
    EXPECT_EQ(sys.write_file("/d/b", "B"), 1);
    EXPECT_EQ(sys(call::rmdir, "/d"), kNotEmpty);
    EXPECT_EQ(sys(call::unlink, "/d"), kIsDir);
    EXPECT_EQ(sys(call::rmdir, "/d/a"), kNotDir);
    EXPECT_EQ(sys(call::link, "/d/a", "/d/hard"), 0);
    EXPECT_EQ(sys.links_of("/d/a"), 2u);
    EXPECT_EQ(sys.inode_of("/d/a"), sys.inode_of("/d/hard"));
    EXPECT_EQ(sys(call::symlink, "a", "/d/soft"), 0);
    EXPECT_EQ(sys.read_file("/d/soft"), "A");
    EXPECT_EQ(sys(call::readlink, "/d/soft", sys.room(), 10), 1);
    EXPECT_EQ(sys(call::rename, "/d/b", "/d/a"), 0);
    EXPECT_EQ(sys.read_file("/d/a"), "B");
    EXPECT_EQ(sys.read_file("/d/hard"), "A");
    EXPECT_EQ(side().get("d/a"), "B");
    EXPECT_FALSE(side().has("d/b"));
    EXPECT_EQ(sys(call::renameat2, kHere, "/d/a", kHere, "/d/hard", 2), 0);
    EXPECT_EQ(sys.read_file("/d/hard"), "B");
    EXPECT_EQ(sys(call::renameat2, kHere, "/d/a", kHere, "/d/hard", 1), kExist);
    EXPECT_EQ(sys(call::rename, "/d", "/d/e"), kInval);
    EXPECT_EQ(sys(call::rename, "/d", "/moved"), 0);
    EXPECT_EQ(sys.read_file("/moved/hard"), "B");
    auto names = sys.list("/moved");
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "hard", "soft"}));
    for (const char* name : {"/moved/a", "/moved/hard", "/moved/soft"}) EXPECT_EQ(sys(call::unlink, name), 0);
    EXPECT_EQ(sys(call::rmdir, "/moved"), 0);
    EXPECT_EQ(sys(call::rmdir, "/moved"), kNoEnt);
    EXPECT_FALSE(side().has("moved"));
  });
}

TEST_P(FolderRoot, DeletedWhileOpen) {
  side().put("f", "body");
  run_in(side(), [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr, 0);
    EXPECT_EQ(sys(call::unlink, "/f"), 0);
    EXPECT_FALSE(side().has("f"));
    EXPECT_EQ(sys(call::pwrite, file, "BO", 2, 0), 2);
    EXPECT_EQ(sys(call::pread, file, sys.room(), 10, 0), 4);
    EXPECT_EQ(sys.text(sys.room(), 4), "BOdy");
    EXPECT_EQ(sys(call::fstat, file, sys.room()), 0);
    EXPECT_EQ(sys.get<u64>(sys.room() + 16), 0u);
    EXPECT_EQ(sys(call::ftruncate, file, 1), 0);
    EXPECT_EQ(sys(call::read, file, sys.room(), 10), 1);
  });
}

TEST_P(FolderRoot, PermissionsAreTheFoldersOwn) {
  side().put("f", "x");
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys(call::chmod, "/f", 0600), 0);
    EXPECT_EQ(sys.mode_of("/f"), 0100600u);
    EXPECT_EQ(sys(call::umask, 0), 022);
    EXPECT_EQ(sys.write_file("/open-to-all", "x", 0666), 1);
    EXPECT_EQ(sys.mode_of("/open-to-all"), 0100666u);
    // A file that is made read-only can be written through the descriptor that made it.
    EXPECT_EQ(sys.write_file("/readonly", "once", 0444), 4);
    EXPECT_EQ(sys.mode_of("/readonly"), 0100444u);
    const u64 times = sys.put(std::array<i64, 4>{1000, 5, 2000, 6}, sys.room());
    EXPECT_EQ(sys(call::utimensat, kHere, "/f", times, 0), 0);
    EXPECT_EQ(sys(call::stat, "/f", sys.room()), 0);
    EXPECT_EQ(sys.get<i64>(sys.room() + 72), 1000);
    EXPECT_EQ(sys.get<i64>(sys.room() + 88), 2000);
    EXPECT_EQ(sys.get<i64>(sys.room() + 96), 6);
    // Inside, another user is held to them.
    EXPECT_EQ(sys(call::setresuid, 1234, 1234, 1234), 0);
    EXPECT_EQ(sys(call::open, "/f", kRdOnly, 0), kAcces);
    EXPECT_EQ(sys(call::open, "/open-to-all", kRdWr, 0) >= 0, true);
    EXPECT_EQ(sys(call::chmod, "/f", 0777), kPerm);
  });
}

TEST_P(FolderRoot, StandardMountsLeaveTheFolderAlone) {
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys.mode_of("/dev/null") & 0170000, 0020000u);
    EXPECT_EQ(sys.mode_of("/proc/self/status") & 0170000, 0100000u);
    EXPECT_EQ(sys(call::chdir, "/proc"), 0);
    EXPECT_EQ(sys(call::chdir, ".."), 0);
    EXPECT_EQ(sys(call::getcwd, sys.room(), 100), 2);
    EXPECT_EQ(sys(call::rmdir, "/proc"), kBusy);
  });
  EXPECT_FALSE(side().has("dev"));
  EXPECT_FALSE(side().has("proc"));
}

TEST_P(FolderRoot, TenThousandNamesAreListedOnceAndRemovedMeanwhile) {
  constexpr u32 kCount = 10'000;
  run_in(side(), [&](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/many", 0755), 0);
    for (u32 i = 0; i < kCount; ++i) {
      const i64 file = sys(call::open, "/many/" + std::to_string(i), kWrOnly | kCreat, 0644);
      ASSERT_GE(file, 0) << i;
      sys(call::close, file);
    }
    const auto names = sys.list("/many");
    EXPECT_EQ(names.size(), kCount);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), kCount);
    // As rm -r does: list some, remove them, list on.
    const i64 directory = sys(call::open, "/many", kRdOnly | kDirectoryOnly, 0);
    u32 removed = 0;
    for (;;) {
      const i64 bytes = sys(call::getdents64, directory, sys.room(), 0x400);
      if (bytes <= 0) break;
      const auto records = sys.text(sys.room(), static_cast<u64>(bytes));
      for (std::size_t at = 0; at < records.size();) {
        u16 length = 0;
        std::memcpy(&length, &records[at + 16], sizeof length);
        const std::string name(&records[at + 19]);
        if (name[0] != '.') removed += sys(call::unlink, "/many/" + name) == 0;
        at += length;
      }
    }
    EXPECT_EQ(removed, kCount);
    EXPECT_EQ(sys(call::rmdir, "/many"), 0);
  });
}

TEST_P(FolderRoot, AFileLargerThanMemoryIsReadAndMapped) {
  const auto all = pattern(3 * kMiB);
  side().put("big", all);
  run_in(
      side(),
      [&](Sys& sys) {
        EXPECT_TRUE(sys.read_file("/big") == all);
        const i64 file = sys(call::open, "/big", kRdWr, 0);
        const i64 map = sys(kMmapCall, 0, 3 * kMiB, 1, kSharedMap, file, 0);
        ASSERT_GT(map, 0);
        EXPECT_EQ(sys(kMunmapCall, map, 3 * kMiB), 0);
        EXPECT_TRUE(sys.read_file("/big") == all);
        // What is not mapped gives way to what programs need.
        const i64 anonymous = sys(kMmapCall, 0, kMiB, 3, 0x22, -1, 0);
        ASSERT_GT(anonymous, 0);
        for (u64 at = 0; at < kMiB; at += kPageBytes) sys.put(char{1}, static_cast<u64>(anonymous) + at);
      },
      512);
}

INSTANTIATE_TEST_SUITE_P(Both, FolderRoot, testing::Bool(),
                         [](const auto& info) { return info.param ? "Host" : "Memory"; });

}  // namespace
}  // namespace vari::linux::test
