// Processor time: another process's clock, timers on it, its limit.
#include "check.h"

#include <sys/resource.h>
#include <sys/time.h>

static double now(clockid_t clock) {
  struct timespec t;
  WANT_EQ(syscall(SYS_clock_gettime, clock, &t), 0);
  return t.tv_sec + t.tv_nsec / 1e9;
}
struct event {
  uint64_t value;
  int32_t signal, notify, thread, padding[11];
};
static volatile int alarms;
static void count(int number) {
  (void)number;
  ++alarms;
}
static const struct itimerspec soon = {{0, 0}, {0, 10000000}};
static int create(clockid_t clock, int number) {
  struct event event = {.signal = number, .notify = SIGEV_SIGNAL};
  int id = -1;
  WANT_EQ(syscall(SYS_timer_create, clock, &event, &id), 0);
  return id;
}

CASE(processor_clock_of_another, "clock_gettime") {
  const pid_t child = fork();
  if (child == 0)
    for (volatile int i = 0;; ++i) {}
  const clockid_t clock = (int)((unsigned)~child << 3 | 2);
  WANT_SOON(now(clock) > 0.03);
  WANT_ERROR(syscall(SYS_clock_gettime, (int)(~0x3ffffffu << 3) | 2, &(struct timespec){0}), EINVAL);
}

CASE(interval_timers_of_processor_time, "setitimer") {
  signal(SIGVTALRM, count);
  struct itimerval it = {{0, 0}, {0, 20000}};
  WANT_EQ(setitimer(ITIMER_VIRTUAL, &it, 0), 0);
  const double begin = now(CLOCK_PROCESS_CPUTIME_ID);
  for (volatile long i = 0; !alarms; ++i) {}
  WANT(now(CLOCK_PROCESS_CPUTIME_ID) - begin >= 0.015);
  alarms = 0;
  signal(SIGPROF, count);
  WANT_EQ(setitimer(ITIMER_PROF, &it, 0), 0);
  for (volatile long i = 0; !alarms; ++i) {}
}

CASE(processor_time_is_limited, "setrlimit") {
  const pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_CPU, &(struct rlimit){1, 4});
    for (volatile int i = 0;; ++i) {}
  }
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

CASE(processor_time_has_a_hard_end, "setrlimit") {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXCPU, SIG_IGN);
    setrlimit(RLIMIT_CPU, &(struct rlimit){1, 2});
    for (volatile int i = 0;; ++i) {}
  }
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

CASE(timers_of_processor_time, "timer_create timer_settime") {
  signal(SIGUSR1, count);
  const int id = create(CLOCK_PROCESS_CPUTIME_ID, SIGUSR1);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &soon, 0), 0);
  for (volatile long i = 0; !alarms; ++i) {}
  const int own = create(CLOCK_THREAD_CPUTIME_ID, SIGUSR1);
  alarms = 0;
  WANT_EQ(syscall(SYS_timer_settime, own, 0, &soon, 0), 0);
  for (volatile long i = 0; !alarms; ++i) {}
}
