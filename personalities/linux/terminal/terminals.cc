// Device numbers to terminals, and the rule by which an open makes one a controlling terminal.
#include "personalities/linux/terminal/terminals.h"

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/terminal/pty.h"
#include "personalities/linux/terminal/terminal_file.h"

namespace vari::linux {

namespace {
constexpr u32 kMinorTty = 0, kMinorConsole = 1, kMinorPtmx = 2;
constexpr u32 kTerminalMode = 0620, kPublicMode = 0666;
}  // namespace

LinuxResult<> Terminals::start(std::span<Console* const> consoles) {
  DeviceRegistry& devices = personality_.vfs().devices();
  TRY(devices.add(kConsoleMajor, 0, 256, "tty", console_device_));
  TRY(devices.add(kTerminalMajor, 0, 3, "/dev/tty", special_device_));
  TRY(devices.add(kPtsMajor, 0, kMaximumPtys, "pts", pty_device_));
  for (Console* console : consoles) TRY(add_console(*console));
  Vfs& vfs = personality_.vfs();
  const auto node = [&](std::string_view name, u32 minor, u32 mode) {
    return vfs.add_device_node(name, FileKind::Character, mode, make_device(kTerminalMajor, minor));
  };
  TRY(node("tty", kMinorTty, kPublicMode));
  TRY(node("console", kMinorConsole, kTerminalMode));
  TRY(node("ptmx", kMinorPtmx, kPublicMode));
  return {};
}

LinuxResult<> Terminals::add_console(Console& device) {
  if (console_count_ == kMaximumConsoles) return std::unexpected(Errno::NoSpace);
  const bool serial = std::string_view(device.family()) == "ttyS";
  // Serial lines count from 0, screens from 1 (tty0 is "the one that is shown").
  u32 number = serial ? 0 : 1;
  for (u32 i = 0; i < console_count_; ++i)
    number += (consoles_[i].minor >= kFirstSerialMinor) == serial ? 1 : 0;
  const u32 minor = serial ? kFirstSerialMinor + number : number;
  auto terminal =
      TRY(runtime::make<ConsoleTerminal>(personality_, device, number, kConsoleMajor << 8 | minor));
  TRY(personality_.vfs().add_device_node(terminal->name(), FileKind::Character, kTerminalMode,
                                         make_device(kConsoleMajor, minor)));
  consoles_[console_count_++] = {std::move(terminal), minor};
  return {};
}

Ref<Terminal> Terminals::system_console() const {
  return console_count_ > 0 ? consoles_[0].terminal : Ref<Terminal>();
}

void Terminals::set_console_size(WindowSize size) {
  if (auto console = system_console()) console->resize({size.rows, size.columns, 0, 0});
}

LinuxResult<Ref<File>> Terminals::open_terminal(const OpenRequest& request, Ref<Terminal> terminal,
                                                OpenedAs as) {
  TRY(terminal->may_open());
  Terminal& opened = *terminal;
  const auto hang_ups =
      as == OpenedAs::Console ? TerminalFile::HangUps::Survives : TerminalFile::HangUps::Obeys;
  auto file = TRY(runtime::make<TerminalFile>(request, std::move(terminal), hang_ups));
  if (as == OpenedAs::Controlling && !(request.flags & File::kNoControllingTerminal)) {
    JobControl::acquire_terminal_on_open(request.task, opened);
  }
  return Ref<File>(std::move(file));
}

LinuxResult<Ref<File>> Terminals::open_console_device(const OpenRequest& request, u32 minor) {
  for (u32 i = 0; i < console_count_; ++i) {
    if (consoles_[i].minor == minor)
      return open_terminal(request, consoles_[i].terminal, OpenedAs::Controlling);
  }
  return std::unexpected(Errno::NoDevice6);
}

LinuxResult<Ref<File>> Terminals::open_special(const OpenRequest& request, u32 minor) {
  switch (minor) {
    case kMinorTty: {
      auto controlling = JobControl::controlling_terminal(request.task);
      if (!controlling) return std::unexpected(Errno::NoDevice6);
      // Every ControllingTerminal of this personality is a Terminal.
      return open_terminal(request, Ref<Terminal>(static_cast<Terminal&>(*controlling)), OpenedAs::Terminal);
    }
    case kMinorConsole:
      if (console_count_ == 0) return std::unexpected(Errno::NoDevice);
      return open_terminal(request, consoles_[0].terminal, OpenedAs::Console);
    case kMinorPtmx: return open_master(request);
    default: return std::unexpected(Errno::NoDevice6);
  }
}

LinuxResult<Ref<File>> Terminals::open_pty(const OpenRequest& request, u32 minor) {
  Ref<Terminal> terminal;
  {
    runtime::Guard<runtime::Mutex> guard(lock_);
    if (ptys_[minor]) terminal = ptys_[minor];
  }
  if (!terminal) return std::unexpected(Errno::NoDevice6);
  return open_terminal(request, std::move(terminal), OpenedAs::Controlling);
}

LinuxResult<Ref<File>> Terminals::open_master(const OpenRequest& request) {
  Ref<PtyTerminal> terminal;
  u32 index = 0;
  {
    runtime::Guard<runtime::Mutex> guard(lock_);
    while (index < kMaximumPtys && ptys_[index]) ++index;
    if (index == kMaximumPtys) return std::unexpected(Errno::NoSpace);
    terminal = TRY(runtime::make<PtyTerminal>(personality_, index, kPtsMajor << 8 | index));
    ptys_[index] = terminal;
  }
  auto made = make_master(request, terminal);
  if (!made) release_pty(index);
  return made;
}

/// The slave's node appears with its master, owned by whoever opened that, and goes with it.
LinuxResult<Ref<File>> Terminals::make_master(const OpenRequest& request, Ref<PtyTerminal> terminal) {
  char name[16] = "pts/";
  const std::string_view number = terminal->name().substr(4);
  for (std::size_t i = 0; i < number.size(); ++i) name[4 + i] = number[i];
  const Identity& identity = request.task.identity();
  auto node = TRY(personality_.vfs().make_device_node({name, 4 + number.size()},
                                                      {.kind = FileKind::Character,
                                                       .mode = kTerminalMode,
                                                       .user = identity.file_user,
                                                       .group = identity.file_group,
                                                       .device = make_device(kPtsMajor, terminal->index())}));
  auto made = runtime::make<PtyMasterFile>(request, std::move(terminal), Path(request.path.mount, node));
  if (!made) {
    personality_.vfs().remove_device_node(*node);
    return std::unexpected(Errno::NoMemory);
  }
  return Ref<File>(std::move(*made));
}

LinuxResult<Ref<File>> Terminals::open_peer(Task& task, const Path& node, Ref<PtyTerminal> terminal,
                                            u32 flags) {
  return open_terminal({task, node, flags}, std::move(terminal), OpenedAs::Controlling);
}

void Terminals::release_pty(u32 index) {
  Ref<PtyTerminal> released;  // its destructor runs without the lock
  runtime::Guard<runtime::Mutex> guard(lock_);
  released = std::move(ptys_[index]);
}

}  // namespace vari::linux
