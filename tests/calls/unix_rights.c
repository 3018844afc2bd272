// Descriptors and credentials in messages (unix(7), cmsg(3)): SCM_RIGHTS, SCM_CREDENTIALS, SO_PASSCRED,
#include "unix_helpers.h"

// SO_PEERCRED.

CASE(rights_pass_an_open_file, "sendmsg recvmsg") {
  int ends[2], ways[2], got[4], count = 4, flags = 0;
  for (int kind = 0; kind < 3; ++kind) {
    unix_pair((int[]){SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}[kind], ends);
    WANT_EQ(pipe(ways), 0);
    WANT_EQ(send_rights(ends[0], "x", 1, ways, 2, 0), 1);
    close(ways[0]);
    close(ways[1]);
    char byte;
    count = 4;
    WANT_EQ(receive_rights(ends[1], &byte, 1, got, &count, MSG_CMSG_CLOEXEC, &flags), 1);
    WANT_EQ(count, 2);
    WANT_EQ(flags & MSG_CTRUNC, 0);
    WANT_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    WANT_EQ(write(got[1], "through", 7), 7);
    char bytes[8];
    WANT_EQ(read(got[0], bytes, 8), 7);
    close(got[0]), close(got[1]), close(ends[0]), close(ends[1]);
  }
}

CASE(rights_end_a_read, "sendmsg recvmsg") {
  int ends[2], got[4], count = 4;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(write(ends[0], "abc", 3), 3);
  WANT_EQ(send_rights(ends[0], "def", 3, &ends[0], 1, 0), 3);
  WANT_EQ(write(ends[0], "ghi", 3), 3);
  char bytes[16];
  WANT_EQ(receive_rights(ends[1], bytes, 16, got, &count, 0, 0), 6);
  WANT_EQ(count, 1);
  count = 4;
  WANT_EQ(receive_rights(ends[1], bytes, 16, got, &count, 0, 0), 3);
  WANT_EQ(count, 0);
}

CASE(rights_come_with_the_first_byte, "recvmsg") {
  int ends[2], got[4], count = 4;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(send_rights(ends[0], "abcdef", 6, &ends[0], 1, 0), 6);
  char bytes[16];
  WANT_EQ(receive_rights(ends[1], bytes, 2, got, &count, 0, 0), 2);
  WANT_EQ(count, 1);
  count = 4;
  WANT_EQ(receive_rights(ends[1], bytes, 16, got, &count, 0, 0), 4);
  WANT_EQ(count, 0);
}

CASE(rights_peeked_are_copies, "recvmsg") {
  for (int kind = 0; kind < 2; ++kind) {
    int ends[2], got[4], count = 4;
    unix_pair(kind ? SOCK_DGRAM : SOCK_STREAM, ends);
    WANT_EQ(send_rights(ends[0], "x", 1, &ends[0], 1, 0), 1);
    char byte;
    for (int i = 0; i < 2; ++i) {
      count = 4;
      WANT_EQ(receive_rights(ends[1], &byte, 1, got, &count, i ? 0 : MSG_PEEK, 0), 1);
      WANT_EQ(count, 1);
      WANT(fcntl(got[0], F_GETFD) >= 0);
    }
  }
}

CASE(rights_truncated_are_closed, "recvmsg read") {
  int ends[2], ways[2], got[4], count = 1, flags = 0;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(pipe(ways), 0);
  const int pair[2] = {ends[0], ways[1]};
  char byte;
  WANT_EQ(send_rights(ends[0], "x", 1, pair, 2, 0), 1);
  close(ways[1]);
  WANT_EQ(receive_rights(ends[1], &byte, 1, got, &count, 0, &flags), 1);
  WANT_EQ(count, 1);
  WANT_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
  WANT_EQ(read(ways[0], &byte, 1), 0);
  // And with no room at all, or by read().
  WANT_EQ(pipe(ways), 0);
  WANT_EQ(send_rights(ends[0], "x", 1, &ways[1], 1, 0), 1);
  close(ways[1]);
  WANT_EQ(read(ends[1], &byte, 1), 1);
  WANT_EQ(read(ways[0], &byte, 1), 0);
}

