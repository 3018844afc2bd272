// All terminals of one personality: consoles (ttyS0, tty1…) and pseudo-terminals, by device number.
// Device files (files/device_registry.h) open through here.
#pragma once

#include <string_view>

#include "base/reference.h"
#include "base/result.h"
#include "interfaces/console.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/file.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Terminal;
class Personality;

/// Device numbers: 5:0 tty, 5:1 console, 5:2 ptmx, 4:N consoles, 136:N pts/N.
class Terminals {
 public:
  static constexpr u32 kMaximumConsoles = 16, kMaximumPtys = 256;
  static constexpr u32 kConsoleMajor = 4, kTerminalMajor = 5, kPtsMajor = 136;

  explicit Terminals(Personality& personality) : personality_(personality) {}
  ~Terminals();
  Terminals(const Terminals&) = delete;

  /// Makes a terminal of a device, 4:minor; the first one is also /dev/console.
  /// `name` ("ttyS0", "tty1") must live as long as this.
  Result<> add_console(Ref<Console> device, std::string_view name, u32 minor);
  /// Opens what the device number names, with open(2)'s flags; also makes it the caller's controlling
  /// terminal where open(2) says so. NoDevice6 (ENXIO): there is none; 5:0 without a controlling terminal.
  LinuxResult<Ref<File>> open(Task& task, u32 major, u32 minor, u32 flags);
  /// The terminal of /dev/console; null before the first add_console().
  Ref<Terminal> system_console();
  /// The host told a new size (the host channel): as TIOCSWINSZ on /dev/console.
  void set_console_size(WindowSize size);
  /// True while /dev/pts/N exists; for directory listings.
  bool pty_exists(u32 index);

 private:
  friend class PtyMasterFile;
  LinuxResult<Ref<File>> open_ptmx(Task& task, u32 flags);
  Ref<Terminal> find(u32 major, u32 minor);
  void release_pty(u32 index);

  Personality& personality_;
  runtime::Mutex lock_;
  Ref<Terminal> consoles_[kMaximumConsoles] GUARDED_BY(lock_);
  u32 console_minors_[kMaximumConsoles] GUARDED_BY(lock_) = {};
  u32 console_count_ GUARDED_BY(lock_) = 0;
  Ref<Terminal> ptys_[kMaximumPtys] GUARDED_BY(lock_);
};

}  // namespace vari::linux
