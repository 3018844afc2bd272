// Clocks and sleeping: clock_gettime(2), clock_settime(2), clock_nanosleep(2), adjtimex(2), and the old calls.
#include "check.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timex.h>

static double now(clockid_t clock) {
  struct timespec t;
  WANT_EQ(syscall(SYS_clock_gettime, clock, &t), 0);
  WANT(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
  return t.tv_sec + t.tv_nsec / 1e9;
}

CASE(clocks_run, "clock_gettime") {
  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE};
  for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; ++i) {
    const double before = now(clocks[i]);
    nanosleep(&(struct timespec){0, 30000000}, 0);
    const double after = now(clocks[i]);
    WANT(after - before >= 0.015 && after - before < 30);
  }
  struct timespec t;
  WANT_ERROR(syscall(SYS_clock_gettime, 55, &t), EINVAL);
  WANT_ERROR(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
}

CASE(clocks_never_go_back, "clock_gettime") {
  double last = now(CLOCK_MONOTONIC);
  for (int i = 0; i < 20000; ++i) {
    const double next = now(CLOCK_MONOTONIC);
    WANT(next >= last);
    last = next;
  }
}

CASE(processor_clocks_count_work_only, "clock_gettime") {
  const double before = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);
  nanosleep(&(struct timespec){0, 200000000}, 0);
  WANT(now(CLOCK_PROCESS_CPUTIME_ID) - before < 0.15);
  while (now(CLOCK_THREAD_CPUTIME_ID) - thread < 0.05) {}
  WANT(now(CLOCK_PROCESS_CPUTIME_ID) - before >= 0.05);
}

CASE(clock_resolutions, "clock_getres") {
  struct timespec t = {9, 9};
  WANT_EQ(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &t), 0);
  WANT(t.tv_sec == 0 && t.tv_nsec >= 1 && t.tv_nsec <= 10000000);
  WANT_EQ(syscall(SYS_clock_getres, CLOCK_REALTIME, 0), 0);
  WANT_ERROR(syscall(SYS_clock_getres, 55, &t), EINVAL);
  WANT_ERROR(syscall(SYS_clock_getres, CLOCK_MONOTONIC, 8), EFAULT);
}

CASE(clock_settime_refusals, "clock_settime settimeofday") {
  struct timespec t = {1, -1};
  WANT_ERROR(syscall(SYS_clock_settime, CLOCK_REALTIME, &t), EINVAL);
  t.tv_nsec = 0;
  WANT_ERROR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t), EINVAL);
  WANT_ERROR(syscall(SYS_clock_settime, 55, &t), EINVAL);
  WANT_ERROR(syscall(SYS_clock_settime, CLOCK_REALTIME, 8), EFAULT);
  struct timeval v = {1, 1000000};
  WANT_ERROR(syscall(SYS_settimeofday, &v, 0), EINVAL);
  WANT_ERROR(syscall(SYS_settimeofday, 8, 0), EFAULT);
  WANT_EQ(setuid(1000), 0);
  v.tv_usec = 0;
  WANT_ERROR(syscall(SYS_settimeofday, &v, 0), EPERM);
  WANT_ERROR(syscall(SYS_clock_settime, CLOCK_REALTIME, &t), EPERM);
}

CASE(old_calls_tell_the_same_time, "gettimeofday time") {
  struct timeval v;
  struct timezone zone;
  const double real = now(CLOCK_REALTIME);
  WANT_EQ(syscall(SYS_gettimeofday, &v, &zone), 0);
  WANT(v.tv_sec + v.tv_usec / 1e6 - real < 10 && v.tv_sec + v.tv_usec / 1e6 - real > -0.001);
  long t = 0;
  const long seconds = syscall(SYS_time, &t);
  WANT(seconds == t && seconds - (long)real <= 10 && seconds >= (long)real - 1);
  WANT(syscall(SYS_time, 0) >= seconds);
  WANT_ERROR(syscall(SYS_gettimeofday, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_time, 8), EFAULT);
}

CASE(nanosleep_sleeps_long_enough, "nanosleep") {
  const double before = now(CLOCK_MONOTONIC);
  WANT_EQ(syscall(SYS_nanosleep, &(struct timespec){0, 50000000}, 0), 0);
  WANT(now(CLOCK_MONOTONIC) - before >= 0.05);
  WANT_EQ(syscall(SYS_nanosleep, &(struct timespec){0, 0}, 0), 0);
  WANT_ERROR(syscall(SYS_nanosleep, &(struct timespec){0, 1000000000}, 0), EINVAL);
  WANT_ERROR(syscall(SYS_nanosleep, &(struct timespec){-1, 0}, 0), EINVAL);
  WANT_ERROR(syscall(SYS_nanosleep, 8, 0), EFAULT);
}

