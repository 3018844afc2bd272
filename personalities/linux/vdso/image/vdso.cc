// The vDSO: functions that programs call in place of system calls (vdso(7)). A shared object of one page,
// made by the build and carried by the personality, mapped behind the page that holds the place's UserClock.
// What can't be told from there is asked of the kernel.
//
// Freestanding user code: no data of its own, no relocations; runs on the stack of whoever calls.
#include "interfaces/user_clock.h"

using namespace vari;

namespace {

struct TimeSpec {
  i64 seconds, nanoseconds;
};
struct TimeValue {
  i64 seconds, microseconds;
};
struct TimeZone {
  i32 minutes_west, summer_time;
};

enum CallNumber : i64 { kClockGetTime = 228, kClockGetResolution = 229, kGetCpu = 309 };

/// Sets of clock numbers: the realtime kinds (0, 5, 8, 11) and the monotonic ones (1, 4, 6, 7, 9) each tell
/// one time here, as the system call does. Processor time is the kernel's to know.
constexpr u32 kRealtimeClocks = 1 << 0 | 1 << 5 | 1 << 8 | 1 << 11;
constexpr u32 kMonotonicClocks = 1 << 1 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 9;

/// In the page before this object, whose beginning the linker knows. By assembly, since no compiler believes
/// in what lies before an object's begin.
const UserClock& user_clock() {
  const UserClock* clock;
  asm("lea __ehdr_start - 4096(%%rip), %0" : "=r"(clock));
  return *clock;
}

long call(CallNumber number, u64 a, u64 b, u64 c = 0) {
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(static_cast<long>(number)), "D"(a), "S"(b), "d"(c)
               : "rcx", "r11", "memory");
  return result;
}
u64 word(const void* pointer) {
  return reinterpret_cast<u64>(pointer);
}

/// Order: not before what the program has done until now: it may have heard of another core's time.
u64 read_tsc() {
  u32 low, high;
  asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return u64{high} << 32 | low;
}

bool has_counter() {
  return user_clock().kind == UserClock::kTimeStampCounter;
}
Nanoseconds read_counter(bool realtime) {
  const UserClock& clock = user_clock();
  return clock.ns_of(read_tsc()) +
         (realtime ? __atomic_load_n(&clock.realtime_offset_ns, __ATOMIC_RELAXED) : 0);
}
u32 set_of(int clock) {
  return static_cast<u32>(clock) < 32 ? u32{1} << clock : 0;
}

int put(Nanoseconds now, TimeSpec* to) {
  *to = {static_cast<i64>(now / kSecond), static_cast<i64>(now % kSecond)};
  return 0;
}

using ClockFunction = int(int clock, TimeSpec* to);

/// Null: there is none, or none for that time: it tells the host's, and programs have set another.
ClockFunction* function_for(bool realtime) {
  const UserClock& clock = user_clock();
  if (clock.kind != UserClock::kFunction) return nullptr;
  if (realtime && __atomic_load_n(&clock.realtime_offset_ns, __ATOMIC_RELAXED) != 0) return nullptr;
  return reinterpret_cast<ClockFunction*>(clock.function);
}

/// As the call with a number that tells this time does it; `number` is what the caller gave.
int get_time(bool realtime, int number, TimeSpec* to) {
  if (has_counter()) return put(read_counter(realtime), to);
  if (ClockFunction* function = function_for(realtime)) return function(realtime ? 0 : 1, to);
  return static_cast<int>(call(kClockGetTime, static_cast<u64>(number), word(to)));
}

}  // namespace

extern "C" {

int __vdso_clock_gettime(int clock, TimeSpec* to) {
  const u32 set = set_of(clock);
  if (set & kMonotonicClocks) return get_time(false, clock, to);
  if (set & kRealtimeClocks) return get_time(true, clock, to);
  return static_cast<int>(call(kClockGetTime, static_cast<u64>(clock), word(to)));
}

int __vdso_gettimeofday(TimeValue* to, TimeZone* zone) {
  TimeSpec now;
  if (const int failed = to ? get_time(true, 0, &now) : 0) return failed;
  if (to) *to = {now.seconds, now.nanoseconds / 1000};
  if (zone) *zone = {};
  return 0;
}

i64 __vdso_time(i64* to) {
  TimeSpec now;
  if (const int failed = get_time(true, 0, &now)) return failed;
  if (to) *to = now.seconds;
  return now.seconds;
}

int __vdso_clock_getres(int clock, TimeSpec* to) {
  if (!(set_of(clock) & (kRealtimeClocks | kMonotonicClocks)))
    return static_cast<int>(call(kClockGetResolution, static_cast<u64>(clock), word(to)));
  if (to) *to = {0, 1};
  return 0;
}

int __vdso_getcpu(u32* cpu, u32* node, void* unused) {
  u64 here;
  switch (user_clock().processor) {
    case UserClock::kRdpid: asm volatile("rdpid %0" : "=r"(here)); break;
    case UserClock::kRdtscp: asm volatile("rdtscp" : "=c"(here) : : "rax", "rdx"); break;
    default: return static_cast<int>(call(kGetCpu, word(cpu), word(node), word(unused)));
  }
  if (cpu) *cpu = static_cast<u32>(here);
  if (node) *node = 0;
  return 0;
}

#define VARI_ALIAS(name) [[gnu::weak, gnu::alias("__vdso_" #name)]]
VARI_ALIAS(clock_gettime) int clock_gettime(int, TimeSpec*);
VARI_ALIAS(gettimeofday) int gettimeofday(TimeValue*, TimeZone*);
VARI_ALIAS(time) i64 time(i64*);
VARI_ALIAS(clock_getres) int clock_getres(int, TimeSpec*);
VARI_ALIAS(getcpu) int getcpu(u32*, u32*, void*);

}  // extern "C"
