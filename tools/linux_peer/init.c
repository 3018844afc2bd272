// The first program of the Linux that Vari is compared with: the guest's side of the host channel
// (components/host_channel/README.md), so that the same ./vari code runs a command in either kernel.
//
// Ordinary C for Linux, linked statically with musl. It takes vari.exec= from /proc/cmdline (base64),
// runs /bin/sh -c on it with pipes, wraps its output into frames on COM2, then powers off. With no such
// word it gives a shell on the console. Standard input arrives under credit, as the protocol says.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { kStdout = 1, kStderr = 2, kStatus = 3, kMessage = 4, kReady = 5, kCredit = 6, kReport = 7 };
enum { kStdin = 16, kStdinEnd = 17, kWindow = 18, kSignal = 19, kMaximum = 1024, kGrant = 16384 };

static int line = -1;

static void write_all(int fd, const void* data, size_t bytes) {
  const char* next = data;
  while (bytes > 0) {
    ssize_t done = write(fd, next, bytes);
    if (done < 0 && errno != EINTR) return;
    if (done > 0) next += done, bytes -= (size_t)done;
  }
}

static void send_frame(uint8_t kind, const void* payload, uint16_t bytes) {
  uint8_t frame[3 + kMaximum] = {kind, (uint8_t)bytes, (uint8_t)(bytes >> 8)};
  memcpy(frame + 3, payload, bytes);
  write_all(line, frame, 3u + bytes);
}

static void grant(uint32_t bytes) { send_frame(kCredit, &bytes, 4); }

// A word of /proc's tables, in the names of Vari's own reports.
static void report_value(const char* name, const char* file, const char* key, unsigned long divide) {
  static char text[65536];
  char out[128];
  int fd = open(file, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return;
  text[got] = 0;
  char* at = strstr(text, key);
  if (!at) return;
  int bytes = snprintf(out, sizeof out, "%s %lu\n", name, strtoul(at + strlen(key), NULL, 10) / divide);
  send_frame(kReport, out, (uint16_t)bytes);
}

// What vari.report asks for; the time stamp counter counts instructions under QEMU's -icount.
static void report(const char* moment) {
  char out[128];
  uint64_t now = __builtin_ia32_rdtsc();
  int bytes = snprintf(out, sizeof out, "moment %s\ntsc %llu\n", moment, (unsigned long long)now);
  send_frame(kReport, out, (uint16_t)bytes);
  report_value("frames_total", "/proc/meminfo", "MemTotal:", 4);
  report_value("frames_free", "/proc/meminfo", "MemFree:", 4);
  report_value("traps", "/proc/vmstat", "pgfault ", 1);
  report_value("interrupts", "/proc/stat", "intr ", 1);
  report_value("switches", "/proc/stat", "ctxt ", 1);
}

static int report_wanted(void) {
  static char text[8192];
  int fd = open("/proc/cmdline", O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got > 0) text[got] = 0;
  return got > 0 && strstr(text, "vari.report") != NULL;
}

static void finish(void) {
  tcdrain(line);
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

static void give_up(const char* text) {
  send_frame(kMessage, text, (uint16_t)strlen(text));
  finish();
}

static int decode_digit(char c) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char* found = c ? strchr(digits, c) : NULL;
  return found ? (int)(found - digits) : -1;
}

// Finds vari.exec= in the kernel's command line and decodes it; NULL when there is none.
static char* find_command(void) {
  static char text[8192];
  static char command[8192];
  int fd = open("/proc/cmdline", O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (got <= 0) return NULL;
  text[got] = 0;
  char* word = strstr(text, "vari.exec=");
  if (!word) return NULL;
  word += strlen("vari.exec=");
  uint32_t bits = 0;
  int have = 0;
  size_t length = 0;
  for (int digit; (digit = decode_digit(*word)) >= 0; ++word) {
    bits = bits << 6 | (uint32_t)digit;
    have += 6;
    if (have >= 8) have -= 8, command[length++] = (char)(bits >> have);
  }
  return command;
}

static struct {
  int input, output, error;
  pid_t child;
  uint8_t buffer[65536];
  size_t have;
  uint8_t pending[2 * kGrant];
  size_t waiting;
  int ended;
  uint16_t rows, columns;
} state = {.input = -1, .output = -1, .error = -1};

static void start_command(const char* command) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) give_up("no pipes");
  state.child = fork();
  if (state.child < 0) give_up("cannot fork");
  if (state.child == 0) {
    setsid();
    dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
    if (chdir("/root") != 0 && chdir("/") != 0) _exit(127);
    char* arguments[] = {"sh", "-c", (char*)command, NULL};
    char* environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=linux",
                           NULL};
    execve("/bin/sh", arguments, environment);
    _exit(127);
  }
  close(in[0]), close(out[1]), close(err[1]);
  state.input = in[1], state.output = out[0], state.error = err[0];
  fcntl(state.input, F_SETFL, O_NONBLOCK);
  signal(SIGPIPE, SIG_IGN);
}

