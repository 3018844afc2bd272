// See memory_image.h. Structures are written as the 64-bit words that they are in memory.
#include "memory_image.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace vari::linux::fuzz {
namespace {

constexpr u64 kNothing = 0x500000, kKernel = 0xffff'8000'0000'0000, kAll = ~u64{0};
constexpr u64 pair(u64 low, u64 high) {
  return low | high << 32;
}

}  // namespace

u64 MemoryImage::put(const void* bytes, std::size_t size) {
  while (bytes_.size() % 8) bytes_.push_back(0);
  const u64 at = kImage + bytes_.size();
  bytes_.append(static_cast<const char*>(bytes), size);
  if (kImage + bytes_.size() > kBuffer) std::abort();
  return at;
}

u64 MemoryImage::add(char kind, std::initializer_list<u64> words) {
  const u64 at = put(words.begin(), words.size() * sizeof(u64));
  places_[kind].push_back(at);
  return at;
}

u64 MemoryImage::text(char kind, const std::string& text) {
  const u64 at = put(text.c_str(), text.size() + 1);
  places_[kind].push_back(at);
  return at;
}

void MemoryImage::add_names() {
  for (const char* path : {"/tmp/a",
                           "/tmp/b",
                           "/tmp/d",
                           "/tmp/d/a",
                           "/tmp/d/e",
                           "/tmp/d/e/f",
                           "a",
                           "b",
                           "d",
                           ".",
                           "..",
                           "/",
                           "",
                           "/file",
                           "/dir",
                           "/dir/file",
                           "/link",
                           "/dangling",
                           "/loop",
                           "/first",
                           "/second",
                           "/dev",
                           "/dev/null",
                           "/dev/zero",
                           "/dev/full",
                           "/dev/random",
                           "/dev/tty",
                           "/dev/ptmx",
                           "/dev/pts/0",
                           "/dev/pts/1",
                           "/dev/console",
                           "/dev/kmsg",
                           "/dev/mem",
                           "/proc",
                           "/proc/self",
                           "/proc/self/fd/3",
                           "/proc/self/fd/4",
                           "/proc/self/fd",
                           "/proc/self/maps",
                           "/proc/self/exe",
                           "/proc/self/cwd",
                           "/proc/self/root",
                           "/proc/self/mem",
                           "/proc/self/stat",
                           "/proc/self/status",
                           "/proc/self/cmdline",
                           "/proc/self/environ",
                           "/proc/self/mounts",
                           "/proc/self/task",
                           "/proc/2/stat",
                           "/proc/3/maps",
                           "/proc/3/stat",
                           "/proc/meminfo",
                           "/proc/stat",
                           "/proc/mounts",
                           "/proc/cpuinfo",
                           "/proc/sys/kernel/hostname",
                           "/proc/vari/nucleus",
                           "/sys",
                           "/tmp/../tmp/a/",
                           "/tmp/./d//e",
                           "/file/x",
                           "user.name",
                           "/fifo",
                           "/script",
                           "/dev/pts",
                           "/proc/self/comm",
                           "/proc/self/oom_score_adj",
                           "/proc/sys/kernel/pid_max",
                           "/proc/self/limits",
                           "/proc/self/statm"})
    text('s', path);
  text('s', std::string(255, 'n'));
  text('s', "/tmp/" + std::string(256, 'n'));
  text('s', std::string(300, '/') + "tmp/a");
  std::string deep;
  for (int i = 0; i < 1400; ++i) deep += "../";  // longer than a path may be
  text('s', deep);
  for (const char* name : {"tmpfs", "proc", "devtmpfs", "devpts", "sysfs", "none", "ext2"}) text('y', name);
}

void MemoryImage::add_times() {
  constexpr u64 kMilli = 1'000'000;
  add('t', {0, 0, 0, 0});
  add('t', {0, kMilli, 0, kMilli});
  add('t', {0, 10, 0, 10});
  add('t', {0, 0, 0, 5 * kMilli});
  add('t', {1, 0, 1, 0});
  add('t', {0, 0, 0, 1});
  add('t', {0, 1000 * kMilli, 0, 1000 * kMilli});
  add('t', {kAll, kAll, kAll, kAll});
  add('t', {kAll >> 1, 999 * kMilli, kAll >> 1, 999 * kMilli});
  add('t', {0, (u64{1} << 30) - 1, 0, (u64{1} << 30) - 2});  // UTIME_NOW, UTIME_OMIT
  add('t', {4096, 4096, 4096, 4096});
  add('t', {1'700'000'000, 0, 1'700'000'001, 0});
}

void MemoryImage::add_vectors() {
  add('v', {kBuffer, 16, kBuffer + 64, 100, kBuffer + 4000, 200, kBuffer, 0});
  add('v', {kBuffer, 4096, kBuffer + 4096, 4096, kBuffer, 1, kBuffer, 1});
  add('v', {kBuffer, 16, kNothing, 16, kBuffer, 16, kBuffer, 16});
  add('v', {kBuffer, kAll, kBuffer, 16, kBuffer, 16, kBuffer, 16});
  add('v', {kBuffer, kAll >> 1, kBuffer, kAll >> 1, kBuffer, 16, kBuffer, 16});
  add('v', {kKernel, 16, kBuffer, 16, kBuffer, 16, kBuffer, 16});
  add('v', {kReadOnly, 64, kReadOnly + 4000, 200, kBuffer, 16, kBuffer, 16});
  add('v', {0, 0, 0, 0, 0, 0, 0, 0});
  add('v', {kBuffer, 1, kBuffer, 1, kBuffer, 1, kBuffer, 1, kBuffer, 1, kBuffer, 1, kBuffer, 1, kBuffer, 1});
  const u64 vectors = places('v')[0];
  add('M', {0, 0, vectors, 1, 0, 0, 0});
  add('M', {kBuffer, 16, vectors, 1000, kBuffer + 64, 64, 0});
  add('M', {kBuffer, kAll, kNothing, kAll, kNothing, kAll, 0});
}

