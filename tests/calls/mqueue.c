// POSIX message queues: mq_overview(7), mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_getattr(3).
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "check.h"

static char* name(void) {
  static char text[40];
  snprintf(text, sizeof text, "/case-%d", getpid());
  return text;
}
/// A new queue that only its descriptor names; `count` messages of `size` bytes.
static mqd_t queue(int flags, long count, long size) {
  struct mq_attr wanted = {.mq_maxmsg = count, .mq_msgsize = size};
  const mqd_t made = mq_open(name(), O_CREAT | O_EXCL | O_RDWR | flags, 0600, &wanted);
  WANT(made >= 0);
  WANT_EQ(mq_unlink(name()), 0);
  return made;
}
static struct timespec after_ms(long ms) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_nsec += ms * 1000000;
  now.tv_sec += now.tv_nsec / 1000000000, now.tv_nsec %= 1000000000;
  return now;
}

CASE(highest_priority_comes_first, "mq_open mq_unlink mq_timedsend mq_timedreceive") {
  const mqd_t q = queue(0, 8, 16);
  const unsigned priorities[] = {3, 7, 3, 0, 7, 32767};
  char text[16];
  for (int i = 0; i < 6; ++i) {
    text[0] = (char)('a' + i);
    WANT_EQ(mq_send(q, text, (size_t)i, priorities[i]), 0);  // the first one is empty
  }
  const char lengths[] = {5, 1, 4, 0, 2, 3};
  const unsigned sorted[] = {32767, 7, 7, 3, 3, 0};
  for (int i = 0; i < 6; ++i) {
    unsigned priority = 99;
    WANT_EQ(mq_receive(q, text, sizeof text, &priority), lengths[i]);
    WANT_EQ(priority, sorted[i]);
    if (lengths[i]) WANT_EQ(text[0], 'a' + lengths[i]);
  }
}

CASE(queue_refusals, "mq_open mq_unlink mq_timedsend mq_timedreceive mq_getsetattr mq_notify") {
  struct mq_attr none = {.mq_maxmsg = 0, .mq_msgsize = 8};
  WANT_ERROR(mq_open(name(), O_CREAT | O_RDWR, 0600, &none), EINVAL);
  WANT_ERROR(mq_open(name(), O_RDWR), ENOENT);
  WANT_ERROR(mq_unlink(name()), ENOENT);
  WANT_ERROR(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, 0), EACCES);
  WANT_ERROR(syscall(SYS_mq_open, "..", O_CREAT | O_RDWR, 0600, 0), EACCES);
  WANT_ERROR(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, 0), ENOENT);
  WANT_ERROR(syscall(SYS_mq_open, (char*)8, O_CREAT | O_RDWR, 0600, 0), EFAULT);
  char large[300];
  memset(large, 'x', sizeof large), large[299] = 0;
  WANT_ERROR(syscall(SYS_mq_open, large, O_CREAT | O_RDWR, 0600, 0), ENAMETOOLONG);
  const mqd_t q = queue(0, 2, 16);
  char text[64] = "";
  WANT_ERROR(mq_send(q, text, 17, 0), EMSGSIZE);
  WANT_ERROR(mq_send(q, text, 1, 32768), EINVAL);
  WANT_ERROR(mq_receive(q, text, 15, 0), EMSGSIZE);
  WANT_ERROR(mq_send(1, text, 1, 0), EBADF);
  WANT_ERROR(mq_send(-1, text, 1, 0), EBADF);
  WANT_ERROR(syscall(SYS_mq_timedsend, q, 8, 4, 0, 0), EFAULT);
  struct timespec bad = {0, 1000000000};
  WANT_ERROR(mq_timedsend(q, text, 1, 0, &bad), EINVAL);
  struct mq_attr wrong = {.mq_flags = O_APPEND};
  WANT_ERROR(mq_setattr(q, &wrong, 0), EINVAL);
  WANT_ERROR(mq_getattr(0, &wrong), EBADF);
  struct sigevent odd = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
  WANT_ERROR(mq_notify(q, &odd), EINVAL);
  WANT_ERROR(write(q, "x", 1), EINVAL);
  const int p = open("/dev/null", O_RDWR);
  odd.sigev_signo = SIGUSR1;
  WANT_ERROR(mq_notify(p, &odd), EBADF);
}

