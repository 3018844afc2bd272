// What the programs of this folder share: cases that name the system calls they cover, checks, and a line a
// case.
//
//   CASE(pipe_full_is_eagain, "pipe2 write") { int p[2]; WANT(pipe2(p, O_NONBLOCK) == 0); ... }
//
// Each case runs in a child of its own, in an empty folder of its own, with a time limit; so one that crashes
// or hangs is one failed case. Its first failed check ends it. Linux in the same QEMU runs the same programs:
// a case that fails there asks for what Linux does not promise. A program prints for each case
//
//   case NAME passed | case NAME FAILED file:line: what | case NAME skipped why
//
// and `N passed, N failed, N skipped` as its last line. With arguments, it runs the cases so named.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct check_case {
  const char* name;
  const char* calls;  // system calls that it covers, as tools/linux_calls.py reads them
  void (*run)(void);
  struct check_case* next;
};
static struct check_case *check_first, **check_last = &check_first;

#define CASE(name, calls)                                                 \
  static void case_##name(void);                                          \
  static struct check_case entry_##name = {#name, calls, case_##name, 0}; \
  static __attribute__((constructor)) void enter_##name(void) {           \
    *check_last = &entry_##name;                                          \
    check_last = &entry_##name.next;                                      \
  }                                                                       \
  static void case_##name(void)

static int check_report = 1;  // where a case's child tells why it failed
enum { CHECK_FAILED = 98, CHECK_SKIPPED = 99, CHECK_SECONDS = 40 };

static __attribute__((noreturn, unused, format(printf, 2, 3))) void check_end(int status, const char* format,
                                                                              ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  (void)!write(check_report, text, length < (int)sizeof text ? length : (int)sizeof text - 1);
  _exit(status);
}
#define CHECK_FILE (strrchr("/" __FILE__, '/') + 1)
/// Holds, or the case has failed.
#define WANT(condition)                                                                         \
  do {                                                                                          \
    if (!(condition))                                                                           \
      check_end(CHECK_FAILED, "%s:%d: %s (errno %d)", CHECK_FILE, __LINE__, #condition, errno); \
  } while (0)
/// The two integers are equal.
#define WANT_EQ(value, expected)                                                                      \
  do {                                                                                                \
    const long long check_value = (long long)(value), check_expected = (long long)(expected);         \
    if (check_value != check_expected)                                                                \
      check_end(CHECK_FAILED, "%s:%d: %s is %lld, not %lld (errno %d)", CHECK_FILE, __LINE__, #value, \
                check_value, check_expected, errno);                                                  \
  } while (0)
/// The call fails with this error.
#define WANT_ERROR(call, error)                                                                           \
  do {                                                                                                    \
    errno = 0;                                                                                            \
    const long long check_value = (long long)(call);                                                      \
    if (check_value != -1 || errno != (error))                                                            \
      check_end(CHECK_FAILED, "%s:%d: %s gives %lld, errno %d, not -1 and %d (%s)", CHECK_FILE, __LINE__, \
                #call, check_value, errno, (error), strerror(error));                                     \
  } while (0)
/// This kernel lacks what the case needs and may lack it. On Vari a skipped case counts as failed.
#define SKIP(why) check_end(CHECK_SKIPPED, "%s", why)

/// Waits for a condition, for as long as a busy machine may need.
#define WANT_SOON(condition)                                 \
  do {                                                       \
    for (int check_tries = 0; !(condition); ++check_tries) { \
      WANT(check_tries < 20000 && #condition);               \
      nanosleep(&(struct timespec){0, 1000000}, 0);          \
    }                                                        \
  } while (0)

/// The wait status of a child that ran `run`; its failed checks fail this case, too.
static __attribute__((unused)) pid_t check_child(void (*run)(void)) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    run();
    _exit(0);
  }
  return child;
}
static __attribute__((unused)) int check_wait(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0) WANT(errno == EINTR);
  if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_FAILED) _exit(CHECK_FAILED);  // it has told why
  return status;
}

static void check_clean(const char* folder) {
  char command[200];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  (void)!system(command);
}

/// One case in a process of its own; what it printed as its reason lands in `why`. 0: passed.
static int check_run(const struct check_case* one, char* why, size_t size) {
  int report[2];
  char folder[128];
  snprintf(folder, sizeof folder, "/tmp/case-%d-%s", (int)getpid(), one->name);
  why[0] = 0;
  if (pipe(report) != 0 || (mkdir(folder, 0755) != 0 && errno != EEXIST))
    return snprintf(why, size, "no pipe or folder"), CHECK_FAILED;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    close(report[0]);
    check_report = fcntl(report[1], F_DUPFD_CLOEXEC, 900);
    close(report[1]);
    if (chdir(folder) != 0) _exit(CHECK_FAILED);
    alarm(CHECK_SECONDS);
    one->run();
    _exit(0);
  }
  close(report[1]);
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  kill(-child, SIGKILL);  // what the case left behind
  fcntl(report[0], F_SETFL, O_NONBLOCK);
  ssize_t length = read(report[0], why, size - 1);
  why[length > 0 ? length : 0] = 0;
  close(report[0]);
  check_clean(folder);
  if (WIFEXITED(status)) {
    if (WEXITSTATUS(status) != 0 && !why[0]) snprintf(why, size, "exit status %d", WEXITSTATUS(status));
    return WEXITSTATUS(status);
  }
  snprintf(why, size, "killed by signal %d%s", WTERMSIG(status),
           WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
  return CHECK_FAILED;
}

int main(int count, char** names) {
  int passed = 0, failed = 0, skipped = 0;
  setvbuf(stdout, 0, _IOLBF, 0);
  signal(SIGTTOU, SIG_IGN);
  for (const struct check_case* one = check_first; one; one = one->next) {
    int wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted |= strcmp(names[i], one->name) == 0;
    if (!wanted) continue;
    char why[400];
    const int result = check_run(one, why, sizeof why);
    for (char* at = why; *at; ++at) *at = *at == '\n' ? ' ' : *at;
    if (result == 0) {
      printf("case %s passed\n", one->name);
      ++passed;
    } else if (result == CHECK_SKIPPED) {
      printf("case %s skipped %s\n", one->name, why);
      ++skipped;
    } else {
      printf("case %s FAILED %s\n", one->name, why);
      ++failed;
    }
  }
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
