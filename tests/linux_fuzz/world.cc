// See world.h.
#include "world.h"

#include <sanitizer/lsan_interface.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "arguments.h"
#include "personalities/linux/calls/groups.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/signals/send.h"
#include "runtime/port/linux/allocation.h"
#include "runtime/port/simulated/machine.h"
#include "runtime/wait.h"
#include "tests/linux_process/fake_place.h"

namespace vari::linux::fuzz {
namespace {

using test::Cpu;
using test::FakePlace;

constexpr char kMagic[] = "FUZZFUZZ";
constexpr u64 kFrames = 2048, kSteps = 4000;
constexpr HandlerSteps kHandlers;

[[noreturn]] void failed(const char* what, u64 value = 0) {
  std::fprintf(stderr, "fuzz: %s (%" PRIu64 ")\n", what, static_cast<std::uint64_t>(value));
  std::abort();
}

/// A program file: the magic, the first step's number, the rest of the image; and a page to read only.
class Format final : public ExecutableFormat {
 public:
  Result<> parse(ImageSource& source, ExecutableImage& image) const override {
    struct {
      char magic[8];
      u64 step;
    } header;
    if (source.size() < sizeof header) return std::unexpected(Error::Malformed);
    if (auto read = source.read(0, {reinterpret_cast<u8*>(&header), sizeof header}); !read.has_value())
      return read;
    if (std::memcmp(header.magic, kMagic, sizeof header.magic) != 0) return std::unexpected(Error::Malformed);
    image = {};
    image.segment_count = 2;
    image.segments[0] = {.file_offset = 0,
                         .file_bytes = source.size(),
                         .address = {kImage},
                         .memory_bytes = kImageBytes,
                         .access = Access::Read | Access::Write};
    image.segments[1] = {.file_offset = 0,
                         .file_bytes = kPageBytes,
                         .address = {kReadOnly},
                         .memory_bytes = kPageBytes,
                         .access = Access::Read};
    image.entry = {header.step * 2};
    return {};
  }
};

/// The root file system: the program twice, and one of each kind of file.
class Archive final : public ArchiveReader {
 public:
  explicit Archive(const std::string& program) : program_(program) {}
  bool recognises(std::span<const u8>) const override { return true; }
  Result<> read(std::span<const u8>, ArchiveSink& sink) const override {
    using enum ArchiveEntry::Kind;
    const std::string text(5000, 't');
    TRY(entry(sink, Directory, "tmp", {}, 01777));
    TRY(entry(sink, Directory, "dir", {}, 0755));
    TRY(entry(sink, File, "dir/file", text, 0644));
    TRY(entry(sink, File, "file", text, 0600));
    TRY(entry(sink, File, "script", "#!/second -x\n", 0755));
    TRY(entry(sink, File, "first", program_, 0755));
    TRY(entry(sink, File, "second", program_, 06755));
    TRY(entry(sink, Fifo, "fifo", {}, 0666));
    TRY(link(sink, "link", "dir/file"));
    TRY(link(sink, "dangling", "nowhere"));
    return link(sink, "loop", "loop");
  }

 private:
  static Result<> entry(ArchiveSink& sink, ArchiveEntry::Kind kind, std::string_view path,
                        std::string_view data, u32 mode) {
    ArchiveEntry made;
    made.kind = kind, made.path = path, made.mode = mode;
    made.data = {reinterpret_cast<const u8*>(data.data()), data.size()};
    return sink.on_entry(made);
  }
  static Result<> link(ArchiveSink& sink, std::string_view path, std::string_view target) {
    ArchiveEntry made;
    made.kind = ArchiveEntry::Kind::SymbolicLink, made.path = path, made.mode = 0777;
    made.link_target = target;
    return sink.on_entry(made);
  }
  const std::string& program_;
};

class Observer final : public FirstExitObserver {
 public:
  void on_start_failure(std::string_view, Errno) override {}
  void on_first_exit(i32) override {
    ended = true;
    queue.wake_all();
  }
  bool ended = false;
  runtime::WaitQueue queue;
};

/// The planted bug: close() frees an object of the descriptor's, at which a later read() of it looks.
class Plant {
 public:
  explicit Plant(bool on) {
    if (!on) return;
    for (auto*& object : objects_) object = new char[16]();
  }
  ~Plant() {
    for (u64 i = 0; i < kCount; ++i) {
      if (!freed_[i]) delete[] objects_[i];
    }
  }
  Plant(const Plant&) = delete;
  void on_call(u64 number, u64 descriptor) {
    constexpr u64 kRead = 0, kClose = 3;
    if (descriptor >= kCount || !objects_[descriptor]) return;
    if (number == kClose && !std::exchange(freed_[descriptor], true)) delete[] objects_[descriptor];
    if (number == kRead) seen_ = objects_[descriptor][3];
  }

 private:
  static constexpr u64 kCount = 16;
  char* objects_[kCount] = {};
  bool freed_[kCount] = {};
  volatile char seen_ = 0;
};

/// The steps of an input's records, and of the handlers that stand before them.
class Writer {
 public:
  Writer(const MemoryImage& image, FakePlace& place, Plant& plant, bool explain)
      : image_(image), program_(place.program), plant_(plant), explain_(explain) {}

  u64 write(const Input& input) {
    program_.step([](Cpu&) {});  // step 0 is never an address
    program_.step([](Cpu& cpu) {
      const u64 back = cpu.load(cpu.r.rsp);
      cpu.r.rsp += 8;
      cpu.r.rip = back;
    });
    program_.call(kSignalReturn);
    program_.call(kExitGroup, {7});
    const u64 begin = program_.step([this, failing = u64{input.header.failing}](Cpu&) {
      if (!std::exchange(begun_, true))
        runtime::fail_allocation(failing);  // a program that is run again goes on
    });
    const u64 first = program_.next();
    for (std::size_t i = 0; i < input.records.size(); ++i) add(input.records[i], first + i * kStepsEach);
    program_.call(kExitGroup, {0});
    return begin;
  }

