// The vDSO: vdso(7). That its functions tell what the calls tell, that nobody can change it for others, and that
// it is a program's own to unmap.
#include "check.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <ucontext.h>

typedef int clock_function(clockid_t, struct timespec*);
typedef int day_function(struct timeval*, void*);
typedef time_t time_function(time_t*);
typedef int cpu_function(unsigned*, unsigned*, void*);

/// Its dynamic section's value for `tag`, as an address.
static const void* table(const char* image, long tag) {
  const Elf64_Ehdr* header = (const Elf64_Ehdr*)image;
  const Elf64_Phdr* segments = (const Elf64_Phdr*)(image + header->e_phoff);
  const Elf64_Dyn* entry = 0;
  long base = (long)image;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_DYNAMIC) entry = (const Elf64_Dyn*)(image + segments[i].p_offset);
    if (segments[i].p_type == PT_LOAD) base = (long)image + segments[i].p_offset - segments[i].p_vaddr;
  }
  WANT(entry);
  for (; entry->d_tag != DT_NULL; ++entry)
    if (entry->d_tag == tag) return (const void*)(base + (long)entry->d_un.d_ptr);
  return 0;
}

static const char* image(void) {
  const char* found = (const char*)getauxval(AT_SYSINFO_EHDR);
  WANT(found && memcmp(found, ELFMAG, SELFMAG) == 0);
  return found;
}

static void* function(const char* name) {
  const char* at = image();
  const unsigned* hash = table(at, DT_HASH);
  const Elf64_Sym* symbols = table(at, DT_SYMTAB);
  const char* names = table(at, DT_STRTAB);
  WANT(hash && symbols && names);
  for (unsigned i = 1; i < hash[1]; ++i)
    if (symbols[i].st_shndx != SHN_UNDEF && strcmp(names + symbols[i].st_name, name) == 0) return (char*)at + symbols[i].st_value;
  return 0;
}

/// [begin, end) of a line of /proc/self/maps.
static int mapped(const char* name, unsigned long* begin, unsigned long* end) {
  char line[400];
  FILE* maps = fopen("/proc/self/maps", "r");
  WANT(maps);
  int found = 0;
  while (!found && fgets(line, sizeof line, maps)) found = strstr(line, name) && sscanf(line, "%lx-%lx", begin, end) == 2;
  fclose(maps);
  return found;
}

