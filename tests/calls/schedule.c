// Priorities, policies, affinity: getpriority(2), sched_setscheduler(2), sched_setattr(2), sched_setaffinity(2), ioprio_set(2).
#include "check.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef SYS_sched_setattr
#define SYS_sched_setattr 314
#define SYS_sched_getattr 315
#endif

static long get(int which, int who) {
  return syscall(SYS_getpriority, which, who);
}
static pid_t stays(void) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it may be in a group of its own
    for (;;) pause();
  }
  return child;
}

CASE(priority_is_told_as_twenty_less_nice, "getpriority setpriority") {
  WANT_EQ(get(PRIO_PROCESS, 0), 20);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
  WANT_EQ(get(PRIO_PROCESS, 0), 13);
  WANT_EQ(get(PRIO_PROCESS, getpid()), 13);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 100), 0);
  WANT_EQ(get(PRIO_PROCESS, 0), 1);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, -100), 0);
  WANT_EQ(get(PRIO_PROCESS, 0), 40);
}

CASE(priority_of_a_group_is_its_best, "getpriority setpriority setpgid") {
  const pid_t one = stays(), two = stays();
  WANT_EQ(setpgid(one, one), 0);
  WANT_EQ(setpgid(two, one), 0);
  WANT_EQ(setpriority(PRIO_PGRP, one, 9), 0);
  WANT_EQ(get(PRIO_PROCESS, two), 11);
  WANT_EQ(setpriority(PRIO_PROCESS, two, 3), 0);
  WANT_EQ(get(PRIO_PGRP, one), 17);
}

CASE(priority_is_inherited, "setpriority fork") {
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
  const pid_t child = fork();
  if (child == 0) _exit(get(PRIO_PROCESS, 0) == 15 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(priority_refusals, "getpriority setpriority") {
  const pid_t other = stays();
  WANT_ERROR(get(7, 0), EINVAL);
  WANT_ERROR(setpriority(7, 0, 0), EINVAL);
  WANT_ERROR(get(PRIO_PROCESS, 0x3ffffff), ESRCH);
  WANT_ERROR(get(PRIO_PGRP, 0x3ffffff), ESRCH);
  WANT_ERROR(get(PRIO_USER, 987654), ESRCH);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 6), 0);
  WANT_ERROR(setpriority(PRIO_PROCESS, 0, 5), EACCES);
  WANT_ERROR(setpriority(PRIO_PROCESS, other, 6), EPERM);
  WANT(get(PRIO_USER, 0) > 0);
}

CASE(nice_limit_lets_one_back, "setpriority setrlimit") {
  WANT_EQ(setrlimit(RLIMIT_NICE, &(struct rlimit){18, 18}), 0);  // down to nice 2
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 10), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, 2), 0);
  WANT_ERROR(setpriority(PRIO_PROCESS, 0, 1), EACCES);
}

CASE(policies_are_kept_and_inherited, "sched_setscheduler sched_getscheduler sched_getparam sched_setparam") {
  struct sched_param param = {.sched_priority = 0};
  WANT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param), 0);
  WANT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_BATCH);
  param.sched_priority = 10;
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param), 0);
  WANT_EQ(syscall(SYS_sched_getscheduler, getpid()), SCHED_RR);
  param.sched_priority = 0;
  WANT_EQ(syscall(SYS_sched_getparam, 0, &param), 0);
  WANT_EQ(param.sched_priority, 10);
  param.sched_priority = 20;
  WANT_EQ(syscall(SYS_sched_setparam, 0, &param), 0);
  const pid_t child = fork();
  if (child == 0) {
    param.sched_priority = 0;
    _exit(syscall(SYS_sched_getscheduler, 0) == SCHED_RR && syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 20 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
  param.sched_priority = 0;
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | 0x40000000, &param), 0);
  WANT_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER | 0x40000000);
}