void MemoryImage::add_signals(const HandlerSteps& steps) {
  for (const u64 set :
       {u64{0}, kAll, u64{1} << 9, u64{1} << 11, u64{1} << 13, u64{1} << 16, u64{1} << 33, ~(u64{1} << 9)})
    add('k', {set, 0});
  constexpr u64 kRestorer = 0x0400'0000, kInfo = 4, kRestart = 0x1000'0000, kOnStack = 0x0800'0000,
                kNoDefer = 0x4000'0000, kReset = 0x8000'0000, kNoChildWait = 2, kNoChildStop = 1;
  const u64 handler = steps.returning * 2, back = steps.restorer * 2;
  for (const u64 flags :
       {u64{0}, kInfo, kRestart, kInfo | kOnStack, kNoDefer, kReset, kInfo | kRestart | kNoDefer})
    add('A', {handler, flags | kRestorer, back, 0});
  add('A', {handler, kRestorer, back, kAll});
  add('A', {steps.ending * 2, kRestorer, back, 0});
  add('A', {handler, 0, 0, 0});
  add('A', {0, 0, 0, 0});
  add('A', {1, 0, 0, 0});
  add('A', {0, kNoChildWait, 0, 0});
  add('A', {handler, kRestorer | kNoChildStop, back, 0});
  add('A', {kKernel, kRestorer, kKernel, 0});
  add('A', {kNothing, kRestorer, kNothing, 0});
  add('G', {kBuffer, 0, kBufferBytes});
  add('G', {kBuffer, 0, 100});
  add('G', {0, 2, 0});
  add('G', {kNothing, 0, 0x4000});
  add('G', {kBuffer, u64{1} << 31, kBufferBytes});
  add('e', {7, pair(10, 0), 0, 0, 0, 0, 0, 0});
  add('e', {7, pair(34, 0), 0, 0, 0, 0, 0, 0});
  add('e', {0, pair(0, 1), 0, 0, 0, 0, 0, 0});
  add('e', {0, pair(14, 4), 2, 0, 0, 0, 0, 0});
  add('e', {kAll, kAll, kAll, 0, 0, 0, 0, 0});
}

void MemoryImage::add_polls() {
  const auto entry = [](u64 descriptor, u64 events) { return pair(descriptor & 0xffff'ffff, events); };
  add('P', {entry(0, 1), entry(1, 4), entry(3, 1), entry(4, 5), entry(5, 0x2017), entry(kAll, 1),
            entry(100, 1), entry(3, 0)});
  add('P', {entry(3, 5), entry(4, 5), entry(5, 5), entry(6, 5), entry(7, 5), entry(8, 5), entry(9, 5),
            entry(10, 5)});
  add('P', {kAll, kAll, kAll, kAll, kAll, kAll, kAll, kAll});
  constexpr u64 kEdge = u64{1} << 31, kOnce = u64{1} << 30, kExclusive = u64{1} << 28;
  for (const u64 events : {u64{1}, u64{5}, kEdge | 5, kOnce | 1, kExclusive | 1, u64{0}, u64{0xffff'ffff}})
    add('E', {events | u64{0x1234'5678} << 32, 1});
}

void MemoryImage::add_others() {
  const u64 word = text('_', "one"), other = text('_', "TWO=2");
  add('R', {0});
  add('R', {word, 0});
  add('R', {word, other, word, other, 0});
  add('R', {kNothing, 0});
  add('R', {word, kKernel, 0});
  add('R', {kBuffer, kBuffer, kBuffer, kBuffer, 0});
  constexpr u64 kThread = 0x3d0f00, kChildSignal = 17;
  const u64 stack = kBuffer + 0x800;
  add('Z', {0, 0, 0, 0, kChildSignal, 0, 0, 0, 0, 0, 0});
  add('Z', {kThread, 0, kBuffer, kBuffer, 0, kBuffer, 0x800, stack, 0, 0, 0});
  add('Z', {0x4100, 0, 0, 0, kChildSignal, kBuffer, 0x800, 0, 0, 0, 0});
  add('Z', {0x1000, kBuffer, 0, 0, kChildSignal, 0, 0, 0, 0, 0, 0});
  add('Z', {0x200000000, kBuffer, kBuffer, kBuffer, 64, 0, 0, 0, kBuffer, 2, 5});
  add('Z', {kAll, kAll, kAll, kAll, kAll, kAll, kAll, kAll, kAll, kAll, kAll});
  for (const u64 flags : {u64{0}, u64{0x42}, u64{0x41}, u64{0x10000}, u64{0x200000}, kAll}) {
    add('H', {flags, 0600, 0});
    add('H', {flags, 0, flags & 1 ? u64{8} : u64{4}});
  }
}

MemoryImage::MemoryImage(const HandlerSteps& steps) {
  bytes_.assign(64, 0);  // the image's own header (world.cc)
  add_names();
  add_times();
  add_vectors();
  add_signals(steps);
  add_polls();
  add_others();
}

}  // namespace vari::linux::fuzz
