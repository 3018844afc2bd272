// memfd_create(2) and its seals (fcntl(2)): what is sealed stays as it is, for everybody and every way to write.
#include "check.h"

#include <linux/falloc.h>
#include <linux/memfd.h>
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif
enum { kSeal = 1, kShrink = 2, kGrow = 4, kWrite = 8, kFutureWrite = 16, kPage = 4096 };

static int make(const char* name, unsigned flags) { return syscall(SYS_memfd_create, name, flags); }
static int sealable(void) {
  const int fd = make("seals", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  WANT(fd >= 0);
  WANT_EQ(ftruncate(fd, 2 * kPage), 0);
  return fd;
}
static char* map(int fd, int protection, int kind) { return mmap(0, 2 * kPage, protection, kind, fd, 0); }

CASE(memfd_is_a_file_without_a_name, "memfd_create") {
  struct stat found;
  char path[40], text[80] = "";
  const int fd = make("my name", 0);
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFD), 0);
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_size, 0);
  WANT_EQ(found.st_mode & S_IFMT, S_IFREG);
  sprintf(path, "/proc/self/fd/%d", fd);
  WANT(readlink(path, text, sizeof text - 1) > 0);
  WANT(strcmp(text, "/memfd:my name (deleted)") == 0);
  WANT_EQ(write(fd, "hello", 5), 5);
  const int again = open(path, O_RDONLY);
  WANT(again >= 0);
  WANT_EQ(lseek(again, 0, SEEK_END), 5);
  WANT_ERROR(write(again, "x", 1), EBADF);
  WANT_EQ(fcntl(make("x", MFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
}

CASE(memfd_errors, "memfd_create") {
  char name[300];
  memset(name, 'n', sizeof name);
  name[250] = 0;
  WANT_ERROR(make(name, 0), EINVAL);
  name[249] = 0;
  WANT(make(name, 0) >= 0);
  WANT_ERROR(make("x", 0x10000), EINVAL);
  WANT_ERROR(make((char*)8, 0), EFAULT);
}

CASE(seals_are_asked_for, "memfd_create fcntl") {
  const int fd = make("x", 0);
  WANT_EQ(fcntl(fd, F_GET_SEALS), kSeal);
  WANT_ERROR(fcntl(fd, F_ADD_SEALS, kWrite), EPERM);
  const int open_one = sealable();
  WANT_EQ(fcntl(open_one, F_GET_SEALS), 0);
  WANT_ERROR(fcntl(open_one, F_ADD_SEALS, 0x1000), EINVAL);
  WANT_EQ(fcntl(open_one, F_ADD_SEALS, kGrow), 0);
  WANT_EQ(fcntl(open_one, F_ADD_SEALS, kShrink | kSeal), 0);
  WANT_EQ(fcntl(open_one, F_GET_SEALS), kGrow | kShrink | kSeal);
  WANT_ERROR(fcntl(open_one, F_ADD_SEALS, kWrite), EPERM);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(fcntl(pipes[1], F_GET_SEALS), EINVAL);
  char path[40];
  sprintf(path, "/proc/self/fd/%d", open_one);
  WANT_ERROR(fcntl(open(path, O_RDONLY), F_ADD_SEALS, kShrink), EPERM);  // only who may write
}

CASE(seal_shrink_and_grow, "fcntl ftruncate write fallocate") {
  const int fd = sealable();
  WANT_EQ(fcntl(fd, F_ADD_SEALS, kShrink), 0);
  WANT_ERROR(ftruncate(fd, kPage), EPERM);
  WANT_EQ(ftruncate(fd, 3 * kPage), 0);
  WANT_EQ(fcntl(fd, F_ADD_SEALS, kGrow), 0);
  WANT_ERROR(ftruncate(fd, 4 * kPage), EPERM);
  WANT_EQ(ftruncate(fd, 3 * kPage), 0);
  WANT_ERROR(pwrite(fd, "x", 1, 3 * kPage), EPERM);
  WANT_EQ(pwrite(fd, "x", 1, 3 * kPage - 1), 1);
  WANT_ERROR(fallocate(fd, 0, 0, 4 * kPage), EPERM);
  WANT_EQ(fallocate(fd, 0, 0, kPage), 0);
  char path[40];
  sprintf(path, "/proc/self/fd/%d", fd);
  WANT_ERROR(open(path, O_RDWR | O_TRUNC), EPERM);
  WANT_ERROR(truncate(path, 0), EPERM);
}

CASE(seal_write, "fcntl write mmap fallocate") {
  const int fd = sealable();
  WANT_EQ(pwrite(fd, "abc", 3, 0), 3);
  WANT_EQ(fcntl(fd, F_ADD_SEALS, kWrite), 0);
  WANT_ERROR(pwrite(fd, "x", 1, 0), EPERM);
  WANT_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPage), EPERM);
  WANT(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
  char* private = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  WANT(private != MAP_FAILED && private[1] == 'b');
  private[1] = 'X';
  WANT_EQ(pread(fd, private + 10, 3, 0), 3);
  WANT(memcmp(private + 10, "abc", 3) == 0);
  WANT_EQ(ftruncate(fd, kPage), 0);  // its size is sealed by other seals
}

CASE(seal_write_waits_for_no_mapping, "fcntl mmap munmap") {
  const int fd = sealable();
  char* at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  WANT(at != MAP_FAILED);
  WANT_ERROR(fcntl(fd, F_ADD_SEALS, kWrite), EBUSY);
  const pid_t child = fork();
  if (child == 0) pause();
  WANT_EQ(munmap(at, 2 * kPage), 0);
  WANT_ERROR(fcntl(fd, F_ADD_SEALS, kWrite), EBUSY);  // the child has it still
  WANT_EQ(kill(child, SIGKILL), 0);
  check_wait(child);
  WANT_EQ(fcntl(fd, F_ADD_SEALS, kWrite), 0);
}

CASE(seal_future_write_leaves_what_is_mapped, "fcntl mmap mprotect") {
  const int fd = sealable();
  char* before = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  WANT(before != MAP_FAILED);
  WANT_EQ(fcntl(fd, F_ADD_SEALS, kFutureWrite), 0);
  before[0] = 'w';
  WANT_ERROR(pwrite(fd, "x", 1, 0), EPERM);
  WANT(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
  char* reader = map(fd, PROT_READ, MAP_SHARED);
  WANT(reader != MAP_FAILED && reader[0] == 'w');
  WANT_ERROR(mprotect(reader, kPage, PROT_READ | PROT_WRITE), EACCES);
  before[0] = 'v';
  WANT_EQ(reader[0], 'v');
}

CASE(memfd_is_shared_by_descriptor, "memfd_create mmap fork") {
  const int fd = sealable();
  char* at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
  const pid_t child = fork();
  if (child == 0) {
    char* own = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    own[kPage] = 'c';
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(at[kPage], 'c');
}
