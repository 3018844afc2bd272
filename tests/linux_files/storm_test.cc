// Four processes on four cores change one small tree as fast as they can; whatever order comes out, the tree
// is a tree afterwards: links are counted right, every name is found, and all of it can be removed.
#include <random>

#include "program.h"

namespace vari::linux::test {
namespace {

std::string random_path(std::mt19937& random) {
  std::string path = "/s";
  const auto depth = 1 + random() % 3;
  for (unsigned i = 0; i < depth; ++i) path += std::string("/") + "abcd"[random() % 4];
  return path;
}

void change_tree(Sys& sys, u32 seed, int steps) {
  std::mt19937 random(seed);
  for (int i = 0; i < steps; ++i) {
    const auto path = random_path(random), other = random_path(random);
    switch (random() % 10) {
      case 0: sys(call::mkdir, path, 0755); break;
      case 1: sys(call::rmdir, path); break;
      case 2: {
        const i64 file = sys(call::open, path, kRdWr | kCreat, 0644);
        if (file >= 0) {
          sys(call::write, file, "some bytes", 10);
          sys(call::close, file);
        }
        break;
      }
      case 3: sys(call::unlink, path); break;
      case 4:
      case 5: sys(call::rename, path, other); break;
      case 6: sys(call::renameat2, kHere, path, kHere, other, 2); break;
      case 7: sys(call::link, path, other); break;
      case 8: sys(call::stat, path + "/../" + "abcd"[random() % 4], sys.room()); break;
      default:
        if (sys(call::chdir, path) == 0) {
          const i64 length = sys(call::getcwd, sys.room(), 200);
          if (length > 0) {
            EXPECT_TRUE(sys.text(sys.room(), static_cast<u64>(length)).starts_with("/s/"));
          }
          sys(call::chdir, "/");
        }
        break;
    }
  }
}

/// Checks a directory and what is below it, and removes it all.
u64 check_and_remove(Sys& sys, const std::string& path) {
  u64 directories = 0, names = 0;
  const u64 links = sys.links_of(path.c_str());
  const auto children = sys.list(path.c_str());
  for (const auto& name : children) {
    const auto child = path + "/" + name;
    const u32 mode = sys.mode_of(child.c_str());
    EXPECT_NE(mode, 0u) << child;
    if ((mode & 0170000) == 0040000) {
      ++directories;
      names += check_and_remove(sys, child);
    } else {
      EXPECT_GE(sys.links_of(child.c_str()), 1u);
      EXPECT_EQ(sys(call::unlink, child), 0) << child;
    }
    ++names;
  }
  EXPECT_EQ(links, 2 + directories) << path;
  EXPECT_EQ(sys(call::rmdir, path), 0) << path;
  return names;
}

TEST(Storm, ATreeStaysATree) {
  run_processes(
      4, 4,
      [](Sys& sys, u32 index) {
        sys(call::mkdir, "/s", 0755);
        change_tree(sys, index, 1500);
      },
      [](Sys& sys) { check_and_remove(sys, "/s"); });
}

TEST(Storm, OneNameIsMadeByOne) {
  u32 made = 0;
  run_processes(
      4, 4,
      [&](Sys& sys, u32) {
        for (int i = 0; i < 200; ++i) {
          const auto name = "/n" + std::to_string(i);
          const i64 file = sys(call::open, name, kRdWr | kCreat | kExcl, 0644);
          if (file >= 0) {
            __atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST);
            sys(call::close, file);
          } else {
            EXPECT_EQ(file, kExist);
          }
        }
      },
      [](Sys&) {});
  EXPECT_EQ(made, 200u);
}

TEST(Storm, AppendsAreWhole) {
  constexpr u32 kEach = 300;
  run_processes(
      4, 4,
      [](Sys& sys, u32 index) {
        const i64 file = sys(call::open, "/log", kWrOnly | kCreat | kAppendTo, 0644);
        const std::string line(31, static_cast<char>('a' + index));
        for (u32 i = 0; i < kEach; ++i) EXPECT_EQ(sys(call::write, file, line + "\n", 32), 32);
      },
      [](Sys& sys) {
        const auto log = sys.read_file("/log");
        EXPECT_EQ(log.size(), 4 * kEach * 32);
        for (std::size_t at = 0; at < log.size(); at += 32)
          EXPECT_EQ(log.substr(at, 32), std::string(31, log[at]) + "\n");
      });
}

}  // namespace
}  // namespace vari::linux::test
