// A whole personality on the fake place: one program, made of steps, as the first program; what it says
// goes to notes; the frames that are free at the end are compared with those before it began.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "fake_place.h"
#include "personalities/linux/personality.h"

namespace vari::linux::test {

// System call numbers that the tests use.
enum Call : u64 {
  kRead = 0,
  kWrite = 1,
  kClose = 3,
  kMmap = 9,
  kMprotect = 10,
  kMunmap = 11,
  kBrk = 12,
  kSigaction = 13,
  kSigprocmask = 14,
  kSigreturn = 15,
  kMadvise = 28,
  kPipe = 22,
  kMremap = 25,
  kPause = 34,
  kNanosleep = 35,
  kAlarm = 37,
  kSetitimer = 38,
  kGetpid = 39,
  kClone = 56,
  kFork = 57,
  kVfork = 58,
  kExecve = 59,
  kExit = 60,
  kWait4 = 61,
  kKill = 62,
  kSetpgid = 109,
  kGetppid = 110,
  kGetpgrp = 111,
  kSetsid = 112,
  kSigpending = 127,
  kSigtimedwait = 128,
  kSigqueueinfo = 129,
  kSigsuspend = 130,
  kSigaltstack = 131,
  kGettid = 186,
  kTkill = 200,
  kFutex = 202,
  kExitGroup = 231,
  kTgkill = 234,
  kWaitid = 247,
  kPrlimit = 302,
};

/// Where a program's own data lie: one segment of two pages, of which the second is no part of the file.
inline constexpr u64 kData = 0x400000, kDataBytes = 0x4000;

class SystemDouble {
 public:
  explicit SystemDouble(u64 frames = 4096);
  FakePlace place;
  Program& program = place.program;

  /// Set before run(); without any, the standard streams are /dev/null.
  std::vector<Console*> consoles;
  /// The root file system in place of the files that were added.
  const linux::RootFileSystem* root_file_system = nullptr;

  /// A file of the root file system that starts at `step` when it is run.
  void add_program(const std::string& name, u64 step);
  void add_file(const std::string& name, const std::string& contents, u32 mode = 0755);

  /// Runs "/first", which must have been added, until it ends; its status as wait() reports it. Checks
  /// that all frames that programs had came back.
  i32 run(std::vector<std::string> arguments = {"first"}, u32 cores = 2);

  // For steps.
  /// Notes a value under a name; notes() reads them all, in order.
  void note(const std::string& name, u64 value);
  std::vector<u64> notes(const std::string& name);
  /// A step that notes rax.
  void note_result(const std::string& name);
  /// Steps that end the process with a code.
  void exit(u64 code) { program.call(kExitGroup, {code}); }
  /// Jumps over the following steps up to `skipped` if the condition holds.
  using Condition = std::function<bool(Cpu&)>;
  /// A step whose target is filled in later.
  struct Branch {
    std::shared_ptr<u64> target;
    Program& program;
    void here() { *target = program.next(); }
  };
  Branch jump_if(Condition condition);
  Branch jump() {
    return jump_if([](Cpu&) { return true; });
  }
  u64 frames_lost = 0;

 private:
  std::map<std::string, std::pair<std::string, u32>> files_;
  std::mutex lock_;
  std::map<std::string, std::vector<u64>> notes_;
};

}  // namespace vari::linux::test
