// Asynchronous input and output: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2).
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "check.h"

static aio_context_t setup(unsigned most) {
  aio_context_t context = 0;
  WANT_EQ(syscall(SYS_io_setup, most, &context), 0);
  WANT(context != 0);
  return context;
}
static struct iocb request(int operation, int fd, const void* memory, size_t bytes, long long offset) {
  return (struct iocb){.aio_data = 7000 + (unsigned)operation,
                       .aio_lio_opcode = (uint16_t)operation,
                       .aio_fildes = (uint32_t)fd,
                       .aio_buf = (uintptr_t)memory,
                       .aio_nbytes = bytes,
                       .aio_offset = offset};
}
static long submit(aio_context_t context, struct iocb* one) {
  return syscall(SYS_io_submit, context, 1L, &one);
}
static long events(aio_context_t context, long least, long most, struct io_event* to, long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  return syscall(SYS_io_getevents, context, least, most, to, ms < 0 ? 0 : &time);
}
/// The result of one request that can be submitted.
static long long result_of(aio_context_t context, struct iocb one) {
  struct io_event event;
  WANT_EQ(submit(context, &one), 1);
  WANT_EQ(events(context, 1, 1, &event, -1), 1);
  WANT_EQ(event.data, one.aio_data);
  WANT(event.obj == (uintptr_t)&one);
  WANT_EQ(event.res2, 0);
  return event.res;
}
static int file(void) {
  const int fd = open("file", O_RDWR | O_CREAT, 0600);
  WANT(fd >= 0);
  return fd;
}

CASE(what_is_submitted_is_done, "io_setup io_submit io_getevents io_destroy") {
  const aio_context_t context = setup(4);
  const int fd = file();
  char text[8] = "";
  WANT_EQ(result_of(context, request(IOCB_CMD_PWRITE, fd, "abcdef", 6, 2)), 6);
  WANT_EQ(result_of(context, request(IOCB_CMD_PREAD, fd, text, 4, 3)), 4);
  WANT(memcmp(text, "bcde", 4) == 0);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 0);
  struct iovec parts[] = {{text, 1}, {text + 4, 3}};
  WANT_EQ(result_of(context, request(IOCB_CMD_PREADV, fd, parts, 2, 2)), 4);
  WANT(text[0] == 'a' && memcmp(text + 4, "bcd", 3) == 0);
  WANT_EQ(result_of(context, request(IOCB_CMD_PWRITEV, fd, parts, 2, 8)), 4);
  WANT_EQ(lseek(fd, 0, SEEK_END), 12);
  WANT_EQ(result_of(context, request(IOCB_CMD_PREAD, fd, text, 4, 100)), 0);
  WANT_EQ(result_of(context, request(IOCB_CMD_FSYNC, fd, 0, 0, 0)), 0);
  WANT_EQ(result_of(context, request(IOCB_CMD_FDSYNC, fd, 0, 0, 0)), 0);
  WANT_EQ(syscall(SYS_io_destroy, context), 0);
  WANT_ERROR(syscall(SYS_io_destroy, context), EINVAL);
  struct io_event event;
  WANT_ERROR(events(context, 0, 1, &event, 0), EINVAL);
}

CASE(a_list_is_taken_up_to_its_first_error, "io_submit io_getevents") {
  const aio_context_t context = setup(8);
  const int fd = file();
  struct iocb good[3], bad = request(IOCB_CMD_PWRITE, -1, "x", 1, 0);
  for (int i = 0; i < 3; ++i) {
    good[i] = request(IOCB_CMD_PWRITE, fd, "xyz" + i, 1, i);
    good[i].aio_data = (unsigned)i;
  }
  struct iocb* list[] = {&good[0], &good[1], &bad, &good[2]};
  WANT_EQ(syscall(SYS_io_submit, context, 4L, list), 2);
  WANT_ERROR(syscall(SYS_io_submit, context, 2L, list + 2), EBADF);
  WANT_EQ(syscall(SYS_io_submit, context, 0L, list), 0);
  WANT_EQ(syscall(SYS_io_submit, context, 1L, list + 3), 1);
  struct io_event event[4];
  WANT_EQ(events(context, 2, 2, event, -1), 2);  // no more than asked for, in order
  WANT(event[0].data == 0 && event[1].data == 1);
  WANT_EQ(events(context, 0, 4, event, -1), 1);
  WANT(event[0].data == 2);
  WANT_EQ(events(context, 1, 4, event, 5), 0);
  WANT_EQ(events(context, 0, 0, event, -1), 0);
}

