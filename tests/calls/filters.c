// Filters of system calls: seccomp(2), prctl(2) PR_SET_SECCOMP.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "check.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define PROGRAM(...)                                                          \
  (struct sock_fprog) {                                                       \
    sizeof((struct sock_filter[]){__VA_ARGS__}) / 8, (struct sock_filter[]) { \
      __VA_ARGS__                                                             \
    }                                                                         \
  }
/// A program that lets all calls but one pass.
#define ON_CALL(number, verdict)                                                        \
  PROGRAM(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), RETURN(verdict), \
          RETURN(SECCOMP_RET_ALLOW))

static long seccomp(unsigned operation, unsigned flags, const void* what) {
  return syscall(SYS_seccomp, operation, flags, what);
}
static void add(struct sock_fprog program) {
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  WANT_EQ(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

CASE(a_filter_makes_calls_fail, "seccomp prctl") {
  WANT_EQ(prctl(PR_GET_SECCOMP), 0);
  const pid_t parent = getppid();
  add(ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 77));
  WANT_ERROR(syscall(SYS_getppid), 77);
  WANT_EQ(prctl(PR_GET_SECCOMP), 2);
  WANT_EQ(syscall(SYS_getpid), getpid());
  // The strictest of several counts, whichever came first; of equals the latest.
  add(ON_CALL(SYS_getppid, SECCOMP_RET_ALLOW));
  WANT_ERROR(syscall(SYS_getppid), 77);
  add(ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 78));
  WANT_ERROR(syscall(SYS_getppid), 78);
  add(ON_CALL(SYS_getuid, SECCOMP_RET_ERRNO));  // an error of 0 is a result
  WANT_EQ(syscall(SYS_getuid), 0);
  WANT(parent > 0);
}

CASE(unknown_calls_are_judged_too, "seccomp") {
  WANT_ERROR(syscall(100000), ENOSYS);
  add(ON_CALL(100000, SECCOMP_RET_ERRNO | 79));
  WANT_ERROR(syscall(100000), 79);
  WANT_ERROR(syscall(100001), ENOSYS);
}

CASE(arguments_can_be_looked_at, "seccomp") {
  // dup2(x, 100) with x >= 7 fails; the machine is told, too.
  add(PROGRAM(LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
              RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup2, 0, 4),
              LOAD(args[1]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100, 0, 2), LOAD(args[0]),
              BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 7, 1, 0), RETURN(SECCOMP_RET_ALLOW),
              RETURN(SECCOMP_RET_ERRNO | 80)));
  WANT_EQ(dup2(1, 9), 9);
  WANT_EQ(dup2(1, 100), 100);
  WANT_ERROR(dup2(9, 100), 80);
  WANT_EQ(dup2(9, 8), 8);
}

CASE(the_machine_computes, "seccomp") {
  // Each operation once: the errors are what it must compute of 12 and 5.
  const struct {
    struct sock_filter operation;
    int expected;
  } all[] = {
      {BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), 17}, {BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), 7},
      {BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), 60}, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), 2},
      {BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0), 4},  {BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0), 13},
      {BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0), 9},  {BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), 384},
      {BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2), 3},  {BPF_STMT(BPF_ALU | BPF_NEG, 0), 0xfff4 & 4095},
      {BPF_STMT(BPF_MISC | BPF_TXA, 0), 5},         {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), 64},
      {BPF_STMT(BPF_LD | BPF_MEM, 3), 12},          {BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 100), 112},
  };
  for (unsigned i = 0; i < sizeof all / sizeof *all; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      add(PROGRAM(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW),
                  BPF_STMT(BPF_LD | BPF_IMM, 12), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LDX | BPF_IMM, 5),
                  all[i].operation, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 4095),
                  BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)));
      errno = 0;
      (void)syscall(SYS_getppid);
      if (errno != all[i].expected) check_end(CHECK_FAILED, "operation %u gives %d", i, errno);
      _exit(0);
    }
    WANT_EQ(check_wait(child), 0);
  }
}

static void by_verdict(unsigned verdict) {
  add(ON_CALL(SYS_getppid, verdict));
  (void)syscall(SYS_getppid);
}
static void kill_process(void) {
  by_verdict(SECCOMP_RET_KILL_PROCESS);
}
static void kill_thread(void) {
  by_verdict(SECCOMP_RET_KILL_THREAD);
}
static void trap(void) {
  by_verdict(SECCOMP_RET_TRAP);
}
static void unknown_action(void) {
  by_verdict(0x12340000);
}
static void divide_by_zero(void) {
  add(PROGRAM(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0), RETURN(SECCOMP_RET_ALLOW),
              BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(SECCOMP_RET_ALLOW)));
  (void)syscall(SYS_getppid);
}

