// The ELF reader: a good image, each way to be bad one at a time, and 10,000 seeded mutations whose
// accepted results must keep what components/elf/README.md promises.
#include "components/elf/elf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "components/elf/layout.h"

namespace vari::components::elf {
namespace {

using Bytes = std::vector<u8>;

class MemorySource final : public ImageSource {
 public:
  explicit MemorySource(const Bytes& bytes) : bytes_(bytes) {}
  u64 size() override { return bytes_.size(); }
  Result<> read(u64 offset, std::span<u8> to) override {
    if (offset > bytes_.size() || to.size() > bytes_.size() - offset)
      return std::unexpected(Error::OutOfRange);
    std::memcpy(to.data(), bytes_.data() + offset, to.size());
    return {};
  }

 private:
  const Bytes& bytes_;
};

/// An image in pieces, to be edited before it is put together.
struct Draft {
  FileHeader header{};
  std::vector<ProgramHeader> programs;
  std::size_t file_bytes = 0x3000;

  Bytes bytes() const {
    Bytes image(file_bytes);
    std::memcpy(image.data(), &header, sizeof header);
    const std::string interpreter = "/lib64/ld-linux-x86-64.so.2";
    std::memcpy(image.data() + 0x800, interpreter.c_str(), interpreter.size() + 1);
    const u64 at = header.program_headers_offset;
    for (std::size_t i = 0; i < programs.size(); ++i) {
      const u64 offset = at + i * sizeof(ProgramHeader);
      if (offset <= image.size() && sizeof(ProgramHeader) <= image.size() - offset) {
        std::memcpy(image.data() + offset, &programs[i], sizeof(ProgramHeader));
      }
    }
    return image;
  }
};

Draft good(u16 type = kTypeExecutable) {
  const u64 base = type == kTypeExecutable ? 0x400000 : 0;
  Draft draft;
  FileHeader& header = draft.header;
  std::memcpy(header.identification, kMagic, sizeof kMagic);
  header.identification[4] = kClass64;
  header.identification[5] = kLittleEndian;
  header.identification[6] = kVersion;
  header.type = type;
  header.machine = kMachineX86_64;
  header.version = kVersion;
  header.entry = base + 0x1000;
  header.program_headers_offset = 64;
  header.header_bytes = 64;
  header.program_header_bytes = sizeof(ProgramHeader);
  draft.programs = {
      {kSegmentLoad, kFlagRead, 0, base, 0, 0x1000, 0x1000, 0x1000},
      {kSegmentLoad, kFlagRead | kFlagExecute, 0x1000, base + 0x1000, 0, 0xfff, 0xfff, 0x1000},
      {kSegmentLoad, kFlagRead | kFlagWrite, 0x2010, base + 0x5010, 0, 0x100, 0x8000, 0x1000},
      {kSegmentInterpreter, kFlagRead, 0x800, base + 0x800, 0, 28, 28, 1},
      {kSegmentGnuStack, kFlagRead | kFlagWrite, 0, 0, 0, 0, 0, 16},
  };
  header.program_header_count = static_cast<u16>(draft.programs.size());
  return draft;
}

Result<ExecutableImage> parse(const Bytes& bytes) {
  MemorySource source(bytes);
  ExecutableImage image;
  TRY(ElfFormat().parse(source, image));
  return image;
}

TEST(Elf, ReadsAFixedImage) {
  const auto image = parse(good().bytes());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->segment_count, 3u);
  EXPECT_EQ(image->entry.value, 0x401000u);
  EXPECT_FALSE(image->position_independent);
  EXPECT_FALSE(image->executable_stack);
  EXPECT_EQ(image->interpreter_offset, 0x800u);
  EXPECT_EQ(image->interpreter_bytes, 28u);
  EXPECT_EQ(image->program_headers.value, 0x400040u);
  EXPECT_EQ(image->program_header_count, 5u);
  EXPECT_EQ(image->segments[2].access, Access::Read | Access::Write);
  EXPECT_EQ(image->segments[2].memory_bytes, 0x8000u);
}

TEST(Elf, ReadsAPositionIndependentImage) {
  const auto image = parse(good(kTypeShared).bytes());
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->position_independent);
  EXPECT_EQ(image->segments[0].address.value, 0u);
  EXPECT_EQ(image->program_headers.value, 64u);
}