CASE(rights_errors, "sendmsg") {
  int ends[2], bad = 777, many[254];
  unix_pair(SOCK_STREAM, ends);
  WANT_ERROR(send_rights(ends[0], "x", 1, &bad, 1, 0), EBADF);
  for (int i = 0; i < 254; ++i) many[i] = ends[0];
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(254 * sizeof(int))];
  } control = {
      .header = {.cmsg_len = CMSG_LEN(254 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), many, sizeof many);
  struct iovec vector = {"x", 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  WANT_ERROR(syscall(SYS_sendmsg, ends[0], &message, 0), EINVAL);
  WANT_EQ(send_rights(ends[0], "x", 1, many, 253, 0), 1);
  control.header.cmsg_len = 3;
  WANT_ERROR(syscall(SYS_sendmsg, ends[0], &message, 0), EINVAL);
  control.header.cmsg_len = CMSG_LEN(4);
  control.header.cmsg_type = 0x55;
  WANT_ERROR(syscall(SYS_sendmsg, ends[0], &message, 0), EINVAL);
}

CASE(rights_of_a_closed_queue_are_closed, "close sendmsg") {
  int ends[2], ways[2];
  char byte;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(pipe(ways), 0);
  WANT_EQ(send_rights(ends[0], "x", 1, &ways[1], 1, 0), 1);
  close(ways[1]);
  close(ends[1]);
  WANT_EQ(read(ways[0], &byte, 1), 0);
}

CASE(rights_in_a_cycle_are_closed, "close sendmsg") {
  // A socket that lies in its own queue, with the only writer of a pipe beside it.
  int ends[2], ways[2], others[2];
  char byte;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(pipe(ways), 0);
  const int files[3] = {ends[0], ends[1], ways[1]};
  WANT_EQ(send_rights(ends[0], "x", 1, files, 3, 0), 1);
  WANT_EQ(send_rights(ends[1], "x", 1, files, 3, 0), 1);
  close(ways[1]);
  close(ends[0]);
  close(ends[1]);
  unix_pair(SOCK_STREAM, others);  // Linux collects when a socket is closed
  close(others[0]);
  struct pollfd one = {ways[0], POLLIN, 0};
  WANT_EQ(poll(&one, 1, 20000), 1);
  WANT_EQ(read(ways[0], &byte, 1), 0);
}

CASE(rights_of_a_long_chain, "close sendmsg") {
  // Each socket holds the next in its queue; the last the writer of a pipe. One close ends them all.
  int ways[2], first = -1, previous = -1;
  char byte;
  WANT_EQ(pipe(ways), 0);
  for (int i = 0; i < 400; ++i) {
    int ends[2];
    unix_pair(SOCK_DGRAM, ends);
    const int carried = i == 0 ? ways[1] : previous;
    WANT_EQ(send_rights(ends[0], "x", 1, &carried, 1, 0), 1);
    close(carried);
    close(ends[0]);
    previous = ends[1];
    first = ends[1];
  }
  close(first);
  struct pollfd one = {ways[0], POLLIN, 0};
  WANT_EQ(poll(&one, 1, 20000), 1);
  WANT_EQ(read(ways[0], &byte, 1), 0);
}

CASE(rights_reachable_cycle_lives, "close sendmsg recvmsg") {
  int a[2], b[2], others[2], got[4], count = 4;
  unix_pair(SOCK_STREAM, a);
  unix_pair(SOCK_STREAM, b);
  WANT_EQ(send_rights(a[0], "x", 1, &b[1], 1, 0), 1);  // b[1] can be had from a[1]
  WANT_EQ(send_rights(b[0], "y", 1, &a[0], 1, 0), 1);  // a[0] can be had from b[1]
  close(b[1]);
  close(a[0]);
  close(b[0]);
  unix_pair(SOCK_STREAM, others);
  close(others[0]);
  char byte;
  WANT_EQ(receive_rights(a[1], &byte, 1, got, &count, 0, 0), 1);
  WANT_EQ(count, 1);
  const int b_again = got[0];
  count = 4;
  WANT_EQ(receive_rights(b_again, &byte, 1, got, &count, 0, 0), 1);
  WANT(count == 1 && byte == 'y');
  WANT_EQ(write(got[0], "alive", 5), 5);
  char bytes[8];
  WANT_EQ(read(a[1], bytes, 8), 5);
}

static ssize_t receive_credentials(int fd, struct ucred* found) {
  char byte;
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct ucred))];
  } control;
  struct iovec vector = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  const ssize_t got = recvmsg(fd, &message, 0);
  WANT(CMSG_FIRSTHDR(&message) && control.header.cmsg_type == SCM_CREDENTIALS);
  WANT_EQ(control.header.cmsg_len, CMSG_LEN(sizeof(struct ucred)));
  memcpy(found, CMSG_DATA(&control.header), sizeof *found);
  return got;
}

