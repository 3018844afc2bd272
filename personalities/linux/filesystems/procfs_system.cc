// /proc's files about the whole system, in the formats of proc(5).
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

using Kind = ProcNode::Kind;

constexpr u64 kTicksPerSecond = 100;
constexpr u64 to_ticks(Nanoseconds ns) {
  return ns / (kSecond / kTicksPerSecond);
}

LinuxResult<> cpu_info(const ProcSubject& subject, TextBuffer& to) {
  auto& place = subject.personality.place();
  // The place tells "model name\nflags", the first line being the name.
  const auto told = place.cpu_model();
  const auto end = told.find('\n');
  const auto model = told.substr(0, end);
  const auto flags = end == std::string_view::npos ? std::string_view("fpu") : told.substr(end + 1);
  for (u32 cpu = 0; cpu < place.cpu_count(); ++cpu) {
    to.print("processor\t: ", cpu,
             "\nvendor_id\t: ", model.find("AMD") != model.npos ? "AuthenticAMD" : "GenuineIntel",
             "\nmodel name\t: ", model, "\nphysical id\t: 0\nsiblings\t: ", place.cpu_count(),
             "\ncore id\t\t: ", cpu, "\ncpu cores\t: ", place.cpu_count(), "\napicid\t\t: ", cpu,
             "\nfpu\t\t: yes\nflags\t\t: ", flags, "\naddress sizes\t: 48 bits virtual\n\n");
  }
  return {};
}

LinuxResult<> memory_info(const ProcSubject& subject, TextBuffer& to) {
  const auto memory = subject.personality.place().memory_statistics();
  u64 cached_pages = 0;
  auto& mounts = subject.personality.vfs().mounts();
  // Bind mounts show a file system twice; it is counted where its own root is shown.
  for (auto listed = mounts.next(0); listed.mount; listed = mounts.next(listed.mount->id())) {
    if (listed.at.dentry->is_root())
      cached_pages += listed.at.inode().file_system().statistics().memory_pages;
  }
  const auto line = [&](std::string_view name, u64 bytes) {
    to.print(name, ":");
    for (std::size_t i = name.size() + 1; i < 16; ++i) to.put(' ');
    to.print(Padded{bytes / kKiB, 8}, " kB\n");
  };
  line("MemTotal", memory.total_bytes);
  line("MemFree", memory.free_bytes);
  line("MemAvailable", memory.free_bytes);
  line("Buffers", 0);
  line("Cached", cached_pages * kPageBytes);
  line("SwapCached", 0);
  line("Active", memory.total_bytes - memory.free_bytes - memory.nucleus_bytes);
  line("Inactive", 0);
  line("SwapTotal", 0);
  line("SwapFree", 0);
  line("Dirty", 0);
  line("Writeback", 0);
  line("Shmem", cached_pages * kPageBytes);
  line("Slab", memory.nucleus_bytes);
  line("SReclaimable", 0);
  line("SUnreclaim", memory.nucleus_bytes);
  return {};
}

struct CpuTotals {
  u64 switches = 0, interrupts = 0, busy_ns = 0, idle_ns = 0;
};

CpuTotals totals_of(Place& place) {
  CpuTotals totals;
  const auto now = place.monotonic_ns();
  for (u32 cpu = 0; cpu < place.cpu_count(); ++cpu) {
    const auto statistics = place.cpu_statistics({cpu});
    totals.switches += statistics.context_switches;
    totals.interrupts += statistics.interrupts;
    totals.idle_ns += statistics.idle_ns;
    totals.busy_ns += now > statistics.idle_ns ? now - statistics.idle_ns : 0;
  }
  return totals;
}

u32 running_tasks(const ProcSubject& subject) {
  u32 running = 0;
  auto& processes = subject.personality.processes();
  for (auto process = processes.next(0); process; process = processes.next(process->id())) {
    for (auto task = process->next_task(0); task; task = process->next_task(task->id()))
      running += task->state() == 'R';
  }
  return running;
}

LinuxResult<> statistics(const ProcSubject& subject, TextBuffer& to) {
  auto& place = subject.personality.place();
  const auto totals = totals_of(place);
  // Where the time of a core went is known as busy and idle; busy is shown as user time.
  const auto line = [&](std::string_view name, u64 busy, u64 idle) {
    to.print(name, " ", to_ticks(busy), " 0 0 ", to_ticks(idle), " 0 0 0 0 0 0\n");
  };
  line("cpu ", totals.busy_ns, totals.idle_ns);
  const auto now = place.monotonic_ns();
  for (u32 cpu = 0; cpu < place.cpu_count(); ++cpu) {
    const auto idle = place.cpu_statistics({cpu}).idle_ns;
    line(Text<16>("cpu", cpu).text(), now > idle ? now - idle : 0, idle);
  }
  const u64 boot_s = (place.realtime_ns() - place.monotonic_ns()) / kSecond;
  to.print("intr ", totals.interrupts, "\nctxt ", totals.switches, "\nbtime ", boot_s, "\nprocesses ",
           subject.personality.processes().forks(), "\nprocs_running ", running_tasks(subject),
           "\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
  return {};
}

void put_hundredths(TextBuffer& to, u64 hundredths) {
  to.print(hundredths / 100, ".", Padded{hundredths % 100, 2, '0'});
}

LinuxResult<> uptime(const ProcSubject& subject, TextBuffer& to) {
  auto& place = subject.personality.place();
  put_hundredths(to, to_ticks(place.monotonic_ns()));
  to.put(' ');
  put_hundredths(to, to_ticks(totals_of(place).idle_ns));
  to.put('\n');
  return {};
}

/// Nothing here samples the ready queues periodically: the averages are those of busy cores since the start.
LinuxResult<> load_average(const ProcSubject& subject, TextBuffer& to) {
  auto& place = subject.personality.place();
  const auto now = place.monotonic_ns();
  const u64 load = now ? totals_of(place).busy_ns / (now / 100 + 1) : 0;
  for (int i = 0; i < 3; ++i) {
    put_hundredths(to, load);
    to.put(' ');
  }
  auto& processes = subject.personality.processes();
  to.print(running_tasks(subject), "/", processes.task_count(), " ", processes.last_id(), "\n");
  return {};
}

LinuxResult<> version(const ProcSubject& subject, TextBuffer& to) {
  const auto& parts = subject.personality.parts();
  to.print("Linux version ", parts.release, " (vari@vari) (C++) ", parts.version, "\n");
  return {};
}

LinuxResult<> file_systems(const ProcSubject& subject, TextBuffer& to) {
  for (const auto& types : {subject.personality.vfs().selected_types(), Vfs::own_types()})
    for (const auto& type : types) to.print(type.needs_device ? "" : "nodev", "\t", type.name, "\n");
  return {};
}

LinuxResult<> command_line(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.personality.parts().kernel_command_line, "\n");
  return {};
}