CASE(one_way_descriptors, "mq_open mq_timedsend mq_timedreceive") {
  char text[8192];
  const mqd_t out = mq_open(name(), O_CREAT | O_WRONLY, 0600, (struct mq_attr*)0);
  const mqd_t in = mq_open(name(), O_RDONLY);
  WANT(out >= 0 && in >= 0 && fcntl(out, F_GETFD) == FD_CLOEXEC);
  WANT_EQ(mq_send(out, "hi", 2, 1), 0);
  WANT_ERROR(mq_send(in, "hi", 2, 1), EBADF);
  WANT_ERROR(mq_receive(out, text, sizeof text, 0), EBADF);
  WANT_EQ(mq_receive(in, text, sizeof text, 0), 2);
  WANT_ERROR(mq_open(name(), O_CREAT | O_EXCL | O_RDWR, 0600, (struct mq_attr*)0), EEXIST);
  WANT_EQ(mq_unlink(name()), 0);
  WANT_EQ(mq_send(out, "it lives on", 11, 1), 0);
  WANT_EQ(mq_receive(in, text, sizeof text, 0), 11);
}

CASE(modes_are_checked, "mq_open mq_unlink") {
  umask(022);
  const mqd_t q = mq_open(name(), O_CREAT | O_RDWR, 0666, (struct mq_attr*)0);
  struct stat is;
  WANT(q >= 0 && fstat(q, &is) == 0 && S_ISREG(is.st_mode) && (is.st_mode & 07777) == 0644);
  const pid_t child = fork();
  if (child == 0) {
    setuid(1000);
    char of_parent[40];
    snprintf(of_parent, sizeof of_parent, "/case-%d", getppid());
    WANT_ERROR(mq_open(of_parent, O_RDWR), EACCES);
    WANT(mq_open(of_parent, O_RDONLY) >= 0);
    const long unlinked = mq_unlink(of_parent);
    WANT(unlinked == -1 && (errno == EACCES || errno == EPERM));
    struct mq_attr large = {.mq_maxmsg = 11, .mq_msgsize = 8};
    WANT_ERROR(mq_open(name(), O_CREAT | O_RDWR, 0600, &large), EINVAL);  // beyond msg_max
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(mq_unlink(name()), 0);
}

CASE(full_and_empty_do_not_block_where_asked, "mq_timedsend mq_timedreceive mq_getsetattr") {
  const mqd_t q = queue(O_NONBLOCK, 2, 8);
  char text[8];
  WANT_ERROR(mq_receive(q, text, 8, 0), EAGAIN);
  WANT(mq_send(q, "1", 1, 0) == 0 && mq_send(q, "2", 1, 0) == 0);
  WANT_ERROR(mq_send(q, "3", 1, 0), EAGAIN);
  struct mq_attr is, blocking = {.mq_flags = 0}, before;
  WANT_EQ(mq_getattr(q, &is), 0);
  WANT(is.mq_flags == O_NONBLOCK && is.mq_maxmsg == 2 && is.mq_msgsize == 8 && is.mq_curmsgs == 2);
  WANT_EQ(mq_setattr(q, &blocking, &before), 0);
  WANT(before.mq_flags == O_NONBLOCK && before.mq_curmsgs == 2);
  WANT(mq_getattr(q, &is) == 0 && is.mq_flags == 0);
  struct timespec soon = after_ms(30), past = {1, 0};
  WANT_ERROR(mq_timedsend(q, "3", 1, 0, &soon), ETIMEDOUT);
  WANT_ERROR(mq_timedsend(q, "3", 1, 0, &past), ETIMEDOUT);
  WANT(mq_receive(q, text, 8, 0) == 1 && text[0] == '1');
  WANT(mq_receive(q, text, 8, 0) == 1 && text[0] == '2');
  soon = after_ms(30);
  WANT_ERROR(mq_timedreceive(q, text, 8, 0, &soon), ETIMEDOUT);
}

static void nothing(int number) {
  (void)number;
}
CASE(signal_ends_the_wait, "mq_timedreceive") {
  const mqd_t q = queue(0, 2, 8);
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGALRM, &action, 0);
  struct timespec late = after_ms(20000);
  const struct itimerspec once = {.it_value = {0, 30000000}};
  timer_t timer;
  WANT(timer_create(CLOCK_MONOTONIC, 0, &timer) == 0 && timer_settime(timer, 0, &once, 0) == 0);
  char text[8];
  WANT_ERROR(mq_timedreceive(q, text, 8, 0, &late), EINTR);
}

