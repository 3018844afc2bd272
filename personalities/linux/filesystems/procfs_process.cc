// /proc/PID: one process as text, in the formats of proc(5).
#include <algorithm>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/path_walk.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

using Kind = ProcNode::Kind;
using Dynamic = ProcNode::Dynamic;

constexpr u64 to_ticks(Nanoseconds ns) {
  return ns / (kSecond / 100);
}

/// The process's memory; empty for those without (init, zombies).
Ref<MemoryMap> memory_of(const ProcSubject& subject) {
  const auto task = subject.task();
  return task ? (*task)->memory_of_other() : Ref<MemoryMap>();
}

/// ptrace's rule in short: who may trace any, or the same user with no fewer capabilities.
LinuxResult<> check_private(const ProcSubject& subject) {
  const auto& reader = subject.reader.identity();
  if (reader.may(Capability::Trace)) return {};
  const auto identity = TRY(subject.process())->identity();
  if (reader.file_user == identity.user && reader.file_user == identity.effective_user &&
      reader.file_user == identity.saved_user &&
      !(identity.capabilities.permitted & ~reader.capabilities.effective))
    return {};
  return std::unexpected(Errno::Access);
}

LinuxResult<> stat(const ProcSubject& subject, TextBuffer& to) {
  const auto process = TRY(subject.process());
  auto s = process->snapshot();
  i32 id = s.pid;
  if (subject.tid) {
    const auto task = TRY(subject.task());
    id = task->id();
    s.state = task->state();
    task->copy_name(s.name);
    if (const auto credentials = task->credentials_of_other()) s.identity = credentials->identity();
  }
  const auto memory = memory_of(subject);
  const auto layout = memory ? memory->layout() : ProgramLayout();
  to.print(id, " (", &s.name[0], ") ", s.state, " ", s.parent, " ", s.group, " ", s.session, " ", s.terminal,
           " ", s.foreground_group, " 0 ", s.usage.minor_faults, " ", s.children.minor_faults, " ",
           s.usage.major_faults, " ", s.children.major_faults, " ", to_ticks(s.usage.user_ns), " ",
           to_ticks(s.usage.system_ns), " ", to_ticks(s.children.user_ns), " ",
           to_ticks(s.children.system_ns), " ", 20 + s.nice, " ", s.nice, " ", s.threads, " 0 ",
           to_ticks(s.start_ns), " ", s.virtual_bytes, " ", s.resident_pages);
  to.print(" 18446744073709551615 ", layout.code_begin, " ", layout.code_end, " ", layout.stack_begin,
           " 0 0 ", s.pending & 0x7fffffff, " ", s.blocked & 0x7fffffff, " ", s.ignored & 0x7fffffff, " ",
           s.caught & 0x7fffffff, " 0 0 0 17 ", s.last_cpu, " 0 0 0 0 0 ", layout.data_begin, " ",
           layout.data_end, " ", layout.heap_begin, " ", layout.arguments_begin, " ", layout.arguments_end,
           " ", layout.environment_begin, " ", layout.environment_end, " ", s.exit_status, "\n");
  return {};
}

std::string_view state_name(char state) {
  switch (state) {
    case 'R': return "R (running)";
    case 'S': return "S (sleeping)";
    case 'D': return "D (disk sleep)";
    case 'T': return "T (stopped)";
    case 't': return "t (tracing stop)";
    case 'Z': return "Z (zombie)";
    default: return "X (dead)";
  }
}