 private:
  static constexpr u64 kSignalReturn = 15, kExitGroup = 231, kStepsEach = 2;

  u64 value(Cpu& cpu, const Record& record, std::size_t index) const {
    return argument(image_, cpu.r, record.what().kinds[index], record.arguments[index]);
  }

  /// Two steps: the act, and what becomes of its result.
  void add(const Record& record, u64 at) {
    switch (record.what().number) {
      case kPoke:
        program_.step([=, this](Cpu& cpu) { cpu.store(value(cpu, record, 0), value(cpu, record, 1)); });
        break;
      case kLoad: program_.step([=, this](Cpu& cpu) { cpu.r.rax = cpu.load(value(cpu, record, 0)); }); break;
      case kSkipUnless:
        program_.step([=](Cpu& cpu) {
          if (slot(cpu.r, record.arguments[0].value) != 0)
            cpu.jump(at + (record.arguments[1].value % 8 + 1u) * kStepsEach);
        });
        break;
      case kRaise: program_.exception(record.arguments[0].value % 20); break;
      default: add_call(record);
    }
    program_.step([=, this](Cpu& cpu) {
      if (explain_)
        std::fprintf(stderr, "  %-18.*s = %" PRId64 "\n", static_cast<int>(record.what().name.size()),
                     record.what().name.data(), static_cast<std::int64_t>(cpu.r.rax));
      if (record.slot < kSlots) slot(cpu.r, record.slot) = cpu.r.rax;
    });
  }

  void add_call(const Record& record) {
    const Call& call = record.what();
    const bool unknown = call.number == kUnknown;
    const u64 number =
        unknown ? u64{record.arguments[0].selector} << 8 | record.arguments[0].value : call.number;
    program_.call(number, [=, this, kinds = call.kinds](Cpu& cpu) {
      std::vector<u64> arguments;
      for (std::size_t i = 0; i < kinds.size(); ++i) arguments.push_back(value(cpu, record, i));
      plant_.on_call(number, arguments.empty() ? 0 : arguments[0]);
      if (explain_) explain(call, arguments);
      return arguments;
    });
  }

  static void explain(const Call& call, const std::vector<u64>& arguments) {
    std::fprintf(stderr, "%.*s(", static_cast<int>(call.name.size()), call.name.data());
    for (const u64 each : arguments) std::fprintf(stderr, "%#" PRIx64 " ", static_cast<std::uint64_t>(each));
    std::fprintf(stderr, ")\n");
  }

  const MemoryImage& image_;
  test::Program& program_;
  Plant& plant_;
  const bool explain_;
  bool begun_ = false;
};

/// Programs that still run are killed, as often as new ones appear; all must end.
void kill_all(Personality& personality) {
  constexpr int kTries = 20000;
  auto& table = personality.processes();
  for (int tries = 0; table.process_count() > 1; ++tries) {
    if (tries == kTries) failed("killed processes do not end", table.process_count());
    for (auto process = table.next(1); process; process = table.next(process->id()))
      send_signal(*process, SignalInfo::from_kernel(signal::kKill));
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
  }
}

void live(Personality& personality) {
  const std::string_view arguments[] = {"first", "-a"}, environment[] = {"PATH=/bin", "HOME=/"};
  Observer observer;
  const auto started =
      personality.start({.path = "/first", .arguments = arguments, .environment = environment}, observer);
  if (started.has_value()) {
    // Whatever waits for ever is ended, too; and then init itself, which must still be able to.
    (void)observer.queue.wait_until([&] { return observer.ended; }, runtime::port::now_ns() + 30 * kSecond);
  }
  runtime::fail_allocation(0);
  kill_all(personality);
  personality.stop();
}

}  // namespace

World::World(const Options& options) : options_(options), image_(kHandlers) {}

void World::run(const Input& input) {
  std::srand(1);
  const u64 few = input.header.few_frames;
  Plant plant(options_.plant);
  FakePlace place(few ? 64 + few * 4 : kFrames);
  Writer writer(image_, place, plant, options_.explain);
  const u64 first = writer.write(input);
  place.limit_steps(kSteps);
  std::string program = image_.bytes();
  std::memcpy(program.data(), kMagic, 8);
  std::memcpy(program.data() + 8, &first, sizeof first);
  const u64 frames = place.free_frames();
  const i64 live_before = runtime::live_allocations();

  runtime::SimulatedMachine machine(input.header.seed);
  machine.run([&] {
    const Format format;
    const Archive archive(program);
    const ArchiveReader* readers[] = {&archive};
    const u8 some[1] = {};
    auto personality = Personality::create({.place = place,
                                            .selection = kSelected<AllGroups>,
                                            .executables = format,
                                            .archives = readers,
                                            .root_archive = some,
                                            .consoles = {},
                                            .kernel_command_line = {}});
    if (personality.has_value()) live(**personality);
  });
  // What leaks frames leaks objects that hold them: LeakSanitizer names their makers.
  if (place.free_frames() != frames || runtime::live_allocations() != live_before)
    __lsan_do_recoverable_leak_check();
  if (place.free_frames() != frames) failed("frames are lost", frames - place.free_frames());
  if (runtime::live_allocations() != live_before)
    failed("allocations are lost", static_cast<u64>(runtime::live_allocations() - live_before));
}

}  // namespace vari::linux::fuzz
