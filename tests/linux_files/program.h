// A program under test in C++: it runs as the first program of a personality on the fake place, on a real
// task, and makes its system calls through the dispatch table, with addresses in its own user memory.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "personalities/linux/calls/groups.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/process/task.h"
#include "tests/linux_process/system_double.h"

namespace vari::linux::test {

// System call numbers, and Linux's constants; the host's headers could name some of them otherwise.
namespace call {
enum : u64 {
  read = 0,
  write = 1,
  open = 2,
  close = 3,
  stat = 4,
  fstat = 5,
  lstat = 6,
  poll = 7,
  lseek = 8,
  ioctl = 16,
  pread = 17,
  pwrite = 18,
  readv = 19,
  writev = 20,
  access = 21,
  pipe = 22,
  select = 23,
  dup = 32,
  dup2 = 33,
  sendfile = 40,
  fcntl = 72,
  flock = 73,
  truncate = 76,
  ftruncate = 77,
  getcwd = 79,
  chdir = 80,
  fchdir = 81,
  rename = 82,
  mkdir = 83,
  rmdir = 84,
  link = 86,
  unlink = 87,
  symlink = 88,
  readlink = 89,
  chmod = 90,
  chown = 92,
  umask = 95,
  setfsuid = 122,
  mknod = 133,
  statfs = 137,
  chroot = 161,
  mount = 165,
  umount = 166,
  getdents64 = 217,
  epoll_wait = 232,
  epoll_ctl = 233,
  openat = 257,
  utimensat = 280,
  eventfd2 = 290,
  epoll_create1 = 291,
  dup3 = 292,
  pipe2 = 293,
  fallocate = 285,
  renameat2 = 316,
  memfd_create = 319,
  copy_file_range = 326,
  openat2 = 437,
  setresuid = 117,
  ppoll = 271,
  timerfd_create = 283,
  timerfd_settime = 286,
};
}
inline constexpr u64 kHere = static_cast<u64>(-100);
enum OpenFlag : u64 {
  kRdOnly = 0,
  kWrOnly = 1,
  kRdWr = 2,
  kCreat = 0100,
  kExcl = 0200,
  kTrunc = 01000,
  kAppendTo = 02000,
  kNonBlocking = 04000,
  kDirectoryOnly = 0200000,
  kNoFollowLinks = 0400000,
  kCloexec = 02000000,
  kPathOnly = 010000000,
};
enum ErrorNumber : i64 {
  kPerm = -1,
  kNoEnt = -2,
  kIntr = -4,
  kBadF = -9,
  kAgain = -11,
  kAcces = -13,
  kFault = -14,
  kBusy = -16,
  kExist = -17,
  kXDev = -18,
  kNotDir = -20,
  kIsDir = -21,
  kInval = -22,
  kMFile = -24,
  kNoSpc = -28,
  kSPipe = -29,
  kRoFs = -30,
  kPipeError = -32,
  kRange = -34,
  kNameTooLong = -36,
  kNotEmpty = -39,
  kLoop = -40,
};

/// The program's side: a small window of user memory that calls read from and write to.
class Sys {
 public:
  static constexpr u64 kScratch = kData + 0x800, kScratchBytes = 0x2800;

  template <class... Values>
  i64 operator()(u64 number, Values... values) {
    const Arguments arguments{{argument(values)...}};
    const i64 result = kSelected<AllGroups>.calls[number](Task::current(), arguments);
    next_ = kScratch;
    return result;
  }
  /// Room for results, which holds until the next call's strings overwrite it.
  u64 room() const { return kData + 0x3000; }
  std::string text(u64 address, u64 bytes) {
    std::string result(bytes, '\0');
    EXPECT_TRUE(Task::current().user().copy_in(result.data(), address, bytes).has_value());
    return result;
  }
  template <class T>
  T get(u64 address) {
    T value{};
    EXPECT_TRUE(Task::current().user().copy_in(&value, address, sizeof value).has_value());
    return value;
  }
  template <class T>
  u64 put(const T& value, u64 address) {
    EXPECT_TRUE(Task::current().user().copy_out(address, &value, sizeof value).has_value());
    return address;
  }