TEST(Elf, ReadsTheHostsOwnProgram) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const Bytes bytes((std::istreambuf_iterator<char>(file)), {});
  const auto image = parse(bytes);
  ASSERT_TRUE(image);
  EXPECT_GT(image->interpreter_bytes, 0u);
  EXPECT_NE(image->program_headers.value, 0u);
}

struct BadCase {
  const char* name;
  Error error;
  std::function<void(Draft&)> edit;
};

class ElfBad : public testing::TestWithParam<BadCase> {};

TEST_P(ElfBad, IsRefused) {
  Draft draft = good();
  GetParam().edit(draft);
  const auto image = parse(draft.bytes());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error(), GetParam().error);
}

const BadCase kBadCases[] = {
    {"Magic", Error::Malformed, [](Draft& d) { d.header.identification[0] = 'E'; }},
    {"ThirtyTwoBit", Error::Unsupported, [](Draft& d) { d.header.identification[4] = 1; }},
    {"BigEndian", Error::Unsupported, [](Draft& d) { d.header.identification[5] = 2; }},
    {"OtherMachine", Error::Unsupported, [](Draft& d) { d.header.machine = 183; }},
    {"Version", Error::Malformed, [](Draft& d) { d.header.version = 2; }},
    {"Relocatable", Error::Malformed, [](Draft& d) { d.header.type = 1; }},
    {"CoreDump", Error::Malformed, [](Draft& d) { d.header.type = 4; }},
    {"ProgramHeaderSize", Error::Malformed, [](Draft& d) { d.header.program_header_bytes = 57; }},
    {"NoProgramHeaders", Error::Malformed, [](Draft& d) { d.header.program_header_count = 0; }},
    {"TooManyProgramHeaders", Error::Malformed, [](Draft& d) { d.header.program_header_count = 0xffff; }},
    {"TableBeyondTheFile", Error::Malformed, [](Draft& d) { d.header.program_headers_offset = 0x2ff0; }},
    {"TableWraps", Error::Malformed, [](Draft& d) { d.header.program_headers_offset = ~u64{0} - 8; }},
    {"TruncatedFile", Error::Malformed, [](Draft& d) { d.file_bytes = 0x2050; }},
    {"EntryInKernelSpace", Error::Malformed, [](Draft& d) { d.header.entry = 0xffffffff80000000; }},
    {"NoSegments", Error::Malformed,
     [](Draft& d) {
       for (auto& p : d.programs) p.type = 0;
     }},
    {"EmptySegmentsOnly", Error::Malformed,
     [](Draft& d) {
       for (auto& p : d.programs) p.file_bytes = p.memory_bytes = 0;
       d.programs[3].type = 0;
     }},
    {"FileLargerThanMemory", Error::Malformed, [](Draft& d) { d.programs[1].memory_bytes = 0x10; }},
    {"OffsetBeyondTheFile", Error::Malformed, [](Draft& d) { d.programs[1].offset = 0x10000; }},
    {"OffsetWraps", Error::Malformed, [](Draft& d) { d.programs[1].offset = ~u64{0xfff}; }},
    {"FileBytesWrap", Error::Malformed,
     [](Draft& d) { d.programs[2].file_bytes = d.programs[2].memory_bytes = ~u64{0} - 0x2000; }},
    {"AddressZero", Error::Malformed, [](Draft& d) { d.programs[0].address = 0; }},
    {"KernelAddress", Error::Malformed, [](Draft& d) { d.programs[2].address = 0xffffffff80000010; }},
    {"NonCanonicalAddress", Error::Malformed, [](Draft& d) { d.programs[2].address = 0x0000800000000010; }},
    {"ReachesIntoTheLastPage", Error::Malformed,
     [](Draft& d) { d.programs[2].address = Domain::kUserEnd.value - 0x1000 + 0x10; }},
    {"MemoryWraps", Error::Malformed, [](Draft& d) { d.programs[2].memory_bytes = ~u64{0}; }},
    {"MemoryBeyondUserSpace", Error::Malformed, [](Draft& d) { d.programs[2].memory_bytes = u64{1} << 47; }},
    {"Misaligned", Error::Malformed, [](Draft& d) { d.programs[2].address += 8; }},
    {"Overlap", Error::Malformed, [](Draft& d) { d.programs[1].address = 0x400000; }},
    {"SharedPage", Error::Malformed, [](Draft& d) { d.programs[2].address = 0x401010; }},
    {"Descending", Error::Malformed, [](Draft& d) { std::swap(d.programs[0], d.programs[2]); }},
    {"InterpreterEmpty", Error::Malformed, [](Draft& d) { d.programs[3].file_bytes = 1; }},
    {"InterpreterTooLong", Error::Malformed, [](Draft& d) { d.programs[3].file_bytes = 4097; }},
    {"InterpreterBeyondTheFile", Error::Malformed, [](Draft& d) { d.programs[3].offset = 0x2ff8; }},
    {"InterpreterUnterminated", Error::Malformed, [](Draft& d) { d.programs[3].file_bytes = 20; }},
    {"TooManySegments", Error::Malformed,
     [](Draft& d) {
       d.programs.clear();
       for (u64 i = 0; i < 33; ++i) {
         d.programs.push_back({kSegmentLoad, kFlagRead, 0, 0x400000 + i * 0x1000, 0, 0x10, 0x10, 0x1000});
       }
       d.header.program_header_count = 33;
     }},
};
INSTANTIATE_TEST_SUITE_P(Cases, ElfBad, testing::ValuesIn(kBadCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Elf, EveryTruncationIsRefusedOrConsistent) {
  const Bytes whole = good().bytes();
  for (std::size_t size = 0; size < 0x2110; ++size) {
    EXPECT_FALSE(parse(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
  }
}

TEST(Elf, AcceptsAnExecutableStackAndEmptySegments) {
  Draft draft = good();
  draft.programs[4].flags |= kFlagExecute;
  draft.programs[3] = {kSegmentLoad, kFlagRead, 0, 0, 0, 0, 0, 0};
  const auto image = parse(draft.bytes());
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->executable_stack);
  EXPECT_EQ(image->segment_count, 3u);
}

TEST(Elf, TableOutsideAllSegmentsHasNoAddress) {
  Draft draft = good();
  draft.header.program_headers_offset = 0x2800;
  const auto image = parse(draft.bytes());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->program_headers.value, 0u);
}

void expect_promises(const ExecutableImage& image, u64 file_size) {
  ASSERT_GE(image.segment_count, 1u);
  ASSERT_LE(image.segment_count, ExecutableImage::kMaximumSegments);
  const u64 begin = image.position_independent ? 0 : Domain::kUserBegin.value;
  const u64 end = Domain::kUserEnd.value - (image.position_independent ? Domain::kUserBegin.value : 0);
  u64 free_from = begin;
  for (std::size_t i = 0; i < image.segment_count; ++i) {
    const auto& s = image.segments[i];
    using Wide = unsigned __int128;
    ASSERT_LE(Wide{s.file_offset} + s.file_bytes, Wide{file_size});
    ASSERT_LE(s.file_bytes, s.memory_bytes);
    ASSERT_GE(align_down(s.address.value, kPageBytes), free_from);
    ASSERT_LE(Wide{s.address.value} + s.memory_bytes, Wide{end});
    if (s.file_bytes) {
      ASSERT_EQ(s.address.page_offset(), s.file_offset % kPageBytes);
    }
    free_from = align_up(s.address.value + s.memory_bytes, kPageBytes);
  }
  ASSERT_LE(image.interpreter_bytes, 4096u);
  if (image.interpreter_bytes) {
    ASSERT_LE(image.interpreter_offset + image.interpreter_bytes, file_size);
  }
  ASSERT_LT(image.entry.value, end);
}

TEST(Elf, MutationsAreRefusedOrKeepThePromises) {
  std::mt19937_64 random(20240607);
  const u64 interesting[] = {0,
                             1,
                             0xff,
                             0x1000,
                             0xffff,
                             0x7fffffff,
                             0xffffffff,
                             u64{1} << 47,
                             ~u64{0},
                             ~u64{0xfff},
                             Domain::kUserEnd.value};
  unsigned accepted = 0;
  for (int round = 0; round < 10000; ++round) {
    Bytes bytes = good(random() % 2 ? kTypeExecutable : kTypeShared).bytes();
    const unsigned changes = 1 + random() % 4;
    for (unsigned i = 0; i < changes; ++i) {
      const std::size_t at = random() % (64 + 5 * sizeof(ProgramHeader));
      if (random() % 2) {
        bytes[at] = static_cast<u8>(random());
      } else {
        const u64 value = interesting[random() % std::size(interesting)];
        std::memcpy(bytes.data() + at / 8 * 8, &value, 8);
      }
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    const auto image = parse(bytes);
    if (!image) continue;
    ++accepted;
    expect_promises(*image, bytes.size());
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "round " << round;
  }
  EXPECT_GT(accepted, 100u);
}

}  // namespace
}  // namespace vari::components::elf
