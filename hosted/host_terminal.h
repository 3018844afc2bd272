// Our controlling terminal as a Console: raw while we run; Ctrl-A x leaves, Ctrl-A Ctrl-A is one Ctrl-A.
#pragma once

#include <termios.h>

#include "hosted/host_input.h"
#include "interfaces/console.h"

namespace vari::hosted {

class HostTerminal final : public Console {
 public:
  /// Told by a thread of the runtime when the user asks to leave.
  using Leave = void (*)(void* argument);
  HostTerminal(HostEvents& events, Leave leave, void* argument)
      : input_(events, 0), leave_(leave), argument_(argument) {}

  /// Makes the terminal raw, where standard input is one, and starts to read.
  Result<> start();
  /// The terminal as it was found. Any thread, more than once.
  void restore();
  /// The window has another size, perhaps.
  void note_resize();

  void* query_raw(InterfaceId wanted) override { return wanted == kInterface ? this : nullptr; }
  void acquire() override {}
  void release() override {}
  void write(std::span<const u8> bytes) override;
  void set_receiver(ConsoleReceiver* receiver) override;
  void resume_input() override { input_.arrived().signal(); }
  WindowSize window_size() override;

 private:
  void pump();
  /// Takes our own keys out; how many are left, at most twice as many. Leaves where that was asked for.
  std::size_t filter(std::span<const u8> typed, u8* keys);
  /// Piped input waits for programs that have started and stopped talking: a shell that sets its terminal up
  /// throws away what it was sent before.
  void wait_for_silence();

  HostInput input_;
  const Leave leave_;
  void* const argument_;
  termios saved_{};
  bool raw_ = false;       // atomic
  bool prefix_ = false;    // the pump's
  Nanoseconds spoke_ = 0;  // atomic: when something was last written
  runtime::Mutex write_mutex_;
  runtime::Mutex mutex_;
  ConsoleReceiver* receiver_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace vari::hosted
