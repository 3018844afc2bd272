// What the boot loader has told, as the host can check it: the suite compares command line, memory and the
// modules' hashes with what it gave (K23).
#include "interfaces/boot_information.h"

#include "base/format.h"
#include "machine/x86_64/memory_layout.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

/// FNV-1a, 64 bits.
u64 hash(const u8* bytes, u64 count) {
  u64 value = 0xcbf29ce484222325;
  for (u64 i = 0; i < count; ++i) value = (value ^ bytes[i]) * 0x100000001b3;
  return value;
}

}  // namespace

KERNEL_TEST(boot_information_is_told) {
  const BootInformation& boot = test.boot();
  test.tell("boot protocol", boot.protocol);
  test.tell("boot command_line", boot.command_line);
  EXPECT(!boot.truncated);
  for (std::size_t i = 0; i < boot.module_count; ++i) {
    const auto& module = boot.modules[i];
    const auto* bytes = reinterpret_cast<const u8*>(machine::kDirectMap + module.begin.value);
    const Text<200> text(module.bytes, " ", hash(bytes, module.bytes), " ",
                         module.command_line.substr(0, 100));
    test.tell("boot module", text.text());
  }
  u64 usable = 0;
  for (std::size_t i = 0; i < boot.range_count; ++i) {
    const auto& range = boot.ranges[i];
    const Text<200> text(range.begin.value, " ", range.bytes,
                         range.kind == MemoryKind::Usable ? " usable" : " other");
    test.tell("boot range", text.text());
    if (range.kind == MemoryKind::Usable) usable += range.bytes;
  }
  // What the frame manager took over is what was told, less the first MiB and what the nucleus keeps.
  const u64 managed = test.memory().frames().total_frames() * kPageBytes;
  EXPECT(managed <= usable && managed > usable - 16 * kMiB);
}

}  // namespace vari::kernel_tests
