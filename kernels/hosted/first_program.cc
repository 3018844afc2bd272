#include "kernels/hosted/first_program.h"

#include <algorithm>

namespace vari::kernels {
namespace {

constexpr std::string_view kEnvironment[] = {
    "HOME=/root",          "USER=root",
    "SHELL=/bin/sh",       "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM=xterm-256color",  // of a shell on the terminal
};
constexpr std::size_t kCommandEnvironment = std::size(kEnvironment) - 1;

}  // namespace

void HostedFirstProgram::start() {
  const HostedOptions& options = machine_.options();
  linux::FirstProgram program{
      .path = options.init.empty() ? "/bin/sh" : options.init, .arguments = {}, .environment = kEnvironment};
  std::string_view arguments[] = {options.init.empty() ? "-sh" : options.init, "-c", ""};
  program.arguments = std::span(arguments).first(1);
  if (options.command) {
    arguments[0] = "sh";
    arguments[2] = *options.command;
    program.path = "/bin/sh";
    program.arguments = arguments;
    program.environment = std::span(kEnvironment).first(kCommandEnvironment);
    program.on_console = false;
    program.input = &machine_.input();
    program.output = &machine_.output();
    program.error = &machine_.error();
  }
  if (const auto started = machine_.personality()->start(program, *this); !started) {
    const Text<100> why("the first program can't be started: error ", static_cast<int>(started.error()));
    machine_.fail(why.text());
  }
}

void HostedFirstProgram::on_first_exit(i32 wait_status) {
  if (start_failed_) machine_.end(125);
  // What a shell would report. The other programs end with this process.
  const int signal = wait_status & 0x7f;
  machine_.end(signal == 0 ? wait_status >> 8 & 0xff : 128 + signal);
}

void HostedFirstProgram::on_start_failure(std::string_view path, linux::Errno error) {
  start_failed_ = true;
  const Text<160> why("can't start ", path.substr(0, 100), ": error ", static_cast<int>(error),
                      error == linux::Errno::NoEntry ? ", no such file" : "");
  machine_.fail(why.text());
}

}  // namespace vari::kernels
