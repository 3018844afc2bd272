// AF_UNIX stream sockets: bytes in order, ends, errors, waiting (unix(7), socket(2), send(2), recv(2),
#include "unix_helpers.h"

#include <sys/epoll.h>
#include <sys/sendfile.h>

// shutdown(2)).


CASE(stream_pair_carries_bytes_both_ways, "socketpair read write sendto recvfrom") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  char bytes[8] = {0};
  WANT_EQ(write(ends[0], "abc", 3), 3);
  WANT_EQ(send(ends[0], "de", 2, 0), 2);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 5);
  WANT(memcmp(bytes, "abcde", 5) == 0);
  WANT_EQ(write(ends[1], "x", 1), 1);
  WANT_EQ(read(ends[0], bytes, 8), 1);
  WANT_EQ(bytes[0], 'x');
}

CASE(stream_vectors, "readv writev") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
  WANT_EQ(writev(ends[0], out, 3), 5);
  char a[4], b[4];
  struct iovec in[2] = {{a, 4}, {b, 4}};
  WANT_EQ(readv(ends[1], in, 2), 5);
  WANT(memcmp(a, "abcd", 4) == 0 && b[0] == 'e');
}

CASE(stream_peek_and_trunc, "recvfrom") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  char bytes[8] = {0};
  WANT_EQ(write(ends[0], "hello", 5), 5);
  WANT_EQ(recv(ends[1], bytes, 3, MSG_PEEK), 3);
  WANT(memcmp(bytes, "hel", 3) == 0);
  WANT_EQ(recv(ends[1], bytes, 8, MSG_PEEK), 5);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 5);
  WANT_ERROR(recv(ends[1], bytes, 8, MSG_DONTWAIT), EAGAIN);
  WANT_ERROR(recv(ends[1], bytes, 8, MSG_OOB), EINVAL);
}

static int waitall_ends[2];
static void send_slowly(void) {
  for (int i = 0; i < 10; ++i) {
    WANT_EQ(write(waitall_ends[0], "0123456789", 10), 10);
    usleep(1000);
  }
}
CASE(stream_waitall_waits_for_all, "recvfrom") {
  unix_pair(SOCK_STREAM, waitall_ends);
  const pid_t child = check_child(send_slowly);
  char bytes[100];
  WANT_EQ(recv(waitall_ends[1], bytes, 100, MSG_WAITALL), 100);
  WANT(memcmp(bytes + 90, "0123456789", 10) == 0);
  WANT_EQ(check_wait(child), 0);
}

static int big_ends[2];
enum { BIG = 3 << 20 };
static void send_big(void) {
  static unsigned char bytes[BIG];
  for (int i = 0; i < BIG; ++i) bytes[i] = (i * 7) ^ (i >> 11);
  close(big_ends[1]);
  WANT_EQ(write(big_ends[0], bytes, BIG), BIG);
}
CASE(stream_long_write_waits_for_room, "read write") {
  unix_pair(SOCK_STREAM, big_ends);
  const pid_t child = check_child(send_big);
  close(big_ends[0]);
  static unsigned char bytes[70000];
  size_t total = 0;
  for (ssize_t got; (got = read(big_ends[1], bytes, sizeof bytes)) > 0; total += got)
    for (ssize_t i = 0; i < got; ++i)
      WANT_EQ(bytes[i], (unsigned char)(((total + i) * 7) ^ ((total + i) >> 11)));
  WANT_EQ(total, BIG);
  WANT_EQ(check_wait(child), 0);
}

CASE(stream_full_is_eagain_and_polls, "write poll") {
  int ends[2];
  WANT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  static char bytes[65536];
  size_t total = 0;
  WANT_EQ(unix_events(ends[0], POLLIN | POLLOUT), POLLOUT);
  for (ssize_t put; (put = write(ends[0], bytes, sizeof bytes)) > 0; total += put) WANT(total < 16 << 20);
  WANT_EQ(errno, EAGAIN);
  WANT(total >= 65536);
  WANT_EQ(unix_events(ends[0], POLLOUT), 0);
  WANT_EQ(unix_events(ends[1], POLLIN), POLLIN);
  while (total) {
    const ssize_t got = read(ends[1], bytes, sizeof bytes);
    WANT(got > 0);
    total -= got;
  }
  WANT_EQ(unix_events(ends[0], POLLOUT), POLLOUT);
}

