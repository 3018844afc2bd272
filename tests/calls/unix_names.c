// Names and connections of AF_UNIX sockets (unix(7), bind(2), listen(2), accept(2), connect(2),
#include "unix_helpers.h"

// getsockname(2)).

CASE(name_is_a_socket_in_the_tree, "bind newfstatat openat unlink") {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  umask(027);
  WANT_EQ(unix_bind(fd, "name"), 0);
  struct stat status;
  WANT_EQ(stat("name", &status), 0);
  WANT(S_ISSOCK(status.st_mode));
  WANT_EQ(status.st_mode & 07777, 0750);
  WANT_ERROR(open("name", O_RDWR), ENXIO);
  WANT_ERROR(unix_bind(fd, "other"), EINVAL);
  const int second = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(unix_bind(second, "name"), EADDRINUSE);
  WANT_EQ(unlink("name"), 0);
  WANT_EQ(unix_bind(second, "name"), 0);
  const int third = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(unix_bind(third, "no/folder"), ENOENT);
  struct sockaddr_un address = {.sun_family = AF_INET, .sun_path = "x"};
  WANT_ERROR(bind(third, (struct sockaddr*)&address, sizeof address), EINVAL);
  WANT_ERROR(bind(third, (struct sockaddr*)&address, 1), EINVAL);
  WANT_ERROR(bind(third, (struct sockaddr*)&address, 500), EINVAL);
  WANT_ERROR(bind(third, (void*)1, 20), EFAULT);
}

CASE(name_abstract, "bind connect") {
  const int server = unix_listener(SOCK_STREAM, "@abstract name", 5);
  const int same = socket(AF_UNIX, SOCK_STREAM, 0), other_kind = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_ERROR(unix_bind(same, "@abstract name"), EADDRINUSE);
  WANT_EQ(unix_bind(other_kind, "@abstract name"), 0);
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(unix_connect(client, "@abstract"), ECONNREFUSED);
  WANT_EQ(unix_connect(client, "@abstract name"), 0);
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  WANT_EQ(getpeername(client, (struct sockaddr*)&address, &length), 0);
  WANT_EQ(length, 2 + 14);
  WANT(memcmp(address.sun_path, "\0abstract name", 14) == 0);
  close(server);
  WANT_EQ(unix_bind(same, "@abstract name"), 0);
}

CASE(name_automatic, "bind getsockname") {
  const int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX}, other;
  WANT_EQ(bind(a, (struct sockaddr*)&address, 2), 0);
  WANT_EQ(bind(b, (struct sockaddr*)&address, 2), 0);
  socklen_t length = sizeof address;
  WANT_EQ(getsockname(a, (struct sockaddr*)&address, &length), 0);
  WANT_EQ(length, 8);
  WANT_EQ(address.sun_path[0], 0);
  for (int i = 1; i < 6; ++i) WANT(strchr("0123456789abcdef", address.sun_path[i]));
  length = sizeof other;
  WANT_EQ(getsockname(b, (struct sockaddr*)&other, &length), 0);
  WANT(memcmp(address.sun_path, other.sun_path, 6) != 0);
}

CASE(names_as_getsockname_tells, "getsockname getpeername accept") {
  const int server = unix_listener(SOCK_STREAM, "server", 1), client = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  WANT_EQ(getsockname(client, (struct sockaddr*)&address, &length), 0);
  WANT(length == 2 && address.sun_family == AF_UNIX);
  WANT_EQ(unix_connect(client, "server"), 0);
  length = sizeof address;
  const int accepted = accept(server, (struct sockaddr*)&address, &length);
  WANT(accepted >= 0);
  WANT_EQ(length, 2);
  length = sizeof address;
  WANT_EQ(getpeername(client, (struct sockaddr*)&address, &length), 0);
  WANT(length == 2 + 7 && strcmp(address.sun_path, "server") == 0);
  length = sizeof address;
  WANT_EQ(getsockname(accepted, (struct sockaddr*)&address, &length), 0);
  WANT(length == 2 + 7 && strcmp(address.sun_path, "server") == 0);
  length = 4;
  memset(&address, 'x', sizeof address);
  WANT_EQ(getsockname(accepted, (struct sockaddr*)&address, &length), 0);
  WANT(length == 2 + 7 && address.sun_path[1] == 'e' && address.sun_path[2] == 'x');
  WANT_ERROR(getsockname(accepted, (struct sockaddr*)&address, (void*)1), EFAULT);
  length = -1;
  WANT_ERROR(getsockname(accepted, (struct sockaddr*)&address, &length), EINVAL);
}

CASE(listen_and_accept_errors, "listen accept accept4 connect") {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(listen(fd, 1), EINVAL);
  WANT_EQ(unix_bind(fd, "server"), 0);
  WANT_ERROR(accept(fd, 0, 0), EINVAL);
  WANT_ERROR(unix_connect(client, "server"), ECONNREFUSED);
  WANT_EQ(listen(fd, 1), 0);
  WANT_EQ(listen(fd, 3), 0);
  WANT_ERROR(syscall(SYS_accept4, fd, 0, 0, 0x10), EINVAL);
  WANT_ERROR(unix_connect(unix_listener(SOCK_STREAM, "second", 1), "server"), EINVAL);
  WANT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  WANT_ERROR(accept(fd, 0, 0), EAGAIN);
  WANT_EQ(unix_connect(client, "server"), 0);
  WANT_ERROR(unix_connect(client, "server"), EISCONN);
  WANT_ERROR(listen(client, 1), EINVAL);
  const int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
  WANT_ERROR(unix_connect(datagram, "server"), EPROTOTYPE);
  WANT_EQ(unix_events(fd, POLLIN | POLLOUT), POLLIN);
  const int accepted = accept4(fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  WANT(accepted >= 0);
  WANT_EQ(fcntl(accepted, F_GETFD), FD_CLOEXEC);
  WANT(fcntl(accepted, F_GETFL) & O_NONBLOCK);
  WANT_EQ(unix_events(fd, POLLIN | POLLOUT), 0);
  int accepting = 0;
  socklen_t length = sizeof accepting;
  WANT_EQ(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &length), 0);
  WANT_EQ(accepting, 1);
  struct sockaddr unknown = {.sa_family = AF_UNSPEC};
  const int fresh = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(connect(fresh, &unknown, sizeof unknown), EINVAL);
}