LinuxResult<> status(const ProcSubject& subject, TextBuffer& to) {
  const auto process = TRY(subject.process());
  auto s = process->snapshot();
  if (subject.tid) {
    const auto task = TRY(subject.task());
    s.state = task->state();
    task->copy_name(s.name);
    if (const auto credentials = task->credentials_of_other()) s.identity = credentials->identity();
  }
  const auto& i = s.identity;
  const auto memory = memory_of(subject);
  const auto task = subject.task();
  const auto context = task ? (*task)->file_system_of_other() : Ref<FileSystemContext>();
  const u32 mask = context ? context->mask() : 0;
  to.print("Name:\t", &s.name[0], "\nUmask:\t0", mask >> 6 & 7, mask >> 3 & 7, mask & 7, "\nState:\t",
           state_name(s.state), "\nTgid:\t", s.pid, "\nNgid:\t0\nPid:\t", subject.tid ? subject.tid : s.pid,
           "\nPPid:\t", s.parent, "\nTracerPid:\t", s.tracer, "\nUid:\t", i.user, "\t", i.effective_user,
           "\t", i.saved_user, "\t", i.file_user, "\nGid:\t", i.group, "\t", i.effective_group, "\t",
           i.saved_group, "\t", i.file_group, "\nFDSize:\t64\nGroups:\t");
  for (const u32 group : i.groups()) to.print(group, " ");
  to.put('\n');
  if (memory) {
    const auto kib = [](u64 bytes) { return Padded{bytes / kKiB, 8}; };
    to.print("VmPeak:\t", kib(memory->virtual_bytes()), " kB\nVmSize:\t", kib(memory->virtual_bytes()),
             " kB\nVmHWM:\t", kib(memory->peak_resident_pages() * kPageBytes), " kB\nVmRSS:\t",
             kib(memory->resident_pages() * kPageBytes), " kB\n");
  }
  to.print("Threads:\t", s.threads, "\nSigQ:\t0/1024\nSigPnd:\t", Hex{s.pending, 16}, "\nShdPnd:\t",
           Hex{0, 16}, "\nSigBlk:\t", Hex{s.blocked, 16}, "\nSigIgn:\t", Hex{s.ignored, 16}, "\nSigCgt:\t",
           Hex{s.caught, 16}, "\n");
  const auto& sets = i.capabilities;
  to.print("CapInh:\t", Hex{sets.inheritable, 16}, "\nCapPrm:\t", Hex{sets.permitted, 16}, "\nCapEff:\t",
           Hex{sets.effective, 16}, "\nCapBnd:\t", Hex{sets.bounding, 16}, "\nCapAmb:\t",
           Hex{sets.ambient, 16}, "\n");
  if (!task) return {};
  const auto filters = TaskInternals::filters(**task);
  to.print("NoNewPrivs:\t", u32{TaskInternals::has_no_new_privileges(**task)}, "\nSeccomp:\t",
           static_cast<u32>(filters.mode), "\nSeccomp_filters:\t", filters.count, "\n");
  return {};
}

LinuxResult<> memory_pages(const ProcSubject& subject, TextBuffer& to) {
  const auto s = TRY(subject.process())->snapshot();
  const auto memory = memory_of(subject);
  const auto layout = memory ? memory->layout() : ProgramLayout();
  to.print(s.virtual_bytes / kPageBytes, " ", s.resident_pages, " 0 ",
           (layout.code_end - layout.code_begin + kPageBytes - 1) / kPageBytes, " 0 ",
           (layout.data_end - layout.data_begin + kPageBytes - 1) / kPageBytes, " 0\n");
  return {};
}

/// Bytes of another program's memory; stops where they end.
LinuxResult<> copy_memory(const ProcSubject& subject, u64 begin, u64 end, TextBuffer& to) {
  const auto memory = memory_of(subject);
  if (!memory) return {};
  UserMemory user(*memory);
  char bytes[256];
  constexpr u64 kMost = 256 * kKiB;
  end = std::min(end, begin + std::min(kMost, ~u64{0} - begin));
  while (begin < end) {
    const u64 wanted = std::min<u64>(sizeof bytes, end - begin);
    const u64 got = user.copy_in_partial(bytes, begin, wanted);
    to.put(std::string_view(bytes, got));
    if (got < wanted) break;
    begin += got;
  }
  return {};
}

LinuxResult<> arguments(const ProcSubject& subject, TextBuffer& to) {
  const auto memory = memory_of(subject);
  if (!memory) return {};
  const auto layout = memory->layout();
  return copy_memory(subject, layout.arguments_begin, layout.arguments_end, to);
}

LinuxResult<> environment(const ProcSubject& subject, TextBuffer& to) {
  TRY(check_private(subject));
  const auto memory = memory_of(subject);
  if (!memory) return {};
  const auto layout = memory->layout();
  return copy_memory(subject, layout.environment_begin, layout.environment_end, to);
}

LinuxResult<> name(const ProcSubject& subject, TextBuffer& to) {
  char text[16];
  if (const auto task = subject.task()) {
    (*task)->copy_name(text);
    to.print(&text[0], "\n");
    return {};
  }
  const auto s = TRY(subject.process())->snapshot();
  to.print(&s.name[0], "\n");
  return {};
}

