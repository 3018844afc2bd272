// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD, waitid(P_PIDFD).
#include "check.h"

#include <linux/sched.h>
#include <poll.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define PIDFD 3  // P_PIDFD

static pid_t stays(void) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0)
    for (;;) pause();
  return child;
}
static int readable(int fd) {
  struct pollfd one = {fd, POLLIN, 0};
  WANT(poll(&one, 1, 0) >= 0);
  return one.revents & POLLIN;
}

CASE(pidfd_is_readable_after_the_end, "pidfd_open pidfd_send_signal waitid poll") {
  const pid_t child = stays();
  const int fd = syscall(SYS_pidfd_open, child, 0);
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(readable(fd), 0);
  WANT_EQ(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0), 0);
  WANT_EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0), 0);
  struct pollfd one = {fd, POLLIN, 0};
  WANT_EQ(poll(&one, 1, 30000), 1);
  siginfo_t info;
  WANT_EQ(syscall(SYS_waitid, PIDFD, fd, &info, WEXITED, 0), 0);
  WANT(info.si_pid == child && info.si_status == SIGTERM);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0), ESRCH);
  WANT_ERROR(syscall(SYS_waitid, PIDFD, fd, &info, WEXITED, 0), ECHILD);
}

CASE(pidfd_refusals, "pidfd_open pidfd_send_signal pidfd_getfd") {
  const int fd = syscall(SYS_pidfd_open, getpid(), 0), plain = open("/dev/null", O_RDONLY);
  WANT(fd >= 0);
  WANT_ERROR(syscall(SYS_pidfd_open, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_open, -1, 0), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_open, getpid(), 0x10000), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_open, 0x3ffffff, 0), ESRCH);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0x1000), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, plain, 0, 0, 0), EBADF);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, 777, 0, 0, 0), EBADF);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, fd, 65, 0, 0), EINVAL);
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  WANT_ERROR(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &info, 0), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_pidfd_getfd, fd, plain, 1), EINVAL);
  WANT_ERROR(syscall(SYS_pidfd_getfd, plain, plain, 0), EBADF);
  WANT_ERROR(syscall(SYS_pidfd_getfd, fd, 777, 0), EBADF);
  const pid_t other = stays();
  const int theirs = syscall(SYS_pidfd_open, other, 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_pidfd_send_signal, theirs, SIGTERM, 0, 0), EPERM);
  WANT_ERROR(syscall(SYS_pidfd_getfd, theirs, 0, 0), EPERM);
}

static volatile int value_seen;
static void noting(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  value_seen = info->si_value.sival_int;
}
CASE(pidfd_send_signal_with_a_value, "pidfd_send_signal") {
  struct sigaction action = {.sa_sigaction = noting, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  const int fd = syscall(SYS_pidfd_open, getpid(), 0);
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  info.si_value.sival_int = 55;
  WANT_EQ(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0), 0);
  WANT_EQ(value_seen, 55);
}

CASE(pidfd_getfd_copies_a_descriptor, "pidfd_getfd") {
  const int file = open("file", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(file, "hello", 5), 5);
  const pid_t child = stays();
  const int fd = syscall(SYS_pidfd_open, child, 0);
  const int copy = syscall(SYS_pidfd_getfd, fd, file, 0);
  WANT(copy >= 0 && copy != file);
  WANT_EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
  WANT_EQ(lseek(copy, 2, SEEK_SET), 2);
  WANT_EQ(lseek(file, 0, SEEK_CUR), 2);  // one description
}

CASE(clone_gives_a_pidfd, "clone clone3") {
  int fd = -1;
  const pid_t child = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
  if (child == 0) _exit(3);
  WANT(fd >= 0);
  siginfo_t info;
  WANT_EQ(syscall(SYS_waitid, PIDFD, fd, &info, WEXITED, 0), 0);
  WANT(info.si_pid == child && info.si_status == 3);
  struct clone_args arguments = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
  const pid_t other = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (other == 0) _exit(4);
  WANT_EQ(syscall(SYS_waitid, PIDFD, fd, &info, WEXITED, 0), 0);
  WANT(info.si_pid == other && info.si_status == 4);
  WANT_ERROR(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0), EINVAL);
}

CASE(waitid_by_pidfd_refusals, "waitid pidfd_open") {
  siginfo_t info;
  const int plain = open("/dev/null", O_RDONLY);
  WANT_ERROR(syscall(SYS_waitid, PIDFD, 777, &info, WEXITED, 0), EBADF);
  WANT_ERROR(syscall(SYS_waitid, PIDFD, plain, &info, WEXITED, 0), EBADF);
  WANT_ERROR(syscall(SYS_waitid, PIDFD, -1, &info, WEXITED, 0), EINVAL);
  const pid_t child = stays();
  const int fd = syscall(SYS_pidfd_open, child, O_NONBLOCK);
  WANT_ERROR(syscall(SYS_waitid, PIDFD, fd, &info, WEXITED, 0), EAGAIN);
}
