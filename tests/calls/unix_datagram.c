// AF_UNIX datagram and seqpacket sockets: messages with bounds, senders' names, full queues (unix(7),
#include "unix_helpers.h"

// recvmsg(2)).

CASE(datagram_keeps_bounds, "socketpair sendto recvfrom") {
  int ends[2];
  unix_pair(SOCK_DGRAM, ends);
  char bytes[8];
  WANT_EQ(send(ends[0], "one", 3, 0), 3);
  WANT_EQ(send(ends[0], "", 0, 0), 0);
  WANT_EQ(send(ends[0], "three", 5, 0), 5);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 3);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 0);
  WANT_EQ(recv(ends[1], bytes, 2, MSG_TRUNC), 5);
  WANT_ERROR(recv(ends[1], bytes, 8, MSG_DONTWAIT), EAGAIN);
}

CASE(datagram_says_truncated, "recvmsg") {
  int ends[2];
  unix_pair(SOCK_DGRAM, ends);
  WANT_EQ(write(ends[0], "12345", 5), 5);
  char bytes[3];
  struct iovec vector = {bytes, 3};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  WANT_EQ(recvmsg(ends[1], &message, MSG_PEEK), 3);
  WANT_EQ(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
  WANT_EQ(recvmsg(ends[1], &message, 0), 3);
  WANT_EQ(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
}

CASE(datagram_tells_senders, "bind sendto recvfrom") {
  const int server = socket(AF_UNIX, SOCK_DGRAM, 0), named = socket(AF_UNIX, SOCK_DGRAM, 0),
            nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_EQ(unix_bind(server, "server"), 0);
  WANT_EQ(unix_bind(named, "client"), 0);
  struct sockaddr_un to, from;
  const socklen_t length = unix_address(&to, "server");
  WANT_EQ(sendto(named, "a", 1, 0, (struct sockaddr*)&to, length), 1);
  WANT_EQ(sendto(nameless, "b", 1, 0, (struct sockaddr*)&to, length), 1);
  char byte;
  socklen_t room = sizeof from;
  WANT_EQ(recvfrom(server, &byte, 1, 0, (struct sockaddr*)&from, &room), 1);
  WANT_EQ(room, offsetof(struct sockaddr_un, sun_path) + 7);
  WANT(strcmp(from.sun_path, "client") == 0);
  WANT_EQ(sendto(server, "r", 1, 0, (struct sockaddr*)&from, room), 1);
  WANT(recv(named, &byte, 1, 0) == 1 && byte == 'r');
  room = sizeof from;
  WANT_EQ(recvfrom(server, &byte, 1, 0, (struct sockaddr*)&from, &room), 1);
  WANT_EQ(room, 0);
}

CASE(datagram_connect_and_disconnect, "connect sendto getpeername") {
  const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0),
            c = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_EQ(unix_bind(a, "a"), 0);
  WANT_EQ(unix_bind(b, "b"), 0);
  WANT_ERROR(send(c, "x", 1, 0), ENOTCONN);
  WANT_EQ(unix_connect(c, "a"), 0);
  WANT_EQ(send(c, "x", 1, 0), 1);
  WANT_EQ(unix_connect(c, "b"), 0);
  WANT_EQ(send(c, "y", 1, 0), 1);
  char byte;
  WANT(recv(b, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'y');
  WANT(recv(a, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x');
  // Who has a peer hears nobody else.
  WANT_EQ(unix_connect(a, "b"), 0);
  struct sockaddr_un to;
  const socklen_t length = unix_address(&to, "a");
  WANT_ERROR(sendto(c, "z", 1, 0, (struct sockaddr*)&to, length), EPERM);
  WANT_ERROR(unix_connect(c, "a"), EPERM);
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  WANT_EQ(connect(c, &none, sizeof none), 0);
  WANT_ERROR(send(c, "x", 1, 0), ENOTCONN);
}

CASE(datagram_errors, "sendto connect") {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_ERROR(unix_connect(fd, "nobody"), ENOENT);
  WANT_ERROR(unix_connect(fd, "@abstract nobody"), ECONNREFUSED);
  close(open("file", O_CREAT | O_RDWR, 0600));
  WANT_ERROR(unix_connect(fd, "file"), ECONNREFUSED);
  const int gone = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_EQ(unix_bind(gone, "gone"), 0);
  WANT_EQ(unix_connect(fd, "gone"), 0);
  close(gone);
  WANT_ERROR(send(fd, "x", 1, 0), ECONNREFUSED);
  WANT_ERROR(send(fd, "x", 1, 0), ENOTCONN);
  WANT_ERROR(unix_connect(fd, "gone"), ECONNREFUSED);
  WANT_ERROR(listen(fd, 1), EOPNOTSUPP);
  WANT_ERROR(accept(fd, 0, 0), EOPNOTSUPP);
  int ends[2];
  unix_pair(SOCK_DGRAM, ends);
  static char big[1 << 20];
  WANT_ERROR(send(ends[0], big, sizeof big, 0), EMSGSIZE);
}

CASE(datagram_full_queue, "sendto poll") {
  const int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  WANT_EQ(unix_bind(server, "server"), 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  int sent = 0;
  WANT_EQ(unix_events(client, POLLOUT), POLLOUT);
  while (send(client, "x", 1, 0) == 1) WANT(++sent < 1000);
  WANT_EQ(errno, EAGAIN);
  WANT(sent >= 8);
  WANT_EQ(unix_events(client, POLLOUT), 0);
  char byte;
  for (int i = 0; i < sent; ++i) WANT_EQ(recv(server, &byte, 1, MSG_DONTWAIT), 1);
  WANT_EQ(unix_events(client, POLLOUT), POLLOUT);
  WANT_EQ(send(client, "x", 1, 0), 1);
}

static int flood_server;
static void receive_all(void) {
  for (int i = 0; i < 3000; ++i) {
    int number = -1;
    WANT_EQ(recv(flood_server, &number, sizeof number, 0), sizeof number);
    WANT_EQ(number, i);
  }
}
CASE(datagram_sender_waits_for_room, "sendto recvfrom") {
  flood_server = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_EQ(unix_bind(flood_server, "server"), 0);
  const pid_t child = check_child(receive_all);
  const int client = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  for (int i = 0; i < 3000; ++i) WANT_EQ(send(client, &i, sizeof i, 0), sizeof i);
  WANT_EQ(check_wait(child), 0);
}

static int poll_server;
static void drain_later(void) {
  usleep(30000);
  char byte;
  while (recv(poll_server, &byte, 1, MSG_DONTWAIT) == 1) continue;
}
CASE(datagram_poll_waits_for_room, "poll sendto") {
  poll_server = socket(AF_UNIX, SOCK_DGRAM, 0);
  const int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0),
            other = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  WANT_EQ(unix_bind(poll_server, "server"), 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  WANT_EQ(unix_connect(other, "server"), 0);
  while (send(other, "x", 1, 0) == 1) continue;
  const pid_t child = check_child(drain_later);
  struct pollfd one = {client, POLLOUT, 0};
  WANT_EQ(poll(&one, 1, 30000), 1);
  WANT_EQ(one.revents, POLLOUT);
  WANT_EQ(check_wait(child), 0);
}

CASE(seqpacket_is_messages_on_a_connection, "socketpair sendmsg recvmsg") {
  int ends[2];
  unix_pair(SOCK_SEQPACKET, ends);
  char bytes[8];
  WANT_EQ(send(ends[0], "abc", 3, MSG_EOR), 3);
  WANT_EQ(send(ends[0], "defg", 4, 0), 4);
  WANT_EQ(recv(ends[1], bytes, 2, 0), 2);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 4);
  WANT(memcmp(bytes, "defg", 4) == 0);
  signal(SIGPIPE, SIG_IGN);
  close(ends[0]);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 0);
  WANT_ERROR(send(ends[1], "x", 1, 0), EPIPE);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  WANT_ERROR(recv(fd, bytes, 8, 0), ENOTCONN);
  WANT_ERROR(send(fd, bytes, 8, 0), ENOTCONN);
}

CASE(seqpacket_many_before_full, "sendto") {
  int ends[2];
  WANT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
  int sent = 0;
  while (send(ends[0], "message", 7, 0) == 7) WANT(++sent < 100000);
  WANT_EQ(errno, EAGAIN);
  WANT(sent > 50);
  WANT_EQ(unix_events(ends[0], POLLOUT), 0);
  char bytes[8];
  for (int i = 0; i < sent; ++i) WANT_EQ(recv(ends[1], bytes, 8, 0), 7);
  WANT_EQ(unix_events(ends[0], POLLOUT), POLLOUT);
}

CASE(datagram_counts, "ioctl") {
  int ends[2], bytes = -1;
  unix_pair(SOCK_DGRAM, ends);
  WANT_EQ(ioctl(ends[1], FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 0);
  WANT_EQ(send(ends[0], "abc", 3, 0), 3);
  WANT_EQ(send(ends[0], "defgh", 5, 0), 5);
  WANT_EQ(ioctl(ends[1], FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 3);
  unix_pair(SOCK_SEQPACKET, ends);
  WANT_EQ(send(ends[0], "abc", 3, 0), 3);
  WANT_EQ(send(ends[0], "defgh", 5, 0), 5);
  WANT_EQ(ioctl(ends[1], FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 8);
}

CASE(datagram_shutdown, "shutdown recvfrom") {
  int ends[2];
  char byte;
  unix_pair(SOCK_DGRAM, ends);
  signal(SIGPIPE, SIG_IGN);
  WANT_EQ(shutdown(ends[0], SHUT_RD), 0);
  WANT_ERROR(send(ends[1], "x", 1, 0), EPIPE);
  WANT_EQ(recv(ends[0], &byte, 1, 0), 0);
  WANT_EQ(shutdown(ends[1], SHUT_WR), 0);
  WANT_ERROR(send(ends[1], "x", 1, 0), EPIPE);
}
