// Names: path walks, links, renames, removals, permissions, mounts, by the rules of the manual pages.
#include <algorithm>

#include "program.h"

namespace vari::linux::test {
namespace {

TEST(Walk, RulesOfPaths) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), 0);
    EXPECT_EQ(sys(call::mkdir, "/d/e", 0755), 0);
    EXPECT_EQ(sys.write_file("/d/f", "hello"), 5);
    EXPECT_EQ(sys(call::symlink, "f", "/d/l"), 0);
    EXPECT_EQ(sys(call::symlink, "/d/e", "/d/m"), 0);
    EXPECT_EQ(sys(call::symlink, "nowhere", "/d/broken"), 0);
    struct Case {
      const char* path;
      i64 result;  // of stat
    };
    const Case cases[] = {
        {"/", 0},
        {"//", 0},
        {"/.", 0},
        {"/..", 0},
        {"/../../d", 0},
        {"/d/f", 0},
        {"//d//f", 0},
        {"/d/./f", 0},
        {"/d/e/../f", 0},
        {"/d/f/", kNotDir},
        {"/d/f/.", kNotDir},
        {"/d/f/..", kNotDir},
        {"/d/e/", 0},
        {"/d/e//.//", 0},
        {"/d/l", 0},
        {"/d/l/", kNotDir},
        {"/d/m/", 0},
        {"/d/m/../f", 0},
        {"/d/broken", kNoEnt},
        {"/d/none", kNoEnt},
        {"/none/f", kNoEnt},
        {"", kNoEnt},
        {"d/f", 0},
        {"./d/f", 0},
        {"/d/f/x", kNotDir},
    };
    for (const auto& one : cases) EXPECT_EQ(sys(call::stat, one.path, sys.room()), one.result) << one.path;
    EXPECT_EQ(sys(call::lstat, "/d/broken", sys.room()), 0);
    EXPECT_EQ(sys(call::stat, "/" + std::string(256, 'n'), sys.room()), kNameTooLong);
    EXPECT_EQ(sys(call::stat, "/" + std::string(255, 'n'), sys.room()), kNoEnt);
    std::string deep;
    while (deep.size() < 4095) deep += "/.";
    EXPECT_EQ(sys(call::stat, deep.substr(0, 4094), sys.room()), 0);
    EXPECT_EQ(sys(call::stat, deep + "/.", sys.room()), kNameTooLong);
    EXPECT_EQ(sys(call::stat, u64{8}, sys.room()), kFault);
    EXPECT_EQ(sys(call::stat, "/d", u64{8}), kFault);
  });
}

TEST(Walk, SymbolicLinksHaveALimitOfForty) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys.write_file("/end", "x"), 1);
    EXPECT_EQ(sys(call::symlink, "/end", "/l0"), 0);
    for (int i = 1; i <= 41; ++i)
      EXPECT_EQ(sys(call::symlink, "l" + std::to_string(i - 1), "/l" + std::to_string(i)), 0);
    EXPECT_EQ(sys(call::stat, "/l39", sys.room()), 0);  // forty links
    EXPECT_EQ(sys(call::stat, "/l40", sys.room()), kLoop);
    EXPECT_EQ(sys(call::symlink, "self", "/self"), 0);
    EXPECT_EQ(sys(call::stat, "/self", sys.room()), kLoop);
    EXPECT_EQ(sys(call::open, "/self", kRdOnly | kCreat, 0600), kLoop);
    EXPECT_EQ(sys(call::readlink, "/l1", sys.room(), 100), 2);
    EXPECT_EQ(sys.text(sys.room(), 2), "l0");
    EXPECT_EQ(sys(call::readlink, "/l1", sys.room(), 1), 1);
    EXPECT_EQ(sys(call::readlink, "/end", sys.room(), 100), kInval);
    EXPECT_EQ(sys(call::readlink, "/l1", sys.room(), 0), kInval);
  });
}

