// timerfd: a timer whose expirations are read.
#pragma once

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/time/timer_service.h"

namespace vari::linux {

class Personality;

class TimerFile final : public AnonymousFile, private Timer {
 public:
  /// Nanoseconds; 0: not armed, or once only.
  struct Setting {
    u64 value = 0, interval = 0;
  };
  static LinuxResult<Ref<File>> create(Task& task, bool realtime, u32 flags);
  TimerFile(Ref<Inode> inode, Personality& personality, bool realtime, u32 flags);
  ~TimerFile() override;
  /// The timer of a file that is one; null otherwise.
  static TimerFile* from(File& file);

  /// `absolute`: the value is a point in the timer's clock. The previous setting.
  Setting set(const Setting& setting, bool absolute);
  Setting get();

  LinuxResult<u64> read(Task&, Transfer& to) override;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "anon_inode:[timerfd]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

 private:
  Nanoseconds on_timer(Nanoseconds now) override;
  Setting remaining_locked() REQUIRES(lock_);

  Personality& personality_;
  const bool realtime_;
  runtime::SpinLock lock_;
  Nanoseconds deadline_ GUARDED_BY(lock_) = kForever;
  u64 interval_ GUARDED_BY(lock_) = 0;
  u64 expirations_ = 0;  // atomic
  runtime::WaitQueue readers_;
  PollQueue poll_queue_;
};

}  // namespace vari::linux
