// An open terminal. After a hang-up the files that were open before it are dead for good, while the
// terminal can be opened again: a file remembers how many hang-ups it has seen.
#pragma once

#include "personalities/linux/files/open_file.h"
#include "personalities/linux/terminal/terminal.h"

namespace vari::linux {

class TerminalFile final : public OpenFile {
 public:
  TerminalFile(const OpenRequest& request, Ref<Terminal> terminal)
      : OpenFile(request), terminal_(std::move(terminal)), generation_(terminal_->hang_ups()) {
    terminal_->file_opened();
  }

  LinuxResult<u64> read(Task& task, Transfer& to) override {
    return terminal_->read(task, to, flags() & kNonBlock, generation_);
  }
  LinuxResult<u64> write(Task& task, Transfer& from) override {
    return terminal_->write(task, from, flags() & kNonBlock, generation_);
  }
  u32 poll(PollTable* table) override { return terminal_->poll(table, generation_); }
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override {
    if (terminal_->hang_ups() != generation_) return std::unexpected(Errno::Io);
    return terminal_->control(task, request, argument);
  }

 private:
  ~TerminalFile() override { terminal_->file_closed(); }
  const Ref<Terminal> terminal_;
  const u32 generation_;
};

}  // namespace vari::linux
