// One terminal: a line discipline, those who wait for it, its size. What lies below is a device
// (ConsoleTerminal) or a master (PtyTerminal); sessions and groups are process/job_control.h's.
//
// Locks: write_lock_ before lock_. Neither is held when a signal is sent or a program's memory is
// touched: what happened under lock_ is collected as Effects and applied after it is released.
#pragma once

#include <algorithm>

#include "interfaces/console.h"
#include "personalities/linux/files/file.h"
#include "personalities/linux/files/poll_queue.h"
#include "personalities/linux/process/job_control.h"
#include "personalities/linux/terminal/line_discipline.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Terminal : public ControllingTerminal, protected TerminalOutput {
 public:
  u32 device_number() const override { return device_number_; }
  std::string_view name() const { return name_; }
  Personality& personality() const { return personality_; }

  // For TerminalFile. `generation` is what hang_ups() was when the file was opened.
  LinuxResult<u64> read(Task& task, Transfer& to, bool non_blocking, u32 generation);
  LinuxResult<u64> write(Task& task, Transfer& from, bool non_blocking, u32 generation);
  u32 poll(PollTable* table, u32 generation);
  /// The requests that every terminal knows; a pseudo-terminal's master offers them, too.
  LinuxResult<u64> control(Task& task, u32 request, u64 argument);
  u32 hang_ups() const { return __atomic_load_n(&hang_ups_, __ATOMIC_ACQUIRE); }
  virtual void file_opened() {}
  virtual void file_closed() {}
  /// Io and the like: it can't be opened now.
  virtual LinuxResult<> may_open() { return {}; }

  /// Input from the device. What the discipline has no room for waits here; what this has no room for
  /// is lost. The count taken.
  std::size_t receive(std::span<const u8> bytes);
  /// How much receive() surely takes. It grows again when the state says kInputRoom.
  std::size_t waiting_room();
  void receive_break();
  WindowSizeRecord size();
  /// A new size; SIGWINCH to the foreground group if it differs.
  void resize(WindowSizeRecord size);
  /// The line is gone: files that are open now read nothing and can't write, sessions are told.
  void hang_up() override;

 protected:
  Terminal(Personality& personality, std::string_view family, u32 number, u32 device_number);

  // State bits, published under lock_ for those who wait without it.
  static constexpr u32 kReadable = 1, kReadableForPoll = 2, kWritable = 4, kInputRoom = 8;
  struct Effects {
    u32 signals = 0;
    u32 risen = 0;  // state bits that are set now and were not, or whose cause came again
  };
  /// Runs `function(discipline)` under the lock, then wakes and signals as its effects demand.
  template <class Function>
  auto locked(Function&& function) EXCLUDES(lock_) {
    struct Finish {
      Terminal& terminal;
      Effects effects;
      ~Finish() { terminal.apply(effects); }
    } finish{*this, {}};
    runtime::Guard<runtime::Mutex> guard(lock_);
    if constexpr (std::is_void_v<decltype(function(discipline_))>) {
      function(discipline_);
      finish.effects = settle();
    } else {
      auto result = function(discipline_);
      finish.effects = settle();
      return result;
    }
  }
  virtual void on_state(u32 risen) { (void)risen; }
  u32 state() const { return __atomic_load_n(&state_, __ATOMIC_ACQUIRE); }

  runtime::Mutex lock_;
  runtime::WaitQueue readers_, writers_;
  PollQueue poll_queue_;

 private:
  struct ReadTiming {
    u64 minimum = 0;
    bool immediate = false;  // nothing there: end at once
    Nanoseconds deadline = kForever;
    Nanoseconds between = 0;  // after the first byte: at most this much between bytes
  };
  Effects settle() REQUIRES(lock_);
  void apply(const Effects& effects) EXCLUDES(lock_);
  u32 compute_state() REQUIRES(lock_);
  ReadTiming read_timing();
  LinuxResult<u64> write_pieces(Transfer& from, bool non_blocking, u32 generation);
  LinuxResult<> wait_writable(bool non_blocking, u32 generation);

  // terminal_control.cc
  LinuxResult<> get_termios(Task& task, u64 address, std::size_t bytes);
  LinuxResult<> set_termios(Task& task, u64 address, std::size_t bytes, bool flush);
  LinuxResult<> flow_control(u64 what);
  LinuxResult<> flush(u64 what);
  LinuxResult<u64> control_job(Task& task, u32 request, u64 argument, bool& known);

  Personality& personality_;
  const u32 device_number_;
  char name_text_[16] = {};
  std::string_view name_;
  runtime::Mutex write_lock_;  // keeps programs' writes whole
  LineDiscipline discipline_ GUARDED_BY(lock_){*this};
  WindowSizeRecord size_ GUARDED_BY(lock_);
  static constexpr std::size_t kWaitingBytes = 4096;
  u8 waiting_[kWaitingBytes] GUARDED_BY(lock_);  // a ring in front of the discipline
  std::size_t waiting_read_ GUARDED_BY(lock_) = 0, waiting_end_ GUARDED_BY(lock_) = 0;
  bool input_came_ GUARDED_BY(lock_) = false;
  u32 state_ = 0;     // atomic; written under lock_
  u32 hang_ups_ = 0;  // atomic
};

/// A terminal over a device.
class ConsoleTerminal final : public Terminal, private ConsoleReceiver {
 public:
  ConsoleTerminal(Personality& personality, Console& device, u32 number, u32 device_number);
  ~ConsoleTerminal() override;

 private:
  // All bytes go: the device blocks while it is slow.
  std::size_t room() override { return kDeviceRoom; }
  void transmit(std::span<const u8> bytes) override { device_->write(bytes); }
  void discard() override {}
  void on_input(std::span<const u8> bytes) override { receive(bytes); }
  std::size_t input_room() override { return waiting_room(); }
  void on_state(u32 risen) override {
    if (risen & kInputRoom) device_->resume_input();
  }
  /// The leader of a login is gone: whoever still has the line open is not to meddle with the next one.
  void session_ended() override { hang_up(); }
  void on_resize(WindowSize size) override { resize({size.rows, size.columns, 0, 0}); }
  void on_hangup() override { hang_up(); }
  void on_break() override { receive_break(); }

  static constexpr std::size_t kDeviceRoom = 1 << 20;
  const Ref<Console> device_;
};

}  // namespace vari::linux
