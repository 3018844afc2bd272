// Locks: POSIX record locks, open file description locks, flock(2), leases.
#include "check.h"

#include <sys/file.h>
#ifndef F_OFD_SETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static int make(void) {
  const int fd = open("f", O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  return fd;
}
static int set(int fd, int command, int type, long start, long length) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &lock);
}
/// What keeps another process from such a lock: its type.
static int seen(int type, long start, long length, struct flock* found) {
  const pid_t child = fork();
  WANT(child >= 0);
  int result[2];
  (void)result;
  struct flock* shared = (void*)found;
  if (child == 0) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    const int fd = open("f", O_RDWR);
    if (fcntl(fd, F_GETLK, &lock) != 0) _exit(1);
    if (shared) *shared = lock;
    _exit(10 + lock.l_type);
  }
  const int status = check_wait(child);
  WANT(WIFEXITED(status) && WEXITSTATUS(status) >= 10);
  return WEXITSTATUS(status) - 10;
}
static struct flock* shared_flock(void) {
  void* at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  WANT(at != MAP_FAILED);
  return at;
}

CASE(record_locks_keep_others_out, "fcntl") {
  struct flock* found = shared_flock();
  const int fd = make();
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 10, 10), 0);
  WANT_EQ(seen(F_RDLCK, 0, 10, 0), F_UNLCK);
  WANT_EQ(seen(F_RDLCK, 19, 1, found), F_WRLCK);
  WANT_EQ(found->l_start, 10);
  WANT_EQ(found->l_len, 10);
  WANT_EQ(found->l_pid, getpid());
  WANT_EQ(seen(F_RDLCK, 20, 0, 0), F_UNLCK);
  WANT_EQ(set(fd, F_SETLK, F_RDLCK, 10, 10), 0);  // a process's own locks do not meet: converted
  WANT_EQ(seen(F_RDLCK, 10, 1, 0), F_UNLCK);
  WANT_EQ(seen(F_WRLCK, 10, 1, 0), F_RDLCK);
}

CASE(record_locks_split_and_merge, "fcntl") {
  struct flock* found = shared_flock();
  const int fd = make();
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 30), 0);
  WANT_EQ(set(fd, F_SETLK, F_UNLCK, 10, 10), 0);
  WANT_EQ(seen(F_WRLCK, 10, 10, 0), F_UNLCK);
  WANT_EQ(seen(F_WRLCK, 0, 0, found), F_WRLCK);
  WANT(found->l_start == 0 && found->l_len == 10);
  WANT_EQ(seen(F_WRLCK, 15, 0, found), F_WRLCK);
  WANT(found->l_start == 20 && found->l_len == 10);
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 10, 10), 0);
  WANT_EQ(seen(F_WRLCK, 15, 1, found), F_WRLCK);
  WANT(found->l_start == 0 && found->l_len == 30);  // neighbours of one kind are one
}

CASE(record_locks_end_with_any_close, "fcntl close") {
  const int fd = make();
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 0), 0);
  WANT_EQ(seen(F_WRLCK, 0, 0, 0), F_WRLCK);
  close(open("f", O_RDONLY));
  WANT_EQ(seen(F_WRLCK, 0, 0, 0), F_UNLCK);
}

CASE(record_locks_are_not_inherited, "fcntl fork") {
  const int fd = make();
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 0), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (set(fd, F_SETLK, F_WRLCK, 0, 0) != -1 || (errno != EAGAIN && errno != EACCES)) _exit(1);
    close(fd);  // the child holds none: nothing ends
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(seen(F_WRLCK, 0, 0, 0), F_WRLCK);
}

CASE(record_lock_waits, "fcntl") {
  const int fd = make();
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
  const pid_t child = fork();
  if (child == 0) {
    (void)!write(pipes[1], "a", 1);
    const int done = set(open("f", O_RDWR), F_SETLKW, F_WRLCK, 0, 1);
    (void)!write(pipes[1], "b", 1);
    _exit(done != 0);
  }
  char byte;
  WANT_EQ(read(pipes[0], &byte, 1), 1);
  usleep(20000);
  fcntl(pipes[0], F_SETFL, O_NONBLOCK);
  WANT_ERROR(read(pipes[0], &byte, 1), EAGAIN);
  WANT_EQ(set(fd, F_SETLK, F_UNLCK, 0, 1), 0);
  WANT_EQ(check_wait(child), 0);
}