static long long nanoseconds(struct timespec t) {
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static long long by_call(clockid_t clock) {
  struct timespec t;
  WANT_EQ(syscall(SYS_clock_gettime, clock, &t), 0);
  return nanoseconds(t);
}
static long long by_function(clock_function* get, clockid_t clock) {
  struct timespec t = {-1, -1};
  WANT_EQ(get(clock, &t), 0);
  WANT(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
  return nanoseconds(t);
}

CASE(vdso_has_its_functions, "") {
  static const char* const names[] = {"clock_gettime", "gettimeofday", "time", "clock_getres", "getcpu"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; ++i) {
    char prefixed[40];
    snprintf(prefixed, sizeof prefixed, "__vdso_%s", names[i]);
    WANT(function(prefixed) && function(names[i]) == function(prefixed));
  }
  WANT(table(image(), DT_VERSYM) && table(image(), DT_VERDEF) && table(image(), DT_GNU_HASH) && !table(image(), DT_RELA));
  unsigned long begin, end;
  WANT(mapped("[vdso]", &begin, &end) && (unsigned long)image() == begin);
  WANT(mapped("[vvar]", &begin, &end));
}

enum { THREADS = 4, ROUNDS = 4000 };
static const clockid_t served[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_TAI,
                                   CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME_COARSE};
static long long latest;

/// Of every two readings one begins after the other has ended, by whatever means and on whatever core.
static void* read_in_turn(void* argument) {
  clock_function* get = argument;
  for (int i = 0; i < ROUNDS; ++i) {
    const clockid_t clock = served[i % (sizeof served / sizeof *served)];
    const long long before = by_call(clock), between = by_function(get, clock), after = by_call(clock);
    WANT(before <= between && between <= after);
    long long seen = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
    const long long now = i % 2 ? by_function(get, CLOCK_MONOTONIC) : by_call(CLOCK_MONOTONIC);
    WANT(now >= seen);
    while (seen < now && !__atomic_compare_exchange_n(&latest, &seen, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
  }
  return 0;
}

CASE(vdso_and_call_tell_one_time, "clock_gettime") {
  pthread_t threads[THREADS];
  clock_function* get = function("__vdso_clock_gettime");
  WANT(get);
  for (int i = 0; i < THREADS; ++i) WANT_EQ(pthread_create(&threads[i], 0, read_in_turn, get), 0);
  for (int i = 0; i < THREADS; ++i) WANT_EQ(pthread_join(threads[i], 0), 0);
}

CASE(vdso_hears_of_a_new_time, "clock_gettime clock_settime") {
  clock_function* get = function("__vdso_clock_gettime");
  const long long monotonic = by_call(CLOCK_MONOTONIC), real = by_function(get, CLOCK_REALTIME);
  const long long ahead = 100000ll * 1000000000;
  for (int sign = 1; sign >= -1; sign -= 2) {
    const long long to = by_call(CLOCK_REALTIME) + sign * ahead;
    const struct timespec wanted = {to / 1000000000, to % 1000000000};
    WANT_EQ(syscall(SYS_clock_settime, CLOCK_REALTIME, &wanted), 0);
    const long long now = by_function(get, CLOCK_REALTIME);
    WANT(now >= to && now <= by_call(CLOCK_REALTIME));
    WANT(sign > 0 ? now >= real + ahead : now < real + ahead / 2);
  }
  const long long passed = by_function(get, CLOCK_MONOTONIC) - monotonic;
  WANT(passed >= 0 && passed < ahead / 2);
}

CASE(vdso_tells_the_old_calls_time, "gettimeofday time clock_getres") {
  day_function* day = function("__vdso_gettimeofday");
  time_function* seconds = function("__vdso_time");
  clock_function* resolution = function("__vdso_clock_getres");
  WANT(day && seconds && resolution);
  struct timeval v = {0, -1};
  const long long before = by_call(CLOCK_REALTIME);
  int zone[2] = {9, 9};
  WANT_EQ(day(&v, zone), 0);
  WANT(v.tv_usec >= 0 && v.tv_usec < 1000000 && zone[0] == 0 && zone[1] == 0);
  const long long between = v.tv_sec * 1000000000ll + v.tv_usec * 1000ll;
  WANT(between >= before - 1000 && between <= by_call(CLOCK_REALTIME));
  WANT_EQ(day(0, 0), 0);
  time_t stored = 0;
  const time_t t = seconds(&stored);
  WANT(t == stored && t >= before / 1000000000 - 1 && t <= seconds(0));
  for (unsigned i = 0; i < sizeof served / sizeof *served; ++i) {
    struct timespec call = {9, 9}, here = {8, 8};
    WANT_EQ(syscall(SYS_clock_getres, served[i], &call), 0);
    WANT_EQ(resolution(served[i], &here), 0);
    WANT_EQ(nanoseconds(call), nanoseconds(here));
  }
  WANT_EQ(resolution(CLOCK_MONOTONIC, 0), 0);
}

CASE(vdso_asks_the_kernel_for_the_rest, "clock_gettime clock_getres") {
  clock_function* get = function("__vdso_clock_gettime");
  clock_function* resolution = function("__vdso_clock_getres");
  struct timespec t;
  const long long before = by_call(CLOCK_THREAD_CPUTIME_ID), between = by_function(get, CLOCK_THREAD_CPUTIME_ID);
  WANT(before <= between && between <= by_call(CLOCK_THREAD_CPUTIME_ID));
  WANT(by_function(get, CLOCK_PROCESS_CPUTIME_ID) <= by_call(CLOCK_PROCESS_CPUTIME_ID));
  WANT_EQ(get(55, &t), -EINVAL);
  WANT_EQ(get(40, &t), -EINVAL);
  WANT_EQ(resolution(55, &t), -EINVAL);
  WANT_EQ(resolution(CLOCK_THREAD_CPUTIME_ID, &t), 0);
}

CASE(vdso_knows_the_processor, "getcpu sched_setaffinity") {
  cpu_function* get = function("__vdso_getcpu");
  WANT(get);
  cpu_set_t all, one;
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof all, &all);
  for (int cpu = 0; cpu < bytes * 8; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    WANT_EQ(syscall(SYS_sched_setaffinity, 0, sizeof one, &one), 0);
    unsigned here = 999, node = 999;
    WANT_EQ(get(&here, &node, 0), 0);
    WANT(here == (unsigned)cpu && node == 0 && sched_getcpu() == cpu);
    WANT_EQ(get(0, 0, 0), 0);
  }
}

static char* target;
static void write_there(void) {
  *(volatile char*)target = 1;
}
CASE(vdso_is_not_to_be_written, "mprotect") {
  static const char* const names[] = {"[vvar]", "[vdso]"};
  for (int i = 0; i < 2; ++i) {
    unsigned long begin, end;
    WANT(mapped(names[i], &begin, &end));
    target = (char*)begin;
    const int status = check_wait(check_child(write_there));
    WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  }
  unsigned long begin, end;
  WANT(mapped("[vvar]", &begin, &end));
  WANT_ERROR(mprotect((void*)begin, 4096, PROT_READ | PROT_WRITE), EACCES);
  int fd = open("/proc/self/mem", O_RDWR);
  WANT(fd < 0 || pwrite(fd, "x", 1, begin) < 0);
}

static void scribble(void) {
  unsigned long begin, end;
  WANT(mapped("[vdso]", &begin, &end));
  WANT_EQ(mprotect((void*)begin, end - begin, PROT_READ | PROT_WRITE), 0);  // all of it: Linux does not split it
  memset((char*)begin + 16, 0xcc, 4000);
}
CASE(vdso_copy_is_one_process_s_own, "mprotect fork") {
  char before[4096];
  memcpy(before, image(), sizeof before);
  WANT_EQ(check_wait(check_child(scribble)), 0);
  WANT_EQ(memcmp(before, image(), sizeof before), 0);
  WANT(by_function(function("__vdso_clock_gettime"), CLOCK_MONOTONIC) > 0);
}

static void live_without(void) {
  unsigned long begin, end;
  while (mapped("[vvar", &begin, &end)) WANT_EQ(munmap((void*)begin, end - begin), 0);
  WANT(mapped("[vdso]", &begin, &end));
  WANT_EQ(munmap((void*)begin, end - begin), 0);
  WANT(!mapped("[vdso]", &begin, &end));
  struct timespec t;
  WANT_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
  WANT(t.tv_sec > 0 || t.tv_nsec > 0);
}
static long free_pages(void) {
  struct sysinfo now;
  WANT_EQ(sysinfo(&now), 0);
  return (long)(now.freeram * now.mem_unit / 4096);
}
CASE(vdso_may_be_unmapped, "munmap") {
  enum { CHILDREN = 200 };
  WANT_EQ(check_wait(check_child(live_without)), 0);
  const long before = free_pages();
  for (int i = 0; i < CHILDREN; ++i) WANT_EQ(check_wait(check_child(i % 2 ? live_without : scribble)), 0);
  WANT(before - free_pages() < CHILDREN * 3 / 4);  // else one page a child is lost
}

static void tell_time(void) {
  clock_function* get = function("__vdso_clock_gettime");
  const long long before = by_call(CLOCK_MONOTONIC);
  WANT(by_function(get, CLOCK_MONOTONIC) >= before);
  execl("/proc/self/exe", "vdso", "vdso_has_its_functions", "vdso_asks_the_kernel_for_the_rest", (char*)0);
  _exit(1);
}
CASE(vdso_after_fork_and_exec, "fork execve") {
  WANT_EQ(check_wait(check_child(tell_time)), 0);
}

static volatile int ticks, elsewhere;
static void on_tick(int number, siginfo_t* information, void* context) {
  extern char etext[];
  (void)number, (void)information;
  ++ticks;
  elsewhere += ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] > (long)etext + (1l << 40);
}
CASE(vdso_goes_on_after_a_signal, "setitimer rt_sigreturn") {
  const struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
  WANT_EQ(sigaction(SIGALRM, &action, 0), 0);
  const struct itimerval often = {{0, 1000}, {0, 1000}};
  WANT_EQ(setitimer(ITIMER_REAL, &often, 0), 0);
  clock_function* get = function("__vdso_clock_gettime");
  long long last = 0;
  for (long tries = 0; ticks < 30 || elsewhere < 3; ++tries) {
    const long long now = by_function(get, CLOCK_MONOTONIC);
    WANT(now >= last);
    last = now;
  }
}
