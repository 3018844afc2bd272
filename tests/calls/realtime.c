// Real-time signals: they queue, in order, with a value. sigqueue(3), rt_sigqueueinfo(2), rt_tgsigqueueinfo(2).
#include "check.h"

#include <sys/resource.h>

static int values[16], numbers[16], seen;
static void noting(int number, siginfo_t* info, void* context) {
  (void)context;
  if (seen < 16) {
    numbers[seen] = number;
    values[seen] = info->si_value.sival_int;
  }
  ++seen;
}
static void on(int number) {
  struct sigaction action = {.sa_sigaction = noting, .sa_flags = SA_SIGINFO};
  sigfillset(&action.sa_mask);
  WANT_EQ(sigaction(number, &action, 0), 0);
}
static void block_all(int how) {
  sigset_t set;
  sigfillset(&set);
  WANT_EQ(sigprocmask(how, &set, 0), 0);
}

CASE(realtime_signals_queue_in_order, "rt_sigqueueinfo") {
  on(SIGRTMIN), on(SIGRTMIN + 1);
  block_all(SIG_BLOCK);
  for (int i = 0; i < 3; ++i) {
    WANT_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i}), 0);
    WANT_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
  }
  block_all(SIG_UNBLOCK);
  WANT_EQ(seen, 6);
  for (int i = 0; i < 3; ++i) {
    WANT(numbers[i] == SIGRTMIN && values[i] == i);
    WANT(numbers[3 + i] == SIGRTMIN + 1 && values[3 + i] == 10 + i);
  }
}

CASE(classic_signals_come_first, "rt_sigqueueinfo kill") {
  on(SIGRTMIN), on(SIGUSR2);
  block_all(SIG_BLOCK);
  WANT_EQ(kill(getpid(), SIGRTMIN), 0);
  WANT_EQ(kill(getpid(), SIGUSR2), 0);
  block_all(SIG_UNBLOCK);
  WANT(seen == 2 && numbers[0] == SIGUSR2 && numbers[1] == SIGRTMIN);
}

CASE(queued_signals_are_taken_one_by_one, "rt_sigqueueinfo rt_sigtimedwait") {
  block_all(SIG_BLOCK);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_ptr = (void*)0x123456789a});
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 2});
  siginfo_t info;
  WANT_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
  WANT(info.si_code == SI_QUEUE && info.si_value.sival_ptr == (void*)0x123456789a && info.si_pid == getpid());
  WANT_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
  WANT_EQ(info.si_value.sival_int, 2);
  WANT_ERROR(sigtimedwait(&set, &info, &(struct timespec){0, 0}), EAGAIN);
}

CASE(queue_is_limited, "rt_sigqueueinfo setrlimit") {
  block_all(SIG_BLOCK);
  WANT_EQ(setgid(4242), 0);
  WANT_EQ(setuid(4242), 0);
  struct rlimit few = {5, 5};
  WANT_EQ(setrlimit(RLIMIT_SIGPENDING, &few), 0);
  for (int i = 0; i < 5; ++i) WANT_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){0}), 0);
  WANT_ERROR(sigqueue(getpid(), SIGRTMIN, (union sigval){0}), EAGAIN);
  WANT_EQ(kill(getpid(), SIGUSR1), 0);  // classic ones always fit
}

CASE(sigqueueinfo_may_not_feign, "rt_sigqueueinfo rt_tgsigqueueinfo") {
  siginfo_t info = {.si_code = SI_USER};
  block_all(SIG_BLOCK);
  WANT_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGRTMIN, &info), 0);  // to itself it may say anything
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  WANT_ERROR(syscall(SYS_rt_sigqueueinfo, child, SIGRTMIN, &info), EPERM);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, child, child, SIGRTMIN, &info), EPERM);
  info.si_code = SI_TKILL;
  WANT_ERROR(syscall(SYS_rt_sigqueueinfo, child, SIGRTMIN, &info), EPERM);
  info.si_code = SI_QUEUE;
  WANT_EQ(syscall(SYS_rt_sigqueueinfo, child, SIGRTMIN, &info), 0);
  WANT_ERROR(syscall(SYS_rt_sigqueueinfo, child, 65, &info), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigqueueinfo, 0x3ffffff, SIGRTMIN, &info), ESRCH);
  WANT_ERROR(syscall(SYS_rt_sigqueueinfo, child, SIGRTMIN, 8), EFAULT);
}

CASE(tgsigqueueinfo_to_a_thread, "rt_tgsigqueueinfo") {
  on(SIGRTMIN + 3);
  siginfo_t info = {.si_code = SI_QUEUE};
  info.si_value.sival_int = 77;
  WANT_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN + 3, &info), 0);
  WANT(seen == 1 && values[0] == 77);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), SIGRTMIN, &info), EINVAL);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGRTMIN, &info), EINVAL);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, getppid(), getpid(), SIGRTMIN, &info), ESRCH);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 100, &info), EINVAL);
  WANT_ERROR(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, 8), EFAULT);
}
