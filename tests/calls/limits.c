// setrlimit(2), prlimit(2), getrusage(2), times(2): limits are kept, inherited, and obeyed.
#include "check.h"

#include <sys/resource.h>
#include <sys/times.h>

CASE(limits_read_what_was_set, "getrlimit setrlimit prlimit64") {
  for (int which = 0; which < 16; ++which) {
    struct rlimit now;
    WANT_EQ(syscall(SYS_getrlimit, which, &now), 0);
    WANT(now.rlim_cur <= now.rlim_max);
    if (which == RLIMIT_NPROC || which == RLIMIT_AS || which == RLIMIT_STACK || which == RLIMIT_DATA) continue;
    const struct rlimit wanted = {now.rlim_cur < 100 ? now.rlim_cur : 100, now.rlim_max < 200 ? now.rlim_max : 200};
    WANT_EQ(syscall(SYS_setrlimit, which, &wanted), 0);
    struct rlimit got;
    WANT_EQ(syscall(SYS_prlimit64, 0, which, 0, &got), 0);
    WANT(got.rlim_cur == wanted.rlim_cur && got.rlim_max == wanted.rlim_max);
  }
}

CASE(limits_refusals, "getrlimit setrlimit prlimit64") {
  struct rlimit one = {2, 1};
  WANT_ERROR(syscall(SYS_getrlimit, 16, &one), EINVAL);
  WANT_ERROR(syscall(SYS_setrlimit, 16, &one), EINVAL);
  WANT_ERROR(syscall(SYS_setrlimit, RLIMIT_CORE, &one), EINVAL);
  WANT_ERROR(syscall(SYS_setrlimit, RLIMIT_CORE, 8), EFAULT);
  WANT_ERROR(syscall(SYS_getrlimit, RLIMIT_CORE, 8), EFAULT);
  WANT_ERROR(syscall(SYS_prlimit64, 0x3ffffff, RLIMIT_CORE, 0, &one), ESRCH);
  WANT_ERROR(syscall(SYS_prlimit64, 0, 99, 0, &one), EINVAL);
  WANT_ERROR(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, 8), EFAULT);
}

CASE(limits_of_others_need_the_same_user, "prlimit64") {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  struct rlimit one = {3, 30}, old;
  WANT_EQ(syscall(SYS_prlimit64, child, RLIMIT_CPU, &one, &old), 0);
  WANT_EQ(syscall(SYS_prlimit64, child, RLIMIT_CPU, 0, &old), 0);
  WANT(old.rlim_cur == 3 && old.rlim_max == 30);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_prlimit64, child, RLIMIT_CPU, 0, &old), EPERM);
}

CASE(hard_limits_only_fall, "setrlimit") {
  WANT_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 1000}), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 1001}), EPERM);
  WANT_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 500}), 0);
  WANT_ERROR(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 501}), EPERM);
}

CASE(limits_are_inherited, "setrlimit fork") {
  WANT_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){11, 12}), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct rlimit now;
    getrlimit(RLIMIT_CORE, &now);
    _exit(now.rlim_cur == 11 && now.rlim_max == 12 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(open_files_are_limited, "setrlimit open dup") {
  WANT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, 20}), 0);
  int last = -1, fd;
  while ((fd = open("/dev/null", O_RDONLY)) >= 0) last = fd;
  WANT(errno == EMFILE && last == 19);
  WANT_ERROR(dup(0), EMFILE);
  WANT_ERROR(dup2(0, 20), EBADF);
}

static volatile int over;
static void note(int number) {
  over = number;
}
CASE(file_size_is_limited, "setrlimit write ftruncate") {
  signal(SIGXFSZ, note);
  WANT_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, RLIM_INFINITY}), 0);
  const int fd = open("file", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(fd, "0123456789abcdef", 16), 10);
  WANT_EQ(over, 0);
  WANT_ERROR(write(fd, "x", 1), EFBIG);
  WANT_EQ(over, SIGXFSZ);
  over = 0;
  WANT_ERROR(ftruncate(fd, 11), EFBIG);
  WANT_EQ(over, SIGXFSZ);
}

CASE(address_space_is_limited, "setrlimit mmap") {
  WANT_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){64 << 20, 64 << 20}), 0);
  WANT(mmap(0, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
  WANT(mmap(0, 8 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

CASE(heap_is_limited, "setrlimit brk") {
  const uintptr_t end = syscall(SYS_brk, 0);
  WANT_EQ(setrlimit(RLIMIT_DATA, &(struct rlimit){1 << 20, 1 << 20}), 0);
  WANT_EQ(syscall(SYS_brk, end + (4 << 20)), end);
  WANT_EQ(syscall(SYS_brk, end + (1 << 16)), end + (1 << 16));
}

CASE(processes_of_a_user_are_limited, "setrlimit fork") {
  WANT_EQ(setrlimit(RLIMIT_NPROC, &(struct rlimit){3, 3}), 0);
  WANT_EQ(setgid(54321), 0);
  WANT_EQ(setuid(54321), 0);
  int made = 0;
  pid_t child;
  while (made < 10 && (child = fork()) >= 0) {
    if (child == 0)
      for (;;) pause();
    ++made;
  }
  WANT(made == 2 && errno == EAGAIN);
}

CASE(rusage_counts_what_was_used, "getrusage") {
  struct rusage before, after;
  WANT_EQ(syscall(SYS_getrusage, RUSAGE_SELF, &before), 0);
  const size_t bytes = 8 << 20;
  char* memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
  for (;;) {
    getrusage(RUSAGE_SELF, &after);
    const long long spent = (after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec - before.ru_stime.tv_sec) * 1000000LL +
                            after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec - before.ru_stime.tv_usec;
    if (spent > 20000) break;
  }
  WANT(after.ru_minflt - before.ru_minflt >= 32);  // a fault may bring neighbours in
  WANT(after.ru_maxrss >= 4096 && after.ru_maxrss >= before.ru_maxrss);
  WANT_EQ(syscall(SYS_getrusage, RUSAGE_THREAD, &after), 0);
  WANT(after.ru_minflt >= 32);
  WANT_ERROR(syscall(SYS_getrusage, 7, &after), EINVAL);
  WANT_ERROR(syscall(SYS_getrusage, RUSAGE_SELF, 8), EFAULT);
}

CASE(times_counts_ticks, "times") {
  struct tms now;
  const clock_t start = times(&now);
  WANT(start != (clock_t)-1);
  while (times(&now) != (clock_t)-1 && now.tms_utime + now.tms_stime < 3) {}
  const pid_t child = fork();
  if (child == 0) {
    while (times(&now) != (clock_t)-1 && now.tms_utime + now.tms_stime < 3) {}
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT(times(&now) > start && now.tms_cutime + now.tms_cstime >= 2);
  WANT(syscall(SYS_times, 0) > 0);
  WANT_ERROR(syscall(SYS_times, 8), EFAULT);
}