CASE(reset_on_fork_makes_children_ordinary, "sched_setscheduler fork") {
  struct sched_param param = {.sched_priority = 5};
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | 0x40000000, &param), 0);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(policy_refusals, "sched_setscheduler sched_setparam sched_getscheduler sched_getparam") {
  struct sched_param param = {.sched_priority = 0};
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, 77, &param), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, -1, &param), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &param), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, 8), EFAULT);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0x3ffffff, SCHED_OTHER, &param), ESRCH);
  WANT_ERROR(syscall(SYS_sched_getscheduler, -1), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getscheduler, 0x3ffffff), ESRCH);
  WANT_ERROR(syscall(SYS_sched_getparam, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getparam, 0, 8), EFAULT);
  WANT_ERROR(syscall(SYS_sched_setparam, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setparam, 0x3ffffff, &param), ESRCH);
  param.sched_priority = 1;
  WANT_ERROR(syscall(SYS_sched_setparam, 0, &param), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), EINVAL);
  param.sched_priority = 100;
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EINVAL);
  const pid_t other = stays();
  WANT_EQ(setuid(1000), 0);
  param.sched_priority = 1;
  WANT_ERROR(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), EPERM);
  param.sched_priority = 0;
  WANT_ERROR(syscall(SYS_sched_setscheduler, other, SCHED_BATCH, &param), EPERM);
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &param), 0);
}

CASE(policy_ranges, "sched_get_priority_max sched_get_priority_min") {
  WANT_EQ(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
  WANT_EQ(syscall(SYS_sched_get_priority_min, SCHED_RR), 1);
  WANT_EQ(syscall(SYS_sched_get_priority_max, SCHED_OTHER), 0);
  WANT_EQ(syscall(SYS_sched_get_priority_min, SCHED_IDLE), 0);
  WANT_EQ(syscall(SYS_sched_get_priority_max, 6), 0);  // SCHED_DEADLINE
  WANT_ERROR(syscall(SYS_sched_get_priority_max, 9), EINVAL);
  WANT_ERROR(syscall(SYS_sched_get_priority_min, -1), EINVAL);
}

CASE(round_robin_has_an_interval, "sched_rr_get_interval") {
  struct timespec slice = {-1, -1};
  struct sched_param param = {.sched_priority = 1};
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param), 0);
  WANT_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
  WANT(slice.tv_sec == 0 && slice.tv_nsec == 0);
  WANT_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param), 0);
  WANT_EQ(syscall(SYS_sched_rr_get_interval, 0, &slice), 0);
  WANT(slice.tv_sec == 0 && slice.tv_nsec > 0);
  WANT_ERROR(syscall(SYS_sched_rr_get_interval, -1, &slice), EINVAL);
  WANT_ERROR(syscall(SYS_sched_rr_get_interval, 0x3ffffff, &slice), ESRCH);
  WANT_ERROR(syscall(SYS_sched_rr_get_interval, 0, 8), EFAULT);
}

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t least, most;
};
CASE(attributes_say_all_at_once, "sched_setattr sched_getattr getpriority") {
  struct attributes a = {.size = 48, .policy = SCHED_OTHER, .nice = 4};
  WANT_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
  WANT_EQ(get(PRIO_PROCESS, 0), 16);
  memset(&a, 0xff, sizeof a);
  WANT_EQ(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0), 0);
  WANT(a.size >= 48 && a.policy == SCHED_OTHER && a.flags == 0 && a.nice == 4 && a.priority == 0);
  a = (struct attributes){.size = sizeof a, .policy = SCHED_FIFO, .priority = 3, .flags = 1};
  WANT_EQ(syscall(SYS_sched_setattr, 0, &a, 0), 0);
  WANT_EQ(syscall(SYS_sched_getattr, 0, &a, 48, 0), 0);
  WANT(a.size == 48 && a.policy == SCHED_FIFO && a.priority == 3 && a.flags == 1);
}

CASE(attributes_refusals, "sched_setattr sched_getattr") {
  struct attributes a = {.size = 48};
  WANT_ERROR(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setattr, 0, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_sched_setattr, -1, &a, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setattr, 0x3ffffff, &a, 0), ESRCH);
  a.size = 20;
  WANT_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
  WANT(a.size >= 48);  // it tells what it knows
  a.size = 48, a.policy = 99;
  WANT_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
  a.policy = SCHED_OTHER, a.flags = 0x1000;
  WANT_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
  a.flags = 0, a.priority = 4;
  WANT_ERROR(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getattr, 0, &a, 48, 1), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getattr, 0, 0, 48, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getattr, 0x3ffffff, &a, 48, 0), ESRCH);
  WANT_ERROR(syscall(SYS_sched_getattr, 0, 8, 48, 0), EFAULT);
}

