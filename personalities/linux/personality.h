// The Linux personality as one object: everything that its programs share. A kernel makes one from a
// place and the parts that it wants programs to see; several can exist side by side.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "interfaces/archive.h"
#include "interfaces/console.h"
#include "interfaces/executable.h"
#include "interfaces/place.h"
#include "personalities/linux/calls/table.h"
#include "personalities/linux/memory/frame_references.h"
#include "personalities/linux/memory/memory_maps.h"
#include "personalities/linux/process/futex.h"
#include "personalities/linux/process/process_table.h"
#include "personalities/linux/time/timer_service.h"
#include "personalities/linux/vdso/vdso.h"
#include "runtime/memory.h"

namespace vari::linux {

class Terminals;       // terminal/terminals.h
class RootFileSystem;  // files/file_system.h
class FileWatches;     // files/file_watches.h
class SignalArrivals;  // files/signal_file.h
class Sockets;         // sockets/unix_family.h
class Vfs;             // files/vfs.h: mounts, devices, the root
namespace ipc {
class SystemV;  // ipc/system_v.h
}

/// Told when the first program has ended.
class FirstExitObserver {
 public:
  /// `wait_status` as wait() reports it. Called by init's thread.
  virtual void on_first_exit(i32 wait_status) = 0;
  /// It could not be started: on_first_exit() follows, with 127 << 8 or 126 << 8.
  virtual void on_start_failure(std::string_view path, Errno error) = 0;

 protected:
  ~FirstExitObserver() = default;
};

/// What a kernel hands to the personality. All of it must outlive it.
struct PersonalityParts {
  Place& place;
  const Selection& selection;  // calls/groups.h
  const ExecutableFormat& executables;
  std::span<const ArchiveReader* const> archives;
  std::span<const u8> root_archive;                  // becomes the root file system; empty: an empty one
  const RootFileSystem* root_file_system = nullptr;  // in place of an archive
  std::span<Console* const> consoles;                // the first is /dev/console
  std::string_view kernel_command_line;              // for /proc/cmdline
  std::string_view release = "6.1.0-vari";           // uname -r
  std::string_view version = "#1 SMP Vari";          // uname -v
  bool randomize_addresses = false;
};

/// The first program's process, group and session.
inline constexpr i32 kFirstProgramId = 2;

/// The first program: pid 2, a session of its own.
struct FirstProgram {
  std::string_view path;
  std::span<const std::string_view> arguments;  // with argv[0]
  std::span<const std::string_view> environment;
  bool on_console = true;  // descriptors 0-2 and controlling terminal: /dev/console
  // Where not on_console: descriptors 0, 1 and 2. Null: /dev/null.
  ByteStream* input = nullptr;
  ByteStream* output = nullptr;
  ByteStream* error = nullptr;
};

class Personality final : public runtime::Allocated {
 public:
  static LinuxResult<runtime::Owner<Personality>> create(const PersonalityParts& parts);
  ~Personality();

  /// Starts init, which starts the first program; returns at once.
  LinuxResult<> start(const FirstProgram& program, FirstExitObserver& observer);

  /// Ends init and the timers' thread. Where programs still run they must have been ended first. For
  /// tests, and for places that outlive their personality.
  void stop();

  /// Sends that signal to every program and waits for them to end, at most so long. False: some are left.
  /// Blocks.
  bool end_programs(int number, Nanoseconds patience);

  const PersonalityParts& parts() const { return parts_; }
  Place& place() const { return parts_.place; }
  FrameReferences& frames() { return frames_; }
  const Vdso& vdso() const { return vdso_; }
  MemoryMaps& memory_maps() { return memory_maps_; }
  ProcessTable& processes() { return processes_; }
  FutexTable& futexes() { return futexes_; }
  TimerService& timers() { return timers_; }
  ipc::SystemV& system_v() { return *system_v_; }
  Vfs& vfs() { return *vfs_; }
  FileWatches& watches() { return *watches_; }
  SignalArrivals& signal_arrivals() { return *signal_arrivals_; }
  Sockets& sockets() { return *sockets_; }
  Terminals& terminals() { return *terminals_; }
  void log(std::string_view line) { place().log(line); }

  /// uname -n; a copy, since it can change.
  void copy_host_name(char (&to)[65]);
  void set_host_name(std::string_view name);
  void copy_domain_name(char (&to)[65]);
  void set_domain_name(std::string_view name);

  /// How often each call number that the table lacks was tried; the last entry counts all numbers
  /// beyond the table. Atomic.
  std::array<u32, kCallCount + 1>& unknown_calls() { return unknown_calls_; }

  /// Of all contexts of io_setup, together. Atomic.
  u64& asynchronous_requests() { return asynchronous_requests_; }

  /// Frames that must stay free for fork and exec to be tried at all.
  bool memory_is_short();

 private:
  explicit Personality(const PersonalityParts& parts) : parts_(parts), frames_(parts.place) {}
  friend struct TaskInternals;

  const PersonalityParts parts_;
  FrameReferences frames_;
  Vdso vdso_{frames_};
  MemoryMaps memory_maps_;
  ProcessTable processes_;
  FutexTable futexes_;
  TimerService timers_;
  FileWatches* watches_ = nullptr;             // owned
  SignalArrivals* signal_arrivals_ = nullptr;  // owned
  Sockets* sockets_ = nullptr;                 // owned
  Vfs* vfs_ = nullptr;                         // owned
  Terminals* terminals_ = nullptr;             // owned
  ipc::SystemV* system_v_ = nullptr;           // owned
  struct FirstStart;
  FirstStart* first_ = nullptr;  // owned; what init starts
  runtime::SpinLock names_lock_;
  char host_name_[65] GUARDED_BY(names_lock_) = "vari";
  char domain_name_[65] GUARDED_BY(names_lock_) = "(none)";
  bool stopping_ = false;  // atomic
  u32 threads_ = 0;        // atomic: tasks' threads that have not ended yet
  u64 asynchronous_requests_ = 0;
  std::array<u32, kCallCount + 1> unknown_calls_{};
};

}  // namespace vari::linux