CASE(errors_of_the_submission_and_of_the_request, "io_submit io_getevents") {
  const aio_context_t context = setup(4);
  const int fd = file(), readable = open("file", O_RDONLY), folder = open(".", O_RDONLY);
  int p[2];
  WANT_EQ(pipe(p), 0);
  struct iocb one = request(IOCB_CMD_PWRITE, readable, "x", 1, 0);
  WANT_ERROR(submit(context, &one), EBADF);
  one = request(IOCB_CMD_PREAD, folder, &one, 1, 0);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(IOCB_CMD_PREAD, fd, &one, 1, -1);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(IOCB_CMD_PREAD, fd, &one, (size_t)-1, 0);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(4, fd, &one, 1, 0);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(IOCB_CMD_FSYNC, p[1], 0, 0, 0);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(IOCB_CMD_FSYNC, fd, 0, 1, 0);
  WANT_ERROR(submit(context, &one), EINVAL);
  one = request(IOCB_CMD_PREADV, fd, (void*)8, 1, 0);
  WANT_ERROR(submit(context, &one), EFAULT);
  one = request(IOCB_CMD_PREAD, fd, &one, 1, 0);
  one.aio_reserved2 = 1;
  WANT_ERROR(submit(context, &one), EINVAL);
  one.aio_reserved2 = 0, one.aio_rw_flags = 0x4000;
  WANT_ERROR(submit(context, &one), EOPNOTSUPP);
  one.aio_rw_flags = 0, one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = (unsigned)fd;
  WANT_ERROR(submit(context, &one), EINVAL);
  one.aio_resfd = 500;
  WANT_ERROR(submit(context, &one), EBADF);
  one.aio_flags = IOCB_FLAG_IOPRIO, one.aio_reqprio = (int16_t)0x8000;
  WANT_ERROR(submit(context, &one), EINVAL);
  WANT_ERROR(submit(context, (struct iocb*)8), EFAULT);
  WANT_ERROR(syscall(SYS_io_submit, context, 1L, 8), EFAULT);
  WANT_ERROR(syscall(SYS_io_submit, context, -1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_io_submit, context + 1, 0L, 0), EINVAL);
  WANT_EQ(write(fd, "abc", 3), 3);
  WANT_EQ(result_of(context, request(IOCB_CMD_PREAD, fd, (void*)8, 3, 0)), -EFAULT);
  close(p[0]);
  signal(SIGPIPE, SIG_IGN);
  WANT_EQ(result_of(context, request(IOCB_CMD_PWRITE, p[1], "x", 1, 0)), -EPIPE);
}

CASE(contexts_are_checked, "io_setup io_destroy io_getevents") {
  aio_context_t context = 1;
  WANT_ERROR(syscall(SYS_io_setup, 1, &context), EINVAL);
  context = 0;
  WANT_ERROR(syscall(SYS_io_setup, 0, &context), EINVAL);
  WANT_ERROR(syscall(SYS_io_setup, 0x7fffffff, &context), EINVAL);
  WANT_ERROR(syscall(SYS_io_setup, 1, 8), EFAULT);
  WANT_ERROR(syscall(SYS_io_destroy, 0L), EINVAL);
  context = setup(1);
  struct io_event event;
  WANT_ERROR(events(context, 2, 1, &event, 0), EINVAL);
  WANT_ERROR(events(context, -1, 1, &event, 0), EINVAL);
  WANT_ERROR(events(context + 4096, 0, 1, &event, 0), EINVAL);
  WANT_ERROR(syscall(SYS_io_getevents, context, 0L, 1L, &event, 8), EFAULT);
  struct iocb one = request(IOCB_CMD_PWRITE, file(), "x", 1, 0);
  WANT_EQ(submit(context, &one), 1);
  WANT_ERROR(events(context, 1, 1, (struct io_event*)8, -1), EFAULT);
  WANT_EQ(events(context, 1, 1, &event, -1), 1);  // it has not been lost
}

CASE(a_full_context_says_again, "io_submit io_getevents") {
  const aio_context_t context = setup(1);
  struct iocb one = request(IOCB_CMD_PWRITE, file(), "x", 1, 0);
  long taken = 0, more = 0;
  while ((more = submit(context, &one)) == 1) WANT(++taken < 100000);
  WANT(more == -1 && errno == EAGAIN && taken >= 1);
  struct io_event event[10];
  long had = 0;
  while ((more = events(context, 0, 10, event, 0)) > 0) had += more;
  WANT_EQ(had, taken);
  WANT_EQ(submit(context, &one), 1);
}

