// read(2), write(2), their positional and vectored forms, and lseek(2), on files; sparse files.
#include "check.h"

#include <sys/uio.h>

enum { kPage = 4096 };
static int make(const char* text) {
  const int fd = open("f", O_CREAT | O_RDWR | O_TRUNC, 0644);
  WANT(fd >= 0);
  WANT_EQ(write(fd, text, strlen(text)), strlen(text));
  WANT_EQ(lseek(fd, 0, SEEK_SET), 0);
  return fd;
}
/// Memory whose second page is not there.
static char* edge(void) {
  char* at = mmap(0, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT(at != MAP_FAILED && munmap(at + kPage, kPage) == 0);
  return at + kPage;
}

CASE(read_moves_the_position, "read lseek") {
  const int fd = make("hello");
  char text[8];
  WANT_EQ(read(fd, text, 3), 3);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 3);
  WANT_EQ(read(fd, text, 8), 2);
  WANT(memcmp(text, "lo", 2) == 0);
  WANT_EQ(read(fd, text, 8), 0);
  WANT_EQ(read(fd, 0, 0), 0);
}

CASE(read_errors, "read") {
  const int fd = make("hello");
  WANT_ERROR(read(fd, (void*)8, 5), EFAULT);
  WANT_ERROR(read(-1, &(char){0}, 1), EBADF);
  WANT_ERROR(read(open(".", O_RDONLY), &(char){0}, 1), EISDIR);
  WANT_ERROR(read(open("f", O_WRONLY), &(char){0}, 1), EBADF);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

CASE(read_into_memory_that_ends_is_short, "read write") {
  const int fd = make("hello");
  char* end = edge();
  WANT_EQ(read(fd, end - 2, 5), 2);
  WANT(memcmp(end - 2, "he", 2) == 0);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 2);
  WANT_EQ(lseek(fd, 0, SEEK_END), 5);
  WANT_EQ(write(fd, end - 2, 5), 2);
  WANT_EQ(lseek(fd, 0, SEEK_END), 7);
}

CASE(write_errors, "write") {
  const int fd = make("hello");
  WANT_ERROR(write(fd, (void*)8, 5), EFAULT);
  WANT_ERROR(write(-1, "", 1), EBADF);
  WANT_ERROR(write(open(".", O_RDONLY), "", 1), EBADF);
  WANT_EQ(write(fd, 0, 0), 0);
  WANT_EQ(lseek(fd, 0, SEEK_END), 5);
}

CASE(write_beyond_the_end_leaves_zeros, "write pwrite64 read") {
  const int fd = make("a");
  WANT_EQ(pwrite(fd, "z", 1, 3 * kPage + 7), 1);
  char byte = 1;
  WANT_EQ(pread(fd, &byte, 1, 1), 1);
  WANT_EQ(byte, 0);
  WANT_EQ(pread(fd, &byte, 1, 3 * kPage + 6), 1);
  WANT_EQ(byte, 0);
  struct stat found;
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_size, 3 * kPage + 8);
  WANT_EQ(found.st_blocks, 16);  // two pages are there, and no more
}

CASE(write_honours_the_limit_of_file_sizes, "write ftruncate pwrite64 prlimit64") {
  struct { unsigned long soft, hard; } limit = {100, 100};
  WANT_EQ(syscall(SYS_prlimit64, 0, 1, &limit, 0), 0);
  signal(SIGXFSZ, SIG_IGN);
  const int fd = make("");
  char block[64] = "";
  WANT_EQ(write(fd, block, 64), 64);
  WANT_EQ(write(fd, block, 64), 36);
  WANT_ERROR(write(fd, block, 1), EFBIG);
  WANT_ERROR(pwrite(fd, block, 1, 100), EFBIG);
  WANT_ERROR(ftruncate(fd, 101), EFBIG);
  WANT_EQ(ftruncate(fd, 100), 0);
  signal(SIGXFSZ, SIG_DFL);
  const pid_t child = fork();
  if (child == 0) {
    (void)!write(fd, block, 1);
    _exit(0);
  }
  const int status = check_wait(child);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}

