// The stack that a program starts with (System V ABI for x86-64, 3.4.1): from the top down the path, the
// environment's and the arguments' characters, random bytes, then the tables of pointers and the auxiliary
// vector, with the count of arguments at the stack pointer.
#include <cpuid.h>

#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/program_image.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

// The last page stays empty; below it, above the stack and found through the same page table, the vDSO.
constexpr u64 kStackTop = Domain::kUserEnd.value - kPageBytes - Vdso::kBytes;
constexpr u64 kInitialRoom = 128 * kKiB;
constexpr char kPlatform[] = "x86_64";

// The auxiliary vector's tags.
enum Tag : u64 {
  kNull = 0,
  kProgramHeaders = 3,
  kProgramHeaderBytes = 4,
  kProgramHeaderCount = 5,
  kPageSize = 6,
  kBase = 7,
  kFlags = 8,
  kEntry = 9,
  kUser = 11,
  kEffectiveUser = 12,
  kGroup = 13,
  kEffectiveGroup = 14,
  kPlatformName = 15,
  kHardware = 16,
  kClockTicks = 17,
  kSecure = 23,
  kRandom = 25,
  kHardware2 = 26,
  kExecutableName = 31,
  kSystemCallGate = 32,  // AT_SYSINFO: what a program may call in place of its system-call instruction
  kVdso = 33,            // AT_SYSINFO_EHDR: where the vDSO is
};

/// Words on their way to the new stack, in pieces.
class WordWriter {
 public:
  WordWriter(UserMemory memory, u64 at) : memory_(memory), at_(at) {}
  LinuxResult<> add(u64 word) {
    words_[count_++] = word;
    if (count_ == kWords) return flush();
    return {};
  }
  LinuxResult<> pair(u64 tag, u64 value) {
    TRY(add(tag));
    return add(value);
  }
  LinuxResult<> flush() {
    TRY(memory_.copy_out(at_, words_, count_ * sizeof(u64)));
    at_ += count_ * sizeof(u64);
    count_ = 0;
    return {};
  }

 private:
  static constexpr u32 kWords = 64;
  UserMemory memory_;
  u64 at_;
  u64 words_[kWords];
  u32 count_ = 0;
};

/// CPUID leaf 1's EDX: what AT_HWCAP is on x86.
u64 hardware_capabilities() {
  u32 a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) ? d : 0;
}

}  // namespace

LinuxResult<> ProgramImage::build_stack(Task& task, const Loaded& program, const Loaded& interpreter) {
  const bool scripted = script_count_ != 0;
  const u64 skipped = scripted && arguments.count() ? arguments.end_of_string(0) : 0;
  const u64 script_bytes = kScriptBytes - script_begin_;
  const u64 argument_bytes = script_bytes + arguments.bytes() - skipped;
  const u64 tables = (u64{arguments.count()} + script_count_ + environment.count() + 64) * sizeof(u64);
  const u64 needed = argument_bytes + environment.bytes() + path_length + tables + kPageBytes;
  const u64 limit = task.process().soft_limit(Resource::StackBytes);
  if (needed > std::max(limit, u64{kInitialRoom})) return std::unexpected(Errno::TooBig);

  u64 top = kStackTop;
  if (task.personality().parts().randomize_addresses) {
    u16 pages = 0;
    task.personality().place().random({reinterpret_cast<u8*>(&pages), sizeof pages});
    top -= (pages & 0x3fff) * kPageBytes;
  }
  const u64 bytes = align_up(needed + kInitialRoom, kPageBytes);
  MemoryMap::Request request{.address = top - bytes,
                             .bytes = bytes,
                             .access = Access::Read | Access::Write,
                             .fixed = true,
                             .grows_down = true};
  if (image_.executable_stack) request.access = request.access | Access::Execute;
  TRY(memory->map(request));

  vdso_ = TRY(task.personality().vdso().map(*memory, top));

  UserMemory to(*memory);
  u64 at = top - sizeof(u64);
  const u64 path_address = at -= path_length + 1;
  TRY(to.copy_out(path_address, path, path_length));
  layout_.environment_end = at;
  const u64 names = at -= environment.bytes();
  TRY(environment.copy_out(to, names, 0));
  layout_.environment_begin = layout_.arguments_end = at;
  const u64 strings = at -= argument_bytes;
  TRY(to.copy_out(strings, script_words_ + script_begin_, script_bytes));
  TRY(arguments.copy_out(to, strings + script_bytes, skipped));
  layout_.arguments_begin = at;

  u8 random[16];
  task.personality().place().random(random);
  const u64 random_address = at = align_down(at - sizeof random, 16);
  TRY(to.copy_out(random_address, random, sizeof random));
  const u64 platform_address = at = align_down(at - sizeof kPlatform, 16);
  TRY(to.copy_out(platform_address, kPlatform, sizeof kPlatform));
  layout_.stack_begin = at;
  return write_tables(task, program, interpreter, strings, names, path_address, random_address,
                      platform_address);
}

