// What the programs on ptrace share.
#pragma once

// clang-format off: check.h says which of libc's extensions are wanted, before any header of libc's
#include "check.h"

#include <linux/ptrace.h>
#include <pthread.h>
#include <sys/uio.h>
#include <sys/user.h>
// clang-format on

static long trace(long request, pid_t pid, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}
static int wait_for(pid_t pid) {
  int status = 0;
  WANT_EQ(waitpid(pid, &status, __WALL), pid);
  return status;
}
#define WANT_STOP(pid, number)              \
  do {                                      \
    const int check_status = wait_for(pid); \
    WANT(WIFSTOPPED(check_status));         \
    WANT_EQ(check_status >> 8, number);     \
  } while (0)
#define EVENT(event) (SIGTRAP | (event) << 8)

static __attribute__((unused)) struct user_regs_struct registers_of(pid_t pid) {
  struct user_regs_struct r;
  WANT_EQ(trace(PTRACE_GETREGS, pid, 0, (unsigned long)&r), 0);
  return r;
}
static __attribute__((unused)) long peek(pid_t pid, const volatile void* at) {
  long word = 0;
  WANT_EQ(trace(PTRACE_PEEKDATA, pid, (unsigned long)at, (unsigned long)&word), 0);
  return word;
}
static __attribute__((unused)) siginfo_t info_of(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  WANT_EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
  return info;
}

/// A child that is traced by us, stopped by its own SIGSTOP, and then runs `body`.
static void (*traced_body)(void);
static void traced_main(void) {
  WANT_EQ(trace(PTRACE_TRACEME, 0, 0, 0), 0);
  WANT_EQ(raise(SIGSTOP), 0);
  traced_body();
}
static __attribute__((unused)) pid_t traced(void (*body)(void)) {
  traced_body = body;
  const pid_t pid = check_child(traced_main);
  WANT_STOP(pid, SIGSTOP);
  return pid;
}
static __attribute__((unused)) void run_to_end(pid_t pid, int status) {
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  const int end = wait_for(pid);
  WANT(WIFEXITED(end));
  WANT_EQ(WEXITSTATUS(end), status);
}

static __attribute__((unused)) void nothing(void) {}
static __attribute__((unused)) void for_ever(void) {
  for (;;) pause();
}