CASE(verdicts_that_kill, "seccomp") {
  void (*const all[])(void) = {kill_process, kill_thread, trap, unknown_action, divide_by_zero};
  for (unsigned i = 0; i < 5; ++i) {
    const int status = check_wait(check_child(all[i]));
    WANT(WIFSIGNALED(status));
    WANT_EQ(WTERMSIG(status), SIGSYS);
  }
}

static siginfo_t told;
static volatile long told_rax;
static void on_trap(int number, siginfo_t* info, void* context) {
  (void)number;
  told = *info;
  told_rax = ((long*)context)[5 + 13];  // REG_RAX of uc_mcontext
  ((long*)context)[5 + 13] = 4711;
}

CASE(a_trap_tells_what_was_called, "seccomp rt_sigaction") {
  struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
  WANT_EQ(sigaction(SIGSYS, &action, 0), 0);
  add(ON_CALL(SYS_getppid, SECCOMP_RET_TRAP | 42));
  WANT_EQ(syscall(SYS_getppid), 4711);  // what the handler put there
  WANT_EQ(told.si_signo, SIGSYS);
  WANT_EQ(told.si_code, 1);  // SYS_SECCOMP
  WANT_EQ(told.si_errno, 42);
  WANT_EQ(told.si_syscall, SYS_getppid);
  WANT_EQ(told.si_arch, AUDIT_ARCH_X86_64);
  WANT(told.si_call_addr != 0);
  WANT_EQ(told_rax, SYS_getppid);
}

static int ready[2], go[2];
static void* call_when_told(void* unused) {
  char byte;
  (void)unused;
  WANT_EQ(write(ready[1], "x", 1), 1);
  WANT_EQ(read(go[0], &byte, 1), 1);
  errno = 0;
  (void)syscall(SYS_getppid);
  return (void*)(long)errno;
}

static void* ask_for_the_user(void* unused) {
  (void)unused;
  return (void*)syscall(SYS_getuid);
}
static int has_one_thread(void) {
  char text[2000] = "";
  const int fd = open("/proc/self/status", O_RDONLY);
  (void)!read(fd, text, sizeof text - 1);
  close(fd);
  return strstr(text, "\nThreads:\t1\n") != 0;
}

CASE(one_thread_may_die_alone, "seccomp") {
  pthread_t thread;
  add(ON_CALL(SYS_getuid, SECCOMP_RET_KILL_THREAD));
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(pthread_create(&thread, 0, ask_for_the_user, 0), 0);
    WANT_SOON(has_one_thread());
    _exit(7);
  }
  const int status = check_wait(child);
  WANT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

CASE(all_threads_can_be_brought_into_line, "seccomp") {
  pthread_t thread;
  char byte;
  void* result = 0;
  WANT(pipe(ready) == 0 && pipe(go) == 0);
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  WANT_EQ(pthread_create(&thread, 0, call_when_told, 0), 0);
  WANT_EQ(read(ready[0], &byte, 1), 1);
  struct sock_fprog program = ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 81);
  WANT_EQ(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), 0);
  WANT_EQ(write(go[1], "x", 1), 1);
  WANT_EQ(pthread_join(thread, &result), 0);
  WANT_EQ((long)result, 81);
}

static volatile int other_id;
static void* has_its_own_filter(void* unused) {
  char byte;
  (void)unused;
  add(ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 82));
  other_id = (int)syscall(SYS_gettid);
  WANT_EQ(write(ready[1], "x", 1), 1);
  WANT_EQ(read(go[0], &byte, 1), 1);
  return 0;
}

CASE(a_thread_that_can_not_follow_is_named, "seccomp") {
  pthread_t thread;
  char byte;
  WANT(pipe(ready) == 0 && pipe(go) == 0);
  WANT_EQ(pthread_create(&thread, 0, has_its_own_filter, 0), 0);
  WANT_EQ(read(ready[0], &byte, 1), 1);
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  struct sock_fprog program = ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 81);
  WANT_EQ(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), other_id);
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | 16, &program), ESRCH);
  WANT_EQ(prctl(PR_GET_SECCOMP), 0);
  WANT_EQ(write(go[1], "x", 1), 1);
  WANT_EQ(pthread_join(thread, 0), 0);
}

