// fork(2), vfork(2), clone(2), clone3(2), _exit(2), exit_group(2): what a child shares, gets and loses.
#include "check.h"

#include <linux/sched.h>
#include <sched.h>

static char stack[64 * 1024] __attribute__((aligned(64)));
#define STACK_TOP (stack + sizeof stack)

CASE(fork_copies_memory, "fork getpid getppid") {
  static volatile int value = 1;
  const pid_t parent = getpid();
  const pid_t child = syscall(SYS_fork);
  WANT(child >= 0);
  if (child == 0) {
    WANT(getppid() == parent && getpid() != parent);
    value = 2;
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(value, 1);
}

CASE(fork_shares_file_positions, "fork lseek") {
  const int fd = open("file", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(fd, "0123456789", 10), 10);
  const pid_t child = fork();
  if (child == 0) _exit(lseek(fd, 4, SEEK_SET) == 4 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

CASE(fork_drops_pending_signals_and_timers, "fork rt_sigpending alarm") {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  raise(SIGUSR1);
  alarm(30);
  const pid_t child = fork();
  if (child == 0) {
    sigset_t pending, mask;
    WANT_EQ(sigpending(&pending), 0);
    WANT(!sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_BLOCK, 0, &mask);
    WANT(sigismember(&mask, SIGUSR1));
    WANT_EQ(alarm(0), 0);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT(alarm(0) > 0);
}

CASE(vfork_child_runs_first_in_our_memory, "vfork") {
  static volatile int value = 0;
  const pid_t child = vfork();
  if (child == 0) {
    value = 5;
    _exit(3);
  }
  WANT_EQ(value, 5);
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WEXITSTATUS(status), 3);
}

CASE(vfork_parent_waits_for_exec, "vfork execve") {
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t child = vfork();
  if (child == 0) {
    fcntl(p[1], F_SETFD, FD_CLOEXEC);
    execl("/bin/true", "true", (char*)0);
    _exit(9);
  }
  close(p[1]);
  char byte;
  WANT_EQ(read(p[0], &byte, 1), 0);  // exec has closed the other end
  WANT_EQ(check_wait(child), 0);
}

static int shared_value;
static int set_value(void* argument) {
  shared_value = (int)(long)argument;
  return 11;
}
CASE(clone_vm_shares_memory, "clone") {
  const pid_t child = clone(set_value, STACK_TOP, CLONE_VM | SIGCHLD, (void*)77);
  WANT(child > 0);
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WEXITSTATUS(status), 11);
  WANT_EQ(shared_value, 77);
}

static int close_three(void* argument) {
  return close((int)(long)argument);
}
CASE(clone_files_shares_descriptors, "clone close") {
  const int fd = open("/dev/null", O_RDONLY);
  const pid_t child = clone(close_three, STACK_TOP, CLONE_VM | CLONE_FILES | SIGCHLD, (void*)(long)fd);
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(fcntl(fd, F_GETFD), EBADF);
  const int again = open("/dev/null", O_RDONLY);
  const pid_t other = clone(close_three, STACK_TOP, CLONE_VM | SIGCHLD, (void*)(long)again);
  WANT_EQ(check_wait(other), 0);
  WANT(fcntl(again, F_GETFD) >= 0);
}

static int change_folder(void* argument) {
  umask(0077);
  return chdir(argument);
}
CASE(clone_fs_shares_the_current_folder, "clone chdir umask") {
  char now[200];
  const pid_t child = clone(change_folder, STACK_TOP, CLONE_VM | CLONE_FS | SIGCHLD, "/tmp");
  WANT_EQ(check_wait(child), 0);
  WANT(getcwd(now, sizeof now) && strcmp(now, "/tmp") == 0);
  WANT_EQ(umask(0), 0077);
  const pid_t other = clone(change_folder, STACK_TOP, CLONE_VM | SIGCHLD, "/");
  WANT_EQ(check_wait(other), 0);
  WANT(getcwd(now, sizeof now) && strcmp(now, "/tmp") == 0);
}

static int ignore_it(void* argument) {
  (void)argument;
  return signal(SIGUSR2, SIG_IGN) == SIG_ERR;
}
CASE(clone_sighand_shares_actions, "clone rt_sigaction") {
  struct sigaction now;
  WANT_EQ(check_wait(clone(ignore_it, STACK_TOP, CLONE_VM | SIGCHLD, 0)), 0);
  sigaction(SIGUSR2, 0, &now);
  WANT(now.sa_handler == SIG_DFL);
  WANT_EQ(check_wait(clone(ignore_it, STACK_TOP, CLONE_VM | CLONE_SIGHAND | SIGCHLD, 0)), 0);
  sigaction(SIGUSR2, 0, &now);
  WANT(now.sa_handler == SIG_IGN);
}

static pid_t parent_seen;
static int look_at_parent(void* argument) {
  (void)argument;
  parent_seen = getppid();
  return 0;
}
CASE(clone_parent_makes_a_sibling, "clone") {
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) {
    const pid_t sibling = clone(look_at_parent, STACK_TOP, CLONE_VM | CLONE_PARENT | SIGCHLD, 0);
    WANT(sibling > 0);
    WANT_ERROR(waitpid(sibling, 0, 0), ECHILD);
    _exit(0);
  }
  int status, others = 0;
  pid_t got;
  while ((got = wait(&status)) > 0) others += got != child;
  WANT_EQ(others, 1);
  (void)self;
}

static int wait_for_nothing(void* argument) {
  while (__atomic_load_n((int*)argument, __ATOMIC_SEQ_CST) == 0) sched_yield();
  syscall(SYS_exit, 0);
  return 0;
}
CASE(clone_thread_has_the_same_pid, "clone gettid exit set_tid_address") {
  static int go, tid_word = -1, parent_tid = -1;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  const pid_t tid = clone(wait_for_nothing, STACK_TOP, flags, &go, &parent_tid, (void*)0, &tid_word);
  WANT(tid > 0 && tid != getpid());
  WANT_EQ(parent_tid, tid);
  WANT_EQ(syscall(SYS_tgkill, getpid(), tid, 0), 0);
  WANT_ERROR(waitpid(tid, 0, __WALL), ECHILD);  // threads are nobody's children
  __atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
  WANT_SOON(__atomic_load_n(&tid_word, __ATOMIC_SEQ_CST) == 0);
  WANT_SOON(syscall(SYS_tgkill, getpid(), tid, 0) == -1 && errno == ESRCH);
  WANT_EQ(syscall(SYS_gettid), getpid());
}

CASE(clone_child_settid_writes_in_the_child, "clone") {
  static int word = -1;
  const pid_t child = syscall(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, 0, 0, &word, 0);
  if (child == 0) _exit(word == getpid() ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(word, -1);
}

CASE(clone_bad_flags, "clone") {
  WANT_ERROR(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

CASE(clone_death_signal_is_the_one_asked_for, "clone") {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  const pid_t child = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
  if (child == 0) _exit(4);
  siginfo_t info;
  WANT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  WANT_EQ(info.si_pid, child);
  WANT_EQ(info.si_code, CLD_EXITED);
  int status;
  WANT_EQ(waitpid(child, &status, __WALL), child);
}

CASE(clone3_as_fork, "clone3") {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  const pid_t child = syscall(SYS_clone3, &arguments, sizeof arguments);
  WANT(child >= 0);
  if (child == 0) _exit(8);
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WEXITSTATUS(status), 8);
}

CASE(clone3_writes_the_tid_for_the_parent, "clone3") {
  static pid_t tid = -1;
  struct clone_args arguments = {.flags = CLONE_PARENT_SETTID, .parent_tid = (uintptr_t)&tid, .exit_signal = SIGCHLD};
  const pid_t child = syscall(SYS_clone3, &arguments, CLONE_ARGS_SIZE_VER0);
  if (child == 0) _exit(0);
  WANT_EQ(tid, child);
  WANT_EQ(check_wait(child), 0);
}

static void nothing(int number) {
  (void)number;
}
CASE(clone3_clear_sighand_resets_handlers, "clone3") {
  signal(SIGUSR1, nothing);
  signal(SIGUSR2, SIG_IGN);
  struct clone_args arguments = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  const pid_t child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) {
    struct sigaction one, two;
    sigaction(SIGUSR1, 0, &one);
    sigaction(SIGUSR2, 0, &two);
    WANT(one.sa_handler == SIG_DFL && two.sa_handler == SIG_IGN);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(clone3_bad_arguments, "clone3") {
  struct {
    struct clone_args known;
    uint64_t more;
  } arguments = {.known = {.exit_signal = SIGCHLD}};
  WANT_ERROR(syscall(SYS_clone3, &arguments, 56), EINVAL);
  WANT_ERROR(syscall(SYS_clone3, &arguments, 100000), E2BIG);
  WANT_ERROR(syscall(SYS_clone3, 8, sizeof arguments.known), EFAULT);
  arguments.more = 1;
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments), E2BIG);
  arguments.known.exit_signal = 65;
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments.known), EINVAL);
  arguments.known.exit_signal = SIGCHLD;
  arguments.known.flags = CLONE_DETACHED;
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments.known), EINVAL);
  arguments.known.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND;
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments.known), EINVAL);
  arguments.known.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;  // with an exit signal
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments.known), EINVAL);
  arguments.known.flags = CLONE_VM;
  arguments.known.stack = (uintptr_t)stack;
  WANT_ERROR(syscall(SYS_clone3, &arguments, sizeof arguments.known), EINVAL);
}