LinuxResult<> devices(const ProcSubject& subject, TextBuffer& to) {
  to.put("Character devices:\n");
  for (const auto& entry : subject.personality.vfs().devices().entries())
    to.print(Padded{entry.major, 3}, " ", entry.name, "\n");
  to.put("\nBlock devices:\n");
  return {};
}

LinuxResult<> interrupts(const ProcSubject& subject, TextBuffer& to) {
  auto& place = subject.personality.place();
  to.put("    ");
  for (u32 cpu = 0; cpu < place.cpu_count(); ++cpu) to.print("       CPU", cpu);
  to.put("\nALL:");
  for (u32 cpu = 0; cpu < place.cpu_count(); ++cpu)
    to.print(" ", Padded{place.cpu_statistics({cpu}).interrupts, 10});
  to.put("   All interrupts\n");
  return {};
}

LinuxResult<> memory_events(const ProcSubject& subject, TextBuffer& to) {
  const auto memory = subject.personality.place().memory_statistics();
  to.print("nr_free_pages ", memory.free_bytes / kPageBytes, "\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n");
  return {};
}

LinuxResult<> partitions(const ProcSubject&, TextBuffer& to) {
  to.put("major minor  #blocks  name\n\n");
  return {};
}

LinuxResult<> swaps(const ProcSubject&, TextBuffer& to) {
  to.put("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
  return {};
}

LinuxResult<> self(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.reader.process().id());
  return {};
}

LinuxResult<> thread_self(const ProcSubject& subject, TextBuffer& to) {
  to.print(subject.reader.process().id(), "/task/", subject.reader.id());
  return {};
}

LinuxResult<> mounts_link(const ProcSubject&, TextBuffer& to) {
  to.put("self/mounts");
  return {};
}

LinuxResult<> unknown_calls(const ProcSubject& subject, TextBuffer& to) {
  const auto& counts = subject.personality.unknown_calls();
  for (std::size_t number = 0; number < counts.size(); ++number) {
    const u32 count = __atomic_load_n(&counts[number], __ATOMIC_RELAXED);
    if (!count) continue;
    if (number == kCallCount) {
      to.print("others ", count, "\n");
    } else {
      to.print(number, " ", count, "\n");
    }
  }
  return {};
}

LinuxResult<> nucleus(const ProcSubject& subject, TextBuffer& to) {
  constexpr std::size_t kBytes = 8192;
  auto* storage = static_cast<char*>(runtime::allocate(kBytes));
  if (!storage) return std::unexpected(Errno::NoMemory);
  to.put(std::string_view(storage, subject.personality.place().describe({storage, kBytes})));
  runtime::free(storage, kBytes);
  return {};
}

constexpr ProcNode kVari[] = {
    {.name = "nucleus", .text = &nucleus},
    {.name = "unknown_calls", .text = &unknown_calls},
};
std::span<const ProcNode> vari_nodes() {
  return kVari;
}

constexpr ProcNode kSystem[] = {
    {.name = "cmdline", .text = &command_line},
    {.name = "cpuinfo", .text = &cpu_info},
    {.name = "devices", .text = &devices},
    {.name = "filesystems", .text = &file_systems},
    {.name = "interrupts", .text = &interrupts},
    {.name = "loadavg", .text = &load_average},
    {.name = "meminfo", .text = &memory_info},
    {.name = "mounts", .kind = Kind::Link, .text = &mounts_link},
    {.name = "net", .kind = Kind::Directory, .mode = 0555, .children = &proc_network_nodes},
    {.name = "partitions", .text = &partitions},
    {.name = "self", .kind = Kind::Link, .text = &self},
    {.name = "stat", .text = &statistics},
    {.name = "swaps", .text = &swaps},
    {.name = "sys", .kind = Kind::Directory, .mode = 0555, .children = &proc_settings_nodes},
    {.name = "thread-self", .kind = Kind::Link, .text = &thread_self},
    {.name = "uptime", .text = &uptime},
    {.name = "vari", .kind = Kind::Directory, .mode = 0555, .children = &vari_nodes},
    {.name = "version", .text = &version},
    {.name = "vmstat", .text = &memory_events},
};

}  // namespace

std::span<const ProcNode> proc_system_nodes() {
  return kSystem;
}

}  // namespace vari::linux
