// /proc as its readers parse it.
#include <algorithm>

#include "program.h"

namespace vari::linux::test {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> result;
  std::string word;
  for (const char character : text) {
    if (character == ' ' || character == '\n') {
      if (!word.empty()) result.push_back(std::move(word));
      word.clear();
    } else {
      word += character;
    }
  }
  return result;
}

TEST(Proc, SystemFiles) {
  run_program([](Sys& sys) {
    EXPECT_EQ(words(sys.read_file("/proc/uptime")).size(), 2u);
    EXPECT_EQ(words(sys.read_file("/proc/loadavg")).size(), 5u);
    EXPECT_TRUE(sys.read_file("/proc/stat").starts_with("cpu  "));
    EXPECT_NE(sys.read_file("/proc/meminfo").find("MemTotal: "), std::string::npos);
    const auto cpus = sys.read_file("/proc/cpuinfo");
    EXPECT_NE(cpus.find("processor\t: 0\n"), std::string::npos);
    EXPECT_NE(cpus.find("processor\t: 1\n"), std::string::npos);
    EXPECT_NE(sys.read_file("/proc/mounts").find("proc /proc proc rw"), std::string::npos);
    EXPECT_NE(sys.read_file("/proc/filesystems").find("nodev\ttmpfs\n"), std::string::npos);
    EXPECT_EQ(sys.read_file("/proc/sys/kernel/hostname"), "vari\n");
    EXPECT_EQ(sys.read_file("/proc/sys/kernel/ostype"), "Linux\n");
    EXPECT_EQ(sys.read_file("/proc/sys/kernel/random/uuid").size(), 37u);
    EXPECT_EQ(sys(call::open, "/proc/new", kWrOnly | kCreat, 0644) < 0, true);
    EXPECT_EQ(sys(call::unlink, "/proc/uptime"), kPerm);
    EXPECT_EQ(sys(call::open, "/proc/99999", kRdOnly, 0), kNoEnt);
    EXPECT_EQ(sys(call::open, "/proc/02", kRdOnly, 0), kNoEnt);
    EXPECT_EQ(sys(call::open, "/proc/sys/none", kRdOnly, 0), kNoEnt);
  });
}

TEST(Proc, OneProcess) {
  run_program([](Sys& sys) {
    const auto stat = sys.read_file("/proc/self/stat");
    EXPECT_TRUE(stat.starts_with("2 (first) R 1 2 2 ")) << stat;
    EXPECT_EQ(words(stat).size(), 52u);
    EXPECT_NE(sys.read_file("/proc/2/status").find("Name:\tfirst\n"), std::string::npos);
    EXPECT_EQ(sys.read_file("/proc/self/cmdline"), std::string("first\0", 6));
    EXPECT_EQ(sys.read_file("/proc/self/environ"), std::string("PATH=/bin\0HOME=/\0", 17));
    EXPECT_EQ(sys.read_file("/proc/self/comm"), "first\n");
    EXPECT_EQ(sys(call::readlink, "/proc/self", sys.room(), 20), 1);
    EXPECT_EQ(sys(call::readlink, "/proc/self/exe", sys.room(), 20), 6);
    EXPECT_EQ(sys.text(sys.room(), 6), "/first");
    EXPECT_EQ(sys(call::readlink, "/proc/self/cwd", sys.room(), 20), 1);
    EXPECT_EQ(words(sys.read_file("/proc/self/statm")).size(), 7u);
    EXPECT_NE(sys.read_file("/proc/self/maps").find("[stack]"), std::string::npos);
    EXPECT_NE(sys.read_file("/proc/self/limits").find("Max open files"), std::string::npos);
    EXPECT_EQ(sys.list("/proc/self/task"), std::vector<std::string>{"2"});
    EXPECT_EQ(sys.read_file("/proc/self/task/2/comm"), "first\n");
    EXPECT_EQ(sys(call::stat, "/proc/self/task/2/task", sys.room()), kNoEnt);
    const auto names = sys.list("/proc");
    EXPECT_NE(std::find(names.begin(), names.end(), "1"), names.end());
    EXPECT_NE(std::find(names.begin(), names.end(), "2"), names.end());
  });
}

TEST(Proc, Descriptors) {
  run_program([](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    EXPECT_EQ(sys(call::write, file, "abc", 3), 3);
    EXPECT_EQ(sys(call::pipe, sys.room()), 0);
    const i64 reader = sys.get<i32>(sys.room()), writer = sys.get<i32>(sys.room() + 4);
    const auto at = [](i64 descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); };
    EXPECT_EQ(sys(call::readlink, at(file), sys.room(), 50), 2);
    const i64 length = sys(call::readlink, at(reader), sys.room(), 50);
    EXPECT_TRUE(sys.text(sys.room(), static_cast<u64>(length)).starts_with("pipe:["));
    EXPECT_EQ(sys(call::readlink, at(77), sys.room(), 50), kNoEnt);
    // Through the link one gets the object itself, even where it has no name.
    EXPECT_EQ(sys(call::unlink, "/f"), 0);
    const i64 again = sys(call::open, at(file), kRdOnly, 0);
    EXPECT_EQ(sys(call::read, again, sys.room(), 10), 3);
    const i64 length2 = sys(call::readlink, at(file), sys.room(), 50);
    EXPECT_EQ(sys.text(sys.room(), static_cast<u64>(length2)), "/f (deleted)");
    const i64 second = sys(call::open, at(writer), kWrOnly, 0);
    EXPECT_EQ(sys(call::write, second, "xy", 2), 2);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 10), 2);
    EXPECT_EQ(sys.read_file(("/proc/self/fdinfo/" + std::to_string(file)).c_str()).substr(0, 7), "pos:\t3\n");
    const auto names = sys.list("/proc/self/fd");
    EXPECT_NE(std::find(names.begin(), names.end(), std::to_string(reader)), names.end());
    EXPECT_EQ(sys(call::openat, sys(call::open, "/dev", kRdOnly, 0), "fd/" + std::to_string(writer), kWrOnly,
                  0) >= 0,
              true);
  });
}

}  // namespace
}  // namespace vari::linux::test
