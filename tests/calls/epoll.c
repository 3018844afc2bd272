// epoll(7): sets, edges, once only, one of many, sets within sets.
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int add(int set, int fd, uint32_t events, uint32_t tag) {
  struct epoll_event event = {events, {.u32 = tag}};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}
static int change(int set, int fd, uint32_t events, uint32_t tag) {
  struct epoll_event event = {events, {.u32 = tag}};
  return epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
}
/// How many events there are now; the first is left in `found`.
static struct epoll_event found[64];
static int now(int set) {
  return epoll_wait(set, found, 64, 0);
}
static void signal_event(int fd) {
  uint64_t one = 1;
  WANT_EQ(write(fd, &one, 8), 8);
}

CASE(epoll_levels_and_edges, "epoll_create1 epoll_ctl epoll_wait") {
  const int set = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_NONBLOCK);
  WANT_EQ(fcntl(set, F_GETFD), FD_CLOEXEC);
  WANT_EQ(add(set, fd, EPOLLIN, 5), 0);
  WANT_EQ(now(set), 0);
  signal_event(fd);
  WANT(now(set) == 1 && found[0].events == EPOLLIN && found[0].data.u32 == 5);
  WANT_EQ(now(set), 1);
  WANT_EQ(change(set, fd, EPOLLIN | EPOLLET, 6), 0);
  WANT(now(set) == 1 && found[0].data.u32 == 6);
  WANT_EQ(now(set), 0);
  signal_event(fd);
  WANT_EQ(now(set), 1);
  WANT_EQ(now(set), 0);
  WANT_EQ(epoll_ctl(set, EPOLL_CTL_DEL, fd, 0), 0);
  signal_event(fd);
  WANT_EQ(now(set), 0);
}

CASE(epoll_oneshot, "epoll_ctl epoll_wait") {
  const int set = epoll_create1(0), fd = eventfd(1, EFD_NONBLOCK);
  WANT_EQ(add(set, fd, EPOLLIN | EPOLLONESHOT, 1), 0);
  WANT_EQ(now(set), 1);
  signal_event(fd);
  WANT_EQ(now(set), 0);
  WANT_EQ(change(set, fd, EPOLLIN | EPOLLONESHOT, 2), 0);
  WANT(now(set) == 1 && found[0].data.u32 == 2);
}

CASE(epoll_ctl_errors, "epoll_ctl epoll_create epoll_wait") {
  const int set = epoll_create1(0), fd = eventfd(0, 0), file = open("file", O_CREAT | O_RDWR, 0600);
  WANT_EQ(add(set, fd, EPOLLIN, 1), 0);
  WANT_ERROR(add(set, fd, EPOLLIN, 1), EEXIST);
  WANT_EQ(add(set, dup(fd), EPOLLIN, 1), 0);
  WANT_ERROR(change(set, eventfd(0, 0), EPOLLIN, 1), ENOENT);
  WANT_ERROR(epoll_ctl(set, EPOLL_CTL_DEL, eventfd(0, 0), 0), ENOENT);
  WANT_ERROR(add(set, set, EPOLLIN, 1), EINVAL);
  WANT_ERROR(add(fd, set, EPOLLIN, 1), EINVAL);
  WANT_ERROR(add(set, file, EPOLLIN, 1), EPERM);
  WANT_ERROR(add(set, 777, EPOLLIN, 1), EBADF);
  WANT_ERROR(add(777, fd, EPOLLIN, 1), EBADF);
  WANT_ERROR(epoll_ctl(set, 9, fd, found), EINVAL);
  WANT_ERROR(epoll_ctl(set, EPOLL_CTL_MOD, fd, (void*)1), EFAULT);
  WANT_ERROR(epoll_create1(1), EINVAL);
  WANT_ERROR(syscall(SYS_epoll_create, 0), EINVAL);
  WANT_ERROR(epoll_wait(set, found, 0, 0), EINVAL);
  WANT_ERROR(epoll_wait(fd, found, 1, 0), EINVAL);
  WANT_ERROR(epoll_wait(777, found, 1, 0), EBADF);
  WANT_ERROR(read(set, found, 8), EINVAL);
}

CASE(epoll_closed_descriptors_leave, "close epoll_wait") {
  const int set = epoll_create1(0), fd = eventfd(1, 0), second = dup(fd);
  WANT_EQ(add(set, fd, EPOLLIN, 1), 0);
  close(fd);
  WANT_EQ(now(set), 1);
  close(second);
  WANT_EQ(now(set), 0);
}

CASE(epoll_many_at_once, "epoll_wait") {
  const int set = epoll_create1(0);
  static struct epoll_event many[100];
  char seen[100] = {0};
  for (int i = 0; i < 100; ++i) WANT_EQ(add(set, eventfd(1, 0), EPOLLIN, i), 0);
  WANT_EQ(epoll_wait(set, many, 100, 0), 100);
  for (int i = 0; i < 100; ++i) WANT(!seen[many[i].data.u32]++);
  // Fewer at a time: each comes in its turn.
  memset(seen, 0, sizeof seen);
  for (int round = 0; round < 10; ++round) {
    WANT_EQ(epoll_wait(set, many, 10, 0), 10);
    for (int i = 0; i < 10; ++i) WANT(!seen[many[i].data.u32]++);
  }
}