CASE(pread_and_pwrite_leave_the_position, "pread64 pwrite64") {
  const int fd = make("hello");
  char text[8];
  WANT_EQ(pread(fd, text, 2, 3), 2);
  WANT(memcmp(text, "lo", 2) == 0);
  WANT_EQ(pwrite(fd, "J", 1, 0), 1);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 0);
  WANT_EQ(read(fd, text, 8), 5);
  WANT(memcmp(text, "Jello", 5) == 0);
  WANT_EQ(pread(fd, text, 8, 5), 0);
  WANT_EQ(pread(fd, text, 8, 1ll << 50), 0);
  WANT_ERROR(pread(fd, text, 8, -1), EINVAL);
  WANT_ERROR(pwrite(fd, text, 8, -1), EINVAL);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(pread(pipes[0], text, 1, 0), ESPIPE);
  WANT_ERROR(pwrite(pipes[1], text, 1, 0), ESPIPE);
}

CASE(readv_and_writev_go_through_their_parts, "readv writev") {
  const int fd = make("");
  char a[4] = "", b[4] = "";
  const struct iovec out[] = {{"one", 3}, {0, 0}, {"two", 3}};
  WANT_EQ(writev(fd, out, 3), 6);
  WANT_EQ(lseek(fd, 1, SEEK_SET), 1);
  const struct iovec in[] = {{a, 2}, {b, 4}};
  WANT_EQ(readv(fd, in, 2), 5);
  WANT(memcmp(a, "ne", 2) == 0 && memcmp(b, "two", 3) == 0);
  WANT_EQ(readv(fd, in, 0), 0);
}

CASE(vectors_are_checked, "readv writev preadv pwritev") {
  const int fd = make("hello");
  static struct iovec many[1025];
  WANT_EQ(readv(fd, many, 1024), 0);
  WANT_ERROR(readv(fd, many, 1025), EINVAL);
  WANT_ERROR(readv(fd, many, -1), EINVAL);
  WANT_ERROR(readv(fd, (void*)8, 1), EFAULT);
  many[0] = (struct iovec){many, (size_t)-1};
  WANT_ERROR(readv(fd, many, 1), EINVAL);
  WANT_ERROR(preadv(fd, many, 1, 0), EINVAL);
  WANT_ERROR(preadv(fd, many, 0, -1), EINVAL);
  WANT_ERROR(pwritev(fd, many, 0, -1), EINVAL);
  char* end = edge();
  const struct iovec parts[] = {{end - 2, 2}, {end, 2}};
  WANT_EQ(readv(fd, parts, 2), 2);  // what came before the fault counts
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 2);
}

CASE(preadv_and_pwritev_have_positions, "preadv pwritev") {
  const int fd = make("0123456789");
  char a[2], b[2];
  const struct iovec in[] = {{a, 2}, {b, 2}};
  WANT_EQ(preadv(fd, in, 2, 3), 4);
  WANT(a[0] == '3' && b[1] == '6');
  WANT_EQ(pwritev(fd, in, 2, 8), 4);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 0);
  WANT_EQ(lseek(fd, 0, SEEK_END), 12);
}

static long read2(int fd, const struct iovec* parts, int count, long offset, int flags) {
  return syscall(SYS_preadv2, fd, parts, (long)count, offset, 0L, flags);
}
static long write2(int fd, const struct iovec* parts, int count, long offset, int flags) {
  return syscall(SYS_pwritev2, fd, parts, (long)count, offset, 0L, flags);
}
CASE(preadv2_and_pwritev2_have_flags, "preadv2 pwritev2") {
  enum { kHigh = 1, kDataSync = 2, kSync = 4, kNoWait = 8, kAppend = 16 };
  const int fd = make("hello");
  char text[8];
  const struct iovec part = {text, 2};
  WANT_EQ(read2(fd, &part, 1, -1, 0), 2);  // at the file's own position
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 2);
  WANT_EQ(read2(fd, &part, 1, 0, 0), 2);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 2);
  WANT_ERROR(read2(fd, &part, 1, -2, 0), EINVAL);
  WANT_ERROR(read2(fd, &part, 1, 0, 0x4000000), EOPNOTSUPP);
  WANT_EQ(write2(fd, &part, 1, 0, kDataSync | kSync), 2);
  WANT_EQ(write2(fd, &part, 1, 0, kAppend), 2);  // at the end, whatever the offset says
  WANT_EQ(lseek(fd, 0, SEEK_END), 7);
  WANT_EQ(pread(fd, text, 8, 0), 7);
  WANT(memcmp(text, "hellohe", 7) == 0);
  WANT_EQ(read2(fd, &part, 1, 0, kHigh), 2);
}

