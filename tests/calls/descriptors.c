// Descriptors: dup and its kin, fcntl's flags, close_range, ioctl's generic requests.
#include "check.h"

#include <sys/ioctl.h>

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
static long close_all(unsigned first, unsigned last, unsigned flags) { return syscall(SYS_close_range, first, last, flags); }

CASE(dup_gives_the_lowest, "dup fcntl") {
  const int fd = open(".", O_RDONLY | O_CLOEXEC), copy = dup(fd);
  WANT_EQ(copy, fd + 1);
  WANT_EQ(fcntl(copy, F_GETFD), 0);  // not inherited by dup
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_ERROR(dup(-1), EBADF);
  WANT_ERROR(dup(900000), EBADF);
}

CASE(dup2_and_dup3, "dup2 dup3") {
  const int fd = open(".", O_RDONLY), other = open("/", O_RDONLY);
  WANT_EQ(syscall(SYS_dup2, fd, other), other);
  WANT_EQ(syscall(SYS_dup2, fd, fd), fd);
  WANT_EQ(syscall(SYS_dup2, fd, 100), 100);
  WANT_ERROR(syscall(SYS_dup2, -1, 5), EBADF);
  WANT_ERROR(syscall(SYS_dup2, 77, 77), EBADF);
  WANT_ERROR(syscall(SYS_dup2, fd, -1), EBADF);
  WANT_ERROR(syscall(SYS_dup2, fd, 2000000000), EBADF);
  WANT_EQ(syscall(SYS_dup3, fd, 101, O_CLOEXEC), 101);
  WANT_EQ(fcntl(101, F_GETFD), FD_CLOEXEC);
  WANT_ERROR(syscall(SYS_dup3, fd, fd, 0), EINVAL);
  WANT_ERROR(syscall(SYS_dup3, fd, 102, O_NONBLOCK), EINVAL);
  WANT_ERROR(syscall(SYS_dup3, fd, 2000000000, 0), EBADF);
}

CASE(fcntl_duplicates_from_a_number_on, "fcntl") {
  const int fd = open(".", O_RDONLY);
  WANT_EQ(fcntl(fd, F_DUPFD, 50), 50);
  WANT_EQ(fcntl(fd, F_DUPFD, 50), 51);
  WANT_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 50), 52);
  WANT_EQ(fcntl(52, F_GETFD), FD_CLOEXEC);
  WANT_ERROR(fcntl(fd, F_DUPFD, -1), EINVAL);
  WANT_ERROR(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
  WANT_ERROR(fcntl(-1, F_DUPFD, 0), EBADF);
  WANT_ERROR(fcntl(fd, 9999), EINVAL);
}

CASE(fcntl_flags, "fcntl") {
  const int fd = open("f", O_CREAT | O_RDWR, 0600), copy = dup(fd);
  WANT_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
  WANT_EQ(fcntl(copy, F_GETFD), 0);  // of the descriptor
  WANT_EQ(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT), 0);
  WANT_EQ(fcntl(copy, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT), O_RDWR | O_APPEND | O_NONBLOCK);  // of the description
  WANT_EQ(fcntl(fd, F_SETFL, 0), 0);
  WANT_EQ(fcntl(copy, F_GETFL) & (O_APPEND | O_NONBLOCK), 0);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(fcntl(fd, F_SETFL, O_NOATIME), EPERM);
}

CASE(fcntl_owner, "fcntl") {
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(fcntl(pipes[0], F_GETOWN), 0);
  WANT_EQ(fcntl(pipes[0], F_SETOWN, getpid()), 0);
  WANT_EQ(fcntl(pipes[0], F_GETOWN), getpid());
  struct { int type, pid; } owner = {2, getpgrp()}, found;
  WANT_EQ(fcntl(pipes[0], 15, &owner), 0);
  WANT_EQ(fcntl(pipes[0], 16, &found), 0);
  WANT(found.type == 2 && found.pid == getpgrp());
  owner.type = 7;
  WANT_ERROR(fcntl(pipes[0], 15, &owner), EINVAL);
  WANT_EQ(fcntl(pipes[0], 10, SIGUSR1), 0);
  WANT_EQ(fcntl(pipes[0], 11), SIGUSR1);
  WANT_ERROR(fcntl(pipes[0], 10, 65), EINVAL);
  WANT_ERROR(fcntl(pipes[0], F_SETOWN, 1 << 22), ESRCH);
}

CASE(close_range_closes_and_marks, "close_range") {
  for (int i = 50; i < 60; ++i) WANT_EQ(dup2(0, i), i);
  WANT_EQ(close_all(52, 54, 0), 0);
  WANT(is_open(51) && !is_open(52) && !is_open(54) && is_open(55));
  WANT_EQ(close_all(55, 56, 4), 0);
  WANT_EQ(fcntl(55, F_GETFD), FD_CLOEXEC);
  WANT_EQ(fcntl(57, F_GETFD), 0);
  WANT_EQ(close_all(57, ~0u, 0), 0);
  WANT(!is_open(57) && !is_open(59) && is_open(51));
  WANT_ERROR(close_all(5, 4, 0), EINVAL);
  WANT_ERROR(close_all(1000, 1001, 1), EINVAL);
  WANT_EQ(close_all(1000, 1001, 0), 0);
}

static volatile int other_sees;
static int look(void* unused) {
  (void)unused;
  while (!other_sees) usleep(1000);
  other_sees = is_open(60) ? 2 : 3;
  return 0;
}
#include <pthread.h>
static void* look_thread(void* unused) { look(unused); return 0; }
CASE(close_range_with_a_table_of_its_own, "close_range") {
  WANT_EQ(dup2(0, 60), 60);
  pthread_t thread;
  WANT_EQ(pthread_create(&thread, 0, look_thread, 0), 0);
  WANT_EQ(close_all(60, 60, 2), 0);
  WANT(!is_open(60));
  other_sees = 1;
  pthread_join(thread, 0);
  WANT_EQ(other_sees, 2);  // the others keep theirs
}

CASE(descriptors_over_exec, "execve fcntl close_range") {
  WANT_EQ(dup2(0, 70), 70);
  WANT_EQ(dup2(0, 71), 71);
  WANT_EQ(fcntl(71, F_SETFD, FD_CLOEXEC), 0);
  WANT_EQ(system("test -e /proc/self/fd/70 && ! test -e /proc/self/fd/71"), 0);
}

CASE(ioctl_generic_requests, "ioctl") {
  const int fd = open("f", O_CREAT | O_RDWR, 0600);
  int value = 1;
  WANT_EQ(write(fd, "hello", 5), 5);
  WANT_EQ(ioctl(fd, FIOCLEX), 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(ioctl(fd, FIONCLEX), 0);
  WANT_EQ(fcntl(fd, F_GETFD), 0);
  WANT_EQ(ioctl(fd, FIONBIO, &value), 0);
  WANT(fcntl(fd, F_GETFL) & O_NONBLOCK);
  WANT_EQ(lseek(fd, 2, SEEK_SET), 2);
  WANT_EQ(ioctl(fd, FIONREAD, &value), 0);
  WANT_EQ(value, 3);
  WANT_ERROR(ioctl(fd, FIONREAD, 8), EFAULT);
  WANT_ERROR(ioctl(fd, TCGETS, &value), ENOTTY);
  WANT_ERROR(ioctl(-1, FIOCLEX), EBADF);
  WANT_ERROR(ioctl(open("f", O_PATH), FIONREAD, &value), EBADF);
}
