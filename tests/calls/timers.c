// POSIX timers: timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2).
#include "check.h"

struct event {
  uint64_t value;
  int32_t signal, notify, thread, padding[11];
};
static volatile int count, value_seen, code_seen;
static void noting(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  value_seen = info->si_value.sival_int;
  code_seen = info->si_code;
  ++count;
}
static void on(int number) {
  struct sigaction action = {.sa_sigaction = noting, .sa_flags = SA_SIGINFO};
  WANT_EQ(sigaction(number, &action, 0), 0);
}
static int create(clockid_t clock, int number) {
  struct event event = {.value = 77, .signal = number, .notify = number ? SIGEV_SIGNAL : SIGEV_NONE};
  int id = -1;
  WANT_EQ(syscall(SYS_timer_create, clock, &event, &id), 0);
  return id;
}
static const struct itimerspec soon = {{0, 0}, {0, 10000000}}, often = {{0, 5000000}, {0, 5000000}}, off;

CASE(timers_send_their_value, "timer_create timer_settime timer_gettime") {
  on(SIGUSR1);
  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
  for (int i = 0; i < 3; ++i) {
    count = 0;
    const int id = create(clocks[i], SIGUSR1);
    WANT_EQ(syscall(SYS_timer_settime, id, 0, &soon, 0), 0);
    WANT_SOON(count == 1);
    WANT(value_seen == 77 && code_seen == SI_TIMER);
    struct itimerspec left;
    WANT_EQ(syscall(SYS_timer_gettime, id, &left), 0);
    WANT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
  }
}

CASE(timers_repeat_until_told_otherwise, "timer_settime timer_gettime") {
  on(SIGUSR1);
  const int id = create(CLOCK_MONOTONIC, SIGUSR1);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &often, 0), 0);
  WANT_SOON(count >= 3);
  struct itimerspec old;
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &off, &old), 0);
  WANT(old.it_interval.tv_nsec == 5000000 && old.it_value.tv_sec == 0 && old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 5000000);
}

CASE(timers_can_be_absolute, "timer_settime") {
  on(SIGUSR1);
  const int id = create(CLOCK_MONOTONIC, SIGUSR1);
  struct itimerspec at = {{0, 0}, {0, 1}};  // long ago: at once
  WANT_EQ(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &at, 0), 0);
  WANT_SOON(count == 1);
}

CASE(overruns_are_counted, "timer_getoverrun timer_settime") {
  on(SIGUSR1);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  const int id = create(CLOCK_MONOTONIC, SIGUSR1);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &often, 0), 0);
  nanosleep(&(struct timespec){0, 100000000}, 0);
  sigprocmask(SIG_UNBLOCK, &set, 0);
  WANT(count >= 1);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &off, 0), 0);
  count = 0;
  sigprocmask(SIG_BLOCK, &set, 0);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &often, 0), 0);
  nanosleep(&(struct timespec){0, 100000000}, 0);
  siginfo_t info;
  WANT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  WANT(info.si_overrun >= 5);
  WANT(syscall(SYS_timer_getoverrun, id) >= 5);
}

CASE(timers_without_an_event_send_sigalrm, "timer_create") {
  on(SIGALRM);
  int id = -1;
  WANT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, &id), 0);
  alarm(0);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &soon, 0), 0);
  WANT_SOON(count == 1);
  WANT_EQ(value_seen, id);
}

CASE(timers_for_one_thread, "timer_create") {
  on(SIGUSR2);
  struct event event = {.value = 5, .signal = SIGUSR2, .notify = 4, .thread = getpid()};
  int id;
  WANT_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), 0);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &soon, 0), 0);
  WANT_SOON(count == 1);
  event.thread = getppid();
  WANT_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
}

CASE(silent_timers_count_down, "timer_create timer_gettime") {
  const int id = create(CLOCK_MONOTONIC, 0);
  struct itimerspec it = {{0, 0}, {100, 0}};
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &it, 0), 0);
  WANT_EQ(syscall(SYS_timer_gettime, id, &it), 0);
  WANT(it.it_value.tv_sec >= 60 && it.it_value.tv_sec <= 100);
}

CASE(deleted_timers_are_gone, "timer_delete timer_create") {
  on(SIGUSR1);
  const int id = create(CLOCK_MONOTONIC, SIGUSR1);
  WANT_EQ(syscall(SYS_timer_settime, id, 0, &often, 0), 0);
  WANT_EQ(syscall(SYS_timer_delete, id), 0);
  WANT_ERROR(syscall(SYS_timer_delete, id), EINVAL);
  WANT_ERROR(syscall(SYS_timer_gettime, id, &(struct itimerspec){0}), EINVAL);
  WANT_ERROR(syscall(SYS_timer_getoverrun, id), EINVAL);
  WANT_ERROR(syscall(SYS_timer_settime, id, 0, &soon, 0), EINVAL);
}

CASE(children_have_no_timers, "timer_create fork") {
  const int id = create(CLOCK_MONOTONIC, SIGUSR1);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_timer_delete, id) == -1 && errno == EINVAL ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(timer_refusals, "timer_create timer_settime timer_gettime") {
  struct event event = {.signal = SIGUSR1, .notify = 9};
  int id;
  WANT_ERROR(syscall(SYS_timer_create, 55, 0, &id), EINVAL);
  WANT_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
  event.notify = SIGEV_SIGNAL, event.signal = 99;
  WANT_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
  WANT_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &id), EFAULT);
  WANT_ERROR(syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, 8), EFAULT);
  const int ok = create(CLOCK_MONOTONIC, 0);
  struct itimerspec bad = {{0, 0}, {0, -1}};
  WANT_ERROR(syscall(SYS_timer_settime, ok, 0, &bad, 0), EINVAL);
  WANT_ERROR(syscall(SYS_timer_settime, ok, 0, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_timer_settime, ok, 0, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_timer_gettime, ok, 8), EFAULT);
}
