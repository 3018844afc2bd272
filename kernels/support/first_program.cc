#include "kernels/support/first_program.h"

#include <algorithm>
#include <charconv>

#include "kernels/support/command_line.h"
#include "kernels/support/words.h"
#include "machine/x86_64/cpu.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/signals/send.h"
#include "runtime/thread.h"

namespace vari::kernels {
namespace {

constexpr std::size_t kMostWords = 256;  // of a program's argument line

constexpr std::string_view kEnvironment[] = {
    "HOME=/root",
    "USER=root",
    "SHELL=/bin/sh",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/// What a shell would report: the status, or 128 and the signal's number.
u8 exit_status(i32 wait_status) {
  const int signal = wait_status & 0x7f;
  return static_cast<u8>(signal == 0 ? wait_status >> 8 : 128 + signal);
}

}  // namespace

void FirstProgramRunner::start(linux::Personality& personality) {
  personality_ = &personality;
  if (auto* channel = devices_.host_channel()) channel->set_listener(this);
  report("start");
  const bool command = option(command_line_, "vari.exec") || option(command_line_, "vari.exec_bytes");
  const auto started = command ? start_command() : start_shell();
  if (!started) {
    const Text<100> why("the first program can't be started: error ", static_cast<int>(started.error()));
    fail(why.text());
  }
}

Result<std::span<char>> FirstProgramRunner::read_command(std::span<char> to) {
  if (const auto encoded = option(command_line_, "vari.exec"))
    return to.first(TRY(decode_base64(*encoded, to)).size());
  const auto text = option(command_line_, "vari.exec_bytes").value_or(std::string_view());
  std::size_t bytes = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (parsed.ec != std::errc() || bytes > to.size()) return std::unexpected(Error::InvalidArgument);
  const auto input = devices_.host_channel()->standard_input();
  std::size_t done = 0;
  while (done < bytes) {
    u8 piece[256];
    const std::size_t count = input->read({piece, std::min(bytes - done, sizeof piece)});
    if (count == 0) return std::unexpected(Error::Closed);
    std::copy(piece, piece + count, to.data() + done);
    done += count;
  }
  return to.first(bytes);
}

linux::LinuxResult<> FirstProgramRunner::start_command() {
  auto* channel = devices_.host_channel();
  if (!channel) return std::unexpected(linux::Errno::NoDevice);
  char* memory = static_cast<char*>(runtime::allocate(kCommandBytes));
  if (!memory) return std::unexpected(linux::Errno::NoMemory);
  const auto command = TRY(read_command({memory, kCommandBytes}));
  const std::string_view shell[] = {"sh", "-c", {command.data(), command.size()}};
  std::span<const std::string_view> arguments = shell;
  std::string_view words[kMostWords];
  const auto app = option(command_line_, "vari.app");
  if (app) arguments = {words, TRY(split_words(command, words))};
  // The streams live as long as the channel, which lives as long as the machine.
  const linux::FirstProgram program{.path = app ? *app : "/bin/sh",
                                    .arguments = arguments,
                                    .environment = kEnvironment,
                                    .on_console = false,
                                    .input = channel->standard_input().leak(),
                                    .output = channel->standard_output().leak(),
                                    .error = channel->standard_error().leak()};
  return personality_->start(program, *this);
}

linux::LinuxResult<> FirstProgramRunner::start_shell() {
  const auto app = option(command_line_, "vari.app");
  const auto init = app ? app : option(command_line_, "init");
  const std::string_view path = init && !init->empty() ? *init : "/bin/sh";
  const std::string_view arguments[] = {init ? path : "-sh"};
  std::string_view environment[std::size(kEnvironment) + 1];
  std::copy(std::begin(kEnvironment), std::end(kEnvironment), environment);
  environment[std::size(kEnvironment)] =
      option(command_line_, "vari.console") == "screen" ? "TERM=linux" : "TERM=xterm-256color";
  return personality_->start({.path = path, .arguments = arguments, .environment = environment}, *this);
}

/// The place's own counts, behind the time stamp counter: under QEMU's -icount that counts instructions.
void FirstProgramRunner::report(std::string_view moment) {
  auto* channel = devices_.host_channel();
  if (!channel || !option(command_line_, "vari.report")) return;
  const u64 now = machine::read_tsc();
  constexpr std::size_t kBytes = 32 * kKiB;
  char* memory = static_cast<char*>(runtime::allocate(kBytes));
  if (!memory) return;
  const Text<64> head("moment ", moment, "\ntsc ", now, "\n");
  channel->send_report(head.text());
  channel->send_report({memory, personality_->place().describe({memory, kBytes})});
  runtime::free(memory, kBytes);
}

void FirstProgramRunner::fail(std::string_view why) {
  log_.line(why);
  if (auto* channel = devices_.host_channel()) channel->send_message(why);
  devices_.power(Place::PowerAction::Off);
}

/// What the first program leaves behind holds memory, and the firmware's way to power off needs some.
void FirstProgramRunner::end_other_programs() {
  constexpr Nanoseconds kPatience = 2 * kSecond;
  if (!personality_->end_programs(linux::signal::kKill, kPatience))
    log_.line("programs are left that do not end");
}

void FirstProgramRunner::on_first_exit(i32 wait_status) {
  report("end");
  const u8 status = exit_status(wait_status);
  auto* channel = devices_.host_channel();
  if (channel && !start_failed_) channel->send_exit_status(status);
  log_.print("the first program ended with status ", static_cast<u32>(status));
  end_other_programs();
  devices_.power(Place::PowerAction::Off);
}

void FirstProgramRunner::on_start_failure(std::string_view path, linux::Errno error) {
  start_failed_ = true;
  const Text<160> why("can't start ", path.substr(0, 100), ": error ", static_cast<int>(error),
                      error == linux::Errno::NoEntry ? ", no such file" : "");
  if (auto* channel = devices_.host_channel()) channel->send_message(why.text());
}

void FirstProgramRunner::on_window_size(WindowSize size) {
  devices_.resize(size);
}

void FirstProgramRunner::on_signal(u8 number) {
  // The first program leads the process group of its own number.
  linux::signal_group(*personality_, linux::kFirstProgramId, linux::SignalInfo::from_kernel(number));
}

}  // namespace vari::kernels