TEST(Open, Flags) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::open, "/none", kRdOnly, 0), kNoEnt);
    const i64 made = sys(call::open, "/file", kRdWr | kCreat | kExcl, 0666);
    EXPECT_GE(made, 0);
    EXPECT_EQ(sys(call::open, "/file", kRdWr | kCreat | kExcl, 0666), kExist);
    EXPECT_EQ(sys.mode_of("/file"), 0100644u);  // umask 022
    EXPECT_EQ(sys(call::open, "/file", kRdOnly | kDirectoryOnly, 0), kNotDir);
    EXPECT_EQ(sys(call::mkdir, "/dir", 0777), 0);
    EXPECT_EQ(sys(call::open, "/dir", kWrOnly, 0), kIsDir);
    EXPECT_EQ(sys(call::open, "/dir", kRdOnly | kCreat, 0600), kIsDir);
    EXPECT_EQ(sys(call::open, "/new/", kRdWr | kCreat, 0600), kIsDir);
    EXPECT_EQ(sys(call::symlink, "file", "/link"), 0);
    EXPECT_EQ(sys(call::open, "/link", kRdOnly | kNoFollowLinks, 0), kLoop);
    EXPECT_EQ(sys(call::open, "/link", kRdWr | kCreat | kExcl, 0600), kExist);
    const i64 path_only = sys(call::open, "/link", kPathOnly | kNoFollowLinks, 0);
    EXPECT_GE(path_only, 0);
    EXPECT_EQ(sys(call::read, path_only, sys.room(), 1), kBadF);
    // A broken link and O_CREAT make the target.
    EXPECT_EQ(sys(call::symlink, "/made", "/broken"), 0);
    EXPECT_GE(sys(call::open, "/broken", kWrOnly | kCreat, 0600), 0);
    EXPECT_EQ(sys.mode_of("/made"), 0100600u);
    // Truncation, and append.
    EXPECT_EQ(sys.write_file("/file", "0123456789"), 10);
    const i64 append = sys(call::open, "/file", kWrOnly | kAppendTo, 0);
    EXPECT_EQ(sys(call::write, append, "ab", 2), 2);
    EXPECT_EQ(sys(call::lseek, append, 0, 1), 12);
    EXPECT_EQ(sys.read_file("/file"), "0123456789ab");
    sys(call::open, "/file", kWrOnly | kTrunc, 0);
    EXPECT_EQ(sys.size_of("/file"), 0);
    EXPECT_EQ(sys(call::read, append, sys.room(), 1), kBadF);
    // O_TMPFILE.
    const i64 temporary = sys(call::open, "/dir", kRdWr | 020200000, 0600);
    EXPECT_GE(temporary, 0);
    EXPECT_EQ(sys(call::write, temporary, "x", 1), 1);
    EXPECT_TRUE(sys.list("/dir").empty());
  });
}

TEST(Descriptors, LowestFreeDupAndLimits) {
  run_program([](Sys& sys) {
    const i64 a = sys(call::open, "/dev/null", kRdWr, 0);
    const i64 b = sys(call::dup, a);
    EXPECT_EQ(b, a + 1);
    EXPECT_EQ(sys(call::close, a), 0);
    EXPECT_EQ(sys(call::close, a), kBadF);
    EXPECT_EQ(sys(call::dup, b), a);
    EXPECT_EQ(sys(call::dup2, b, 50), 50);
    EXPECT_EQ(sys(call::dup2, b, b), b);
    EXPECT_EQ(sys(call::dup2, 99, 99), kBadF);
    EXPECT_EQ(sys(call::dup3, b, b, 0), kInval);
    EXPECT_EQ(sys(call::dup3, b, 51, kCloexec), 51);
    EXPECT_EQ(sys(call::fcntl, 51, 1, 0), 1);
    EXPECT_EQ(sys(call::fcntl, 50, 1, 0), 0);
    EXPECT_EQ(sys(call::fcntl, b, 0, 200), 200);
    EXPECT_EQ(sys(call::dup2, b, 1 << 30), kBadF);
    EXPECT_EQ(sys(call::dup2, b, -1), kBadF);
    EXPECT_EQ(sys(call::fcntl, b, 0, 1 << 30), kInval);
    // The upper half of a register is not part of a descriptor.
    EXPECT_EQ(sys(call::close, static_cast<u64>(b) | u64{7} << 32), 0);
    // As many as the limit says, and not one more.
    i64 last = 0;
    i64 count = 0;
    while ((last = sys(call::open, "/dev/null", kRdOnly, 0)) >= 0) ++count;
    EXPECT_EQ(last, kMFile);
    EXPECT_GT(count, 900);
    EXPECT_EQ(sys(call::pipe, sys.room()), kMFile);
  });
}

