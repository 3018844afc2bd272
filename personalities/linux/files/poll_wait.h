// One round of poll or select: a wait that sits in the queues of all files looked at, and ends when any
// of them tells of a change.
#pragma once

#include "personalities/linux/files/file.h"
#include "runtime/thread.h"
#include "runtime/wait.h"

namespace vari::linux {

class PollWait final : public PollTable {
 public:
  PollWait() = default;
  ~PollWait();
  PollWait(const PollWait&) = delete;

  /// The file that is asked next. Its queues are watched, so it must not go while we wait: another thread of
  /// the program may close its last descriptor meanwhile.
  void set_file(File& file) { file_ = &file; }
  void watch(PollQueue& queue) override;
  /// NoMemory: not all queues could be watched.
  bool failed() const { return failed_; }
  /// Until a change; TimedOut, Interrupted.
  Result<> block(Nanoseconds deadline);

 private:
  static constexpr u32 kInline = 8, kChunk = 32;
  struct Watch final : PollObserver {
    bool on_events(u32) override { return wait->win(runtime::Wait::Outcome::Signalled); }
    runtime::Wait* wait = nullptr;
    PollQueue* queue = nullptr;
    Ref<File> file;
  };
  struct Chunk : runtime::Allocated {
    Watch watches[kChunk];
    Chunk* next = nullptr;
  };
  Watch* next_watch();

  File* file_ = nullptr;
  runtime::Wait wait_;
  Watch inline_[kInline];
  Chunk* chunks_ = nullptr;
  u32 count_ = 0;
  bool failed_ = false;
};

}  // namespace vari::linux