static void is_still_filtered(void) {
  WANT_ERROR(syscall(SYS_getppid), 83);
  char* const words[] = {"sh", "-c", "grep -q '^Seccomp:.2' /proc/self/status", 0};
  execv("/bin/sh", words);
  WANT(!"exec");
}

CASE(a_filter_is_inherited, "seccomp execve") {
  add(ON_CALL(SYS_getppid, SECCOMP_RET_ERRNO | 83));
  WANT_EQ(check_wait(check_child(is_still_filtered)), 0);
}

CASE(filters_are_checked, "seccomp prctl") {
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  const struct sock_filter last = RETURN(SECCOMP_RET_ALLOW);
  const struct sock_filter bad[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),
      BPF_STMT(BPF_LD | BPF_MEM, 16),
      BPF_STMT(BPF_ST, 16),
      BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0),
      BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_JUMP(BPF_JMP | BPF_JA, 0xffffffff, 0, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 255),
      BPF_STMT(0xffff, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffc),
  };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; ++i) {
    struct sock_filter both[] = {bad[i], last};
    struct sock_fprog program = {2, both};
    errno = 0;
    const long done = seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
    if (done != -1 || errno != EINVAL)
      check_end(CHECK_FAILED, "instruction %u: %ld, errno %d", i, done, errno);
  }
  struct sock_filter one = BPF_STMT(BPF_LD | BPF_IMM, 0);
  struct sock_fprog program = {1, &one};  // does not return
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EINVAL);
  program.len = 0;
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EINVAL);
  program = (struct sock_fprog){4097, &one};
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EINVAL);
  program = (struct sock_fprog){1, (void*)8};
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EFAULT);
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, (void*)8), EFAULT);
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0x4000, &program), EINVAL);
  WANT_ERROR(seccomp(99, 0, 0), EINVAL);
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_STRICT, 1, 0), EINVAL);
  WANT_ERROR(prctl(PR_SET_SECCOMP, 3, 0, 0, 0), EINVAL);
  WANT_EQ(prctl(PR_GET_SECCOMP), 0);
  uint32_t action = SECCOMP_RET_TRAP;
  WANT_EQ(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
  action = 0x12340000;
  WANT_ERROR(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
  WANT_ERROR(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, (void*)8), EFAULT);
}

static void without_the_right(void) {
  WANT_EQ(setuid(1000), 0);
  struct sock_fprog program = ON_CALL(SYS_getppid, SECCOMP_RET_ALLOW);
  WANT_ERROR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), EACCES);
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  WANT_EQ(seccomp(SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

CASE(filters_want_no_new_privileges, "seccomp") {
  WANT_EQ(check_wait(check_child(without_the_right)), 0);
}

CASE(filters_have_a_limit_and_end, "seccomp") {
  // 4096 instructions each, with their own fine of 4: seven fit. Then small ones, thousands deep.
  struct sock_filter* const many = calloc(4096, sizeof *many);
  for (int i = 0; i < 4095; ++i) many[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
  many[4095] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
  WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct sock_fprog program = {4096, many};
    int taken = 0;
    while (seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) == 0) ++taken;
    _exit(errno == ENOMEM ? taken : 100);
  }
  const int status = check_wait(child);
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 7);
  const pid_t deep = fork();
  if (deep == 0) {
    struct sock_fprog program = PROGRAM(RETURN(SECCOMP_RET_ALLOW));
    int taken = 0;
    while (taken < 1000 && seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) == 0) ++taken;
    _exit(taken == 1000 ? 0 : 100);
  }
  WANT_EQ(check_wait(deep), 0);
}

static void only_reads_and_writes(void) {
  WANT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
  if (write(ready[1], "y", 1) != 1) syscall(SYS_exit, 1);
  syscall(SYS_exit, 0);
}
static void asks_too_much(void) {
  WANT_EQ(seccomp(SECCOMP_SET_MODE_STRICT, 0, 0), 0);
  (void)syscall(SYS_getpid);
  syscall(SYS_exit, 0);
}

CASE(strictly_there_are_four_calls, "seccomp prctl") {
  char byte = 0;
  WANT_EQ(pipe(ready), 0);
  WANT_EQ(check_wait(check_child(only_reads_and_writes)), 0);
  WANT_EQ(read(ready[0], &byte, 1), 1);
  const int status = check_wait(check_child(asks_too_much));
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