static void nothing(int number) {
  (void)number;
}
CASE(nanosleep_tells_what_is_left, "nanosleep clock_nanosleep") {
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGALRM, &action, 0);
  struct timespec left = {0, 0};
  alarm(1);
  WANT_ERROR(syscall(SYS_nanosleep, &(struct timespec){30, 0}, &left), EINTR);
  WANT(left.tv_sec >= 15 && left.tv_sec <= 29);
  left = (struct timespec){0, 0};
  alarm(1);
  WANT_ERROR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &(struct timespec){30, 0}, &left), EINTR);
  WANT(left.tv_sec >= 15 && left.tv_sec <= 29);
}

CASE(clock_nanosleep_until, "clock_nanosleep") {
  for (int i = 0; i < 2; ++i) {
    const clockid_t clock = i ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += 50000000;
    if (t.tv_nsec >= 1000000000) ++t.tv_sec, t.tv_nsec -= 1000000000;
    WANT_EQ(syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, 0), 0);
    WANT(now(clock) >= t.tv_sec + t.tv_nsec / 1e9 - 1e-6);
    WANT_EQ(syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, 0), 0);  // past already
  }
  WANT_ERROR(syscall(SYS_clock_nanosleep, 55, 0, &(struct timespec){0, 1}, 0), EINVAL);
  WANT_ERROR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &(struct timespec){0, -1}, 0), EINVAL);
  WANT_ERROR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, 8, 0), EFAULT);
}

CASE(adjtimex_tells_the_state, "adjtimex clock_adjtime") {
  struct timex t = {.modes = 0};
  const long state = syscall(SYS_adjtimex, &t);
  WANT(state >= 0 && state <= 5);
  WANT(t.tick >= 9000 && t.tick <= 11000 && t.precision >= 1);
  memset(&t, 0, sizeof t);
  WANT(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t) == state && t.tick >= 9000);
  WANT_ERROR(syscall(SYS_adjtimex, 8), EFAULT);
  WANT_ERROR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t), EOPNOTSUPP);
  WANT_EQ(setuid(1000), 0);
  t.modes = ADJ_FREQUENCY;
  WANT_ERROR(syscall(SYS_adjtimex, &t), EPERM);
}

static volatile int alarms;
static void count(int number) {
  (void)number;
  ++alarms;
}
CASE(alarm_tells_what_was_left, "alarm") {
  signal(SIGALRM, count);
  alarm(0);
  WANT_EQ(alarm(100), 0);
  const unsigned left = alarm(1);
  WANT(left > 60 && left <= 100);
  WANT_SOON(alarms == 1);
  WANT_EQ(alarm(0), 0);
}

CASE(interval_timers_repeat, "setitimer getitimer") {
  signal(SIGALRM, count);
  struct itimerval it = {{0, 10000}, {0, 10000}}, got;
  WANT_EQ(setitimer(ITIMER_REAL, &it, 0), 0);
  WANT_SOON(alarms >= 3);
  WANT_EQ(getitimer(ITIMER_REAL, &got), 0);
  WANT(got.it_interval.tv_usec == 10000 && got.it_value.tv_sec == 0 && got.it_value.tv_usec <= 10000);
  memset(&it, 0, sizeof it);
  WANT_EQ(setitimer(ITIMER_REAL, &it, &got), 0);
  WANT_EQ(got.it_interval.tv_usec, 10000);
  WANT_EQ(getitimer(ITIMER_REAL, &got), 0);
  WANT(got.it_value.tv_sec == 0 && got.it_value.tv_usec == 0);
}

CASE(interval_timer_refusals, "setitimer getitimer") {
  struct itimerval it = {{0, 0}, {0, 1000000}};
  WANT_ERROR(setitimer(ITIMER_REAL, &it, 0), EINVAL);
  WANT_ERROR(syscall(SYS_setitimer, 7, &it, 0), EINVAL);
  WANT_ERROR(syscall(SYS_getitimer, 7, &it), EINVAL);
  WANT_ERROR(syscall(SYS_getitimer, 0, 8), EFAULT);
  WANT_ERROR(syscall(SYS_setitimer, 0, 8, 0), EFAULT);
}
