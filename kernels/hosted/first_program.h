// Which program the hosted kernel starts first, and what its end means.
#pragma once

#include "kernels/hosted/machine.h"

namespace vari::kernels {

class HostedFirstProgram final : public linux::FirstExitObserver {
 public:
  explicit HostedFirstProgram(HostedMachine& machine) : machine_(machine) {}
  /// Starts it; a failure ends the machine.
  void start();

 private:
  void on_first_exit(i32 wait_status) override;
  void on_start_failure(std::string_view path, linux::Errno error) override;

  HostedMachine& machine_;
  bool start_failed_ = false;  // of init's and the first program's thread, which ends before init looks
};

}  // namespace vari::kernels
