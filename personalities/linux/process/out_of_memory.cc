// No frame is left for a page that a program may touch. The largest program is killed, with a message;
// its memory comes back, and the fault is tried again. The kernel itself never needs that page.
#include <charconv>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/text.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr u64 kReclaimPages = 256;
constexpr Nanoseconds kPatience = 20 * kMillisecond;

u64 resident_pages(Process& process) {
  const auto task = process.any_task();
  const auto memory = task ? task->memory_of_other() : Ref<MemoryMap>();
  return memory ? memory->resident_pages() : 0;
}

Ref<Process> largest(ProcessTable& table) {
  Ref<Process> best;
  u64 most = 0;
  for (i32 at = 1;;) {
    auto process = table.next(at);
    if (!process) return best;
    at = process->id();
    const u64 pages = resident_pages(*process);
    if (pages < most) continue;  // among equals the youngest: a fork bomb does not take its shell along
    most = pages;
    best = std::move(process);
  }
}

}  // namespace

bool TaskInternals::is_exiting(Process& process) {
  Guard<SpinLock> guard(process.lock_);
  return process.exiting_;
}

void TaskInternals::out_of_memory(Task& task) {
  auto& personality = task.personality_;
  if (personality.vfs().reclaim(kReclaimPages) != 0) return;
  auto victim = largest(personality.processes());
  if (!victim) victim = task.process_;
  if (!is_exiting(*victim)) {
    char name[16] = {};
    if (const auto any = victim->any_task()) any->copy_name(name);
    TextBuffer<96> line;
    line.add("out of memory: killed process ").add(victim->id()).add(" (").add(name).add(")");
    personality.log(line.text());
    begin_group_exit(*victim, signal::kKill);
  }
  if (victim == task.process_) return;
  // The victim needs a moment to go; then the fault is tried again, and perhaps the next one chosen.
  (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kPatience, runtime::Cancellation::Respect);
}

bool Personality::memory_is_short() {
  const auto is_short = [this] {
    const auto statistics = place().memory_statistics();
    constexpr u64 kLeast = 256 * kKiB;
    return statistics.free_bytes < kLeast + statistics.total_bytes / 128;
  };
  return is_short() && (vfs().reclaim(kReclaimPages) == 0 || is_short());
}

}  // namespace vari::linux
