// truncate(2), fallocate(2), and what programs say about a file's contents: fsync, fadvise, readahead.
#include "check.h"

#include <linux/falloc.h>

enum { kPage = 4096 };
static int make(int pages) {
  const int fd = open("f", O_CREAT | O_RDWR | O_TRUNC, 0644);
  WANT(fd >= 0);
  static char page[kPage];
  memset(page, 'x', kPage);
  for (int i = 0; i < pages; ++i) WANT_EQ(write(fd, page, kPage), kPage);
  return fd;
}
static struct stat status_of(int fd) {
  struct stat found;
  WANT_EQ(fstat(fd, &found), 0);
  return found;
}
static char byte_at(int fd, long offset) {
  char byte = 77;
  WANT_EQ(pread(fd, &byte, 1, offset), 1);
  return byte;
}

CASE(truncate_cuts_and_extends, "truncate ftruncate") {
  const int fd = make(2);
  WANT_EQ(truncate("f", 10), 0);
  WANT_EQ(status_of(fd).st_size, 10);
  WANT_EQ(ftruncate(fd, kPage + 5), 0);
  WANT_EQ(byte_at(fd, 9), 'x');
  WANT_EQ(byte_at(fd, 10), 0);  // what was cut does not come back
  WANT_EQ(byte_at(fd, kPage + 4), 0);
  WANT_EQ(status_of(fd).st_blocks, 8);
}

CASE(truncate_errors, "truncate") {
  make(1);
  WANT_EQ(mkdir("d", 0755) | symlink("loop", "loop") | mkfifo("fifo", 0600), 0);
  WANT_ERROR(truncate("d", 0), EISDIR);
  WANT_ERROR(truncate("fifo", 0), EINVAL);
  WANT_ERROR(truncate("missing", 0), ENOENT);
  WANT_ERROR(truncate("f/g", 0), ENOTDIR);
  WANT_ERROR(truncate("loop", 0), ELOOP);
  WANT_ERROR(truncate("f", -1), EINVAL);
  WANT_ERROR(truncate((char*)8, 0), EFAULT);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(truncate("f", 0), EACCES);
}

CASE(ftruncate_errors, "ftruncate") {
  const int fd = make(1), reader = open("f", O_RDONLY);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(ftruncate(reader, 0), EINVAL);
  WANT_ERROR(ftruncate(fd, -1), EINVAL);
  WANT_ERROR(ftruncate(-1, 0), EBADF);
  WANT_ERROR(ftruncate(pipes[1], 0), EINVAL);
  WANT_EQ(chmod("f", 0), 0);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_EQ(ftruncate(fd, 1), 0);  // the descriptor's right, not the file's
}

CASE(truncate_takes_set_id_bits_away, "ftruncate write") {
  const int fd = make(1);
  WANT_EQ(fchown(fd, 1000, 1000) | fchmod(fd, 06777), 0);
  WANT_EQ(setgid(1001) | setuid(1001), 0);
  WANT_EQ(write(fd, "y", 1), 1);
  WANT_EQ(status_of(fd).st_mode & 07777, 0777);
}

CASE(truncate_moves_the_times, "ftruncate truncate") {
  const int fd = make(1);
  const struct timespec old[2] = {{1, 0}, {1, 0}};
  WANT_EQ(futimens(fd, old), 0);
  WANT_EQ(ftruncate(fd, 5), 0);
  WANT(status_of(fd).st_mtime > 1);
  WANT_EQ(status_of(fd).st_atime, 1);
}

CASE(shared_mapping_sees_the_cut, "ftruncate mmap") {
  const int fd = make(2);
  volatile char* at = mmap(0, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  WANT(at != MAP_FAILED && at[kPage] == 'x');
  WANT_EQ(ftruncate(fd, 10), 0);
  WANT_EQ(at[9], 'x');
  WANT_EQ(at[10], 0);
  const pid_t child = fork();
  if (child == 0) {
    (void)at[kPage];
    _exit(0);
  }
  const int status = check_wait(child);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  WANT_EQ(ftruncate(fd, 2 * kPage), 0);
  WANT_EQ(at[kPage], 0);
}

CASE(fallocate_makes_room, "fallocate") {
  const int fd = make(0);
  WANT_EQ(fallocate(fd, 0, kPage, 2 * kPage), 0);
  WANT_EQ(status_of(fd).st_size, 3 * kPage);
  WANT_EQ(status_of(fd).st_blocks, 16);
  WANT_EQ(byte_at(fd, kPage), 0);
  WANT_EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 5 * kPage), 0);
  WANT_EQ(status_of(fd).st_size, 3 * kPage);
  WANT_EQ(status_of(fd).st_blocks, 40);
}

