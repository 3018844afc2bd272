// An open terminal. After a hang-up the files that were open before it are dead for good, while the
// terminal can be opened again: a file remembers how many hang-ups it has seen. /dev/console stays alive,
// as in Linux: it is the system's last resort.
#pragma once

#include "personalities/linux/files/open_file.h"
#include "personalities/linux/terminal/terminal.h"

namespace vari::linux {

class TerminalFile final : public OpenFile {
 public:
  enum class HangUps : bool { Obeys, Survives };
  TerminalFile(const OpenRequest& request, Ref<Terminal> terminal, HangUps hang_ups)
      : OpenFile(request),
        terminal_(std::move(terminal)),
        opened_at_(terminal_->hang_ups()),
        survives_(hang_ups == HangUps::Survives) {
    terminal_->file_opened();
  }

  LinuxResult<u64> read(Task& task, Transfer& to) override {
    return terminal_->read(task, to, flags() & kNonBlock, generation());
  }
  LinuxResult<u64> write(Task& task, Transfer& from) override {
    return terminal_->write(task, from, flags() & kNonBlock, generation());
  }
  u32 poll(PollTable* table) override { return terminal_->poll(table, generation()); }
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override {
    if (terminal_->hang_ups() != generation()) return std::unexpected(Errno::Io);
    return terminal_->control(task, request, argument);
  }

 private:
  ~TerminalFile() override { terminal_->file_closed(); }
  const Ref<Terminal> terminal_;
  u32 generation() const { return survives_ ? terminal_->hang_ups() : opened_at_; }
  const u32 opened_at_;
  const bool survives_;
};

}  // namespace vari::linux