CASE(stream_buffer_size_bounds, "setsockopt getsockopt write") {
  int ends[2];
  WANT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  int size = 1000;
  socklen_t length = sizeof size;
  WANT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  WANT_EQ(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
  WANT_EQ(size, 4608);
  size = 20000;
  WANT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  WANT_EQ(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
  WANT_EQ(size, 40000);
  static char bytes[4096];
  size_t total = 0;
  for (ssize_t put; (put = write(ends[0], bytes, sizeof bytes)) > 0; total += put) WANT(total < 1 << 20);
  WANT(total >= 8192 && total <= 80000);
}

CASE(stream_close_is_end_then_epipe, "read write close sendto") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  signal(SIGPIPE, SIG_IGN);
  WANT_EQ(write(ends[0], "end", 3), 3);
  close(ends[0]);
  char bytes[8];
  WANT_EQ(unix_events(ends[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
  WANT_EQ(read(ends[1], bytes, 8), 3);
  WANT_EQ(read(ends[1], bytes, 8), 0);
  WANT_ERROR(write(ends[1], "x", 1), EPIPE);
}

static int pipe_signals;
static void count_signal(int number) {
  pipe_signals += number == SIGPIPE;
}
CASE(stream_sigpipe_unless_nosignal, "sendto write") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  signal(SIGPIPE, count_signal);
  close(ends[0]);
  WANT_ERROR(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE);
  WANT_EQ(pipe_signals, 0);
  WANT_ERROR(send(ends[1], "x", 1, 0), EPIPE);
  WANT_EQ(pipe_signals, 1);
  WANT_ERROR(write(ends[1], "x", 1), EPIPE);
  WANT_EQ(pipe_signals, 2);
}

CASE(stream_close_with_unread_is_reset, "read close getsockopt") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(write(ends[1], "unread", 6), 6);
  close(ends[0]);
  WANT(unix_events(ends[1], POLLIN) & POLLERR);
  char byte;
  WANT_ERROR(read(ends[1], &byte, 1), ECONNRESET);
  WANT_EQ(read(ends[1], &byte, 1), 0);
}

CASE(stream_shutdown_directions, "shutdown read write poll") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  char bytes[8];
  WANT_EQ(write(ends[0], "ab", 2), 2);
  WANT_EQ(shutdown(ends[0], SHUT_WR), 0);
  WANT_ERROR(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
  WANT_EQ(read(ends[1], bytes, 8), 2);
  WANT_EQ(read(ends[1], bytes, 8), 0);
  WANT_EQ(unix_events(ends[1], POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
  WANT_EQ(write(ends[1], "back", 4), 4);
  WANT_EQ(read(ends[0], bytes, 8), 4);
  WANT_EQ(shutdown(ends[0], SHUT_RD), 0);
  WANT_ERROR(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE);
  WANT_EQ(unix_events(ends[0], POLLIN | POLLOUT), POLLIN | POLLOUT | POLLHUP);
  WANT_ERROR(shutdown(ends[0], 3), EINVAL);
}

CASE(stream_unconnected, "read write sendto recvfrom getpeername") {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  char byte;
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  WANT_ERROR(read(fd, &byte, 1), EINVAL);
  WANT_ERROR(send(fd, &byte, 1, 0), ENOTCONN);
  WANT_ERROR(getpeername(fd, (struct sockaddr*)&address, &length), ENOTCONN);
  WANT_EQ(unix_events(fd, POLLIN | POLLOUT), POLLOUT | POLLHUP);
  length = unix_address(&address, "nobody");
  WANT_ERROR(sendto(fd, &byte, 1, 0, (struct sockaddr*)&address, length), EOPNOTSUPP);
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  WANT_ERROR(sendto(ends[0], &byte, 1, 0, (struct sockaddr*)&address, length), EISCONN);
}

CASE(stream_counts, "ioctl") {
  int ends[2], bytes = -1;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(write(ends[0], "hello", 5), 5);
  WANT_EQ(ioctl(ends[1], FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 5);
  WANT_EQ(ioctl(ends[0], 0x5411, &bytes), 0);  // SIOCOUTQ
  WANT(bytes >= 5);
  WANT_EQ(ioctl(ends[0], FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 0);
}

CASE(stream_receive_timeout, "setsockopt recvfrom") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  struct timeval time = {0, 20000};
  WANT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
  char byte;
  WANT_ERROR(recv(ends[0], &byte, 1, 0), EAGAIN);
  time.tv_usec = 1000000;
  WANT_ERROR(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), EDOM);
  memset(&time, 1, sizeof time);
  socklen_t length = sizeof time;
  WANT_EQ(getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, &length), 0);
  WANT(time.tv_sec == 0 && time.tv_usec == 20000);
}

CASE(stream_send_timeout, "setsockopt sendto") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  struct timeval time = {0, 20000};
  WANT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
  static char bytes[1 << 20];
  const ssize_t part = write(ends[0], bytes, sizeof bytes);
  WANT(part > 0 && part < (ssize_t)sizeof bytes);
  WANT_ERROR(write(ends[0], bytes, sizeof bytes), EAGAIN);
}

static void do_nothing(int number) {
  (void)number;
}
CASE(stream_signal_interrupts, "read rt_sigaction") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  struct sigaction action = {.sa_handler = do_nothing};
  sigaction(SIGUSR1, &action, 0);
  const pid_t parent = getpid(), child = fork();
  if (child == 0) {
    for (;;) {
      usleep(2000);
      kill(parent, SIGUSR1);
    }
  }
  char byte;
  WANT_ERROR(read(ends[0], &byte, 1), EINTR);
  kill(child, SIGKILL);
  waitpid(child, 0, 0);
}

CASE(stream_epoll_edges, "epoll_ctl epoll_wait") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  const int set = epoll_create1(0);
  struct epoll_event event = {EPOLLIN | EPOLLET, {.u32 = 7}}, found;
  WANT_EQ(epoll_ctl(set, EPOLL_CTL_ADD, ends[1], &event), 0);
  WANT_EQ(epoll_wait(set, &found, 1, 0), 0);
  WANT_EQ(write(ends[0], "ab", 2), 2);
  WANT_EQ(epoll_wait(set, &found, 1, 1000), 1);
  WANT(found.events == EPOLLIN && found.data.u32 == 7);
  WANT_EQ(epoll_wait(set, &found, 1, 0), 0);
  WANT_EQ(write(ends[0], "c", 1), 1);
  WANT_EQ(epoll_wait(set, &found, 1, 1000), 1);
  close(ends[0]);
  WANT_EQ(epoll_wait(set, &found, 1, 1000), 1);
  WANT_EQ(found.events, EPOLLIN | EPOLLHUP);
}

