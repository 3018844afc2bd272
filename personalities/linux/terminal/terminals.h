// All terminals of one personality: consoles (ttyS0, tty1…) and pseudo-terminals, by device number.
// Serves the character devices 4:N, 5:0 (tty), 5:1 (console), 5:2 (ptmx) and 136:N (pts/N).
#pragma once

#include <span>

#include "base/reference.h"
#include "interfaces/console.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/device_registry.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Personality;
class Task;
struct Path;
class PtyTerminal;
class Terminal;

class Terminals final : public runtime::Allocated {
 public:
  static constexpr u32 kMaximumConsoles = 8, kMaximumPtys = 64;
  static constexpr u32 kConsoleMajor = 4, kTerminalMajor = 5, kPtsMajor = 136;
  static constexpr u32 kFirstSerialMinor = 64;

  explicit Terminals(Personality& personality) : personality_(personality) {}
  Terminals(const Terminals&) = delete;
  Terminals& operator=(const Terminals&) = delete;

  /// Makes a terminal of each console, the first also being /dev/console; registers the device numbers
  /// with the Vfs and makes the nodes in /dev. Once, after Vfs::mount_standard().
  LinuxResult<> start(std::span<Console* const> consoles);
  /// The terminal of /dev/console; empty where there are no consoles.
  Ref<Terminal> system_console() const;
  /// The host told a new size (the host channel): as TIOCSWINSZ on /dev/console.
  void set_console_size(WindowSize size);

  // For the files of pseudo-terminals.
  void release_pty(u32 index);
  /// TIOCGPTPEER: opens the slave by its node's path, whatever has become of the name.
  LinuxResult<Ref<File>> open_peer(Task& task, const Path& node, Ref<PtyTerminal> terminal, u32 flags);

 private:
  /// One of the majors, as the device registry sees it.
  class Device final : public CharacterDevice {
   public:
    using Open = LinuxResult<Ref<File>> (Terminals::*)(const OpenRequest&, u32);
    Device(Terminals& terminals, Open open) : terminals_(terminals), open_(open) {}
    LinuxResult<Ref<File>> open(const OpenRequest& request, u32 minor) override {
      return (terminals_.*open_)(request, minor);
    }

   private:
    Terminals& terminals_;
    const Open open_;
  };
  LinuxResult<Ref<File>> open_console_device(const OpenRequest& request, u32 minor);
  LinuxResult<Ref<File>> open_special(const OpenRequest& request, u32 minor);
  LinuxResult<Ref<File>> open_pty(const OpenRequest& request, u32 minor);
  LinuxResult<Ref<File>> open_master(const OpenRequest& request);
  LinuxResult<Ref<File>> make_master(const OpenRequest& request, Ref<PtyTerminal> terminal);
  enum class OpenedAs : u8 { Terminal, Controlling, Console };
  LinuxResult<Ref<File>> open_terminal(const OpenRequest& request, Ref<Terminal> terminal, OpenedAs as);
  LinuxResult<> add_console(Console& device);

  Personality& personality_;
  Device console_device_{*this, &Terminals::open_console_device};
  Device special_device_{*this, &Terminals::open_special};
  Device pty_device_{*this, &Terminals::open_pty};
  // Consoles are made at start and stay.
  struct Entry {
    Ref<Terminal> terminal;
    u32 minor = 0;
  };
  Entry consoles_[kMaximumConsoles];
  u32 console_count_ = 0;
  runtime::Mutex lock_;
  Ref<PtyTerminal> ptys_[kMaximumPtys] GUARDED_BY(lock_);
};

}  // namespace vari::linux