TEST(Tree, LinksAndRemoval) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys.write_file("/a", "one"), 3);
    EXPECT_EQ(sys(call::link, "/a", "/b"), 0);
    EXPECT_EQ(sys.links_of("/a"), 2u);
    EXPECT_EQ(sys.inode_of("/a"), sys.inode_of("/b"));
    EXPECT_EQ(sys(call::link, "/a", "/b"), kExist);
    EXPECT_EQ(sys(call::link, "/none", "/c"), kNoEnt);
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), 0);
    EXPECT_EQ(sys(call::link, "/d", "/e"), kPerm);
    EXPECT_EQ(sys(call::link, "/a", "/dev/a"), kXDev);
    EXPECT_EQ(sys(call::unlink, "/d"), kIsDir);
    EXPECT_EQ(sys(call::rmdir, "/a"), kNotDir);
    EXPECT_EQ(sys(call::unlink, "/a/"), kNotDir);
    EXPECT_EQ(sys(call::rmdir, "/d/."), kInval);
    EXPECT_EQ(sys(call::rmdir, "/d/.."), kNotEmpty);
    EXPECT_EQ(sys(call::rmdir, "/"), kBusy);
    EXPECT_EQ(sys(call::rmdir, "/dev"), kBusy);
    // Open files outlive their names.
    const i64 open = sys(call::open, "/b", kRdOnly, 0);
    EXPECT_EQ(sys(call::unlink, "/a"), 0);
    EXPECT_EQ(sys(call::unlink, "/b"), 0);
    EXPECT_EQ(sys(call::read, open, sys.room(), 10), 3);
    EXPECT_EQ(sys(call::fstat, open, sys.room()), 0);
    EXPECT_EQ(sys.get<u64>(sys.room() + 16), 0u);
    // Directories count their children, and are removed when empty.
    EXPECT_EQ(sys(call::mkdir, "/d/x", 0755), 0);
    EXPECT_EQ(sys.links_of("/d"), 3u);
    EXPECT_EQ(sys(call::rmdir, "/d"), kNotEmpty);
    EXPECT_EQ(sys(call::rmdir, "/d/x/"), 0);
    EXPECT_EQ(sys.links_of("/d"), 2u);
    // A removed current directory: no name, nothing can be made in it.
    EXPECT_EQ(sys(call::chdir, "/d"), 0);
    EXPECT_EQ(sys(call::getcwd, sys.room(), 100), 3);
    EXPECT_EQ(sys.text(sys.room(), 3), std::string("/d\0", 3));
    EXPECT_EQ(sys(call::getcwd, sys.room(), 2), kRange);
    EXPECT_EQ(sys(call::rmdir, "../d"), 0);
    EXPECT_EQ(sys(call::getcwd, sys.room(), 100), kNoEnt);
    EXPECT_EQ(sys(call::mkdir, "sub", 0755), kNoEnt);
    EXPECT_EQ(sys(call::stat, "..", sys.room()), 0);
  });
}

TEST(Tree, ADeepTreeIsRemovedWithoutDeepRecursion) {
  run_program([](Sys& sys) {
    for (int i = 0; i < 3000; ++i) {
      ASSERT_EQ(sys(call::mkdir, "d", 0755), 0);
      ASSERT_EQ(sys(call::chdir, "d"), 0);
    }
    EXPECT_EQ(sys(call::getcwd, sys.room(), 4096), kNameTooLong);
    // Removed from below while the deepest is the current directory: one long chain of parents goes at once.
    const i64 deepest = sys(call::open, ".", kRdOnly | kDirectoryOnly, 0);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_EQ(sys(call::chdir, ".."), 0);
      ASSERT_EQ(sys(call::rmdir, "d"), 0);
    }
    EXPECT_EQ(sys(call::close, deepest), 0);
    EXPECT_EQ(sys(call::chdir, "/"), 0);
  });
}

