// Many processes that pass each other descriptors, of sockets above all, and close at random: rings of
// sockets in each other's queues, half-received messages, ends that go while others send.
//
//   rights_storm SEED PROCESSES ROUNDS      prints "the storm is over" if all of them came to their end
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD = 24, COMMON = 8 };
static int common[COMMON * 2];
static int held[HELD];
static uint64_t state;

static unsigned chance(unsigned below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % below;
}
static int* place(void) {
  return &held[chance(HELD)];
}
static void put(int fd) {
  int* at = place();
  if (*at >= 0) close(*at);
  *at = fd;
}
static int any_socket(void) {
  return chance(3) ? common[chance(COMMON * 2)] : *place();
}

static void send_some(int to) {
  int files[4], count = 0;
  for (unsigned wanted = chance(5); wanted > 0; --wanted) {
    const int fd = chance(4) ? *place() : common[chance(COMMON * 2)];
    if (fd >= 0) files[count++] = fd;
  }
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof files)];
  } control;
  memset(&control, 0, sizeof control);
  char bytes[64] = {0};
  struct iovec vector = {bytes, 1 + chance(sizeof bytes)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), files, count * sizeof(int));
  }
  sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void receive_some(int from) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(4 * sizeof(int))];
  } control;
  char bytes[64];
  struct iovec vector = {bytes, 1 + chance(sizeof bytes)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control};
  message.msg_controllen = chance(3) ? sizeof control : chance(2) ? 0 : CMSG_LEN(sizeof(int));
  if (recvmsg(from, &message, MSG_DONTWAIT | (chance(5) ? 0 : MSG_PEEK)) < 0) return;
  for (struct cmsghdr* at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    const int count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (int i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
      put(fd);
    }
  }
}

static void live(unsigned rounds) {
  static const int kKinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < HELD; ++i) held[i] = -1;
  for (; rounds > 0; --rounds) {
    int pair[2], *at;
    switch (chance(8)) {
      case 0:
        if (socketpair(AF_UNIX, kKinds[chance(3)], 0, pair) == 0) put(pair[0]), put(pair[1]);
        break;
      case 1:
        if (chance(8) == 0 && pipe(pair) == 0) put(pair[0]), put(pair[1]);
        break;
      case 2:
        at = place();
        if (*at >= 0) close(*at);
        *at = -1;
        break;
      case 3:
        if (chance(40) == 0) {
          const pid_t child = fork();
          if (child == 0) _exit(0);
          if (child > 0) waitpid(child, 0, 0);
        }
        break;
      case 4:
      case 5: send_some(any_socket()); break;
      default: receive_some(any_socket()); break;
    }
  }
}

int main(int count, char** words) {
  if (count != 4) return 2;
  const unsigned processes = atoi(words[2]), rounds = atoi(words[3]);
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < COMMON; ++i)
    if (socketpair(AF_UNIX, i % 2 ? SOCK_DGRAM : SOCK_STREAM, 0, &common[i * 2])) return 1;
  for (unsigned i = 0; i < processes; ++i) {
    state = atoi(words[1]) * 1000 + i;
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      live(rounds);
      _exit(0);
    }
  }
  unsigned ended = 0;
  for (int status; wait(&status) > 0 || errno == EINTR;)
    ended += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (ended == processes) puts("the storm is over");
  return ended != processes;
}