CASE(exit_code_has_eight_bits, "exit exit_group") {
  int status;
  pid_t child = fork();
  if (child == 0) syscall(SYS_exit, 0x1234);
  waitpid(child, &status, 0);
  WANT(WIFEXITED(status) && WEXITSTATUS(status) == 0x34);
  child = fork();
  if (child == 0) syscall(SYS_exit_group, -1);
  waitpid(child, &status, 0);
  WANT_EQ(WEXITSTATUS(status), 255);
}

static int sleep_for_ever(void* argument) {
  __atomic_store_n((int*)argument, 1, __ATOMIC_SEQ_CST);
  while (pause()) {}
  return 0;
}
CASE(exit_group_ends_all_threads, "exit_group clone") {
  const pid_t child = fork();
  if (child == 0) {
    static int running;
    clone(sleep_for_ever, STACK_TOP, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, &running);
    while (!__atomic_load_n(&running, __ATOMIC_SEQ_CST)) sched_yield();
    syscall(SYS_exit_group, 6);
  }
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WEXITSTATUS(status), 6);
}

static int exit_later(void* argument) {
  (void)argument;
  nanosleep(&(struct timespec){0, 50000000}, 0);
  syscall(SYS_exit_group, 21);
  return 0;
}
CASE(exit_of_the_leader_leaves_the_others, "exit exit_group") {
  const pid_t child = fork();
  if (child == 0) {
    clone(exit_later, STACK_TOP, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0);
    syscall(SYS_exit, 5);
  }
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WEXITSTATUS(status), 21);
}

CASE(orphans_become_inits, "getppid fork") {
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t middle = getpid();
    if (fork() == 0) {
      while (getppid() == middle) sched_yield();
      const pid_t now = getppid();
      _exit(write(p[1], &now, sizeof now) != sizeof now);
    }
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  pid_t now = 0;
  WANT_EQ(read(p[0], &now, sizeof now), (long)sizeof now);
  WANT(now >= 1 && now != child);
}

CASE(set_tid_address_gives_the_tid, "set_tid_address gettid") {
  static int word;
  WANT_EQ(syscall(SYS_set_tid_address, &word), syscall(SYS_gettid));
}