TEST(Rename, AllItsRules) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys.write_file("/a", "A"), 1);
    EXPECT_EQ(sys.write_file("/b", "B"), 1);
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), 0);
    EXPECT_EQ(sys(call::mkdir, "/d/e", 0755), 0);
    EXPECT_EQ(sys(call::rename, "/a", "/c"), 0);
    EXPECT_EQ(sys.read_file("/c"), "A");
    EXPECT_EQ(sys(call::stat, "/a", sys.room()), kNoEnt);
    EXPECT_EQ(sys(call::rename, "/c", "/b"), 0);
    EXPECT_EQ(sys.read_file("/b"), "A");
    EXPECT_EQ(sys(call::rename, "/b", "/d"), kIsDir);
    EXPECT_EQ(sys(call::rename, "/d", "/b"), kNotDir);
    EXPECT_EQ(sys(call::rename, "/d", "/d/e/f"), kInval);
    EXPECT_EQ(sys(call::rename, "/d", "/d"), 0);
    EXPECT_EQ(sys(call::rename, "/d/e", "/d"), kNotEmpty);
    EXPECT_EQ(sys(call::rename, "/d/.", "/x"), kBusy);
    EXPECT_EQ(sys(call::rename, "/b", "/b2/"), kNotDir);
    EXPECT_EQ(sys(call::rename, "/b/", "/b2"), kNotDir);
    EXPECT_EQ(sys(call::rename, "/d/", "/d2/"), 0);
    EXPECT_EQ(sys(call::rename, "/d2/e", "/e"), 0);
    EXPECT_EQ(sys.links_of("/d2"), 2u);
    EXPECT_EQ(sys(call::rename, "/e", "/d2"), 0);
    EXPECT_EQ(sys(call::rename, "/b", "/dev/b"), kXDev);
    EXPECT_EQ(sys(call::rename, "/d2", "/proc"), kBusy);
    // Hard links to one file: nothing happens.
    EXPECT_EQ(sys(call::link, "/b", "/h"), 0);
    EXPECT_EQ(sys(call::rename, "/b", "/h"), 0);
    EXPECT_EQ(sys.links_of("/b"), 2u);
    // Flags.
    EXPECT_EQ(sys.write_file("/x", "X"), 1);
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/b", 1), kExist);
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/b", 2), 0);
    EXPECT_EQ(sys.read_file("/x"), "A");
    EXPECT_EQ(sys.read_file("/b"), "X");
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/d2", 2), 0);
    EXPECT_EQ(sys.mode_of("/x") & 0170000, 0040000u);
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/none", 2), kNoEnt);
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/y", 3), kInval);
    EXPECT_EQ(sys(call::renameat2, kHere, "/x", kHere, "/y", 4), kInval);
  });
}

TEST(Directories, PositionsAreStableWhileTheDirectoryChanges) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/d", 0755), 0);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(sys.write_file(("/d/f" + std::to_string(i)).c_str(), ""), 0);
    EXPECT_EQ(sys.list("/d").size(), 100u);
    // Each name that lasts is seen exactly once, though others vanish and come while it is read.
    const i64 directory = sys(call::open, "/d", kRdOnly | kDirectoryOnly, 0);
    std::vector<std::string> seen;
    int step = 0;
    for (;;) {
      const i64 bytes = sys(call::getdents64, directory, sys.room(), 0x80);
      if (bytes <= 0) break;
      const auto records = sys.text(sys.room(), static_cast<u64>(bytes));
      for (std::size_t at = 0; at < records.size();) {
        u16 length = 0;
        std::memcpy(&length, &records[at + 16], 2);
        seen.push_back(&records[at + 19]);
        at += length;
      }
      sys(call::unlink, "/d/f" + std::to_string(50 + step));
      if (step < 40) sys(call::rename, "/d/f" + std::to_string(step), "/d/g" + std::to_string(step));
      ++step;
    }
    int unrenamed = 0;
    for (const auto& name : seen) unrenamed += name == "f45" || name == "f46" || name == "f49";
    EXPECT_EQ(unrenamed, 3);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
    EXPECT_EQ(sys(call::getdents64, directory, sys.room(), 10), 0);
    sys(call::lseek, directory, 0, 0);
    EXPECT_EQ(sys(call::getdents64, directory, sys.room(), 10), kInval);
    EXPECT_EQ(sys(call::getdents64, directory, u64{8}, 1000), kFault);
  });
}

