// One hosted machine: its parts, and its end. Made by main(), never destroyed: a machine ends with its
// process.
#pragma once

#include <signal.h>

#include "base/late.h"
#include "hosted/folder/host_folder.h"
#include "hosted/host_streams.h"
#include "hosted/host_terminal.h"
#include "kernels/hosted/kernel.h"
#include "kernels/hosted/options.h"
#include "nucleus/log.h"

namespace vari::kernels {

class HostedMachine final : public hosted::Surroundings {
 public:
  explicit HostedMachine(const HostedOptions& options) : options_(options) {}

  /// Reads the root archive, takes the host's signals over, makes the place. False: told on standard error.
  bool prepare();
  /// The first program's console or streams; by a thread of the runtime.
  Result<> start_streams();
  /// Waits for the host's signals and carries them on. By the first thread of the runtime; does not return.
  [[noreturn]] void attend();
  /// The process ends with this status.
  [[noreturn]] void end(int status);
  /// A message, and the status of a machine that failed.
  [[noreturn]] void fail(std::string_view why);

  const HostedOptions& options() const { return options_; }
  Hosted::Place& place() { return place_; }
  std::span<const u8> root_archive() const { return root_; }
  /// The root as a folder of the host; null where it is an archive.
  Folder* root_folder() const { return folder_.get(); }
  std::span<Console* const> consoles() const { return {consoles_, options_.command ? 0u : 1u}; }
  hosted::HostInputStream& input() { return *input_; }
  hosted::HostOutputStream& output() { return output_; }
  hosted::HostOutputStream& error() { return error_; }
  Hosted::Personality*& personality() { return personality_; }
  void set_status(u8 status) { status_ = status; }

  void log(std::string_view line) override { log_.line(line); }
  std::size_t read_log(u64& from, std::span<char> to) override { return log_.read(from, to); }
  void power(Place::PowerAction action) override;

 private:
  bool read_root();
  bool open_folder();
  static void* await_signals(void* machine);
  void on_host_signal(int signal);

  const HostedOptions options_;
  std::span<const u8> root_;
  Ref<hosted::HostFolder> folder_;
  nucleus::Log log_;
  Hosted::Place place_;
  Late<hosted::HostTerminal> terminal_;
  Late<hosted::HostInputStream> input_;
  hosted::HostOutputStream output_{1}, error_{2};
  Console* consoles_[1] = {};
  hosted::HostEvent signalled_;
  u64 signals_ = 0;  // atomic: a bit for each that has come
  sigset_t taken_{};
  Hosted::Personality* personality_ = nullptr;
  u8 status_ = 0;
};

}  // namespace vari::kernels