CASE(backlog_is_a_bound, "listen connect") {
  const int server = unix_listener(SOCK_STREAM, "server", 2);
  int connected = 0;
  for (;;) {
    const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (unix_connect(client, "server") != 0) break;
    WANT(++connected < 100);
  }
  WANT_EQ(errno, EAGAIN);
  WANT_EQ(connected, 3);
  WANT(accept(server, 0, 0) >= 0);
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  WANT_EQ(unix_connect(client, "server"), 0);
}

CASE(connect_waits_for_the_backlog, "connect accept") {
  const int server = unix_listener(SOCK_STREAM, "server", 0);
  pid_t children[5];
  for (int i = 0; i < 5; ++i) {
    children[i] = fork();
    if (children[i] == 0) {
      const int client = socket(AF_UNIX, SOCK_STREAM, 0);
      WANT_EQ(unix_connect(client, "server"), 0);
      WANT_EQ(write(client, "x", 1), 1);
      _exit(0);
    }
  }
  for (int i = 0; i < 5; ++i) {
    const int accepted = accept(server, 0, 0);
    char byte;
    WANT(accepted >= 0);
    WANT_EQ(read(accepted, &byte, 1), 1);
    close(accepted);
  }
  for (int i = 0; i < 5; ++i) WANT_EQ(check_wait(children[i]), 0);
}

CASE(bytes_before_accept, "connect accept write") {
  const int server = unix_listener(SOCK_STREAM, "server", 5), client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  WANT_EQ(write(client, "early", 5), 5);
  close(client);
  const int accepted = accept(server, 0, 0);
  char bytes[8];
  WANT_EQ(read(accepted, bytes, 8), 5);
  WANT_EQ(read(accepted, bytes, 8), 0);
}

CASE(listener_that_closes_resets, "close read") {
  const int server = unix_listener(SOCK_STREAM, "server", 5), client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  close(server);
  char byte;
  WANT_ERROR(read(client, &byte, 1), ECONNRESET);
}

CASE(accept_can_time_out_and_end, "accept setsockopt shutdown") {
  const int server = unix_listener(SOCK_STREAM, "server", 5);
  struct timeval time = {0, 20000};
  WANT_EQ(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
  WANT_ERROR(accept(server, 0, 0), EAGAIN);
  WANT_EQ(shutdown(server, SHUT_RD), 0);
  WANT_ERROR(accept(server, 0, 0), EINVAL);
}

CASE(names_need_permission, "connect bind setuid") {
  if (getuid() != 0) SKIP("wants root");
  const int server = unix_listener(SOCK_STREAM, "server", 5);
  WANT_EQ(chmod("server", 0700), 0);
  WANT_EQ(chmod(".", 0755), 0);
  WANT_EQ(setuid(1000), 0);
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_ERROR(unix_connect(client, "server"), EACCES);
  WANT_ERROR(unix_bind(client, "mine"), EACCES);
  (void)server;
}

CASE(accept_without_room_keeps_the_connection, "accept prlimit64") {
  const int server = unix_listener(SOCK_STREAM, "server", 5), client = socket(AF_UNIX, SOCK_STREAM, 0);
  WANT_EQ(unix_connect(client, "server"), 0);
  int last = 0;
  struct {
    uint64_t soft, hard;
  } limit;
  WANT_EQ(syscall(SYS_prlimit64, 0, 7, 0, &limit), 0);
  const uint64_t before = limit.soft;
  last = dup(0);
  limit.soft = last;
  close(last);
  WANT_EQ(syscall(SYS_prlimit64, 0, 7, &limit, 0), 0);
  WANT_ERROR(accept(server, 0, 0), EMFILE);
  limit.soft = before;
  WANT_EQ(syscall(SYS_prlimit64, 0, 7, &limit, 0), 0);
  WANT(accept(server, 0, 0) >= 0);
}

CASE(sockets_in_proc, "socket readlink") {
  const int fd = unix_listener(SOCK_STREAM, "server-of-this-case", 5);
  char link[64], target[64] = {0}, line[256];
  struct stat status;
  WANT_EQ(fstat(fd, &status), 0);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  WANT(readlink(link, target, sizeof target - 1) > 0);
  snprintf(link, sizeof link, "socket:[%lu]", (unsigned long)status.st_ino);
  WANT(strcmp(link, target) == 0);
  FILE* table = fopen("/proc/net/unix", "r");
  WANT(table);
  int found = 0;
  while (fgets(line, sizeof line, table)) {
    if (!strstr(line, "server-of-this-case")) continue;
    unsigned references, protocol, flags, type, state;
    unsigned long inode;
    WANT_EQ(sscanf(line, "%*x: %x %x %x %x %x %lu", &references, &protocol, &flags, &type, &state, &inode),
            6);
    WANT(flags == 0x10000 && type == 1 && state == 1 && inode == status.st_ino);
    found = 1;
  }
  WANT(found);
}