enum { kEach = 300, kSenders = 4 };
static mqd_t shared;
static void* send_many(void* which) {
  for (int i = 0; i < kEach; ++i) {
    const int value = (int)(long)which * kEach + i;
    if (mq_send(shared, (const char*)&value, sizeof value, 0) != 0) return (void*)1;
  }
  return 0;
}
CASE(many_senders_and_receivers_lose_nothing, "mq_timedsend mq_timedreceive") {
  shared = queue(0, 3, sizeof(int));
  pthread_t senders[kSenders];
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  pid_t receivers[3];
  for (int r = 0; r < 3; ++r) {
    if ((receivers[r] = fork()) != 0) continue;
    for (int value = 0; mq_receive(shared, (char*)&value, sizeof value, 0) == sizeof value && value >= 0;)
      WANT_EQ(write(pipes[1], &value, sizeof value), sizeof value);
    _exit(0);
  }
  for (long i = 0; i < kSenders; ++i) WANT_EQ(pthread_create(&senders[i], 0, send_many, (void*)i), 0);
  static char seen[kEach * kSenders];
  for (int i = 0; i < kEach * kSenders; ++i) {
    int value = -1;
    WANT_EQ(read(pipes[0], &value, sizeof value), sizeof value);
    WANT(value >= 0 && value < kEach * kSenders && !seen[value]);
    seen[value] = 1;
  }
  for (int i = 0; i < kSenders; ++i) {
    void* result = 0;
    pthread_join(senders[i], &result);
    WANT(!result);
  }
  for (int r = 0, end = -1; r < 3; ++r) WANT_EQ(mq_send(shared, (char*)&end, sizeof end, 0), 0);
  for (int r = 0; r < 3; ++r) WANT_EQ(check_wait(receivers[r]), 0);
}

