// Bytes: reading, writing, holes, truncation, locks, what mmap and read share, limits of memory.
#include <array>

#include "personalities/linux/files/inode.h"
#include "program.h"

namespace vari::linux::test {
namespace {

TEST(Data, PositionsHolesAndTruncation) {
  run_program([](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    EXPECT_EQ(sys(call::pwrite, file, "end", 3, 100'000), 3);
    EXPECT_EQ(sys.size_of("/f"), 100'003);
    EXPECT_EQ(sys.get<i64>(sys.room() + 64), 8);  // one page of blocks
    EXPECT_EQ(sys(call::pread, file, sys.room(), 16, 50'000), 16);
    EXPECT_EQ(sys.text(sys.room(), 16), std::string(16, '\0'));
    EXPECT_EQ(sys(call::lseek, file, 0, 3), 98'304);  // SEEK_DATA
    EXPECT_EQ(sys(call::lseek, file, 0, 4), 0);       // SEEK_HOLE
    EXPECT_EQ(sys(call::lseek, file, 99'000, 4), 100'003);
    EXPECT_EQ(sys(call::lseek, file, 200'000, 3), -6);
    EXPECT_EQ(sys(call::lseek, file, -1, 0), kInval);
    EXPECT_EQ(sys(call::lseek, file, -3, 2), 100'000);
    EXPECT_EQ(sys(call::read, file, sys.room(), 10), 3);
    EXPECT_EQ(sys.text(sys.room(), 3), "end");
    EXPECT_EQ(sys(call::read, file, sys.room(), 10), 0);
    // What is cut is gone: growing again shows zeros.
    EXPECT_EQ(sys(call::pwrite, file, "abcdef", 6, 0), 6);
    EXPECT_EQ(sys(call::ftruncate, file, 3), 0);
    EXPECT_EQ(sys(call::ftruncate, file, 6), 0);
    EXPECT_EQ(sys.read_file("/f"), std::string("abc\0\0\0", 6));
    EXPECT_EQ(sys(call::truncate, "/f", -1), kInval);
    EXPECT_EQ(sys(call::truncate, "/dev", 0), kIsDir);
    EXPECT_EQ(sys(call::fallocate, file, 0, 0, 9000), 0);
    EXPECT_EQ(sys.size_of("/f"), 9000);
    EXPECT_EQ(sys(call::fallocate, file, 3, 0, 4096), 0);
    EXPECT_EQ(sys(call::pread, file, sys.room(), 3, 0), 3);
    EXPECT_EQ(sys.text(sys.room(), 3), std::string(3, '\0'));
    EXPECT_EQ(sys(call::pwrite, file, "x", 1, -5), kInval);
    EXPECT_EQ(sys(call::pwrite, file, "x", 1, 0x7fff'ffff'ffff'ffff), -27);
    EXPECT_EQ(sys(call::write, file, u64{8}, 10), kFault);
    EXPECT_EQ(sys(call::pread, file, u64{8}, 10, 0), kFault);
  });
}

TEST(Data, VectorsAreReadOnceAndChecked) {
  run_program([](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    struct Vector {
      u64 base, bytes;
    };
    const u64 at = sys.room() + 0x100;
    sys.put(std::array<char, 6>{'a', 'b', 'c', 'd', 'e', 'f'}, sys.room());
    sys.put(std::array<Vector, 3>{{{sys.room(), 2}, {sys.room() + 2, 0}, {sys.room() + 2, 4}}}, at);
    EXPECT_EQ(sys(call::writev, file, at, 3), 6);
    EXPECT_EQ(sys.read_file("/f"), "abcdef");
    EXPECT_EQ(sys(call::writev, file, at, 2000), kInval);
    EXPECT_EQ(sys(call::writev, file, at, 0), 0);
    sys.put(std::array<Vector, 2>{{{sys.room(), 1}, {sys.room(), ~u64{0}}}}, at);
    EXPECT_EQ(sys(call::writev, file, at, 2), kInval);
    EXPECT_EQ(sys(call::readv, file, u64{8}, 2), kFault);
  });
}

TEST(Data, MappedPagesAreTheFilesPages) {
  run_program([](Sys& sys) {
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    EXPECT_EQ(sys(call::write, file, "before", 6), 6);
    const i64 map = sys(9, 0, 8192, 3, 1, file, 0);  // mmap, shared
    ASSERT_GT(map, 0);
    EXPECT_EQ(sys.text(static_cast<u64>(map), 6), "before");
    sys.put(std::array<char, 6>{'m', 'a', 'p', 'p', 'e', 'd'}, static_cast<u64>(map));
    EXPECT_EQ(sys.read_file("/f"), "mapped");
    EXPECT_EQ(sys(call::pwrite, file, "W", 1, 0), 1);
    EXPECT_EQ(sys.text(static_cast<u64>(map), 6), "Wapped");
    // Beyond the end there is nothing.
    char byte = 0;
    EXPECT_FALSE(Task::current().user().copy_in(&byte, static_cast<u64>(map) + 4096, 1).has_value());
    // A read of a file into its own mapping must not wait for itself.
    EXPECT_EQ(sys(call::pread, file, map, 6, 0), 6);
    // The mapping outlives name and descriptor.
    EXPECT_EQ(sys(call::unlink, "/f"), 0);
    EXPECT_EQ(sys(call::close, file), 0);
    EXPECT_EQ(sys.text(static_cast<u64>(map), 6), "Wapped");
    EXPECT_EQ(sys(11, map, 8192), 0);
  });
}

TEST(Data, AFullMachineIsAnErrorNotAnEnd) {
  run_program(
      [](Sys& sys) {
        const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
        i64 result = 0;
        for (u64 i = 0; i < 5000 && result >= 0; ++i) result = sys(call::pwrite, file, "x", 1, i * 4096);
        EXPECT_EQ(result, kNoSpc);
        EXPECT_EQ(sys(call::ftruncate, file, 0), 0);
        EXPECT_EQ(sys(call::pwrite, file, "x", 1, 0), 1);
        EXPECT_EQ(sys(call::unlink, "/f"), 0);
        EXPECT_EQ(sys(call::close, file), 0);
      },
      2048);
}

TEST(Data, CopiesWithinTheKernel) {
  run_program([](Sys& sys) {
    std::string contents;
    for (int i = 0; i < 1200; ++i) contents += std::to_string(i);
    EXPECT_EQ(sys.write_file("/a", contents), static_cast<i64>(contents.size()));
    const i64 from = sys(call::open, "/a", kRdOnly, 0);
    const i64 to = sys(call::open, "/b", kRdWr | kCreat, 0644);
    EXPECT_EQ(sys(call::sendfile, to, from, 0, 1 << 20), static_cast<i64>(contents.size()));
    EXPECT_EQ(sys.read_file("/b"), contents);
    const u64 offset = sys.put(i64{10}, sys.room());
    EXPECT_EQ(sys(call::sendfile, to, from, offset, 5), 5);
    EXPECT_EQ(sys.get<i64>(sys.room()), 15);
    sys.put(i64{0}, sys.room());
    sys.put(i64{0}, sys.room() + 8);
    EXPECT_EQ(sys(call::copy_file_range, from, sys.room(), to, sys.room() + 8, 7, 0), 7);
    EXPECT_EQ(sys(call::copy_file_range, from, 0, from, 0, 7, 0), kBadF);
  });
}

TEST(Data, TimesAndModes) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys.write_file("/f", "x"), 1);
    struct Times {
      i64 a_s, a_ns, m_s, m_ns;
    };
    sys.put(Times{1000, 5, 2000, 6}, sys.room());
    EXPECT_EQ(sys(call::utimensat, kHere, "/f", sys.room(), 0), 0);
    EXPECT_EQ(sys(call::stat, "/f", sys.room()), 0);
    EXPECT_EQ(sys.get<i64>(sys.room() + 72), 1000);
    EXPECT_EQ(sys.get<i64>(sys.room() + 80), 5);
    EXPECT_EQ(sys.get<i64>(sys.room() + 88), 2000);
    EXPECT_EQ(sys.get<i64>(sys.room() + 96), 6);
    sys.put(Times{0, 0x3ffffffe, 7, 0}, sys.room());
    EXPECT_EQ(sys(call::utimensat, kHere, "/f", sys.room(), 0), 0);
    EXPECT_EQ(sys(call::stat, "/f", sys.room()), 0);
    EXPECT_EQ(sys.get<i64>(sys.room() + 72), 1000);
    EXPECT_EQ(sys.get<i64>(sys.room() + 88), 7);
    sys.put(Times{0, 1'000'000'000, 7, 0}, sys.room());
    EXPECT_EQ(sys(call::utimensat, kHere, "/f", sys.room(), 0), kInval);
    EXPECT_EQ(sys(call::chmod, "/f", 06755), 0);
    EXPECT_EQ(sys(call::chown, "/f", 5, 6), 0);
    EXPECT_EQ(sys.mode_of("/f"), 0100755u);  // the set-ID bits went
    EXPECT_EQ(sys(call::umask, 077), 022);
    EXPECT_EQ(sys.write_file("/g", "x", 0666), 1);
    EXPECT_EQ(sys.mode_of("/g"), 0100600u);
  });
}

TEST(Data, Locks) {
  run_program([](Sys& sys) {
    const i64 a = sys(call::open, "/f", kRdWr | kCreat, 0644);
    const i64 b = sys(call::open, "/f", kRdWr, 0);
    constexpr u64 kShared = 1, kExclusive = 2, kNow = 4, kUnlock = 8;
    EXPECT_EQ(sys(call::flock, a, kExclusive), 0);
    EXPECT_EQ(sys(call::flock, b, kShared | kNow), kAgain);
    EXPECT_EQ(sys(call::flock, a, kShared), 0);
    EXPECT_EQ(sys(call::flock, b, kShared | kNow), 0);
    EXPECT_EQ(sys(call::flock, a, kExclusive | kNow), kAgain);
    EXPECT_EQ(sys(call::flock, b, kUnlock), 0);
    EXPECT_EQ(sys(call::flock, a, kExclusive | kNow), 0);
    EXPECT_EQ(sys(call::close, a), 0);
    EXPECT_EQ(sys(call::flock, b, kExclusive | kNow), 0);
    // Record locks: one's own never conflict, and are split and merged.
    struct Lock {
      i16 type, whence;
      i64 start, length;
      i32 pid;
    };
    sys.put(Lock{1, 0, 0, 100, 0}, sys.room());
    EXPECT_EQ(sys(call::fcntl, b, 6, sys.room()), 0);
    sys.put(Lock{2, 0, 10, 10, 0}, sys.room());
    EXPECT_EQ(sys(call::fcntl, b, 6, sys.room()), 0);
    sys.put(Lock{1, 0, 0, 0, 0}, sys.room());
    EXPECT_EQ(sys(call::fcntl, b, 5, sys.room()), 0);
    EXPECT_EQ(sys.get<i16>(sys.room()), 2);
    sys.put(Lock{9, 0, 0, 0, 0}, sys.room());
    EXPECT_EQ(sys(call::fcntl, b, 6, sys.room()), kInval);
    sys.put(Lock{1, 0, -5, 1, 0}, sys.room());
    EXPECT_EQ(sys(call::fcntl, b, 6, sys.room()), kInval);
  });
}

TEST(Devices, MajorOne) {
  run_program([](Sys& sys) {
    const i64 null = sys(call::open, "/dev/null", kRdWr, 0);
    EXPECT_EQ(sys(call::read, null, sys.room(), 10), 0);
    EXPECT_EQ(sys(call::write, null, "x", 1 << 20), 1 << 20);
    const i64 zero = sys(call::open, "/dev/zero", kRdWr, 0);
    sys.put(u64{~0ull}, sys.room());
    EXPECT_EQ(sys(call::read, zero, sys.room(), 8), 8);
    EXPECT_EQ(sys.get<u64>(sys.room()), 0u);
    const i64 full = sys(call::open, "/dev/full", kRdWr, 0);
    EXPECT_EQ(sys(call::write, full, "x", 1), kNoSpc);
    const i64 random = sys(call::open, "/dev/urandom", kRdOnly, 0);
    EXPECT_EQ(sys(call::read, random, sys.room(), 300), 300);
    EXPECT_EQ(sys(call::mknod, "/node", 0020666, 0x103), 0);
    EXPECT_GE(sys(call::open, "/node", kRdWr, 0), 0);
    EXPECT_EQ(sys(call::mknod, "/nobody", 0020666, 0x7777), 0);
    EXPECT_EQ(sys(call::open, "/nobody", kRdWr, 0), -6);
    EXPECT_EQ(sys(call::memfd_create, "m", 0) >= 0, true);
  });
}

}  // namespace
}  // namespace vari::linux::test