CASE(epoll_within_epoll, "epoll_ctl epoll_wait poll") {
  const int outer = epoll_create1(0), inner = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
  WANT_EQ(add(outer, inner, EPOLLIN, 1), 0);
  WANT_EQ(add(inner, fd, EPOLLIN, 2), 0);
  WANT_EQ(now(outer), 0);
  signal_event(fd);
  WANT(now(outer) == 1 && found[0].data.u32 == 1 && found[0].events == EPOLLIN);
  struct pollfd one = {outer, POLLIN, 0};
  WANT_EQ(poll(&one, 1, 0), 1);
  WANT(now(inner) == 1 && found[0].data.u32 == 2);
  uint64_t value;
  WANT_EQ(read(fd, &value, 8), 8);
  one.revents = 0;
  WANT_EQ(poll(&one, 1, 0), 0);
  WANT_EQ(now(outer), 0);
}

CASE(epoll_rings_are_eloop, "epoll_ctl") {
  int sets[10];
  for (int i = 0; i < 10; ++i) sets[i] = epoll_create1(0);
  WANT_EQ(add(sets[0], sets[1], EPOLLIN, 0), 0);
  WANT_EQ(add(sets[1], sets[2], EPOLLIN, 0), 0);
  WANT_ERROR(add(sets[2], sets[0], EPOLLIN, 0), ELOOP);
  WANT_ERROR(add(sets[1], sets[0], EPOLLIN, 0), ELOOP);
  WANT_EQ(add(sets[0], sets[2], EPOLLIN, 0), 0);  // no ring
  // Too deep: from the bottom upwards.
  int depth = 1, last = epoll_create1(0);
  for (;; ++depth) {
    const int above = epoll_create1(0);
    WANT(depth < 20);
    if (add(above, last, EPOLLIN, 0) != 0) break;
    last = above;
  }
  WANT_EQ(errno, ELOOP);
  WANT(depth >= 5);
}

CASE(epoll_exclusive_rules, "epoll_ctl") {
  const int set = epoll_create1(0), fd = eventfd(0, 0);
  WANT_ERROR(add(set, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
  WANT_ERROR(add(set, fd, EPOLLPRI | EPOLLEXCLUSIVE, 0), EINVAL);
  WANT_ERROR(add(set, epoll_create1(0), EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
  WANT_EQ(add(set, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0), 0);
  WANT_ERROR(change(set, fd, EPOLLIN, 0), EINVAL);
  WANT_EQ(epoll_ctl(set, EPOLL_CTL_DEL, fd, 0), 0);
  WANT_EQ(add(set, fd, EPOLLIN, 0), 0);
  WANT_ERROR(change(set, fd, EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
}

enum { SHARERS = 8 };
static int shared_fd, woken;
static void* share(void* argument) {
  const int set = (int)(long)argument;
  struct epoll_event one;
  // With an edge and no reader, whoever is woken has its event.
  if (epoll_wait(set, &one, 1, -1) == 1) __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
  return 0;
}
CASE(epoll_exclusive_wakes_few, "epoll_ctl epoll_wait") {
  pthread_t threads[SHARERS];
  shared_fd = eventfd(0, 0);
  for (long i = 0; i < SHARERS; ++i) {
    const int set = epoll_create1(0);
    WANT_EQ(add(set, shared_fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0), 0);
    pthread_create(&threads[i], 0, share, (void*)(long)set);
  }
  usleep(100000);  // so that most of them sleep; a late one does no harm
  signal_event(shared_fd);
  WANT_SOON(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) >= 1);
  usleep(50000);
  WANT(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < SHARERS);
  for (int i = 0; i < 400 && __atomic_load_n(&woken, __ATOMIC_SEQ_CST) < SHARERS; ++i) {
    signal_event(shared_fd);
    usleep(1000);
  }
  WANT_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), SHARERS);
}

static void count_nothing(int number) {
  (void)number;
}
CASE(epoll_pwait_masks, "epoll_pwait epoll_pwait2") {
  const int set = epoll_create1(0);
  sigset_t blocked, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  signal(SIGUSR1, count_nothing);
  sigprocmask(SIG_BLOCK, &blocked, 0);
  raise(SIGUSR1);
  WANT_EQ(epoll_wait(set, found, 1, 10), 0);
  WANT_ERROR(epoll_pwait(set, found, 1, 20000, &none), EINTR);
  raise(SIGUSR1);
  struct timespec time = {20, 0};
  WANT_ERROR(syscall(441, set, found, 1, &time, &none, 8), EINTR);
  time = (struct timespec){0, 1000000};
  WANT_EQ(syscall(441, set, found, 1, &time, 0, 8), 0);
}
