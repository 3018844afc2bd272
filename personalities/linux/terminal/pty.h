// Pseudo-terminals: a terminal whose device is a program that holds the master.
#pragma once

#include "personalities/linux/files/open_file.h"
#include "personalities/linux/terminal/terminal.h"

namespace vari::linux {

class PtyTerminal final : public Terminal {
 public:
  PtyTerminal(Personality& personality, u32 index, u32 device_number);
  u32 index() const { return device_number() & 0xff; }

  // The master's side.
  LinuxResult<u64> master_read(Transfer& to, bool non_blocking);
  LinuxResult<u64> master_write(Transfer& from, bool non_blocking);
  u32 master_poll(PollTable* table);
  std::size_t master_queued();
  void master_closed();
  void lock_slave(bool locked) { __atomic_store_n(&slave_locked_, locked, __ATOMIC_RELEASE); }
  bool slave_locked() const { return __atomic_load_n(&slave_locked_, __ATOMIC_ACQUIRE); }

  // The slave's files.
  void file_opened() override;
  void file_closed() override;
  LinuxResult<> may_open() override;

 private:
  // Called with lock_ held, by the discipline.
  std::size_t room() override { return kOutputBytes - (output_end_ - output_read_); }
  void transmit(std::span<const u8> bytes) override;
  void discard() override { output_read_ = output_end_; }
  void on_state(u32 risen) override;
  /// Something for the master, or its end: no slave is open any more.
  bool master_readable() const { return __atomic_load_n(&output_waits_, __ATOMIC_ACQUIRE) || slaves_gone(); }
  bool slaves_gone() const { return __atomic_load_n(&slaves_gone_, __ATOMIC_ACQUIRE); }
  void wake_master_readers();

  static constexpr std::size_t kOutputBytes = 8192;
  u8 output_[kOutputBytes];  // guarded by lock_, as are the next two
  std::size_t output_read_ = 0, output_end_ = 0;
  bool output_waits_ = false;  // atomic; written under lock_
  u32 slave_files_ = 0;        // atomic
  bool slaves_gone_ = false;   // atomic: there were some, there are none
  bool slave_locked_ = true;   // atomic: unlockpt() has not been called
  bool master_open_ = true;    // atomic
  runtime::WaitQueue master_readers_, master_writers_;
  PollQueue master_poll_queue_;
};

class PtyMasterFile final : public OpenFile {
 public:
  /// `node`: the slave's, which goes when the master does.
  PtyMasterFile(const OpenRequest& request, Ref<PtyTerminal> terminal, Path node)
      : OpenFile(request), terminal_(std::move(terminal)), node_(std::move(node)) {}

  LinuxResult<u64> read(Task&, Transfer& to) override {
    return terminal_->master_read(to, flags() & kNonBlock);
  }
  LinuxResult<u64> write(Task&, Transfer& from) override {
    return terminal_->master_write(from, flags() & kNonBlock);
  }
  u32 poll(PollTable* table) override { return terminal_->master_poll(table); }
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override;

 private:
  ~PtyMasterFile() override;
  LinuxResult<u64> open_peer(Task& task, u64 flags);
  const Ref<PtyTerminal> terminal_;
  const Path node_;
};

}  // namespace vari::linux