TEST(Permissions, OwnersGroupsOthersAndTheStickyBit) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys.write_file("/secret", "s", 0600), 1);
    EXPECT_EQ(sys(call::mkdir, "/closed", 0700), 0);
    EXPECT_EQ(sys.write_file("/closed/f", "s", 0644), 1);
    EXPECT_EQ(sys(call::mkdir, "/sticky", 0777), 0);
    EXPECT_EQ(sys(call::chmod, "/sticky", 01777), 0);
    EXPECT_EQ(sys.write_file("/sticky/roots", "r", 0666), 1);
    EXPECT_EQ(sys.write_file("/mine", "m", 0400), 1);
    EXPECT_EQ(sys(call::chown, "/mine", 1000, 1000), 0);
    EXPECT_EQ(sys(call::setresuid, 1000, 1000, 1000), 0);
    EXPECT_EQ(sys(call::open, "/secret", kRdOnly, 0), kAcces);
    EXPECT_EQ(sys(call::access, "/secret", 0), 0);
    EXPECT_EQ(sys(call::access, "/secret", 4), kAcces);
    EXPECT_EQ(sys(call::stat, "/closed/f", sys.room()), kAcces);
    EXPECT_EQ(sys(call::open, "/new", kWrOnly | kCreat, 0600), kAcces);
    EXPECT_EQ(sys(call::unlink, "/sticky/roots"), kPerm);
    EXPECT_EQ(sys(call::rename, "/sticky/roots", "/sticky/x"), kPerm);
    EXPECT_EQ(sys.write_file("/sticky/own", "o"), 1);
    EXPECT_EQ(sys(call::unlink, "/sticky/own"), 0);
    EXPECT_EQ(sys(call::chmod, "/secret", 0777), kPerm);
    EXPECT_EQ(sys(call::chmod, "/mine", 0600), 0);
    EXPECT_EQ(sys(call::chown, "/mine", 0, -1), kPerm);
    EXPECT_EQ(sys(call::mknod, "/sticky/n", 0020666, 0x103), kPerm);
    EXPECT_EQ(sys(call::chroot, "/"), kPerm);
    EXPECT_EQ(sys(call::mount, "none", "/sticky", "tmpfs", 0, 0), kPerm);
  });
}