CASE(a_message_into_the_empty_queue_is_told, "mq_notify mq_timedsend") {
  const mqd_t q = queue(0, 4, 8);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &wanted, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  WANT_EQ(mq_notify(q, &event), 0);
  WANT_ERROR(mq_notify(q, &event), EBUSY);
  char text[128] = "";
  WANT(read(q, text, sizeof text - 1) > 0);
  int signo = 0, pid = 0;
  WANT(sscanf(text, "QSIZE:0 NOTIFY:0 SIGNO:%d NOTIFY_PID:%d", &signo, &pid) == 2);
  WANT(signo == SIGUSR1 && pid == getpid());
  const pid_t child = fork();
  if (child == 0) {
    WANT_ERROR(mq_notify(q, &event), EBUSY);
    close(q);  // another's descriptor: the registration stays
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(mq_send(q, "a", 1, 0), 0);
  siginfo_t info;
  const struct timespec some = {10, 0};
  WANT_EQ(sigtimedwait(&wanted, &info, &some), SIGUSR1);
  WANT(info.si_code == SI_MESGQ && info.si_value.sival_int == 77 && info.si_pid == getpid());
  // Once only; and not while there is a message.
  WANT_EQ(mq_notify(q, &event), 0);
  WANT_EQ(mq_send(q, "b", 1, 0), 0);
  const struct timespec short_while = {0, 30000000};
  WANT_ERROR(sigtimedwait(&wanted, &info, &short_while), EAGAIN);
  // Closing any descriptor of the queue takes the registration back.
  const int other = dup(q);
  close(other);
  WANT(mq_receive(q, text, 8, 0) == 1 && mq_receive(q, text, 8, 0) == 1);
  WANT_EQ(mq_send(q, "c", 1, 0), 0);
  WANT_ERROR(sigtimedwait(&wanted, &info, &short_while), EAGAIN);
  // Registering nothing, and taking it back.
  WANT(mq_receive(q, text, 8, 0) == 1);
  event.sigev_notify = SIGEV_NONE;
  WANT(mq_notify(q, &event) == 0 && mq_notify(q, 0) == 0 && mq_notify(q, &event) == 0);
}

CASE(who_waits_takes_it_and_nobody_is_told, "mq_notify mq_timedreceive") {
  const mqd_t q = queue(0, 4, 8);
  int ready[2];
  WANT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    char text[8];
    (void)!write(ready[1], "r", 1);
    _exit(mq_receive(q, text, 8, 0) == 1 ? 0 : 1);
  }
  char byte;
  WANT_EQ(read(ready[0], &byte, 1), 1);
  char path[64], state[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  WANT_SOON(({
    const int stat = open(path, O_RDONLY);
    const ssize_t length = read(stat, state, sizeof state - 1);
    close(stat);
    length > 0 && strstr(state, ") S ");
  }));
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  WANT_EQ(mq_notify(q, &event), 0);  // SIGUSR1 would kill
  WANT_EQ(mq_send(q, "x", 1, 0), 0);
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(mq_notify(q, &event), EBUSY);
}

CASE(queues_can_be_polled, "mq_open mq_timedsend poll") {
  const mqd_t q = queue(0, 1, 8);
  struct pollfd both = {q, POLLIN | POLLOUT, 0};
  WANT(poll(&both, 1, 0) == 1 && both.revents == POLLOUT);
  WANT_EQ(mq_send(q, "x", 1, 0), 0);
  WANT(poll(&both, 1, 0) == 1 && both.revents == POLLIN);
  const pid_t child = fork();
  if (child == 0) {
    char text[8];
    nanosleep(&(struct timespec){0, 30000000}, 0);
    _exit(mq_receive(q, text, 8, 0) == 1 ? 0 : 1);
  }
  both.events = POLLOUT;
  WANT(poll(&both, 1, 20000) == 1 && both.revents == POLLOUT);
  WANT_EQ(check_wait(child), 0);
}

CASE(queues_count_for_their_user, "mq_open setrlimit") {
  struct rlimit limit = {4096, 4096};
  WANT_EQ(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
  struct mq_attr wanted = {.mq_maxmsg = 10, .mq_msgsize = 8192};
  setuid(4321);
  WANT_ERROR(mq_open(name(), O_CREAT | O_RDWR, 0600, &wanted), EMFILE);
  wanted.mq_msgsize = 100;
  const mqd_t first = mq_open(name(), O_CREAT | O_RDWR, 0600, &wanted);
  WANT(first >= 0);
  WANT_EQ(mq_unlink(name()), 0);
  int more = 0;
  for (; more < 10; ++more) {
    char other[60];
    snprintf(other, sizeof other, "%s-%d", name(), more);
    if (mq_open(other, O_CREAT | O_RDWR, 0600, &wanted) < 0) break;
    WANT_EQ(mq_unlink(other), 0);
  }
  WANT(more < 5 && errno == EMFILE);
  WANT_EQ(mq_close(first), 0);  // and what ends is given back
  const mqd_t again = mq_open(name(), O_CREAT | O_RDWR, 0600, &wanted);
  WANT(again >= 0 && mq_unlink(name()) == 0);
}

CASE(queues_are_files_of_a_file_system, "mq_open mount") {
  WANT_EQ(mkdir("q", 0755), 0);
  if (mount("none", "q", "mqueue", 0, 0) != 0) SKIP("no such file system");
  const mqd_t q = mq_open(name(), O_CREAT | O_RDWR, 0600, (struct mq_attr*)0);
  char path[64];
  snprintf(path, sizeof path, "q%s", name());
  WANT_EQ(mq_send(q, "four", 4, 0), 0);
  char text[128] = "";
  const int file = open(path, O_RDONLY);
  WANT(file >= 0 && read(file, text, sizeof text - 1) > 0 && strncmp(text, "QSIZE:4 ", 8) == 0);
  WANT_EQ(unlink(path), 0);
  WANT_ERROR(mq_open(name(), O_RDWR), ENOENT);
  const int made = open(path, O_CREAT | O_RDWR | O_EXCL, 0600);
  struct mq_attr is;
  WANT(made >= 0 && mq_getattr(made, &is) == 0 && is.mq_maxmsg == 10 && is.mq_msgsize == 8192);
  WANT_ERROR(mkdir("q/folder", 0755), EPERM);
  WANT_EQ(mq_unlink(name()), 0);
  close(file), close(made), close(q);
  WANT_EQ(umount("q"), 0);
}