CASE(stream_sendfile_and_splice, "sendfile splice") {
  int ends[2], ways[2];
  unix_pair(SOCK_STREAM, ends);
  const int file = open("file", O_CREAT | O_RDWR, 0600);
  static char bytes[10000], back[10000];
  for (int i = 0; i < 10000; ++i) bytes[i] = i;
  WANT_EQ(write(file, bytes, sizeof bytes), 10000);
  off_t at = 0;
  WANT_EQ(sendfile(ends[0], file, &at, 10000), 10000);
  WANT_EQ(recv(ends[1], back, 10000, MSG_WAITALL), 10000);
  WANT(memcmp(bytes, back, 10000) == 0);
  WANT_EQ(pipe(ways), 0);
  WANT_EQ(write(ends[0], "through", 7), 7);
  WANT_EQ(splice(ends[1], 0, ways[1], 0, 100, 0), 7);
  WANT_EQ(splice(ways[0], 0, ends[1], 0, 7, 0), 7);
  WANT_EQ(read(ends[0], back, 100), 7);
  WANT(memcmp(back, "through", 7) == 0);
}

CASE(stream_bad_addresses, "sendto recvfrom sendmsg recvmsg socketpair") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  WANT_ERROR(send(ends[0], (void*)1, 10, 0), EFAULT);
  WANT_EQ(write(ends[0], "x", 1), 1);
  WANT_ERROR(recv(ends[1], (void*)1, 10, 0), EFAULT);
  WANT_ERROR(syscall(SYS_sendmsg, ends[0], 1, 0), EFAULT);
  WANT_ERROR(syscall(SYS_recvmsg, ends[0], 1, MSG_DONTWAIT), EFAULT);
  WANT_ERROR(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (void*)1), EFAULT);
  WANT_ERROR(send(0x7fff, "x", 1, 0), EBADF);
  const int file = open("file", O_CREAT | O_RDWR, 0600);
  WANT_ERROR(send(file, "x", 1, 0), ENOTSOCK);
}

CASE(stream_many_messages, "sendmmsg recvmmsg") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  struct iovec vectors[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
  struct mmsghdr messages[3] = {{{.msg_iov = &vectors[0], .msg_iovlen = 1}, 0},
                                {{.msg_iov = &vectors[1], .msg_iovlen = 1}, 0},
                                {{.msg_iov = &vectors[2], .msg_iovlen = 1}, 0}};
  WANT_EQ(sendmmsg(ends[0], messages, 3, 0), 3);
  WANT(messages[0].msg_len == 1 && messages[1].msg_len == 2 && messages[2].msg_len == 3);
  char room[2][2];
  struct iovec in[2] = {{room[0], 2}, {room[1], 2}};
  struct mmsghdr found[2] = {{{.msg_iov = &in[0], .msg_iovlen = 1}, 0},
                             {{.msg_iov = &in[1], .msg_iovlen = 1}, 0}};
  WANT_EQ(recvmmsg(ends[1], found, 2, MSG_WAITFORONE, 0), 2);
  WANT(found[0].msg_len == 2 && found[1].msg_len == 2 && room[1][1] == 'c');
  WANT_EQ(recvmmsg(ends[1], found, 2, MSG_WAITFORONE, 0), 1);
  WANT_ERROR(recvmmsg(ends[1], found, 2, MSG_DONTWAIT, 0), EAGAIN);
}

CASE(socket_kinds_and_errors, "socket socketpair") {
  WANT_ERROR(socket(AF_UNIX, 99, 0), EINVAL);
  WANT_ERROR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
  WANT_ERROR(socket(AF_UNIX, SOCK_STREAM, 6), EPROTONOSUPPORT);
  WANT_ERROR(socket(AF_UNIX, SOCK_STREAM | 0x10000000, 0), EINVAL);
  WANT_ERROR(socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT);
  WANT_ERROR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
  struct stat status;
  WANT_EQ(fstat(fd, &status), 0);
  WANT(S_ISSOCK(status.st_mode));
  WANT_ERROR(lseek(fd, 0, SEEK_CUR), ESPIPE);
}