static void take_frame(uint8_t kind, const uint8_t* payload, uint16_t bytes) {
  if (kind == kStdin && state.waiting + bytes <= sizeof state.pending) {
    memcpy(state.pending + state.waiting, payload, bytes);
    state.waiting += bytes;
  } else if (kind == kStdinEnd) {
    state.ended = 1;
  } else if (kind == kSignal && bytes == 1) {
    kill(-state.child, payload[0]);
  } else if (kind == kWindow && bytes == 4) {
    memcpy(&state.rows, payload, 2);
    memcpy(&state.columns, payload + 2, 2);
  }
}

static void take_bytes(void) {
  ssize_t got = read(line, state.buffer + state.have, sizeof state.buffer - state.have);
  if (got <= 0) return;
  state.have += (size_t)got;
  size_t at = 0;
  while (state.have - at >= 3) {
    uint8_t kind = state.buffer[at];
    uint16_t bytes = (uint16_t)(state.buffer[at + 1] | state.buffer[at + 2] << 8);
    if (kind < kStdin || kind > kSignal || bytes > kMaximum) {
      ++at;
      continue;
    }
    if (state.have - at < 3u + bytes) break;
    take_frame(kind, state.buffer + at + 3, bytes);
    at += 3u + bytes;
  }
  memmove(state.buffer, state.buffer + at, state.have - at);
  state.have -= at;
}

static void pass_input(void) {
  if (state.input < 0) return;
  if (state.waiting > 0) {
    ssize_t done = write(state.input, state.pending, state.waiting);
    if (done < 0 && errno != EAGAIN) state.waiting = 0, close(state.input), state.input = -1;
    if (done > 0) {
      memmove(state.pending, state.pending + done, state.waiting - (size_t)done);
      state.waiting -= (size_t)done;
      grant((uint32_t)done);
    }
  }
  if (state.waiting == 0 && state.ended && state.input >= 0) close(state.input), state.input = -1;
}

static int pass_output(int fd, uint8_t kind) {
  uint8_t data[kMaximum];
  ssize_t got = read(fd, data, sizeof data);
  if (got > 0) send_frame(kind, data, (uint16_t)got);
  return got != 0;
}

static uint8_t bridge(void) {
  int status = -1;
  for (;;) {
    struct pollfd ends[] = {{line, POLLIN, 0}, {state.output, POLLIN, 0}, {state.error, POLLIN, 0},
                            {state.waiting ? state.input : -1, POLLOUT, 0}};
    poll(ends, 4, 10);
    if (ends[0].revents) take_bytes();
    pass_input();
    if (ends[1].revents && !pass_output(state.output, kStdout)) close(state.output), state.output = -1;
    if (ends[2].revents && !pass_output(state.error, kStderr)) close(state.error), state.error = -1;
    pid_t gone;
    int how;
    while ((gone = waitpid(-1, &how, WNOHANG)) > 0) {
      if (gone == state.child) status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    }
    // The command is over when it has ended and what it wrote is through; its orphans may hold the pipes.
    if (status >= 0 && !(ends[1].revents & POLLIN) && !(ends[2].revents & POLLIN)) return (uint8_t)status;
  }
}

// A login shell on the console, with a session and a window size; the machine ends with it.
static int terminal(void) {
  int console = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
  state.child = fork();
  if (state.child == 0) {
    setsid();
    ioctl(console, TIOCSCTTY, 0);
    dup2(console, 0), dup2(console, 1), dup2(console, 2);
    char* arguments[] = {"-sh", NULL};
    char* environment[] = {"HOME=/root", "TERM=linux", NULL};
    if (chdir("/root") == 0) execve("/bin/sh", arguments, environment);
    _exit(127);
  }
  for (;;) {
    struct pollfd end = {line, POLLIN, 0};
    poll(&end, 1, 50);
    if (end.revents) take_bytes();
    if (state.rows) {
      struct winsize size = {state.rows, state.columns, 0, 0};
      ioctl(console, TIOCSWINSZ, &size);
      state.rows = 0;
    }
    for (pid_t gone; (gone = waitpid(-1, NULL, WNOHANG)) > 0;) {
      if (gone == state.child) finish();
    }
  }
}

int main(void) {
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  char* command = find_command();
  line = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (line < 0) return 1;
  struct termios modes;
  tcgetattr(line, &modes);
  cfmakeraw(&modes);
  cfsetspeed(&modes, B115200);
  tcsetattr(line, TCSANOW, &modes);
  send_frame(kReady, "\1", 1);
  if (!command) return terminal();
  const int wanted = report_wanted();
  if (wanted) report("start");
  start_command(command);
  grant(kGrant);
  uint8_t status = bridge();
  if (wanted) report("end");
  send_frame(kStatus, &status, 1);
  finish();
}
