// See system_double.h.
#include "system_double.h"

#include <gtest/gtest.h>

#include <cstring>

#include "personalities/linux/calls/groups.h"
#include "runtime/port/linux/machine.h"
#include "runtime/wait.h"

namespace vari::linux::test {

namespace {

/// "FAKE", then the first step's number: an image of one segment.
class FakeFormat final : public ExecutableFormat {
 public:
  Result<> parse(ImageSource& source, ExecutableImage& image) const override {
    struct {
      char magic[8];
      u64 step;
    } header;
    if (source.size() < sizeof header) return std::unexpected(Error::Malformed);
    if (auto read = source.read(0, {reinterpret_cast<u8*>(&header), sizeof header}); !read.has_value())
      return read;
    if (std::memcmp(header.magic, "FAKEFAKE", 8) != 0) return std::unexpected(Error::Malformed);
    image = {};
    image.segment_count = 1;
    image.segments[0] = {.file_offset = 0,
                         .file_bytes = sizeof header,
                         .address = {kData},
                         .memory_bytes = kDataBytes,
                         .access = Access::Read | Access::Write};
    image.entry = {header.step * 2};
    return {};
  }
};

class FakeArchive final : public ArchiveReader {
 public:
  explicit FakeArchive(const std::map<std::string, std::pair<std::string, u32>>& files) : files_(files) {}
  bool recognises(std::span<const u8>) const override { return true; }
  Result<> read(std::span<const u8>, ArchiveSink& sink) const override {
    for (const auto& [name, file] : files_) {
      ArchiveEntry entry;
      entry.path = name;
      entry.data = {reinterpret_cast<const u8*>(file.first.data()), file.first.size()};
      entry.mode = file.second;
      if (auto done = sink.on_entry(entry); !done.has_value()) return done;
    }
    return {};
  }

 private:
  const std::map<std::string, std::pair<std::string, u32>>& files_;
};

class Observer final : public FirstExitObserver {
 public:
  void on_start_failure(std::string_view, Errno) override {}
  void on_first_exit(i32 wait_status) override {
    status = wait_status;
    __atomic_store_n(&ended, true, __ATOMIC_SEQ_CST);
    queue.wake_all();
  }
  i32 status = -1;
  bool ended = false;
  runtime::WaitQueue queue;
};

}  // namespace

SystemDouble::SystemDouble(u64 frames) : place(frames) {
  program.step([](Cpu&) {});  // step 0 is never an address
}

void SystemDouble::add_program(const std::string& name, u64 step) {
  std::string contents("FAKEFAKE");
  contents.append(reinterpret_cast<const char*>(&step), sizeof step);
  add_file(name, contents);
}
void SystemDouble::add_file(const std::string& name, const std::string& contents, u32 mode) {
  files_[name] = {contents, mode};
}

i32 SystemDouble::run(std::vector<std::string> arguments, u32 cores) {
  i32 status = -1;
  runtime::LinuxMachine machine(cores);
  machine.run([&] {
    FakeFormat format;
    FakeArchive archive(files_);
    const ArchiveReader* readers[] = {&archive};
    const u8 some[1] = {};
    auto personality = Personality::create({.place = place,
                                            .selection = kSelected<AllGroups>,
                                            .executables = format,
                                            .archives = readers,
                                            .root_archive = some,
                                            .root_file_system = root_file_system,
                                            .consoles = consoles,
                                            .kernel_command_line = {}});
    ASSERT_TRUE(personality.has_value()) << static_cast<int>(personality.error());
    std::vector<std::string_view> views(arguments.begin(), arguments.end());
    const std::string_view environment[] = {"PATH=/bin", "HOME=/"};
    Observer observer;
    ASSERT_TRUE((*personality)->frames().zeros().has_value());  // the personality's for life, as init is
    const u64 before = place.free_frames();
    ASSERT_TRUE((*personality)
                    ->start({.path = "/first", .arguments = views, .environment = environment}, observer)
                    .has_value());
    ASSERT_TRUE(observer.queue.wait_until([&] { return __atomic_load_n(&observer.ended, __ATOMIC_SEQ_CST); })
                    .has_value());
    status = observer.status;
    // Whatever the first program left behind ends, too; init alone stays.
    auto& table = (*personality)->processes();
    for (int tries = 0; tries < 200 && table.process_count() > 1; ++tries)
      (void)runtime::Thread::sleep_until(place.monotonic_ns() + 10 * kMillisecond);
    EXPECT_EQ(table.process_count(), 1u) << place.log_text();
    (*personality)->stop();
    frames_lost = before - place.free_frames();
  });
  return status;
}

void SystemDouble::note(const std::string& name, u64 value) {
  std::lock_guard guard(lock_);
  notes_[name].push_back(value);
}
std::vector<u64> SystemDouble::notes(const std::string& name) {
  std::lock_guard guard(lock_);
  return notes_[name];
}
void SystemDouble::note_result(const std::string& name) {
  program.step([this, name](Cpu& cpu) { note(name, cpu.r.rax); });
}

SystemDouble::Branch SystemDouble::jump_if(Condition condition) {
  auto target = std::make_shared<u64>(0);
  program.step([target, condition = std::move(condition)](Cpu& cpu) {
    if (condition(cpu)) cpu.jump(*target);
  });
  return {target, program};
}

}  // namespace vari::linux::test