static void nothing(int signal) { (void)signal; }
CASE(record_lock_wait_ends_by_a_signal, "fcntl") {
  const int fd = make();
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, 0);
    struct itimerspec { struct timespec a, b; };
    const pid_t me = getpid();
    if (fork() == 0) {
      for (int i = 0; i < 200; ++i) usleep(10000), kill(me, SIGUSR1);
      _exit(0);
    }
    const int done = set(open("f", O_RDWR), F_SETLKW, F_WRLCK, 0, 1);
    _exit(!(done == -1 && errno == EINTR));
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(record_lock_deadlock_is_found, "fcntl") {
  const int fd = make();
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int own = open("f", O_RDWR);
    if (set(own, F_SETLK, F_WRLCK, 1, 1) != 0) _exit(1);
    (void)!write(pipes[1], "a", 1);
    const int done = set(own, F_SETLKW, F_WRLCK, 0, 1);
    _exit(done == 0 ? 2 : errno == EDEADLK ? 3 : 4);
  }
  WANT_EQ(read(pipes[0], &(char){0}, 1), 1);
  const int mine = set(fd, F_SETLKW, F_WRLCK, 1, 1);
  const int failed = mine == -1 ? errno : 0;
  if (mine == 0) WANT_EQ(set(fd, F_SETLK, F_UNLCK, 0, 0), 0);
  if (mine != 0) {
    WANT_EQ(failed, EDEADLK);
    WANT_EQ(set(fd, F_SETLK, F_UNLCK, 0, 0), 0);
  }
  const int status = check_wait(child);
  WANT_EQ(WEXITSTATUS(status), mine == 0 ? 3 : 2);  // exactly one of them was refused
}

CASE(record_lock_deadlock_of_three, "fcntl") {
  const int fd = make();
  int ready[2], start[2];
  WANT_EQ(pipe(ready) | pipe(start), 0);
  pid_t children[3];
  for (int i = 0; i < 3; ++i) {
    children[i] = fork();
    if (children[i] != 0) continue;
    close(start[1]);
    const int own = open("f", O_RDWR);
    if (set(own, F_SETLK, F_WRLCK, i, 1) != 0) _exit(1);
    (void)!write(ready[1], "a", 1);
    (void)!read(start[0], &(char){0}, 1);
    const int done = set(own, F_SETLKW, F_WRLCK, (i + 1) % 3, 1);
    _exit(done == 0 ? 2 : errno == EDEADLK ? 3 : 4);
  }
  for (int i = 0; i < 3; ++i) WANT_EQ(read(ready[0], &(char){0}, 1), 1);
  close(start[1]);
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    const int status = check_wait(children[i]);
    WANT(WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 3);
    refused += WEXITSTATUS(status) == 3;
  }
  WANT_EQ(refused, 1);
  (void)fd;
}

CASE(record_locks_of_relative_ranges, "fcntl") {
  struct flock* found = shared_flock();
  const int fd = make();
  WANT_EQ(ftruncate(fd, 100) | (lseek(fd, 50, SEEK_SET) != 50), 0);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 5, .l_len = -10};
  WANT_EQ(fcntl(fd, F_SETLK, &lock), 0);
  WANT_EQ(seen(F_WRLCK, 0, 0, found), F_WRLCK);
  WANT(found->l_start == 45 && found->l_len == 10);
  lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 0};
  WANT_EQ(fcntl(fd, F_SETLK, &lock), 0);
  WANT_EQ(seen(F_WRLCK, 60, 0, found), F_WRLCK);
  WANT(found->l_start == 90 && found->l_len == 0);
}

CASE(record_lock_errors, "fcntl") {
  const int fd = make(), reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
  WANT_ERROR(set(reader, F_SETLK, F_WRLCK, 0, 0), EBADF);
  WANT_ERROR(set(writer, F_SETLK, F_RDLCK, 0, 0), EBADF);
  WANT_ERROR(set(fd, F_SETLK, 17, 0, 0), EINVAL);
  WANT_ERROR(set(fd, F_SETLK, F_RDLCK, -1, 0), EINVAL);
  WANT_ERROR(set(fd, F_SETLK, F_RDLCK, 5, -6), EINVAL);
  WANT_ERROR(set(fd, F_SETLK, F_RDLCK, INT64_MAX, 2), EOVERFLOW);
  WANT_ERROR(set(-1, F_SETLK, F_RDLCK, 0, 0), EBADF);
  WANT_ERROR(fcntl(fd, F_SETLK, 8), EFAULT);
  struct flock lock = {.l_type = F_RDLCK, .l_whence = 9};
  WANT_ERROR(fcntl(fd, F_SETLK, &lock), EINVAL);
  lock = (struct flock){.l_type = F_UNLCK};
  WANT_ERROR(fcntl(fd, F_GETLK, &lock), EINVAL);
}