CASE(fallocate_punches_holes, "fallocate lseek") {
  const int fd = make(4);
  WANT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kPage - 10, kPage + 20), 0);
  WANT_EQ(status_of(fd).st_size, 4 * kPage);
  WANT_EQ(status_of(fd).st_blocks, 24);
  WANT_EQ(byte_at(fd, kPage - 11), 'x');
  WANT_EQ(byte_at(fd, kPage - 10), 0);
  WANT_EQ(byte_at(fd, 2 * kPage + 9), 0);
  WANT_EQ(byte_at(fd, 2 * kPage + 10), 'x');
  WANT_EQ(lseek(fd, 0, SEEK_HOLE), kPage);
  WANT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * kPage, 100 * kPage), 0);
  WANT_EQ(status_of(fd).st_size, 4 * kPage);
}

CASE(fallocate_errors, "fallocate") {
  const int fd = make(1), reader = open("f", O_RDONLY);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(fallocate(fd, 0, -1, 1), EINVAL);
  WANT_ERROR(fallocate(fd, 0, 0, 0), EINVAL);
  WANT_ERROR(fallocate(fd, 0, 0, -1), EINVAL);
  WANT_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);  // only with KEEP_SIZE
  WANT_ERROR(fallocate(fd, 0x1000, 0, 1), EOPNOTSUPP);
  WANT_ERROR(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, kPage), EOPNOTSUPP);  // not in tmpfs
  WANT_ERROR(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, kPage), EOPNOTSUPP);
  WANT_ERROR(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
  WANT_ERROR(fallocate(reader, 0, 0, 1), EBADF);
  WANT_ERROR(fallocate(-1, 0, 0, 1), EBADF);
  WANT_ERROR(fallocate(pipes[1], 0, 0, 1), ESPIPE);
  WANT_ERROR(fallocate(open("/dev/null", O_RDWR), 0, 0, 1), ENODEV);
}

CASE(sync_family, "fsync fdatasync sync syncfs sync_file_range") {
  const int fd = make(1), place = open("f", O_PATH);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(fsync(fd), 0);
  WANT_EQ(fdatasync(fd), 0);
  WANT_EQ(fsync(open(".", O_RDONLY)), 0);
  WANT_EQ(fsync(open("f", O_RDONLY)), 0);
  WANT_ERROR(fsync(-1), EBADF);
  WANT_ERROR(fsync(place), EBADF);
  WANT_ERROR(fsync(pipes[1]), EINVAL);
  WANT_ERROR(fdatasync(pipes[1]), EINVAL);
  WANT_EQ(syncfs(fd), 0);
  WANT_ERROR(syncfs(-1), EBADF);
  WANT_ERROR(syncfs(place), EBADF);
  sync();
  WANT_EQ(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
  WANT_EQ(sync_file_range(fd, 10, 20, 7), 0);
  WANT_ERROR(sync_file_range(fd, 0, 0, 8), EINVAL);
  WANT_ERROR(sync_file_range(fd, -1, 0, 0), EINVAL);
  WANT_ERROR(sync_file_range(fd, 0, -1, 0), EINVAL);
  WANT_ERROR(sync_file_range(-1, 0, 0, 0), EBADF);
  WANT_ERROR(sync_file_range(pipes[1], 0, 0, 0), ESPIPE);
}

CASE(fadvise_and_readahead, "fadvise64 readahead") {
  const int fd = make(2);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  for (int advice = 0; advice < 6; ++advice) WANT_EQ(syscall(SYS_fadvise64, fd, 0L, 0L, advice), 0);
  WANT_EQ(byte_at(fd, kPage), 'x');  // DONTNEED drops nothing that is not elsewhere
  WANT_ERROR(syscall(SYS_fadvise64, fd, 0L, 0L, 6), EINVAL);
  WANT_ERROR(syscall(SYS_fadvise64, fd, 0L, -1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_fadvise64, -1, 0L, 0L, 0), EBADF);
  WANT_ERROR(syscall(SYS_fadvise64, pipes[0], 0L, 0L, 0), ESPIPE);
  const long ahead = syscall(SYS_readahead, fd, 0L, (long)kPage);
  WANT(ahead == 0 || errno == EINVAL);  // tmpfs has nothing to read from
  WANT_ERROR(syscall(SYS_readahead, -1, 0L, 1L), EBADF);
  WANT_ERROR(syscall(SYS_readahead, open("f", O_WRONLY), 0L, 1L), EBADF);
  WANT_ERROR(syscall(SYS_readahead, pipes[0], 0L, 1L), EINVAL);
}
