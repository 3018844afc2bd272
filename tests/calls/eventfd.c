// eventfd(2): a counter as a descriptor.
#include "check.h"

#include <poll.h>
#include <sys/eventfd.h>

CASE(eventfd_adds_and_takes_all, "eventfd2 read write") {
  const int fd = eventfd(3, 0);
  uint64_t value = 4;
  WANT_EQ(write(fd, &value, 8), 8);
  WANT_EQ(read(fd, &value, 8), 8);
  WANT_EQ(value, 7);
}

CASE(eventfd_semaphore_takes_one, "eventfd2 read") {
  const int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  uint64_t value = 0;
  WANT(read(fd, &value, 8) == 8 && value == 1);
  WANT(read(fd, &value, 8) == 8 && value == 1);
  WANT_ERROR(read(fd, &value, 8), EAGAIN);
}

CASE(eventfd_full_is_eagain, "eventfd2 write") {
  const int fd = eventfd(0, EFD_NONBLOCK);
  uint64_t value = UINT64_MAX;
  WANT_ERROR(write(fd, &value, 8), EINVAL);
  value = UINT64_MAX - 1;
  WANT_EQ(write(fd, &value, 8), 8);
  value = 1;
  WANT_ERROR(write(fd, &value, 8), EAGAIN);
  struct pollfd one = {fd, POLLIN | POLLOUT, 0};
  WANT_EQ(poll(&one, 1, 0), 1);
  WANT_EQ(one.revents, POLLIN);
}

CASE(eventfd_old_call_has_no_flags, "eventfd") {
  const int fd = syscall(SYS_eventfd, 1);
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  WANT_ERROR(read(fd, &(char[4]){0}, 4), EINVAL);
  WANT_ERROR(eventfd(0, 0x40000000), EINVAL);
}
