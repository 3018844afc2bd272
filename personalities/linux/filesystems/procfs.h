// /proc: the system and its processes as text. Nothing is kept: each look-up makes its inode anew, from
// constant tables of nodes; a node says how its text is made.
#pragma once

#include "base/format.h"
#include "personalities/linux/files/file_system.h"

namespace vari::linux {

class Personality;
class Process;

/// Whose file is read, and by whom.
struct ProcSubject {
  Task& reader;
  Personality& personality;
  Process* owner = nullptr;
  i32 tid = 0;         // the task of /proc/PID/task/TID, or 0
  i32 descriptor = 0;  // of /proc/PID/fd/N
  /// NoProcess when it has gone: whoever keeps its object alive sees it no longer than others do.
  LinuxResult<Ref<Process>> process() const;
  /// The task meant: that of `tid`, or any of the process.
  LinuxResult<Ref<Task>> task() const;
};

/// One name in /proc. Text by `text`, links by `link`; directories have children or are dynamic.
struct ProcNode {
  enum class Kind : u8 { Text, Directory, Link, MagicLink };
  std::string_view name;
  Kind kind = Kind::Text;
  u32 mode = 0444;
  LinuxResult<> (*text)(const ProcSubject& subject, TextBuffer& to) = nullptr;  // Text; Link: the target
  LinuxResult<Path> (*path)(const ProcSubject& subject) = nullptr;              // MagicLink
  LinuxResult<> (*write)(const ProcSubject& subject,
                         std::string_view text) = nullptr;  // Text, where writable
  std::span<const ProcNode> (*children)() = nullptr;        // Directory
  LinuxResult<Ref<File>> (*open)(const ProcSubject& subject,
                                 const OpenRequest& request) = nullptr;  // Text that is none
  /// Names that depend on what lives now: processes, tasks, descriptors.
  enum class Dynamic : u8 { No, Processes, Tasks, Descriptors, DescriptorDetails } dynamic = Dynamic::No;
};

class Procfs final : public FileSystem {
 public:
  explicit Procfs(Vfs& vfs) : FileSystem(vfs) {}
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view options);
  static LinuxResult<> check_option(std::string_view option);
  std::string_view type() const override { return "proc"; }
  NamePolicy names() const override { return NamePolicy::Asked; }
  FileSystemStatistics statistics() override { return {.magic = 0x9fa0}; }
};

// The tables, one a file.
std::span<const ProcNode> proc_system_nodes();    // procfs_system.cc: cpuinfo, meminfo, stat…
std::span<const ProcNode> proc_network_nodes();   // procfs_network.cc: what lies in /proc/net
std::span<const ProcNode> proc_settings_nodes();  // procfs_settings.cc: what lies in /proc/sys
std::span<const ProcNode> proc_process_nodes();   // procfs_process.cc: what lies in /proc/PID

/// procfs_memory.cc: /proc/PID/mem.
LinuxResult<Ref<File>> open_process_memory(const ProcSubject& subject, const OpenRequest& request);

}  // namespace vari::linux