LinuxResult<> ProgramImage::write_tables(Task& task, const Loaded& program, const Loaded& interpreter,
                                         u64 strings, u64 names, u64 path_address, u64 random_address,
                                         u64 platform_address) {
  const bool scripted = script_count_ != 0;
  const u32 skipped_count = scripted && arguments.count() ? 1 : 0;
  const u32 count = script_count_ + arguments.count() - skipped_count;
  constexpr u64 kAuxiliaryPairs = 20;
  const u64 words = 1 + count + 1 + environment.count() + 1 + 2 * kAuxiliaryPairs;
  stack_pointer = align_down(platform_address - words * sizeof(u64), 16);
  WordWriter writer(UserMemory(*memory), stack_pointer);

  TRY(writer.add(count));
  const char* word = script_words_ + script_begin_;
  for (u32 i = 0; i < script_count_; ++i) {
    TRY(writer.add(strings + (word - (script_words_ + script_begin_))));
    word += std::string_view(word).size() + 1;
  }
  const u64 script_bytes = kScriptBytes - script_begin_;
  const u64 skipped = skipped_count ? arguments.end_of_string(0) : 0;
  for (u64 offset = skipped; offset < arguments.bytes(); offset = arguments.end_of_string(offset))
    TRY(writer.add(strings + script_bytes + offset - skipped));
  TRY(writer.add(0));
  for (u64 offset = 0; offset < environment.bytes(); offset = environment.end_of_string(offset))
    TRY(writer.add(names + offset));
  TRY(writer.add(0));

  const auto& identity = task.identity();
  TRY(writer.pair(kHardware, hardware_capabilities()));
  TRY(writer.pair(kPageSize, kPageBytes));
  TRY(writer.pair(kClockTicks, 100));
  TRY(writer.pair(kProgramHeaders, program.headers));
  TRY(writer.pair(kProgramHeaderBytes, image_.program_header_bytes));
  TRY(writer.pair(kProgramHeaderCount, image_.program_header_count));
  TRY(writer.pair(kBase, interpreter.base));
  TRY(writer.pair(kFlags, 0));
  TRY(writer.pair(kEntry, program.entry));
  TRY(writer.pair(kUser, identity.user));
  TRY(writer.pair(kEffectiveUser, set_user ? owner_user : identity.effective_user));
  TRY(writer.pair(kGroup, identity.group));
  TRY(writer.pair(kEffectiveGroup, set_group ? owner_group : identity.effective_group));
  TRY(writer.pair(kSecure, set_user || set_group));
  TRY(writer.pair(kRandom, random_address));
  TRY(writer.pair(kHardware2, 0));
  TRY(writer.pair(kExecutableName, path_address));
  TRY(writer.pair(kPlatformName, platform_address));
  TRY(writer.pair(kVdso, vdso_));
  if (const auto gate = task.personality().place().call_gate(); gate.value != 0)
    TRY(writer.pair(kSystemCallGate, gate.value));
  TRY(writer.pair(kNull, 0));
  return writer.flush();
}

}  // namespace vari::linux