TEST(Mounts, CoverUncoverAndStayBusy) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/m", 0755), 0);
    EXPECT_EQ(sys.write_file("/m/below", "b"), 1);
    EXPECT_EQ(sys(call::mount, "none", "/m", "tmpfs", 0, "size=64k"), 0);
    EXPECT_TRUE(sys.list("/m").empty());
    EXPECT_EQ(sys.write_file("/m/above", "a"), 1);
    EXPECT_EQ(sys(call::rmdir, "/m"), kBusy);
    EXPECT_EQ(sys(call::rename, "/m", "/n"), kBusy);
    EXPECT_EQ(sys(call::stat, "/m/..", sys.room()), 0);
    EXPECT_EQ(sys.get<u64>(sys.room() + 8), sys.inode_of("/"));
    const i64 open = sys(call::open, "/m/above", kRdOnly, 0);
    EXPECT_EQ(sys(call::umount, "/m", 0), kBusy);
    EXPECT_EQ(sys(call::close, open), 0);
    // The size limit: an error, not the end of the machine's memory.
    EXPECT_EQ(sys.write_file("/m/big", std::string(4000, 'x')), 4000);
    const i64 big = sys(call::open, "/m/big", kWrOnly, 0);
    i64 result = 0;
    for (int i = 0; i < 40 && result >= 0; ++i) result = sys(call::pwrite, big, "x", 1, i * 4096);
    EXPECT_EQ(result, kNoSpc);
    EXPECT_EQ(sys(call::close, big), 0);
    EXPECT_EQ(sys(call::unlink, "/m/big"), 0);
    // Bind, read-only.
    EXPECT_EQ(sys(call::mkdir, "/bind", 0755), 0);
    EXPECT_EQ(sys(call::mount, "/m", "/bind", 0, 4096, 0), 0);
    EXPECT_EQ(sys.read_file("/bind/above"), "a");
    // Of the mount alone: MS_REMOUNT without MS_BIND is of the file system.
    EXPECT_EQ(sys(call::mount, "none", "/bind", 0, 4096 | 32 | 1, 0), 0);
    EXPECT_EQ(sys.write_file("/bind/new", "n"), kRoFs);
    EXPECT_EQ(sys(call::unlink, "/bind/above"), kRoFs);
    EXPECT_EQ(sys.write_file("/m/new", "n"), 1);
    EXPECT_EQ(sys(call::umount, "/m", 0), 0);
    EXPECT_EQ(sys.read_file("/m/below"), "b");
    EXPECT_EQ(sys.read_file("/bind/above"), "a");
    EXPECT_EQ(sys(call::umount, "/bind", 0), 0);
    EXPECT_EQ(sys(call::umount, "/bind", 0), kInval);
    EXPECT_EQ(sys(call::mount, "none", "/m", "nothing", 0, 0), -19);
  });
}

TEST(Chroot, NoWayOut) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/jail", 0755), 0);
    EXPECT_EQ(sys.write_file("/jail/inside", "i"), 1);
    EXPECT_EQ(sys(call::symlink, "/inside", "/jail/link"), 0);
    EXPECT_EQ(sys(call::chdir, "/jail"), 0);
    EXPECT_EQ(sys(call::chroot, "."), 0);
    EXPECT_EQ(sys.read_file("/inside"), "i");
    EXPECT_EQ(sys.read_file("/link"), "i");
    EXPECT_EQ(sys.read_file("/../../inside"), "i");
    EXPECT_EQ(sys(call::getcwd, sys.room(), 10), 2);
  });
}

TEST(OpenAt2, Resolution) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mkdir, "/r", 0755), 0);
    EXPECT_EQ(sys(call::mkdir, "/r/s", 0755), 0);
    EXPECT_EQ(sys.write_file("/r/f", "f"), 1);
    EXPECT_EQ(sys.write_file("/f", "o"), 1);
    EXPECT_EQ(sys(call::symlink, "/f", "/r/abs"), 0);
    const i64 root = sys(call::open, "/r", kPathOnly, 0);
    struct How {
      u64 flags, mode, resolve;
    };
    const auto open = [&](const char* path, u64 resolve) {
      const u64 how = sys.put(How{0, 0, resolve}, sys.room());
      return sys(call::openat2, root, path, how, sizeof(How));
    };
    constexpr u64 kNoXdev = 1, kNoLinks = 4, kBeneath = 8, kInRoot = 16;
    EXPECT_GE(open("s/../f", kBeneath), 0);
    EXPECT_EQ(open("../f", kBeneath), kXDev);
    EXPECT_EQ(open("/f", kBeneath), kXDev);
    EXPECT_EQ(open("abs", kBeneath), kXDev);
    EXPECT_EQ(open("abs", kNoLinks), kLoop);
    EXPECT_GE(open("abs", kInRoot), 0);
    EXPECT_GE(open("../../f", kInRoot), 0);
    EXPECT_EQ(open("../dev/null", kNoXdev), kXDev);
    EXPECT_EQ(open("f", 1 << 20), kInval);
  });
}

}  // namespace
}  // namespace vari::linux::test
