// signalfd: signals that are read instead of delivered. What can be read is what waits for the *reading*
// task, so one file may serve several processes; hence no file knows whose signals it tells of, and all of a
// personality that watch for signals are told of each one that arrives, where there are any such files.
#pragma once

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/signals/signal.h"

namespace vari::linux {

/// Told when a signal has come to wait. One a personality.
class SignalArrivals final : public runtime::Allocated {
 public:
  SignalArrivals() = default;
  SignalArrivals(const SignalArrivals&) = delete;

  /// Under a process's spinlock: one load where nobody watches.
  void note() {
    if (__atomic_load_n(&files_, __ATOMIC_SEQ_CST) == 0) [[likely]]
      return;
    readers_.wake_all();
    poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  }

 private:
  friend class SignalFile;
  u32 files_ = 0;  // atomic
  runtime::WaitQueue readers_;
  PollQueue poll_queue_;
};

class SignalFile final : public AnonymousFile {
 public:
  static LinuxResult<Ref<File>> create(Task& task, SignalSet wanted, u32 flags);
  SignalFile(Ref<Inode> inode, SignalArrivals& arrivals, SignalSet wanted, u32 flags);
  ~SignalFile() override;
  /// The signalfd of a file that is one; null otherwise.
  static SignalFile* from(File& file);

  void set_wanted(SignalSet wanted);
  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "anon_inode:[signalfd]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

 private:
  SignalSet wanted() const { return __atomic_load_n(&wanted_, __ATOMIC_ACQUIRE); }

  SignalArrivals& arrivals_;
  SignalSet wanted_;  // atomic
};

}  // namespace vari::linux