CASE(credentials_are_told_to_who_asks, "setsockopt recvmsg") {
  for (int kind = 0; kind < 2; ++kind) {
    int ends[2], on = 1;
    struct ucred found;
    unix_pair(kind ? SOCK_DGRAM : SOCK_STREAM, ends);
    WANT_EQ(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    WANT_EQ(write(ends[0], "x", 1), 1);
    WANT_EQ(receive_credentials(ends[1], &found), 1);
    WANT(found.pid == getpid() && found.uid == getuid() && found.gid == getgid());
  }
}

CASE(credentials_end_a_read, "recvfrom") {
  int ends[2], on = 1;
  char bytes[8];
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  WANT_EQ(write(ends[0], "ab", 2), 2);
  const pid_t child = fork();
  if (child == 0) _exit(write(ends[0], "cd", 2) != 2);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 2);
  WANT_EQ(recv(ends[1], bytes, 8, 0), 2);
}

CASE(credentials_can_not_be_forged, "sendmsg setuid") {
  int ends[2];
  unix_pair(SOCK_STREAM, ends);
  if (getuid() == 0) WANT_EQ(setuid(1000), 0);
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct ucred))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(struct ucred)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_CREDENTIALS}};
  struct ucred claimed = {getpid(), getuid(), getgid()};
  struct iovec vector = {"x", 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memcpy(CMSG_DATA(&control.header), &claimed, sizeof claimed);
  WANT_EQ(sendmsg(ends[0], &message, 0), 1);
  claimed.uid = 0;
  memcpy(CMSG_DATA(&control.header), &claimed, sizeof claimed);
  WANT_ERROR(sendmsg(ends[0], &message, 0), EPERM);
  claimed.uid = getuid();
  claimed.pid = 1;
  memcpy(CMSG_DATA(&control.header), &claimed, sizeof claimed);
  WANT_ERROR(sendmsg(ends[0], &message, 0), EPERM);
}

CASE(credentials_of_the_peer, "getsockopt") {
  int ends[2];
  struct ucred peer;
  socklen_t length = sizeof peer;
  unix_pair(SOCK_STREAM, ends);
  WANT_EQ(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
  WANT(length == sizeof peer && peer.pid == getpid() && peer.uid == geteuid() && peer.gid == getegid());
  const int server = unix_listener(SOCK_STREAM, "server", 5);
  const pid_t child = fork();
  if (child == 0) {
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    WANT_EQ(unix_connect(client, "server"), 0);
    WANT_EQ(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
    WANT_EQ(peer.pid, getppid());
    pause();
  }
  const int accepted = accept(server, 0, 0);
  WANT_EQ(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
  WANT_EQ(peer.pid, child);
  const int fresh = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_EQ(getsockopt(fresh, SOL_SOCKET, SO_PEERCRED, &peer, &length), 0);
  WANT(peer.pid == 0 && peer.uid == (uid_t)-1);
  kill(child, SIGKILL);
}

CASE(options_as_socket_7_says, "getsockopt setsockopt") {
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  int value = -1;
  socklen_t length = sizeof value;
  static const struct {
    int name, value;
  } kFacts[] = {{SO_TYPE, SOCK_DGRAM}, {SO_DOMAIN, AF_UNIX}, {SO_PROTOCOL, 0},    {SO_ACCEPTCONN, 0},
                {SO_ERROR, 0},         {SO_SNDBUF, 212992},  {SO_RCVBUF, 212992}, {SO_RCVLOWAT, 1}};
  for (unsigned i = 0; i < sizeof kFacts / sizeof *kFacts; ++i) {
    value = -1;
    WANT_EQ(getsockopt(fd, SOL_SOCKET, kFacts[i].name, &value, &length), 0);
    WANT_EQ(value, kFacts[i].value);
  }
  static const int kSwitches[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST,
                                  SO_DONTROUTE, SO_OOBINLINE, SO_PASSCRED};
  for (unsigned i = 0; i < sizeof kSwitches / sizeof *kSwitches; ++i) {
    value = 5;
    WANT_EQ(setsockopt(fd, SOL_SOCKET, kSwitches[i], &value, sizeof value), 0);
    WANT_EQ(getsockopt(fd, SOL_SOCKET, kSwitches[i], &value, &length), 0);
    WANT_EQ(value, 1);
  }
  struct linger linger = {1, 7};
  WANT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
  memset(&linger, 0, sizeof linger);
  length = sizeof linger;
  WANT_EQ(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
  WANT(linger.l_onoff == 1 && linger.l_linger == 7);
  WANT_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 1), EINVAL);
  WANT_ERROR(setsockopt(fd, SOL_SOCKET, SO_TYPE, &value, sizeof value), ENOPROTOOPT);
  WANT_ERROR(setsockopt(fd, SOL_SOCKET, 12345, &value, sizeof value), ENOPROTOOPT);
  WANT_ERROR(getsockopt(fd, SOL_SOCKET, 12345, &value, &length), ENOPROTOOPT);
  WANT_ERROR(setsockopt(fd, 6, 1, &value, sizeof value), EOPNOTSUPP);
  WANT_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void*)1, sizeof value), EFAULT);
}
