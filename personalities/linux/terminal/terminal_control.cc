// A terminal's ioctl requests: settings, size, flow, queues, and the questions of job control, which
// are process/job_control.h's to answer.
#include "personalities/linux/memory/user_memory.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/signal.h"
#include "personalities/linux/terminal/terminal.h"

namespace vari::linux {

using namespace terminal_ioctl;

namespace {

/// Whether a request changes the terminal, so that a background process is stopped first (SIGTTOU).
bool changes_terminal(u32 request) {
  switch (request) {
    case kSetTermios:
    case kSetTermiosDrain:
    case kSetTermiosFlush:
    case kSetTermios2:
    case kSetTermios2Drain:
    case kSetTermios2Flush:
    case kSendBreak:
    case kSendBreakPosix:
    case kFlowControl:
    case kFlush:
    case kSetGroup: return true;
    default: return false;
  }
}

/// The numeric speed of the speed bits in c_cflag; 0: not one of them.
u32 speed_of(u32 control) {
  constexpr u32 kLow[16] = {0,   50,   75,   110,  134,  150,  200,   300,
                            600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
  constexpr u32 kHigh[16] = {0,       57600,   115200,  230400,  460800,  500000,  576000,  921600,
                             1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
  return control & 0010000 ? kHigh[control & 017] : kLow[control & 017];
}

}  // namespace

LinuxResult<> Terminal::get_termios(Task& task, u64 address, std::size_t bytes) {
  const Termios termios = locked([](LineDiscipline& discipline) { return discipline.termios(); });
  return task.user().copy_out(address, &termios, bytes);
}

LinuxResult<> Terminal::set_termios(Task& task, u64 address, std::size_t bytes, bool flush_first) {
  Termios termios;
  TRY(task.user().copy_in(&termios, address, bytes));
  if (bytes == kTermiosBytes || speed_of(termios.control) != 0) {
    termios.input_speed = termios.output_speed = speed_of(termios.control);
  }
  // Output leaves at once or the writer waits for it, so there is nothing to drain here.
  locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    if (flush_first) {
      waiting_read_ = waiting_end_;
      discipline.flush_input();
    }
    discipline.change_termios(termios);
  });
  return {};
}

LinuxResult<> Terminal::flow_control(u64 what) {
  constexpr u64 kStopOutput = 0, kStartOutput = 1, kStopInput = 2, kStartInput = 3;
  if (what > kStartInput) return std::unexpected(Errno::Invalid);
  locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    const Termios& termios = discipline.termios();
    if (what == kStopOutput) return discipline.stop();
    if (what == kStartOutput) return discipline.start();
    const u8 character =
        termios.characters[what == kStopInput ? control_character::kStop : control_character::kStart];
    if (character != 0 && room() > 0) transmit({&character, 1});
  });
  return {};
}

LinuxResult<> Terminal::flush(u64 what) {
  constexpr u64 kInput = 0, kOutput = 1, kBoth = 2;
  if (what > kBoth) return std::unexpected(Errno::Invalid);
  locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    if (what != kOutput) {
      waiting_read_ = waiting_end_;
      discipline.flush_input();
    }
    if (what != kInput) discipline.discard_output();
  });
  return {};
}

/// Requests that concern sessions and groups.
LinuxResult<u64> Terminal::control_job(Task& task, u32 request, u64 argument, bool& known) {
  known = true;
  switch (request) {
    case kSetControlling: TRY(JobControl::acquire_terminal(task, *this, argument == 1)); return 0;
    case kGiveUpControlling: TRY(JobControl::give_up_terminal(task, *this)); return 0;
    case kGetGroup: {
      const i32 group = TRY(JobControl::foreground_group(task, *this));
      TRY(task.user().write(argument, group));
      return 0;
    }
    case kSetGroup: {
      const i32 group = TRY(task.user().read<i32>(argument));
      TRY(JobControl::set_foreground_group(task, *this, group));
      return 0;
    }
    case kGetSession: {
      const i32 session = TRY(JobControl::session_id(task, *this));
      TRY(task.user().write(argument, session));
      return 0;
    }
    default: known = false; return 0;
  }
}

LinuxResult<u64> Terminal::control(Task& task, u32 request, u64 argument) {
  if (changes_terminal(request)) TRY(JobControl::check_background(task, *this, signal::kTerminalOutput));
  bool known = false;
  const auto answered = control_job(task, request, argument, known);
  if (known) return answered;
  switch (request) {
    case kGetTermios: TRY(get_termios(task, argument, kTermiosBytes)); return 0;
    case kGetTermios2: TRY(get_termios(task, argument, kTermios2Bytes)); return 0;
    case kSetTermios:
    case kSetTermiosDrain: TRY(set_termios(task, argument, kTermiosBytes, false)); return 0;
    case kSetTermiosFlush: TRY(set_termios(task, argument, kTermiosBytes, true)); return 0;
    case kSetTermios2:
    case kSetTermios2Drain: TRY(set_termios(task, argument, kTermios2Bytes, false)); return 0;
    case kSetTermios2Flush: TRY(set_termios(task, argument, kTermios2Bytes, true)); return 0;
    case kSendBreak:
    case kSendBreakPosix: return 0;  // no device of ours has a line to hold low
    case kFlowControl: TRY(flow_control(argument)); return 0;
    case kFlush: TRY(flush(argument)); return 0;
    case kGetWindowSize: TRY(task.user().write(argument, size())); return 0;
    case kSetWindowSize: resize(TRY(task.user().read<WindowSizeRecord>(argument))); return 0;
    case kInputQueued: {
      const i32 count =
          static_cast<i32>(locked([](LineDiscipline& discipline) { return discipline.input_queued(); }));
      TRY(task.user().write(argument, count));
      return 0;
    }
    case kOutputQueued: TRY(task.user().write(argument, i32{0})); return 0;
    case kInject: return std::unexpected(Errno::Perm);  // TIOCSTI: only ever a way to attack a shell
    case kGetDiscipline: TRY(task.user().write(argument, i32{0})); return 0;
    case kSetDiscipline: {
      const i32 discipline = TRY(task.user().read<i32>(argument));
      if (discipline != 0) return std::unexpected(Errno::Invalid);
      return 0;
    }
    default: return std::unexpected(Errno::NotTerminal);
  }
}

}  // namespace vari::linux