  // Often wanted.
  i64 write_file(const char* path, const std::string& contents, u64 mode = 0644) {
    const i64 descriptor = (*this)(call::open, path, kWrOnly | kCreat | kTrunc, mode);
    if (descriptor < 0) return descriptor;
    const i64 done = (*this)(call::write, descriptor, contents, contents.size());
    (*this)(call::close, descriptor);
    return done;
  }
  std::string read_file(const char* path) {
    const i64 descriptor = (*this)(call::open, path, kRdOnly, 0);
    if (descriptor < 0) return "error " + std::to_string(descriptor);
    std::string all;
    for (;;) {
      const i64 count = (*this)(call::read, descriptor, room(), 0xf00);
      if (count <= 0) break;
      all += text(room(), static_cast<u64>(count));
    }
    (*this)(call::close, descriptor);
    return all;
  }
  u32 mode_of(const char* path) {
    if ((*this)(call::lstat, path, room()) < 0) return 0;
    return get<u32>(room() + 24);
  }
  u64 inode_of(const char* path) { return (*this)(call::stat, path, room()) < 0 ? 0 : get<u64>(room() + 8); }
  u64 links_of(const char* path) { return (*this)(call::stat, path, room()) < 0 ? 0 : get<u64>(room() + 16); }
  i64 size_of(const char* path) { return (*this)(call::stat, path, room()) < 0 ? -1 : get<i64>(room() + 48); }
  /// The names in a directory, in its order, "." and ".." left out.
  std::vector<std::string> list(const char* path) {
    std::vector<std::string> names;
    const i64 descriptor = (*this)(call::open, path, kRdOnly | kDirectoryOnly, 0);
    if (descriptor < 0) return {"error " + std::to_string(descriptor)};
    for (;;) {
      const i64 bytes = (*this)(call::getdents64, descriptor, room(), 0x200);
      if (bytes <= 0) break;
      const auto records = text(room(), static_cast<u64>(bytes));
      for (std::size_t at = 0; at < records.size();) {
        u16 length = 0;
        std::memcpy(&length, &records[at + 16], sizeof length);
        const std::string name(&records[at + 19]);
        if (name != "." && name != "..") names.push_back(name);
        at += length;
      }
    }
    (*this)(call::close, descriptor);
    return names;
  }

 private:
  u64 argument(const std::string& text) { return store(text); }
  u64 argument(const char* text) { return store(std::string(text)); }
  template <class Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  u64 argument(Number number) {
    return static_cast<u64>(number);
  }
  /// Strings lie one behind the other for one call.
  u64 store(const std::string& text) {
    const u64 address = next_;
    EXPECT_LE(address + text.size() + 1, kScratch + kScratchBytes);
    EXPECT_TRUE(Task::current().user().copy_out(address, text.c_str(), text.size() + 1).has_value());
    next_ += text.size() + 1;
    return address;
  }
  u64 next_ = kScratch;
};

/// Runs `body` as the first program and expects that it leaks no frame.
inline void run_program(const std::function<void(Sys&)>& body, u64 frames = 4096) {
  SystemDouble system(frames);
  system.add_program("first", system.program.next());
  bool ran = false;
  system.program.step([&](Cpu&) {
    // Thrown faults would run the step again: the body touches user memory through the kernel only.
    Sys sys;
    body(sys);
    ran = true;
  });
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_TRUE(ran);
}

/// Runs `body` in `count` processes at once, which share the file systems, and then `after` alone.
inline void run_processes(u32 count, u32 cores, const std::function<void(Sys&, u32)>& body,
                          const std::function<void(Sys&)>& after) {
  SystemDouble system;
  auto& program = system.program;
  system.add_program("first", program.next());
  std::vector<SystemDouble::Branch> children;
  for (u32 i = 0; i < count; ++i) {
    program.step([i](Cpu& cpu) { cpu.r.rbx = i; });
    program.call(kFork);
    children.push_back(system.jump_if([](Cpu& cpu) { return cpu.r.rax == 0; }));
  }
  for (u32 i = 0; i < count; ++i) program.call(kWait4, {~u64{0}, 0, 0, 0});
  u32 ran = 0;
  program.step([&](Cpu&) {
    Sys sys;
    after(sys);
    ++ran;
  });
  system.exit(0);
  for (auto& child : children) child.here();
  program.step([&](Cpu& cpu) {
    Sys sys;
    body(sys, static_cast<u32>(cpu.r.rbx));
    __atomic_fetch_add(&ran, 1, __ATOMIC_SEQ_CST);
  });
  system.exit(0);
  EXPECT_EQ(system.run({"first"}, cores), 0);
  EXPECT_EQ(ran, count + 1);
}

}  // namespace vari::linux::test