CASE(description_locks_belong_to_the_description, "fcntl dup fork") {
  const int fd = make(), other = open("f", O_RDWR);
  WANT_EQ(set(fd, F_OFD_SETLK, F_WRLCK, 0, 10), 0);
  WANT_ERROR(set(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
  WANT_EQ(set(other, F_OFD_SETLK, F_WRLCK, 10, 1), 0);
  const int copy = dup(fd);
  WANT_EQ(set(copy, F_OFD_SETLK, F_WRLCK, 0, 5), 0);  // the same description
  close(open("f", O_RDONLY));                         // closes nothing of it
  WANT_ERROR(set(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
  struct flock lock = {.l_type = F_WRLCK, .l_len = 10};
  WANT_EQ(fcntl(other, F_OFD_GETLK, &lock), 0);
  WANT(lock.l_type == F_WRLCK && lock.l_pid == -1);
  close(fd);
  WANT_ERROR(set(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
  close(copy);
  WANT_EQ(set(other, F_OFD_SETLK, F_WRLCK, 5, 1), 0);
}

CASE(description_locks_meet_record_locks, "fcntl") {
  const int fd = make(), other = open("f", O_RDWR);
  WANT_EQ(set(fd, F_SETLK, F_WRLCK, 0, 10), 0);
  WANT_ERROR(set(other, F_OFD_SETLK, F_WRLCK, 0, 10), EAGAIN);  // even one's own
  WANT_EQ(set(fd, F_SETLK, F_UNLCK, 0, 10), 0);
  WANT_EQ(set(other, F_OFD_SETLK, F_RDLCK, 0, 10), 0);
  WANT_ERROR(set(fd, F_SETLK, F_WRLCK, 0, 10), EAGAIN);
  struct flock lock = {.l_type = F_WRLCK, .l_len = 10, .l_pid = 1};
  WANT_ERROR(fcntl(other, F_OFD_SETLK, &lock), EINVAL);  // the pid must be zero
}

CASE(description_locks_are_inherited, "fcntl fork") {
  const int fd = make();
  WANT_EQ(set(fd, F_OFD_SETLK, F_WRLCK, 0, 0), 0);
  const pid_t child = fork();
  if (child == 0) _exit(set(fd, F_OFD_SETLK, F_WRLCK, 0, 0) != 0);
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(set(open("f", O_RDWR), F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
}

CASE(flock_shared_and_exclusive, "flock") {
  const int a = make(), b = open("f", O_RDONLY), c = open("f", O_RDONLY);
  WANT_EQ(flock(a, LOCK_SH) | flock(b, LOCK_SH), 0);
  WANT_ERROR(flock(c, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  WANT_EQ(flock(a, LOCK_UN) | flock(b, LOCK_UN), 0);
  WANT_EQ(flock(c, LOCK_EX | LOCK_NB), 0);
  WANT_ERROR(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
  const int copy = dup(c);
  WANT_EQ(flock(copy, LOCK_SH), 0);  // the same lock, converted
  WANT_EQ(flock(a, LOCK_SH | LOCK_NB), 0);
  close(c);
  WANT_ERROR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  close(copy);
  WANT_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
}

CASE(flock_and_record_locks_do_not_meet, "flock fcntl") {
  const int fd = make();
  WANT_EQ(flock(fd, LOCK_EX), 0);
  WANT_EQ(seen(F_WRLCK, 0, 0, 0), F_UNLCK);
}

CASE(flock_errors, "flock") {
  const int fd = make();
  WANT_ERROR(flock(fd, 0), EINVAL);
  WANT_ERROR(flock(fd, LOCK_SH | LOCK_EX), EINVAL);
  WANT_ERROR(flock(-1, LOCK_SH), EBADF);
  WANT_ERROR(flock(open("f", O_PATH), LOCK_SH), EBADF);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(flock(pipes[0], LOCK_EX | LOCK_NB), 0);  // whatever has a descriptor
}

CASE(flock_waits_and_dies_with_its_holder, "flock") {
  const int fd = make();
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(fd);
    if (flock(open("f", O_RDONLY), LOCK_EX) != 0) _exit(1);
    (void)!write(pipes[1], "a", 1);
    pause();
  }
  WANT_EQ(read(pipes[0], &(char){0}, 1), 1);
  WANT_ERROR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  WANT_EQ(kill(child, SIGKILL), 0);
  WANT_EQ(flock(fd, LOCK_EX), 0);
  check_wait(child);
}

CASE(leases_of_what_nobody_else_has_open, "fcntl") {
  const int fd = make();
  WANT_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
  WANT_ERROR(fcntl(fd, F_SETLEASE, 17), EINVAL);
  WANT_ERROR(fcntl(-1, F_GETLEASE), EBADF);
  const int other = open("f", O_RDWR);
  WANT(other >= 0);
  WANT_ERROR(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);  // somebody has it open
}
