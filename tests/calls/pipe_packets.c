// Pipes: packet mode, sizes, ends (pipe(7), pipe2(2), fcntl(2) F_SETPIPE_SZ).
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>

CASE(packets_are_read_one_by_one, "pipe2 read write") {
  int ends[2];
  char bytes[16];
  WANT_EQ(pipe2(ends, O_DIRECT), 0);
  WANT_EQ(write(ends[1], "one", 3), 3);
  WANT_EQ(write(ends[1], "three", 5), 5);
  WANT_EQ(write(ends[1], "x", 1), 1);
  WANT_EQ(read(ends[0], bytes, 16), 3);
  WANT_EQ(read(ends[0], bytes, 2), 2);  // the rest of it is gone
  WANT_EQ(read(ends[0], bytes, 16), 1);
  WANT_EQ(bytes[0], 'x');
}

CASE(long_packets_are_split, "pipe2 read write") {
  int ends[2];
  static char bytes[10000];
  WANT_EQ(pipe2(ends, O_DIRECT), 0);
  WANT_EQ(write(ends[1], bytes, 10000), 10000);
  WANT_EQ(read(ends[0], bytes, 10000), 4096);
  WANT_EQ(read(ends[0], bytes, 10000), 4096);
  WANT_EQ(read(ends[0], bytes, 10000), 10000 - 8192);
}

CASE(packets_fill_a_pipe, "pipe2 write poll") {
  int ends[2], count = 0;
  WANT_EQ(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
  while (write(ends[1], "x", 1) == 1) WANT(++count < 100000);
  WANT_EQ(errno, EAGAIN);
  WANT(count >= 16);
  char byte;
  for (int i = 0; i < count; ++i) WANT_EQ(read(ends[0], &byte, 1), 1);
  WANT_ERROR(read(ends[0], &byte, 1), EAGAIN);
}

CASE(packet_mode_can_be_switched, "fcntl write read") {
  int ends[2];
  char bytes[16];
  WANT_EQ(pipe(ends), 0);
  WANT_EQ(fcntl(ends[1], F_SETFL, O_DIRECT), 0);
  WANT_EQ(write(ends[1], "cd", 2), 2);
  WANT_EQ(write(ends[1], "ef", 2), 2);
  WANT_EQ(fcntl(ends[1], F_SETFL, 0), 0);
  WANT_EQ(write(ends[1], "gh", 2), 2);
  WANT_EQ(write(ends[1], "ij", 2), 2);
  WANT_EQ(read(ends[0], bytes, 16), 2);
  WANT_EQ(read(ends[0], bytes, 16), 2);
  WANT(memcmp(bytes, "ef", 2) == 0);
  WANT_EQ(read(ends[0], bytes, 16), 4);
  WANT(memcmp(bytes, "ghij", 4) == 0);
}

CASE(pipe_sizes, "fcntl write") {
  int ends[2];
  WANT_EQ(pipe2(ends, O_NONBLOCK), 0);
  WANT_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
  WANT_EQ(fcntl(ends[0], F_SETPIPE_SZ, 5000), 8192);
  WANT_EQ(fcntl(ends[1], F_GETPIPE_SZ), 8192);
  static char bytes[65536];
  WANT_EQ(write(ends[1], bytes, sizeof bytes), 8192);
  WANT_ERROR(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
  WANT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
  WANT_EQ(write(ends[1], bytes, sizeof bytes), 65536);
  int count = 0;
  WANT_EQ(ioctl(ends[0], FIONREAD, &count), 0);
  WANT_EQ(count, 8192 + 65536);
  WANT_ERROR(fcntl(open("file", O_CREAT | O_RDWR, 0600), F_GETPIPE_SZ), EBADF);
}

CASE(pipe_is_two_plain_ends, "pipe") {
  int ends[2];
  char text[4];
  WANT_EQ(syscall(SYS_pipe, ends), 0);
  for (int i = 0; i < 2; ++i) {
    WANT_EQ(fcntl(ends[i], F_GETFD), 0);
    WANT_EQ(fcntl(ends[i], F_GETFL), i ? O_WRONLY : O_RDONLY);
  }
  WANT_EQ(write(ends[1], "abc", 3), 3);
  WANT_EQ(read(ends[0], text, sizeof text), 3);
  const int next = dup(0);
  close(next);
  WANT_ERROR(syscall(SYS_pipe, 8L), EFAULT);
  WANT_EQ(dup(0), next);  // and leaves no descriptor behind
}