CASE(lseek_from_everywhere, "lseek") {
  const int fd = make("hello");
  WANT_EQ(lseek(fd, 2, SEEK_SET), 2);
  WANT_EQ(lseek(fd, -1, SEEK_CUR), 1);
  WANT_EQ(lseek(fd, -1, SEEK_END), 4);
  WANT_EQ(lseek(fd, 100, SEEK_END), 105);
  WANT_EQ(read(fd, &(char){0}, 1), 0);
  WANT_ERROR(lseek(fd, -6, SEEK_END), EINVAL);
  WANT_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 105);  // unmoved by what failed
  WANT_ERROR(lseek(fd, 0, 9), EINVAL);
  WANT_ERROR(lseek(-1, 0, SEEK_SET), EBADF);
  WANT_EQ(lseek(fd, INT64_MAX, SEEK_SET) == INT64_MAX || errno == EINVAL, 1);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(lseek(pipes[0], 0, SEEK_SET), ESPIPE);
}

CASE(lseek_finds_data_and_holes, "lseek") {
  const int fd = make("");
  WANT_EQ(pwrite(fd, "x", 1, 4 * kPage), 1);
  WANT_EQ(pwrite(fd, "x", 1, 9 * kPage), 1);
  WANT_EQ(ftruncate(fd, 12 * kPage), 0);
  WANT_EQ(lseek(fd, 0, SEEK_DATA), 4 * kPage);
  WANT_EQ(lseek(fd, 4 * kPage + 9, SEEK_DATA), 4 * kPage + 9);
  WANT_EQ(lseek(fd, 5 * kPage, SEEK_DATA), 9 * kPage);
  WANT_ERROR(lseek(fd, 10 * kPage, SEEK_DATA), ENXIO);
  WANT_EQ(lseek(fd, 0, SEEK_HOLE), 0);
  WANT_EQ(lseek(fd, 4 * kPage, SEEK_HOLE), 5 * kPage);
  WANT_EQ(lseek(fd, 9 * kPage, SEEK_HOLE), 10 * kPage);
  WANT_ERROR(lseek(fd, 12 * kPage, SEEK_HOLE), ENXIO);
  WANT_ERROR(lseek(fd, 12 * kPage, SEEK_DATA), ENXIO);
  WANT_ERROR(lseek(fd, -1, SEEK_DATA), ENXIO);
  WANT_EQ(ftruncate(fd, 9 * kPage + 1), 0);
  WANT_EQ(lseek(fd, 9 * kPage, SEEK_HOLE), 9 * kPage + 1);  // the end counts as one
}

CASE(position_belongs_to_the_description, "lseek dup fork") {
  const int fd = make("hello"), other = dup(fd), own = open("f", O_RDONLY);
  WANT_EQ(lseek(fd, 3, SEEK_SET), 3);
  WANT_EQ(lseek(other, 0, SEEK_CUR), 3);
  WANT_EQ(lseek(own, 0, SEEK_CUR), 0);
  const pid_t child = fork();
  if (child == 0) _exit(lseek(fd, 1, SEEK_CUR) != 4);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

CASE(appends_of_many_processes_do_not_overwrite, "open write") {
  enum { kWriters = 4, kLines = 200 };
  for (int i = 0; i < kWriters; ++i) {
    if (fork() != 0) continue;
    const int fd = open("log", O_CREAT | O_WRONLY | O_APPEND, 0644);
    char line[16];
    memset(line, 'a' + i, 15);
    line[15] = '\n';
    for (int j = 0; j < kLines; ++j)
      if (write(fd, line, 16) != 16) _exit(1);
    _exit(0);
  }
  int status;
  for (int i = 0; i < kWriters; ++i) WANT(wait(&status) > 0 && status == 0);
  const int fd = open("log", O_RDONLY);
  int count[kWriters] = {0};
  char line[16];
  while (read(fd, line, 16) == 16) {
    for (int i = 1; i < 15; ++i) WANT_EQ(line[i], line[0]);
    ++count[line[0] - 'a'];
  }
  for (int i = 0; i < kWriters; ++i) WANT_EQ(count[i], kLines);
}

CASE(writes_through_one_position_do_not_overwrite, "write") {
  enum { kWriters = 4, kLines = 200 };
  const int fd = make("");
  for (int i = 0; i < kWriters; ++i) {
    if (fork() != 0) continue;
    for (int j = 0; j < kLines; ++j)
      if (write(fd, "0123456\n", 8) != 8) _exit(1);
    _exit(0);
  }
  int status;
  for (int i = 0; i < kWriters; ++i) WANT(wait(&status) > 0 && status == 0);
  WANT_EQ(lseek(fd, 0, SEEK_END), kWriters * kLines * 8);
}
