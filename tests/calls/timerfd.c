// timerfd_create(2): timers that are read.
#include "check.h"

#include <poll.h>
#include <sys/timerfd.h>

static struct itimerspec timer(long value_ms, long interval_ms) {
  return (struct itimerspec){{interval_ms / 1000, interval_ms % 1000 * 1000000},
                             {value_ms / 1000, value_ms % 1000 * 1000000}};
}

CASE(timerfd_once, "timerfd_create timerfd_settime timerfd_gettime read") {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  struct itimerspec setting = timer(20, 0), left;
  uint64_t count = 0;
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(timerfd_settime(fd, 0, &setting, 0), 0);
  WANT_EQ(read(fd, &count, 8), 8);
  WANT_EQ(count, 1);
  WANT_EQ(timerfd_gettime(fd, &left), 0);
  WANT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
}

CASE(timerfd_intervals_are_counted, "timerfd_settime read poll") {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  const struct itimerspec setting = timer(5, 5);
  struct pollfd one = {fd, POLLIN, 0};
  uint64_t count = 0;
  WANT_ERROR(read(fd, &count, 8), EAGAIN);
  WANT_EQ(poll(&one, 1, 0), 0);
  WANT_EQ(timerfd_settime(fd, 0, &setting, 0), 0);
  usleep(60000);
  WANT_EQ(poll(&one, 1, 20000), 1);
  WANT_EQ(read(fd, &count, 8), 8);
  WANT(count >= 5);
  WANT_EQ(poll(&one, 1, 20000), 1);
  WANT_ERROR(read(fd, &count, 7), EINVAL);
}

CASE(timerfd_absolute, "timerfd_settime read") {
  static const int kClocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
  for (int i = 0; i < 3; ++i) {
    const int fd = timerfd_create(kClocks[i], 0);
    struct itimerspec setting = timer(0, 0);
    uint64_t count = 0;
    setting.it_value.tv_nsec = 1;  // has been already, however lately the machine started
    WANT_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, 0), 0);
    WANT_EQ(read(fd, &count, 8), 8);
    WANT_EQ(count, 1);
  }
}

CASE(timerfd_replaces_and_stops, "timerfd_settime timerfd_gettime") {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec setting = timer(1000000, 3000), before;
  uint64_t count;
  WANT_EQ(timerfd_settime(fd, 0, &setting, 0), 0);
  WANT_EQ(timerfd_gettime(fd, &before), 0);
  WANT(before.it_value.tv_sec > 900 && before.it_value.tv_sec <= 1000 && before.it_interval.tv_sec == 3);
  setting = timer(0, 0);
  WANT_EQ(timerfd_settime(fd, 0, &setting, &before), 0);
  WANT(before.it_value.tv_sec > 900 && before.it_interval.tv_sec == 3);
  setting = timer(1, 0);
  WANT_EQ(timerfd_settime(fd, 0, &setting, &before), 0);
  WANT(before.it_value.tv_sec == 0 && before.it_value.tv_nsec == 0);
  struct pollfd one = {fd, POLLIN, 0};
  WANT_EQ(poll(&one, 1, 20000), 1);
  setting = timer(1000000, 0);  // what has expired is forgotten
  WANT_EQ(timerfd_settime(fd, 0, &setting, 0), 0);
  WANT_ERROR(read(fd, &count, 8), EAGAIN);
}

CASE(timerfd_errors, "timerfd_create timerfd_settime timerfd_gettime write") {
  const int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec setting = timer(1, 0);
  WANT_ERROR(timerfd_create(12345, 0), EINVAL);
  WANT_ERROR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
  WANT_ERROR(timerfd_settime(fd, 16, &setting, 0), EINVAL);
  WANT_ERROR(timerfd_settime(fd, 0, (void*)1, 0), EFAULT);
  WANT_ERROR(timerfd_settime(777, 0, &setting, 0), EBADF);
  WANT_ERROR(timerfd_settime(0, 0, &setting, 0), EINVAL);
  WANT_ERROR(timerfd_gettime(0, &setting), EINVAL);
  WANT_ERROR(timerfd_gettime(fd, (void*)1), EFAULT);
  setting.it_value.tv_nsec = 1000000000;
  WANT_ERROR(timerfd_settime(fd, 0, &setting, 0), EINVAL);
  WANT_ERROR(write(fd, &setting, 8), EINVAL);
}