static int reader_end;
static void* write_soon(void* unused) {
  (void)unused;
  nanosleep(&(struct timespec){0, 20000000}, 0);
  WANT_EQ(write(reader_end, "later", 5), 5);
  return 0;
}

CASE(streams_are_read_as_they_come, "io_submit") {
  const aio_context_t context = setup(2);
  int p[2];
  char text[8] = "";
  pthread_t writer;
  WANT_EQ(pipe(p), 0);
  reader_end = p[1];
  WANT_EQ(pthread_create(&writer, 0, write_soon, 0), 0);
  WANT_EQ(result_of(context, request(IOCB_CMD_PREAD, p[0], text, 8, 55)), 5);
  WANT(memcmp(text, "later", 5) == 0);
  WANT_EQ(pthread_join(writer, 0), 0);
  WANT_EQ(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
  WANT_EQ(result_of(context, request(IOCB_CMD_PREAD, p[0], text, 8, 0)), -EAGAIN);
}

CASE(an_eventfd_is_told, "io_submit") {
  const aio_context_t context = setup(4);
  const int told = eventfd(0, EFD_NONBLOCK);
  struct iocb one = request(IOCB_CMD_PWRITE, file(), "x", 1, 0);
  one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = (unsigned)told;
  WANT_EQ(submit(context, &one), 1);
  WANT_EQ(submit(context, &one), 1);
  uint64_t count = 0;
  WANT_SOON(poll(&(struct pollfd){told, POLLIN, 0}, 1, 0) == 1);
  WANT_SOON(read(told, &count, 8) == 8 || count);
  struct io_event event[2];
  WANT_EQ(events(context, 2, 2, event, -1), 2);
}

CASE(a_poll_goes_on_beside_its_submitter, "io_submit io_getevents") {
  const aio_context_t context = setup(4);
  const int told = eventfd(0, EFD_NONBLOCK);
  int p[2];
  struct io_event event[2];
  uint64_t count = 0;
  WANT_EQ(pipe(p), 0);
  struct iocb one = request(IOCB_CMD_POLL, p[0], (void*)POLLIN, 0, 0);
  one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = (unsigned)told;
  WANT_EQ(submit(context, &one), 1);
  WANT_EQ(events(context, 1, 2, event, 5), 0);
  WANT_ERROR(read(told, &count, 8), EAGAIN);
  pthread_t writer;
  reader_end = p[1];
  WANT_EQ(pthread_create(&writer, 0, write_soon, 0), 0);
  WANT_EQ(events(context, 1, 2, event, -1), 1);
  WANT(event[0].data == one.aio_data && event[0].obj == (uintptr_t)&one);
  WANT_EQ(event[0].res & POLLIN, POLLIN);
  WANT_SOON(read(told, &count, 8) == 8 || count);
  WANT_EQ(count, 1);
  WANT_EQ(pthread_join(writer, 0), 0);
  // What holds already is told at once, and each submission once.
  WANT_EQ(result_of(context, request(IOCB_CMD_POLL, p[1], (void*)POLLOUT, 0, 0)) & POLLOUT, POLLOUT);
  WANT_EQ(events(context, 0, 2, event, 0), 0);
  // An end is told unasked.
  one = request(IOCB_CMD_POLL, p[1], 0, 0, 0);
  WANT_EQ(submit(context, &one), 1);
  close(p[0]);
  WANT_EQ(events(context, 1, 2, event, -1), 1);
  WANT_EQ(event[0].res & POLLERR, POLLERR);
}

CASE(a_poll_may_tell_what_it_polls, "io_submit io_getevents") {
  // The poll of an eventfd signals that very eventfd: no lock may be taken twice.
  const aio_context_t context = setup(4);
  const int fd = eventfd(0, EFD_NONBLOCK);
  struct iocb one = request(IOCB_CMD_POLL, fd, (void*)POLLIN, 0, 0);
  one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = (unsigned)fd;
  WANT_EQ(submit(context, &one), 1);
  uint64_t count = 1;
  WANT_EQ(write(fd, &count, 8), 8);
  struct io_event event;
  WANT_EQ(events(context, 1, 1, &event, -1), 1);
  uint64_t sum = 0;
  WANT_SOON((read(fd, &count, 8) == 8 ? (sum += count) : sum) == 2);
}

CASE(a_poll_can_be_cancelled, "io_cancel io_destroy") {
  const aio_context_t context = setup(4);
  int p[2];
  struct io_event event;
  WANT_EQ(pipe(p), 0);
  struct iocb one = request(IOCB_CMD_POLL, p[0], (void*)POLLIN, 0, 0), other = one;
  WANT_EQ(submit(context, &one), 1);
  WANT_ERROR(syscall(SYS_io_cancel, context, &other, &event), EINVAL);
  WANT_ERROR(syscall(SYS_io_cancel, context, 8, &event), EFAULT);
  WANT_ERROR(syscall(SYS_io_cancel, context + 8, &one, &event), EINVAL);
  WANT_ERROR(syscall(SYS_io_cancel, context, &one, &event), EINPROGRESS);
  WANT_EQ(events(context, 1, 1, &event, -1), 1);
  WANT(event.obj == (uintptr_t)&one);
  WANT_ERROR(syscall(SYS_io_cancel, context, &one, &event), EINVAL);
  one.aio_key = 1;
  WANT_ERROR(syscall(SYS_io_cancel, context, &one, &event), EINVAL);
  WANT_EQ(submit(context, &one), 1);  // goes on, and ends with its context
  WANT_EQ(one.aio_key, 0);
  WANT_EQ(syscall(SYS_io_destroy, context), 0);
}

static aio_context_t shared_context;
static volatile int waiter_tid;
static void* wait_for_event(void* unused) {
  (void)unused;
  struct io_event event;
  waiter_tid = (int)syscall(SYS_gettid);
  WANT_ERROR(events(shared_context, 1, 1, &event, -1), EINVAL);
  return 0;
}
static char state_of(int tid) {
  char path[64], text[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  const int fd = open(path, O_RDONLY);
  (void)!read(fd, text, sizeof text - 1);
  close(fd);
  const char* end = strrchr(text, ')');
  return end ? end[2] : 0;
}

CASE(the_end_of_a_context_ends_waits, "io_destroy io_getevents") {
  shared_context = setup(1);
  pthread_t waiter;
  WANT_EQ(pthread_create(&waiter, 0, wait_for_event, 0), 0);
  WANT_SOON(waiter_tid && state_of(waiter_tid) == 'S');
  WANT_EQ(syscall(SYS_io_destroy, shared_context), 0);
  WANT_EQ(pthread_join(waiter, 0), 0);
}

static void use_of_the_parent(void) {
  struct io_event event;
  WANT_ERROR(events(shared_context, 0, 1, &event, 0), EINVAL);
}

CASE(a_fork_has_no_contexts, "io_setup io_getevents") {
  shared_context = setup(1);
  WANT_EQ(check_wait(check_child(use_of_the_parent)), 0);
  struct io_event event;
  WANT_EQ(events(shared_context, 0, 1, &event, 0), 0);
}

static void on_signal(int number) {
  (void)number;
}

CASE(a_wait_for_events_lets_signals_in, "io_pgetevents io_getevents") {
  const aio_context_t context = setup(1);
  struct io_event event;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigset_t blocked, before, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  WANT_EQ(sigaction(SIGUSR1, &action, 0), 0);
  WANT_EQ(sigaction(SIGALRM, &action, 0), 0);
  WANT_EQ(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
  raise(SIGUSR1);
  const struct {
    const void* mask;
    size_t bytes;
  } unblocked = {&none, 8}, wrong = {&none, 9};
  struct timespec soon = {0, 1000};
  WANT_EQ(syscall(SYS_io_pgetevents, context, 1L, 1L, &event, &soon, 0), 0);
  WANT_ERROR(syscall(SYS_io_pgetevents, context, 1L, 1L, &event, &soon, &wrong), EINVAL);
  WANT_ERROR(syscall(SYS_io_pgetevents, context, 1L, 1L, &event, &soon, 8), EFAULT);
  WANT_ERROR(syscall(SYS_io_pgetevents, context, 1L, 1L, &event, 0, &unblocked), EINTR);
  sigset_t now;
  WANT_EQ(sigprocmask(SIG_BLOCK, 0, &now), 0);
  WANT(sigismember(&now, SIGUSR1));
  ualarm(20000, 0);
  WANT_ERROR(events(context, 1, 1, &event, -1), EINTR);
}