LinuxResult<> set_name(const ProcSubject& subject, std::string_view text) {
  if (subject.owner != &subject.reader.process()) return std::unexpected(Errno::Invalid);
  TRY(subject.task())->set_name(text.substr(0, text.find('\n')));
  return {};
}

LinuxResult<Path> executable(const ProcSubject& subject) {
  TRY(check_private(subject));
  const auto file = TRY(subject.process())->executable();
  if (!file || !file->path()) return std::unexpected(Errno::NoEntry);
  return *file->path();
}

LinuxResult<Path> current_directory(const ProcSubject& subject) {
  TRY(check_private(subject));
  const auto context = TRY(subject.task())->file_system_of_other();
  if (!context) return std::unexpected(Errno::NoEntry);
  return context->current_directory();
}

LinuxResult<Path> root(const ProcSubject& subject) {
  TRY(check_private(subject));
  const auto context = TRY(subject.task())->file_system_of_other();
  if (!context) return std::unexpected(Errno::NoEntry);
  return context->root();
}

LinuxResult<> maps(const ProcSubject& subject, TextBuffer& to) {
  TRY(check_private(subject));
  const auto memory = memory_of(subject);
  if (!memory) return {};
  RegionDescription region;
  for (u64 after = 0; memory->describe(after, region); after = region.end) {
    to.print(Hex{region.begin, 8}, "-", Hex{region.end, 8}, " ",
             allows(region.access, Access::Read) ? 'r' : '-',
             allows(region.access, Access::Write) ? 'w' : '-',
             allows(region.access, Access::Execute) ? 'x' : '-', region.shared ? 's' : 'p', " ",
             Hex{region.offset, 8}, " 00:", region.inode ? "01" : "00", " ", region.inode);
    if (region.name[0]) {
      for (int i = 0; i < 20; ++i) to.put(' ');
      to.put(&region.name[0]);
    }
    to.put('\n');
  }
  return {};
}

LinuxResult<> smaps(const ProcSubject& subject, TextBuffer& to) {
  TRY(check_private(subject));
  const auto memory = memory_of(subject);
  if (!memory) return {};
  RegionDescription region;
  for (u64 after = 0; memory->describe(after, region, true); after = region.end) {
    to.print(
        Hex{region.begin, 8}, "-", Hex{region.end, 8}, " ", allows(region.access, Access::Read) ? 'r' : '-',
        allows(region.access, Access::Write) ? 'w' : '-', allows(region.access, Access::Execute) ? 'x' : '-',
        region.shared ? 's' : 'p', " ", Hex{region.offset, 8}, " 00:", region.inode ? "01" : "00", " ",
        region.inode, " ", &region.name[0], "\nSize: ", Padded{(region.end - region.begin) / kKiB, 17},
        " kB\nRss: ", Padded{region.resident_pages * 4, 18},
        " kB\nPss: ", Padded{region.resident_pages * 4, 18}, " kB\nShared_Clean: ", Padded{0, 9},
        " kB\nShared_Dirty: ", Padded{0, 9}, " kB\nPrivate_Clean: ", Padded{0, 8},
        " kB\nPrivate_Dirty: ", Padded{region.resident_pages * 4, 8}, " kB\nSwap: ", Padded{0, 17}, " kB\n");
  }
  return {};
}

void put_mount_options(u32 flags, bool read_only, TextBuffer& to) {
  struct Option {
    u32 flag;
    std::string_view name;
  };
  static constexpr Option kOptions[] = {
      {Mount::kNoSetId, ",nosuid"},
      {Mount::kNoDevices, ",nodev"},
      {Mount::kNoExecute, ",noexec"},
      {Mount::kNoAccessTime, ",noatime"},
      {Mount::kNoDirectoryAccessTime, ",nodiratime"},
      {Mount::kRelativeAccessTime, ",relatime"},
      {Mount::kNoLinkFollow, ",nosymfollow"},
  };
  to.put(read_only ? "ro" : "rw");
  for (const auto& option : kOptions) {
    if (flags & option.flag) to.put(option.name);
  }
}

