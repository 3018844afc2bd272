// Copies inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice.
#include "check.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

enum { kSize = 20000 };
static char pattern[kSize], got[kSize + 100];
static int make(const char* name, int size) {
  for (int i = 0; i < kSize; ++i) pattern[i] = i * 7 + i / 256;
  const int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  WANT(fd >= 0);
  WANT_EQ(write(fd, pattern, size), size);
  WANT_EQ(lseek(fd, 0, SEEK_SET), 0);
  return fd;
}
static void want_contents(int fd, const char* expected, int size) {
  WANT_EQ(pread(fd, got, sizeof got, 0), size);
  WANT(memcmp(got, expected, size) == 0);
}

CASE(sendfile_copies_and_moves_positions, "sendfile") {
  const int in = make("in", kSize), out = make("out", 0);
  WANT_EQ(sendfile(out, in, 0, 15000), 15000);
  WANT_EQ(lseek(in, 0, SEEK_CUR), 15000);
  WANT_EQ(sendfile(out, in, 0, 15000), 5000);
  WANT_EQ(sendfile(out, in, 0, 15000), 0);
  want_contents(out, pattern, kSize);
  off_t offset = 100;
  WANT_EQ(ftruncate(out, 0) | (lseek(out, 0, SEEK_SET) != 0), 0);
  WANT_EQ(sendfile(out, in, &offset, 50), 50);
  WANT_EQ(offset, 150);
  WANT_EQ(lseek(in, 0, SEEK_CUR), kSize);  // untouched
  want_contents(out, pattern + 100, 50);
}

CASE(sendfile_into_a_pipe, "sendfile") {
  const int in = make("in", kSize);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  WANT_EQ(sendfile(pipes[1], in, 0, 1000), 1000);
  WANT_EQ(read(pipes[0], got, sizeof got), 1000);
  WANT(memcmp(got, pattern, 1000) == 0);
}

CASE(sendfile_errors, "sendfile") {
  const int in = make("in", 100), out = make("out", 0);
  int pipes[2];
  off_t offset = -1;
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(sendfile(out, in, &offset, 10), EINVAL);
  WANT_ERROR(sendfile(out, -1, 0, 10), EBADF);
  WANT_ERROR(sendfile(-1, in, 0, 10), EBADF);
  WANT_ERROR(sendfile(open("out", O_RDONLY), in, 0, 10), EBADF);
  WANT_ERROR(sendfile(out, open("in", O_WRONLY), 0, 10), EBADF);
  WANT_ERROR(sendfile(out, pipes[0], 0, 10), EINVAL);
  WANT_ERROR(sendfile(open("out", O_WRONLY | O_APPEND), in, 0, 10), EINVAL);
  WANT_ERROR(syscall(SYS_sendfile, out, in, 8L, 10L), EFAULT);
}

CASE(copy_file_range_copies, "copy_file_range") {
  const int in = make("in", kSize), out = make("out", 0);
  WANT_EQ(copy_file_range(in, 0, out, 0, kSize, 0), kSize);
  want_contents(out, pattern, kSize);
  off_t from = 10, to = 5;
  WANT_EQ(copy_file_range(in, &from, out, &to, 100, 0), 100);
  WANT(from == 110 && to == 105);
  WANT_EQ(pread(out, got, 100, 5), 100);
  WANT(memcmp(got, pattern + 10, 100) == 0);
  from = kSize;
  WANT_EQ(copy_file_range(in, &from, out, 0, 100, 0), 0);
}

CASE(copy_file_range_errors, "copy_file_range") {
  const int in = make("in", 1000), out = make("out", 0), append = open("out", O_WRONLY | O_APPEND);
  int pipes[2];
  off_t a = 0, b = 50;
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(copy_file_range(in, 0, out, 0, 10, 1), EINVAL);
  WANT_ERROR(copy_file_range(in, 0, append, 0, 10, 0), EBADF);
  WANT_ERROR(copy_file_range(open("in", O_WRONLY), 0, out, 0, 10, 0), EBADF);
  WANT_ERROR(copy_file_range(in, 0, open("out", O_RDONLY), 0, 10, 0), EBADF);
  WANT_ERROR(copy_file_range(open(".", O_RDONLY), 0, out, 0, 10, 0), EISDIR);
  WANT_ERROR(copy_file_range(pipes[0], 0, out, 0, 10, 0), EINVAL);
  WANT_ERROR(copy_file_range(in, &a, in, &b, 100, 0), EINVAL);  // overlapping
  WANT_EQ(copy_file_range(in, &a, in, &b, 50, 0), 50);
  WANT_ERROR(copy_file_range(-1, 0, out, 0, 10, 0), EBADF);
}

