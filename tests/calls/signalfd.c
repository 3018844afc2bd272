// signalfd(2): signals that are read.
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static int blocked_signalfd(int first, int second, int flags) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, first);
  if (second) sigaddset(&set, second);
  WANT_EQ(sigprocmask(SIG_BLOCK, &set, 0), 0);
  const int fd = signalfd(-1, &set, flags);
  WANT(fd >= 0);
  return fd;
}

CASE(signalfd_tells_who_sent, "signalfd4 read kill") {
  const int fd = blocked_signalfd(SIGUSR1, 0, SFD_NONBLOCK | SFD_CLOEXEC);
  struct signalfd_siginfo info;
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_ERROR(read(fd, &info, sizeof info), EAGAIN);
  kill(getpid(), SIGUSR1);
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT(info.ssi_signo == SIGUSR1 && info.ssi_code == SI_USER && (pid_t)info.ssi_pid == getpid() &&
       info.ssi_uid == getuid());
  WANT_ERROR(read(fd, &info, sizeof info), EAGAIN);
  WANT_ERROR(read(fd, &info, sizeof info - 1), EINVAL);
}

CASE(signalfd_reads_several, "signalfd4 read rt_sigqueueinfo") {
  const int fd = blocked_signalfd(SIGUSR2, SIGRTMIN + 1, 0);
  struct signalfd_siginfo info[4];
  const union sigval a = {.sival_int = 11}, b = {.sival_int = 22};
  WANT_EQ(sigqueue(getpid(), SIGRTMIN + 1, a), 0);
  WANT_EQ(sigqueue(getpid(), SIGRTMIN + 1, b), 0);
  kill(getpid(), SIGUSR2);
  WANT_EQ(read(fd, info, sizeof info), 3 * sizeof *info);
  WANT_EQ(info[0].ssi_signo, SIGUSR2);
  WANT(info[1].ssi_int == 11 && info[2].ssi_int == 22 && info[1].ssi_code == SI_QUEUE);
}

CASE(signalfd_of_a_child, "signalfd4 read wait4") {
  const int fd = blocked_signalfd(SIGCHLD, 0, 0);
  const pid_t child = fork();
  if (child == 0) _exit(7);
  struct signalfd_siginfo info;
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT(info.ssi_signo == SIGCHLD && info.ssi_code == CLD_EXITED && info.ssi_status == 7 &&
       (pid_t)info.ssi_pid == child);
}

static pid_t parent;
static void send_later(void) {
  usleep(20000);
  kill(parent, SIGUSR1);
}
CASE(signalfd_blocking_read_and_poll, "signalfd4 poll read") {
  const int fd = blocked_signalfd(SIGUSR1, 0, 0);
  struct signalfd_siginfo info;
  struct pollfd one = {fd, POLLIN, 0};
  parent = getpid();
  WANT_EQ(poll(&one, 1, 0), 0);
  pid_t child = check_child(send_later);
  WANT_EQ(poll(&one, 1, 20000), 1);
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT_EQ(check_wait(child), 0);
  child = check_child(send_later);
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT_EQ(info.ssi_signo, SIGUSR1);
  WANT_EQ(check_wait(child), 0);
}

CASE(signalfd_in_an_epoll_set, "signalfd4 epoll_wait") {
  const int fd = blocked_signalfd(SIGUSR1, 0, SFD_NONBLOCK), set = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {.u32 = 3}};
  WANT_EQ(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
  WANT_EQ(epoll_wait(set, &event, 1, 0), 0);
  kill(getpid(), SIGUSR1);
  WANT_EQ(epoll_wait(set, &event, 1, 20000), 1);
  WANT(event.data.u32 == 3 && event.events == EPOLLIN);
  struct signalfd_siginfo info;
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT_EQ(epoll_wait(set, &event, 1, 0), 0);
}

CASE(signalfd_of_a_fork_reads_the_childs, "signalfd4 fork") {
  const int fd = blocked_signalfd(SIGUSR1, 0, SFD_NONBLOCK);
  struct signalfd_siginfo info;
  const pid_t child = fork();
  if (child == 0) {
    WANT_ERROR(read(fd, &info, sizeof info), EAGAIN);
    kill(getpid(), SIGUSR1);
    WANT_EQ(read(fd, &info, sizeof info), sizeof info);
    WANT_EQ(info.ssi_pid, getpid());
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(read(fd, &info, sizeof info), EAGAIN);
}

CASE(signalfd_other_mask_and_errors, "signalfd signalfd4") {
  const int fd = blocked_signalfd(SIGUSR1, SIGUSR2, SFD_NONBLOCK);
  sigset_t set;
  struct signalfd_siginfo info;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  WANT_EQ(signalfd(fd, &set, 0), fd);
  kill(getpid(), SIGUSR1);
  WANT_ERROR(read(fd, &info, sizeof info), EAGAIN);
  kill(getpid(), SIGUSR2);
  WANT_EQ(read(fd, &info, sizeof info), sizeof info);
  WANT_ERROR(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
  WANT_ERROR(syscall(SYS_signalfd4, -1, &set, 8, 0x10), EINVAL);
  WANT_ERROR(syscall(SYS_signalfd4, -1, (void*)1, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_signalfd4, 999, &set, 8, 0), EBADF);
  WANT_ERROR(syscall(SYS_signalfd4, epoll_create1(0), &set, 8, 0), EINVAL);
  WANT_ERROR(write(fd, &info, sizeof info), EINVAL);
  WANT(syscall(SYS_signalfd, -1, &set, 8) >= 0);
}
