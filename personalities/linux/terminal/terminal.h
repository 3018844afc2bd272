// One terminal: a line discipline, its waiting readers and writers, its size, and the session that it
// controls. What lies below it is a device (ConsoleTerminal) or a master (PtyTerminal).
//
// Lock order: a terminal's lock_ before anything of processes and sessions is *never* held together:
// signals are collected under lock_ and sent after it is released.
#pragma once

#include "interfaces/console.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/file.h"
#include "personalities/linux/terminal/line_discipline.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Personality;
class Task;

class Terminal : public runtime::Managed, protected TerminalOutput {
 public:
  // For sessions (process/job_control.h).
  /// The session that this terminal controls ended or gave it up: its foreground group has been or
  /// is being told by the caller; the terminal forgets it.
  void detach_session(u32 session_id);
  u32 session_id();
  u32 foreground_group();
  /// TTY number for /proc/PID/stat: major << 8 | minor.
  u32 device_number() const { return device_number_; }
  std::string_view name() const { return name_; }

  /// A new size; SIGWINCH to the foreground group if it differs.
  void resize(WindowSizeRecord size);
  /// The line went away: SIGHUP and SIGCONT to the session's leader, reads end, writes fail.
  void hang_up();

 protected:
  Terminal(Personality& personality, std::string_view name, u32 device_number);
  void notify_device_room();

 private:
  friend class TerminalFile;
  friend class Terminals;
  u32 device_number_;
  std::string_view name_;
};

}  // namespace vari::linux
