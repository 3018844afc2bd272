// poll(2) and select(2), with masks and times.
#include "check.h"

#include <poll.h>
#include <sys/select.h>

static void do_nothing(int number) {
  (void)number;
}

CASE(poll_events_and_invalid, "poll") {
  int ends[2];
  WANT_EQ(pipe(ends), 0);
  struct pollfd all[4] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 7}, {777, POLLIN, 0}};
  WANT_EQ(poll(all, 4, 0), 2);
  WANT(all[0].revents == 0 && all[1].revents == POLLOUT && all[2].revents == 0 && all[3].revents == POLLNVAL);
  WANT_EQ(write(ends[1], "x", 1), 1);
  WANT_EQ(poll(all, 1, -1), 1);
  WANT_EQ(all[0].revents, POLLIN);
  close(ends[1]);
  WANT_EQ(poll(all, 1, -1), 1);
  WANT_EQ(all[0].revents, POLLIN | POLLHUP);
  WANT_EQ(pipe(ends), 0);
  close(ends[0]);
  all[0] = (struct pollfd){ends[1], POLLOUT, 0};
  WANT_EQ(poll(all, 1, -1), 1);
  WANT(all[0].revents & POLLERR);
  WANT_EQ(poll(0, 0, 1), 0);
  WANT_ERROR(poll((void*)1, 1, 0), EFAULT);
  WANT_ERROR(syscall(SYS_poll, all, 1u << 30, 0), EINVAL);
}

CASE(poll_waits_for_its_time, "poll ppoll") {
  struct timespec before, after, time = {0, 30000000};
  int ends[2];
  WANT_EQ(pipe(ends), 0);
  struct pollfd one = {ends[0], POLLIN, 0};
  clock_gettime(CLOCK_MONOTONIC, &before);
  WANT_EQ(poll(&one, 1, 30), 0);
  WANT_EQ(syscall(SYS_ppoll, &one, 1, &time, 0, 8), 0);
  clock_gettime(CLOCK_MONOTONIC, &after);
  WANT((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec >= 60000000);
  time.tv_nsec = 1000000000;
  WANT_ERROR(syscall(SYS_ppoll, &one, 1, &time, 0, 8), EINVAL);
  WANT_ERROR(syscall(SYS_ppoll, &one, 1, 0, &time, 3), EINVAL);
}

CASE(poll_masks_and_signals, "ppoll pselect6 poll") {
  sigset_t blocked, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  signal(SIGUSR1, do_nothing);
  sigprocmask(SIG_BLOCK, &blocked, 0);
  raise(SIGUSR1);
  WANT_EQ(poll(0, 0, 5), 0);
  WANT_ERROR(ppoll(0, 0, 0, &none), EINTR);
  raise(SIGUSR1);
  WANT_ERROR(pselect(0, 0, 0, 0, 0, &none), EINTR);
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  WANT(sigismember(&now, SIGUSR1));
}

CASE(select_sets, "select") {
  int ends[2];
  WANT_EQ(pipe(ends), 0);
  fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(ends[0], &readable);
  FD_SET(ends[1], &writable);
  WANT_EQ(select(ends[1] + 1, &readable, &writable, 0, 0), 1);
  WANT(!FD_ISSET(ends[0], &readable) && FD_ISSET(ends[1], &writable));
  WANT_EQ(write(ends[1], "x", 1), 1);
  FD_SET(ends[0], &readable);
  WANT_EQ(select(ends[1] + 1, &readable, &writable, 0, 0), 2);
  struct timeval time = {0, 20000};
  WANT_EQ(read(ends[0], &(char){0}, 1), 1);
  WANT_EQ(syscall(SYS_select, ends[1] + 1, &readable, 0, 0, &time), 0);
  WANT(!FD_ISSET(ends[0], &readable));
  WANT(time.tv_sec == 0 && time.tv_usec == 0);
  FD_SET(500, &readable);
  WANT_ERROR(syscall(SYS_select, -1, 0, 0, 0, 0), EINVAL);
  FD_ZERO(&readable);
  FD_SET(ends[0], &readable);
  close(ends[0]);
  WANT_ERROR(select(ends[1] + 1, &readable, 0, 0, &time), EBADF);
  WANT_ERROR(syscall(SYS_select, 5, (void*)1, 0, 0, 0), EFAULT);
  time.tv_sec = -1;
  WANT_ERROR(syscall(SYS_select, 0, 0, 0, 0, &time), EINVAL);
}