CASE(splice_between_file_and_pipe, "splice") {
  const int in = make("in", kSize), out = make("out", 0);
  int pipes[2];
  WANT_EQ(pipe(pipes), 0);
  long done = 0;
  for (long put; (put = splice(in, 0, pipes[1], 0, 4000, 0)) > 0;) {
    for (long left = put, took; left > 0; left -= took) WANT((took = splice(pipes[0], 0, out, 0, left, 0)) > 0);
    done += put;
  }
  WANT_EQ(done, kSize);
  want_contents(out, pattern, kSize);
  off_t offset = 7;
  WANT_EQ(splice(in, &offset, pipes[1], 0, 10, 0), 10);
  WANT_EQ(offset, 17);
  WANT_EQ(read(pipes[0], got, 100), 10);
  WANT(memcmp(got, pattern + 7, 10) == 0);
}

CASE(splice_from_pipe_to_pipe, "splice") {
  int a[2], b[2];
  WANT_EQ(pipe(a) | pipe(b), 0);
  WANT_EQ(write(a[1], "hello", 5), 5);
  WANT_EQ(splice(a[0], 0, b[1], 0, 3, 0), 3);
  WANT_EQ(read(b[0], got, 10), 3);
  WANT_EQ(read(a[0], got + 3, 10), 2);
  WANT(memcmp(got, "hello", 5) == 0);
}

CASE(splice_errors, "splice") {
  const int in = make("in", 100), out = make("out", 0);
  int pipes[2];
  off_t offset = 0;
  WANT_EQ(pipe(pipes), 0);
  WANT_ERROR(splice(in, 0, out, 0, 10, 0), EINVAL);
  WANT_ERROR(splice(in, 0, pipes[1], &offset, 10, 0), ESPIPE);
  WANT_ERROR(splice(pipes[0], &offset, out, 0, 10, 0), ESPIPE);
  WANT_ERROR(splice(-1, 0, pipes[1], 0, 10, 0), EBADF);
  WANT_ERROR(splice(in, 0, pipes[0], 0, 10, 0), EBADF);
  WANT_ERROR(splice(in, 0, pipes[1], 0, 10, 0x100), EINVAL);
  WANT_ERROR(splice(pipes[0], 0, pipes[1], 0, 10, 0), EINVAL);  // the same pipe
  WANT_ERROR(splice(pipes[0], 0, out, 0, 10, SPLICE_F_NONBLOCK), EAGAIN);
  WANT_ERROR(splice(pipes[0], 0, open("out", O_WRONLY | O_APPEND), 0, 10, 0), EINVAL);
  close(pipes[1]);
  WANT_EQ(splice(pipes[0], 0, out, 0, 10, 0), 0);
}

CASE(tee_duplicates_what_is_in_a_pipe, "tee") {
  int a[2], b[2];
  WANT_EQ(pipe(a) | pipe(b), 0);
  WANT_EQ(write(a[1], "hello", 5), 5);
  WANT_EQ(tee(a[0], b[1], 100, 0), 5);
  WANT_EQ(read(b[0], got, 10), 5);
  WANT_EQ(read(a[0], got + 5, 10), 5);
  WANT(memcmp(got, "hellohello", 10) == 0);
  WANT_ERROR(tee(a[0], b[1], 10, SPLICE_F_NONBLOCK), EAGAIN);
  WANT_ERROR(tee(a[0], a[1], 10, 0), EINVAL);
  const int file = make("f", 10);
  WANT_ERROR(tee(file, b[1], 10, 0), EINVAL);
  WANT_ERROR(tee(-1, b[1], 10, 0), EBADF);
}

CASE(vmsplice_both_ways, "vmsplice") {
  int pipes[2];
  char a[] = "abc", b[] = "defg";
  WANT_EQ(pipe(pipes), 0);
  const struct iovec out[] = {{a, 3}, {b, 4}};
  WANT_EQ(vmsplice(pipes[1], out, 2, 0), 7);
  const struct iovec in[] = {{got, 2}, {got + 2, 10}};
  WANT_EQ(vmsplice(pipes[0], in, 2, 0), 7);
  WANT(memcmp(got, "abcdefg", 7) == 0);
  WANT_ERROR(vmsplice(make("f", 1), out, 1, 0), EBADF);
  WANT_ERROR(vmsplice(-1, out, 1, 0), EBADF);
  WANT_ERROR(vmsplice(pipes[1], out, 1, 0x100), EINVAL);
}
