#include "hosted/place.h"

#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "hosted/host_clock.h"
#include "runtime/scheduler.h"

namespace vari::hosted {
namespace {

Nanoseconds read(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
}

/// What follows "name : " in a line of the host's /proc/cpuinfo.
std::string_view value_of(const char* line, std::string_view name) {
  const std::string_view text(line);
  const auto colon = text.find(": ");
  if (!text.starts_with(name) || colon == std::string_view::npos) return {};
  const auto value = text.substr(colon + 2);
  return value.substr(0, value.find('\n'));
}

}  // namespace

Result<> HostedPlace::start(u64 ram_bytes, Surroundings& surroundings) {
  surroundings_ = &surroundings;
  vectors_ = VectorFormat::find();
  read_cpu_model();
  TRY(memory_.initialise(ram_bytes));
  TRY(stubs_.start());
  return make_user_clock();
}

Result<> HostedPlace::make_user_clock() {
  user_clock_ = TRY(memory_.allocate());
  auto& clock = *::new (memory_.window(user_clock_)) UserClock;
  realtime_offset_ = &clock.realtime_offset_ns;
  const u64 function = find_clock_function();
  if (stubs_.vdso() == 0 || function == 0) return {};
  clock.function = stubs_.vdso() + function;
  clock.kind = UserClock::kFunction;
  return {};
}

void HostedPlace::read_cpu_model() {
  std::FILE* file = std::fopen("/proc/cpuinfo", "re");
  if (!file) return;
  char line[4096];
  Text<128> name;
  while (std::fgets(line, sizeof line, file)) {
    if (const auto model = value_of(line, "model name"); !model.empty()) name.print(model);
    if (const auto flags = value_of(line, "flags"); !flags.empty()) {
      cpu_model_.print(name.text(), '\n', flags);
      break;
    }
  }
  std::fclose(file);
}

Nanoseconds HostedPlace::monotonic_ns() {
  return runtime::port::now_ns();
}
Nanoseconds HostedPlace::realtime_ns() {
  return read(CLOCK_REALTIME) + __atomic_load_n(realtime_offset_, __ATOMIC_RELAXED);
}
Result<> HostedPlace::set_realtime_ns(Nanoseconds since_1970) {
  // Modulo 2^64: an earlier time is a "negative" offset. The host's clock is not ours to set.
  __atomic_store_n(realtime_offset_, since_1970 - read(CLOCK_REALTIME), __ATOMIC_RELAXED);
  return {};
}

void HostedPlace::random(std::span<u8> to) {
  while (!to.empty()) {
    const auto got = ::getrandom(to.data(), to.size(), 0);
    if (got > 0) to = to.subspan(static_cast<std::size_t>(got));
  }
}

/// Guests are processes of their own that registered for nothing: the host's call for all of the machine.
void HostedPlace::memory_barrier() {
  constexpr int kGlobal = 1;
  if (::syscall(SYS_membarrier, kGlobal, 0, 0) != 0) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

CpuStatistics HostedPlace::cpu_statistics(CpuId cpu) {
  const runtime::Scheduler* scheduler = group_ ? group_->at(cpu) : nullptr;
  if (!scheduler) return {};
  const auto scheduled = scheduler->statistics();
  return {.idle_ns = scheduled.idle_ns,
          .context_switches = scheduled.switches,
          .interrupts = scheduled.timer_interrupts + scheduled.notifies};
}

MemoryStatistics HostedPlace::memory_statistics() {
  return {.total_bytes = memory_.total_bytes(), .free_bytes = memory_.free_bytes(), .nucleus_bytes = 0};
}

std::size_t HostedPlace::describe(std::span<char> to) {
  TextBuffer text(to);
  text.print("frames_total ", memory_.total_bytes() / kPageBytes, "\nframes_free ",
             memory_.free_bytes() / kPageBytes, "\n");
  return text.size();
}

}  // namespace vari::hosted