/// Calls `line` with each mount that the reader can see, and the text of its place.
template <class Line>
LinuxResult<> for_each_mount(const ProcSubject& subject, Line line) {
  constexpr std::size_t kBytes = 4096;
  auto* storage = static_cast<char*>(runtime::allocate(kBytes));
  if (!storage) return std::unexpected(Errno::NoMemory);
  auto& mounts = subject.personality.vfs().mounts();
  for (auto listed = mounts.next(0); listed.mount; listed = mounts.next(listed.mount->id())) {
    const auto where = describe_path(subject.reader, listed.at, {storage, kBytes});
    if (where && where->starts_with('/')) line(*listed.mount, *where);
  }
  runtime::free(storage, kBytes);
  return {};
}

LinuxResult<> mounts(const ProcSubject& subject, TextBuffer& to) {
  return for_each_mount(subject, [&](Mount& mount, std::string_view where) {
    to.print(mount.source(), " ", where, " ", mount.root().inode().file_system().type(), " ");
    put_mount_options(mount.flags(), mount.read_only(), to);
    to.put(" 0 0\n");
  });
}

LinuxResult<> mount_info(const ProcSubject& subject, TextBuffer& to) {
  return for_each_mount(subject, [&](Mount& mount, std::string_view where) {
    auto& file_system = mount.root().inode().file_system();
    to.print(mount.id(), " 1 ", device_major(file_system.device()), ":", device_minor(file_system.device()),
             " / ", where, " ");
    put_mount_options(mount.flags(), mount.flags() & Mount::kReadOnly, to);
    to.print(" - ", file_system.type(), " ", mount.source(), file_system.read_only() ? " ro\n" : " rw\n");
  });
}

LinuxResult<> limits(const ProcSubject& subject, TextBuffer& to) {
  struct Row {
    std::string_view name, unit;
  };
  static constexpr Row kRows[kResources] = {
      {"Max cpu time", "seconds"},    {"Max file size", "bytes"},      {"Max data size", "bytes"},
      {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
      {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
      {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
      {"Max msgqueue size", "bytes"}, {"Max nice priority", ""},       {"Max realtime priority", ""},
      {"Max realtime timeout", "us"},
  };
  const auto process = TRY(subject.process());
  const auto column = [&](std::string_view text, std::size_t width) {
    to.put(text);
    for (auto i = text.size(); i < width; ++i) to.put(' ');
  };
  const auto value = [&](u64 limit) {
    Text<24> text;
    limit == kUnlimited ? text.put("unlimited") : text.put(limit);
    column(text.text(), 21);
  };
  column("Limit", 26);
  column("Soft Limit", 21);
  column("Hard Limit", 21);
  to.put("Units     \n");
  for (u32 i = 0; i < kResources; ++i) {
    const auto limit = process->limit(static_cast<Resource>(i));
    column(kRows[i].name, 26);
    value(limit.soft);
    value(limit.hard);
    column(kRows[i].unit, 10);
    to.put('\n');
  }
  return {};
}

LinuxResult<> no_control_groups(const ProcSubject&, TextBuffer& to) {
  to.put("0::/\n");
  return {};
}

// The last one must be "task": the directories of tasks have all but that.
constexpr ProcNode kProcess[] = {
    {.name = "cgroup", .text = &no_control_groups},
    {.name = "cmdline", .text = &arguments},
    {.name = "comm", .mode = 0644, .text = &name, .write = &set_name},
    {.name = "cwd", .kind = Kind::MagicLink, .path = &current_directory},
    {.name = "environ", .mode = 0400, .text = &environment},
    {.name = "exe", .kind = Kind::MagicLink, .path = &executable},
    {.name = "fd", .kind = Kind::Directory, .mode = 0500, .dynamic = Dynamic::Descriptors},
    {.name = "fdinfo", .kind = Kind::Directory, .mode = 0555, .dynamic = Dynamic::DescriptorDetails},
    {.name = "limits", .text = &limits},
    {.name = "maps", .text = &maps},
    {.name = "mem", .mode = 0600, .open = &open_process_memory},
    {.name = "mountinfo", .text = &mount_info},
    {.name = "mounts", .text = &mounts},
    {.name = "root", .kind = Kind::MagicLink, .path = &root},
    {.name = "smaps", .text = &smaps},
    {.name = "stat", .text = &stat},
    {.name = "statm", .text = &memory_pages},
    {.name = "status", .text = &status},
    {.name = "task", .kind = Kind::Directory, .mode = 0555, .dynamic = Dynamic::Tasks},
};

}  // namespace

std::span<const ProcNode> proc_process_nodes() {
  return kProcess;
}

}  // namespace vari::linux
