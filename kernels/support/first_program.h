// Which program a Linux kernel starts first, and what its end means: an interactive shell on the
// console, or one command whose streams and status go to the host.
#pragma once

#include "interfaces/boot_information.h"
#include "kernels/support/devices.h"
#include "personalities/linux/personality.h"

namespace vari::kernels {

/// Reads the command line:
///   vari.exec=BASE64     run /bin/sh -c COMMAND with standard streams of the host, then power off
///   vari.exec_bytes=N    the same; the COMMAND is the first N bytes of standard input, where it is longer
///                        than a boot loader's command line
///   vari.app=PATH        run this program, not a shell: the COMMAND is its argument line, its name first,
///   words
///                        apart as by split_words()
///   init=PATH            the program to start instead of a shell
///   vari.report          tell the host what had been counted when the first program started and when it
///   ended
class FirstProgramRunner final : public linux::FirstExitObserver, private components::host_channel::Listener {
 public:
  FirstProgramRunner(std::string_view command_line, PcDevices& devices, nucleus::Log& log)
      : command_line_(command_line), devices_(devices), log_(log) {}

  /// Starts it; a failure is told to the host and the log, and ends the machine.
  void start(linux::Personality& personality);

 private:
  void on_first_exit(i32 wait_status) override;
  void on_start_failure(std::string_view path, linux::Errno error) override;
  void on_window_size(WindowSize size) override;
  void on_signal(u8 number) override;
  Result<std::span<char>> read_command(std::span<char> to);
  linux::LinuxResult<> start_command();
  linux::LinuxResult<> start_shell();
  void fail(std::string_view why);
  void report(std::string_view moment);
  void end_other_programs();

  static constexpr std::size_t kCommandBytes = 128 * kKiB;
  std::string_view command_line_;
  PcDevices& devices_;
  nucleus::Log& log_;
  linux::Personality* personality_ = nullptr;
  bool start_failed_ = false;  // of init's and the first program's thread, which ends before init looks
};

}  // namespace vari::kernels
