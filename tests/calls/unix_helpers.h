// What the programs on UNIX sockets share.
#pragma once

// clang-format off: check.h says which of libc's extensions are wanted, before any header of libc's
#include "check.h"

#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
// clang-format on

/// A path's or (first character '@') an abstract name's address; its length.
static __attribute__((unused)) socklen_t unix_address(struct sockaddr_un* to, const char* name) {
  memset(to, 0, sizeof *to);
  to->sun_family = AF_UNIX;
  strcpy(to->sun_path, name);
  const socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(name);
  if (name[0] != '@') return length + 1;
  to->sun_path[0] = 0;
  return length;
}
static __attribute__((unused)) int unix_bind(int fd, const char* name) {
  struct sockaddr_un address;
  const socklen_t length = unix_address(&address, name);
  return bind(fd, (struct sockaddr*)&address, length);
}
static __attribute__((unused)) int unix_connect(int fd, const char* name) {
  struct sockaddr_un address;
  const socklen_t length = unix_address(&address, name);
  return connect(fd, (struct sockaddr*)&address, length);
}
static __attribute__((unused)) int unix_listener(int type, const char* name, int backlog) {
  const int fd = socket(AF_UNIX, type, 0);
  WANT(fd >= 0);
  WANT_EQ(unix_bind(fd, name), 0);
  WANT_EQ(listen(fd, backlog), 0);
  return fd;
}
static __attribute__((unused)) void unix_pair(int type, int* ends) {
  WANT_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
}
/// The events that poll finds now.
static __attribute__((unused)) int unix_events(int fd, int wanted) {
  struct pollfd one = {fd, wanted, 0};
  WANT(poll(&one, 1, 0) >= 0);
  return one.revents;
}
/// Sends `bytes` with `count` descriptors.
static __attribute__((unused)) ssize_t send_rights(int fd, const void* bytes, size_t size, const int* files,
                                                   int count, int flags) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(253 * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec vector = {(void*)bytes, size};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), files, count * sizeof(int));
  }
  return syscall(SYS_sendmsg, fd, &message, flags);  // musl copies, and refuses many
}
/// Receives up to `size` bytes and `*count` descriptors; `*count` becomes how many came, `*result` msg_flags.
static __attribute__((unused)) ssize_t receive_rights(int fd, void* bytes, size_t size, int* files,
                                                      int* count, int flags, int* result) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(253 * sizeof(int))];
  } control;
  struct iovec vector = {bytes, size};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = *count ? CMSG_LEN(*count * sizeof(int)) : 0};
  const ssize_t got = syscall(SYS_recvmsg, fd, &message, flags);
  *count = 0;
  if (got < 0) return got;
  if (result) *result = message.msg_flags;
  for (struct cmsghdr* at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    *count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(files, CMSG_DATA(at), *count * sizeof(int));
  }
  return got;
}
