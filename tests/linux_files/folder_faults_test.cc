// A folder that fails, answers in pieces, runs full, or tries to lead out of itself.
#include <sys/stat.h>
#include <unistd.h>

#include "folder_program.h"

// A program may store to a shared page while it is being written out: those bytes go with the next time,
// since the page is then changed anew. On a real place that is no affair of the kernel's; here both sides are
// its process.
extern "C" const char* __tsan_default_suppressions() {
  return "race:vari::hosted::HostHandle::write\n";
}

namespace vari::linux::test {
namespace {

enum : u64 { kMmapCall = 9, kMsyncCall = 26, kFsyncCall = 74 };
constexpr i64 kIo = -5;

std::string pattern(u64 bytes) {
  std::string text;
  for (u64 i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

TEST(FolderFaults, ShortTransfersAddUp) {
  FakeSide side;
  side.fake.most_bytes = 1000;
  side.put("f", pattern(30'000));
  run_in(side, [&](Sys& sys) {
    EXPECT_EQ(sys.read_file("/f"), pattern(30'000));
    EXPECT_EQ(sys.write_file("/g", pattern(7000)), 7000);
    EXPECT_EQ(side.get("g"), pattern(7000));
    const i64 file = sys(call::open, "/g", kRdWr, 0);
    const i64 map = sys(kMmapCall, 0, 8192, 3, 1, file, 0);
    ASSERT_GT(map, 0);
    sys.put(char{'#'}, static_cast<u64>(map) + 6000);
    EXPECT_EQ(sys(kMsyncCall, map, 8192, 4), 0);
    auto model = pattern(7000);
    model[6000] = '#';
    EXPECT_EQ(side.get("g"), model);
  });
}

TEST(FolderFaults, ReadErrorsAreToldAndNotKept) {
  FakeSide side;
  side.put("f", pattern(30'000));
  run_in(side, [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdOnly, 0);
    const i64 map = sys(kMmapCall, 0, 30'000, 1, 2, file, 0);
    ASSERT_GT(map, 0);
    side.fake.fault = [](std::string_view call) {
      return call == "read" ? std::optional(FolderError::Io) : std::nullopt;
    };
    EXPECT_EQ(sys(call::pread, file, sys.room(), 10, 0), kIo);
    char byte = 0;
    EXPECT_FALSE(Task::current().user().copy_in(&byte, static_cast<u64>(map), 1).has_value());
    side.fake.fault = nullptr;
    EXPECT_EQ(sys(call::pread, file, sys.room(), 10, 0), 10);
    EXPECT_TRUE(Task::current().user().copy_in(&byte, static_cast<u64>(map), 1).has_value());
    // An error in the middle: what came before it is given.
    side.fake.most_bytes = 5000;
    int left = 2;
    side.fake.fault = [&](std::string_view call) {
      return call == "read" && left-- <= 0 ? std::optional(FolderError::Io) : std::nullopt;
    };
    const i64 got = sys(call::pread, file, sys.room(), 0xf00, 20'000);
    EXPECT_GT(got, 0);
    EXPECT_EQ(sys.text(sys.room(), static_cast<u64>(got)),
              pattern(30'000).substr(20'000, static_cast<u64>(got)));
  });
}

/// Programs walk through their data from its end, too: a read a batch of pages, not one a page.
TEST(FolderFaults, PagesTouchedBackwardsComeInBatches) {
  FakeSide side;
  constexpr u64 kPages = 64;
  side.put("f", pattern(kPages * kPageBytes));
  run_in(side, [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdOnly, 0);
    const i64 map = sys(kMmapCall, 0, kPages * kPageBytes, 1, 2, file, 0);
    ASSERT_GT(map, 0);
    const u64 before = side.fake.reads;
    const auto model = pattern(kPages * kPageBytes);
    for (u64 page = kPages; page-- > 0;) {
      char byte = 0;
      ASSERT_TRUE(
          Task::current().user().copy_in(&byte, static_cast<u64>(map) + page * kPageBytes, 1).has_value());
      ASSERT_EQ(byte, model[page * kPageBytes]) << page;
    }
    EXPECT_LE(side.fake.reads - before, kPages / 16);
  });
}

TEST(FolderFaults, ABadNeighbourDoesNotSpoilAPage) {
  FakeSide side;
  side.put("f", pattern(30'000));
  run_in(side, [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdOnly, 0);
    int failures = 1;  // the batch's; the page alone can be read
    side.fake.fault = [&](std::string_view call) {
      return call == "read" && failures-- > 0 ? std::optional(FolderError::Io) : std::nullopt;
    };
    EXPECT_EQ(sys(call::pread, file, sys.room(), 10, 20'000), 10);
    EXPECT_EQ(sys.text(sys.room(), 10), pattern(30'000).substr(20'000, 10));
  });
}

TEST(FolderFaults, AFullFolderIsAnErrorAndNothingElseIsShown) {
  FakeSide side;
  run_in(side, [&](Sys& sys) {
    side.fake.room = 5000;
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    EXPECT_EQ(sys(call::write, file, pattern(4000), 4000), 4000);
    EXPECT_EQ(sys(call::write, file, pattern(4000), 4000), 1000);
    EXPECT_EQ(sys(call::write, file, "x", 1), kNoSpc);
    EXPECT_EQ(sys.size_of("/f"), 5000);
    EXPECT_EQ(sys.read_file("/f"), pattern(4000) + pattern(1000));
    EXPECT_EQ(sys(call::pwrite, file, "over", 4, 0), 4);  // what needs no room still works
    EXPECT_EQ(side.get("f").substr(0, 4), "over");
  });
}

TEST(FolderFaults, AFailedWriteBackIsToldAndTriedAgain) {
  FakeSide side;
  side.put("f", pattern(5000));
  run_in(side, [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr, 0);
    const i64 map = sys(kMmapCall, 0, 8192, 3, 1, file, 0);
    ASSERT_GT(map, 0);
    sys.put(char{'#'}, static_cast<u64>(map) + 10);
    side.fake.fault = [](std::string_view call) {
      return call == "write" ? std::optional(FolderError::NoSpace) : std::nullopt;
    };
    EXPECT_EQ(sys(kMsyncCall, map, 8192, 4), kNoSpc);
    EXPECT_EQ(sys(kFsyncCall, file), kNoSpc);
    side.fake.fault = nullptr;
    EXPECT_EQ(side.get("f"), pattern(5000));
    EXPECT_EQ(sys(kFsyncCall, file), 0);
    EXPECT_EQ(side.get("f")[10], '#');
  });
}

TEST(FolderFaults, WhatCanNotBeWrittenAtTheEndIsLogged) {
  FakeSide side;
  side.put("f", pattern(5000));
  run_in(side, [&](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr, 0);
    const i64 map = sys(kMmapCall, 0, 8192, 3, 1, file, 0);
    ASSERT_GT(map, 0);
    sys.put(char{'#'}, static_cast<u64>(map) + 10);
    side.fake.fault = [](std::string_view call) {
      return call == "write" ? std::optional(FolderError::Io) : std::nullopt;
    };
  });
  EXPECT_EQ(side.get("f"), pattern(5000));
}

TEST(FolderFaults, RefusalsOfTheFolderAreThePrograms) {
  FakeSide side;
  side.put("f", "x");
  run_in(side, [&](Sys& sys) {
    const auto refuse = [&](std::string_view which, FolderError error) {
      side.fake.fault = [=](std::string_view call) {
        return call == which ? std::optional(error) : std::nullopt;
      };
    };
    refuse("change", FolderError::NotPermitted);
    EXPECT_EQ(sys(call::chown, "/f", 5, 5), kPerm);
    EXPECT_EQ(sys.write_file("/mine", "m"), 1);  // can't be given away: then it is the server's
    refuse("create", FolderError::ReadOnly);
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), kRoFs);
    EXPECT_FALSE(side.has("d"));
    refuse("open", FolderError::Denied);
    EXPECT_EQ(sys(call::open, "/f", kRdOnly, 0), kAcces);
    refuse("look_up", FolderError::Io);
    EXPECT_EQ(sys(call::open, "/f", kRdOnly, 0), kIo);
    EXPECT_EQ(sys(call::unlink, "/f"), kIo);
    EXPECT_EQ(sys(call::rename, "/f", "/g"), kIo);
  });
}

TEST(FolderFaults, FewNodesAreKeptAndCachedPagesSaveReads) {
  FakeSide side;
  side.fake.kept = 4;
  for (int i = 0; i < 50; ++i) side.put("f" + std::to_string(i), pattern(100));
  run_in(side, [&](Sys& sys) {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(sys.read_file(("/f" + std::to_string(i)).c_str()), pattern(100));
    EXPECT_LT(side.fake.held(), 40);
    const u64 before = side.fake.reads;
    EXPECT_EQ(sys.read_file("/f49"), pattern(100));
    EXPECT_EQ(sys.read_file("/f49"), pattern(100));
    EXPECT_EQ(side.fake.reads, before);  // from the cache
    side.put("f49", pattern(101));
    EXPECT_EQ(sys.read_file("/f49"), pattern(101));
    EXPECT_GT(side.fake.reads, before);
  });
}

TEST(FolderFaults, LinksDoNotLeadOut) {
  HostSide side;
  const auto outside = std::filesystem::path(side.top).parent_path() / "secret";
  std::ofstream(outside) << "outside";
  std::filesystem::create_symlink("../secret", side.top + "/up");
  std::filesystem::create_symlink(outside, side.top + "/absolute");
  std::filesystem::create_directory_symlink("..", side.top + "/parent");
  run_in(side, [&](Sys& sys) {
    for (const char* name : {"/up", "/absolute", "/parent/secret", "/../secret", "/../../../../secret"})
      EXPECT_EQ(sys(call::open, name, kRdOnly, 0), kNoEnt) << name;
    // The host swaps a directory for a link while it is in use: the program stays in the directory.
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), 0);
    EXPECT_EQ(sys(call::chdir, "/d"), 0);
    std::filesystem::rename(side.top + "/d", side.top + "/was-d");
    std::filesystem::create_directory_symlink("..", side.top + "/d");
    EXPECT_EQ(sys(call::open, "secret", kRdOnly, 0), kNoEnt);
    EXPECT_EQ(sys(call::open, "/d/secret", kRdOnly, 0), kNoEnt);
    EXPECT_EQ(sys.write_file("inside", "i"), 1);
    EXPECT_EQ(side.get("was-d/inside"), "i");
  });
}

TEST(HostFolder, RefusesNamesThatAreNotOneComponent) {
  HostSide side;
  side.put("f", "x");
  const auto root = side.folder().root();
  ASSERT_TRUE(root.has_value());
  for (const std::string name : {"", ".", "..", "a/b", "/", "../x"}) {
    const auto found = root->node->look_up(name);
    ASSERT_FALSE(found.has_value()) << name;
    EXPECT_EQ(found.error(), FolderError::Invalid) << name;
  }
  EXPECT_EQ(root->node->look_up(std::string_view("f\0g", 3)).error(), FolderError::Invalid);
  EXPECT_EQ(root->node->look_up(std::string(256, 'x')).error(), FolderError::NameTooLong);
  EXPECT_EQ(root->node->look_up(std::string(255, 'x')).error(), FolderError::NotFound);
}

TEST(HostFolder, OneNodeForOneObjectAndNoOpeningOfOtherKinds) {
  HostSide side;
  side.put("f", "x");
  ASSERT_EQ(::link((side.top + "/f").c_str(), (side.top + "/g").c_str()), 0);
  ASSERT_EQ(::mkfifo((side.top + "/fifo").c_str(), 0600), 0);
  const auto root = side.folder().root();
  const auto f = root->node->look_up("f"), g = root->node->look_up("g");
  EXPECT_EQ(f->node.get(), g->node.get());
  EXPECT_EQ(f->attributes.links, 2u);
  EXPECT_EQ(root->node->look_up("fifo")->node->open(FolderAccess::Read).error(), FolderError::Invalid);
  EXPECT_EQ(root->node->open(FolderAccess::Read).error(), FolderError::Invalid);
}

TEST(HostFolder, CreationNamesWhatIsWrong) {
  EXPECT_EQ(hosted::HostFolder::create("/no/such/folder").error(), FolderError::NotFound);
  EXPECT_EQ(hosted::HostFolder::create("/dev/null").error(), FolderError::NotDirectory);
}

TEST(FolderStorm, ProcessesShareFilesNamesAndMappings) {
  HostSide side;
  SystemDouble system;
  auto& program = system.program;
  const u64 step = program.next();
  std::string image("FAKEFAKE");
  image.append(reinterpret_cast<const char*>(&step), sizeof step);
  side.put("first", image);
  side.put("shared", pattern(40'000));
  const FolderRoot root(side.folder());
  system.root_file_system = &root;
  constexpr u32 kProcesses = 4;
  std::vector<SystemDouble::Branch> children;
  for (u32 i = 0; i < kProcesses; ++i) {
    program.step([i](Cpu& cpu) { cpu.r.rbx = i; });
    program.call(kFork);
    children.push_back(system.jump_if([](Cpu& cpu) { return cpu.r.rax == 0; }));
  }
  for (u32 i = 0; i < kProcesses; ++i) program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.exit(0);
  for (auto& child : children) child.here();
  program.step([&](Cpu& cpu) {
    Sys sys;
    const u64 self = cpu.r.rbx;
    const i64 shared = sys(call::open, "/shared", kRdWr, 0);
    const i64 map = sys(kMmapCall, 0, 40'960, 3, 1, shared, 0);
    for (u64 round = 0; round < 60; ++round) {
      const auto name = "/n" + std::to_string(round % 3);
      switch ((round + self) % 6) {
        case 0: sys.write_file(name.c_str(), pattern(100 * round)); break;
        case 1: sys.read_file(name.c_str()); break;
        case 2: sys(call::rename, name, "/n" + std::to_string((round + 1) % 3)); break;
        case 3: sys(call::unlink, name); break;
        case 4: sys(call::pwrite, shared, "w", 1, (round * 617 + self) % 40'000); break;
        default: sys.put(static_cast<char>('a' + self), static_cast<u64>(map) + round * 600 + self);
      }
      if (round % 17 == 0) sys(kMsyncCall, map, 40'960, 4);
      sys.list("/");
    }
  });
  system.exit(0);
  EXPECT_EQ(system.run({"first"}, 3), 0);
  const auto result = side.get("shared");
  EXPECT_EQ(result.size(), 40'000u);
  for (u64 self = 0; self < kProcesses; ++self) {
    for (u64 round = 0; round < 60; ++round) {
      if ((round + self) % 6 == 5) {
        EXPECT_EQ(result[round * 600 + self], static_cast<char>('a' + self));
      }
    }
  }
}

}  // namespace
}  // namespace vari::linux::test