CASE(affinity_moves_the_task, "sched_setaffinity sched_getaffinity getcpu") {
  cpu_set_t all, one;
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof all, &all);
  WANT(bytes > 0 && bytes % 8 == 0);
  for (int cpu = 0; cpu < bytes * 8; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    WANT_EQ(syscall(SYS_sched_setaffinity, 0, sizeof one, &one), 0);
    unsigned now = 999, node = 999;
    WANT_EQ(syscall(SYS_getcpu, &now, &node, 0), 0);
    WANT_EQ(now, cpu);
    WANT_EQ(node, 0);
    cpu_set_t got;
    WANT_EQ(syscall(SYS_sched_getaffinity, getpid(), sizeof got, &got), bytes);
    WANT(CPU_ISSET(cpu, &got) && memcmp(&one, &got, bytes) == 0);
  }
}

CASE(affinity_is_inherited, "sched_setaffinity fork") {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  WANT_EQ(syscall(SYS_sched_setaffinity, 0, sizeof one, &one), 0);
  const pid_t child = fork();
  if (child == 0) {
    cpu_set_t got;
    const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof got, &got);
    _exit(bytes > 0 && memcmp(&one, &got, bytes) == 0 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(affinity_refusals, "sched_setaffinity sched_getaffinity getcpu") {
  cpu_set_t set;
  CPU_ZERO(&set);
  WANT_ERROR(syscall(SYS_sched_setaffinity, 0, sizeof set, &set), EINVAL);
  WANT_ERROR(syscall(SYS_sched_setaffinity, 0, sizeof set, 8), EFAULT);
  CPU_SET(0, &set);
  WANT_ERROR(syscall(SYS_sched_setaffinity, 0x3ffffff, sizeof set, &set), ESRCH);
  WANT_ERROR(syscall(SYS_sched_getaffinity, 0x3ffffff, sizeof set, &set), ESRCH);
  WANT_ERROR(syscall(SYS_sched_getaffinity, 0, 0, &set), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getaffinity, 0, 9, &set), EINVAL);
  WANT_ERROR(syscall(SYS_sched_getaffinity, 0, sizeof set, 8), EFAULT);
  WANT_ERROR(syscall(SYS_getcpu, 8, 0, 0), EFAULT);
  const pid_t other = stays();
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_sched_setaffinity, other, sizeof set, &set), EPERM);
}

CASE(yield_lets_others_run, "sched_yield") {
  volatile int* go = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  syscall(SYS_sched_setaffinity, 0, sizeof one, &one);
  const pid_t child = fork();
  if (child == 0) {
    *go = 1;
    _exit(0);
  }
  while (!*go) WANT_EQ(syscall(SYS_sched_yield), 0);
  WANT_EQ(check_wait(child), 0);
}

CASE(io_priorities_are_kept, "ioprio_set ioprio_get") {
  const int best_effort_7 = 2 << 13 | 7;
  WANT_EQ(syscall(SYS_ioprio_set, 1, 0, best_effort_7), 0);
  WANT_EQ(syscall(SYS_ioprio_get, 1, 0), best_effort_7);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_ioprio_get, 1, 0) == best_effort_7 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(syscall(SYS_ioprio_set, 1, getpid(), 3 << 13), 0);  // idle
  WANT_EQ(syscall(SYS_ioprio_get, 2, getpgrp()), 3 << 13);
  WANT_EQ(syscall(SYS_ioprio_set, 2, 0, 1 << 13 | 2), 0);  // real time: root may
  WANT_EQ(syscall(SYS_ioprio_get, 1, 0), 1 << 13 | 2);
}

CASE(io_priority_refusals, "ioprio_set ioprio_get") {
  WANT_ERROR(syscall(SYS_ioprio_get, 9, 0), EINVAL);
  WANT_ERROR(syscall(SYS_ioprio_set, 9, 0, 2 << 13), EINVAL);
  WANT_ERROR(syscall(SYS_ioprio_set, 1, 0, 7 << 13), EINVAL);
  WANT_ERROR(syscall(SYS_ioprio_set, 1, 0, 3), EINVAL);  // no class, but data
  WANT_ERROR(syscall(SYS_ioprio_get, 1, 0x3ffffff), ESRCH);
  WANT_ERROR(syscall(SYS_ioprio_set, 1, 0x3ffffff, 2 << 13), ESRCH);
  const pid_t other = stays();
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_ioprio_set, 1, 0, 1 << 13), EPERM);
  WANT_ERROR(syscall(SYS_ioprio_set, 1, other, 2 << 13), EPERM);
}
