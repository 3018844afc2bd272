// wait4(2) and waitid(2): what a parent learns, and when.
#include "check.h"

#include <sys/resource.h>

static pid_t child_that_exits(int status) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) _exit(status);
  return child;
}
static pid_t child_that_stays(void) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    for (;;) pause();
  }
  return child;
}

CASE(wait4_tells_exit_status_and_usage, "wait4") {
  const pid_t child = child_that_exits(42);
  int status = 0;
  struct rusage usage;
  memset(&usage, 0xff, sizeof usage);
  WANT_EQ(syscall(SYS_wait4, child, &status, 0, &usage), child);
  WANT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  WANT(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_usec >= 0 && usage.ru_utime.tv_usec < 1000000);
  WANT_ERROR(syscall(SYS_wait4, child, &status, 0, 0), ECHILD);
}

CASE(wait4_tells_the_killing_signal, "wait4 kill") {
  const pid_t child = child_that_stays();
  int status = 0;
  WANT_EQ(syscall(SYS_wait4, child, &status, WNOHANG, 0), 0);
  WANT_EQ(kill(child, SIGTERM), 0);
  WANT_EQ(syscall(SYS_wait4, child, &status, 0, 0), child);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !WCOREDUMP(status));
}

CASE(wait4_status_may_be_nobodys, "wait4") {
  const pid_t child = child_that_exits(1);
  WANT_EQ(syscall(SYS_wait4, -1, 0, 0, 0), child);
}

CASE(wait4_bad_arguments, "wait4") {
  WANT_ERROR(syscall(SYS_wait4, -1, 0, 0, 0), ECHILD);
  WANT_ERROR(syscall(SYS_wait4, 1, 0, 0, 0), ECHILD);
  WANT_ERROR(syscall(SYS_wait4, -1, 0, 0x1000, 0), EINVAL);
  WANT_ERROR(syscall(SYS_wait4, -1, 0, WEXITED, 0), EINVAL);
  WANT_ERROR(syscall(SYS_wait4, (int)0x80000000, 0, 0, 0), ESRCH);
  const pid_t child = child_that_exits(0);
  WANT_ERROR(syscall(SYS_wait4, child, 8, 0, 0), EFAULT);
}

CASE(wait4_by_group, "wait4 setpgid") {
  const pid_t other = child_that_exits(1), grouped = child_that_stays();
  WANT_EQ(setpgid(grouped, grouped), 0);
  WANT_EQ(kill(grouped, SIGKILL), 0);
  int status;
  WANT_EQ(waitpid(-grouped, &status, 0), grouped);
  WANT_ERROR(waitpid(-grouped, &status, 0), ECHILD);
  WANT_EQ(waitpid(0, &status, 0), other);  // it is in our own group
  WANT_ERROR(waitpid(0, &status, 0), ECHILD);
}

CASE(wait4_stopped_and_continued, "wait4 kill") {
  const pid_t child = child_that_stays();
  int status = 0;
  WANT_EQ(kill(child, SIGSTOP), 0);
  WANT_EQ(waitpid(child, &status, WUNTRACED), child);
  WANT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  WANT_EQ(waitpid(child, &status, WUNTRACED | WNOHANG), 0);  // told once
  WANT_EQ(kill(child, SIGCONT), 0);
  WANT_EQ(waitpid(child, &status, WCONTINUED), child);
  WANT(WIFCONTINUED(status));
  WANT_EQ(kill(child, SIGKILL), 0);
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(WTERMSIG(status), SIGKILL);
}

CASE(waitid_fills_siginfo, "waitid") {
  const pid_t child = child_that_exits(7);
  siginfo_t info;
  memset(&info, 0xff, sizeof info);
  WANT_EQ(syscall(SYS_waitid, P_PID, child, &info, WEXITED, 0), 0);
  WANT_EQ(info.si_signo, SIGCHLD);
  WANT_EQ(info.si_code, CLD_EXITED);
  WANT_EQ(info.si_pid, child);
  WANT_EQ(info.si_uid, getuid());
  WANT_EQ(info.si_status, 7);
  WANT_ERROR(syscall(SYS_waitid, P_PID, child, &info, WEXITED, 0), ECHILD);
}

CASE(waitid_nowait_leaves_the_child, "waitid wait4") {
  const pid_t child = child_that_exits(3);
  siginfo_t info;
  WANT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
  WANT_EQ(info.si_pid, child);
  WANT_EQ(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
  WANT_EQ(info.si_status, 3);
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
}

CASE(waitid_nohang_clears_siginfo, "waitid") {
  const pid_t child = child_that_stays();
  siginfo_t info;
  memset(&info, 0xff, sizeof info);
  WANT_EQ(waitid(P_PID, child, &info, WEXITED | WNOHANG), 0);
  WANT_EQ(info.si_pid, 0);
  WANT_EQ(info.si_signo, 0);
  kill(child, SIGKILL);
  WANT_EQ(waitid(P_PID, child, &info, WEXITED), 0);
  WANT(info.si_code == CLD_KILLED && info.si_status == SIGKILL);
}

CASE(waitid_stop_and_continue, "waitid kill") {
  const pid_t child = child_that_stays();
  siginfo_t info;
  kill(child, SIGSTOP);
  WANT_EQ(waitid(P_PID, child, &info, WSTOPPED), 0);
  WANT(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
  kill(child, SIGCONT);
  WANT_EQ(waitid(P_PID, child, &info, WCONTINUED), 0);
  WANT(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
}

CASE(waitid_of_a_group, "waitid") {
  const pid_t child = child_that_stays();
  siginfo_t info;
  WANT_EQ(setpgid(child, child), 0);
  kill(child, SIGKILL);
  WANT_EQ(waitid(P_PGID, child, &info, WEXITED), 0);
  WANT_EQ(info.si_pid, child);
}

CASE(waitid_bad_arguments, "waitid") {
  siginfo_t info;
  WANT_ERROR(syscall(SYS_waitid, P_ALL, 0, &info, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, P_ALL, 0, &info, WNOHANG, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | 0x100, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, 77, 0, &info, WEXITED, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, P_PID, 0, &info, WEXITED, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, P_PID, -5, &info, WEXITED, 0), EINVAL);
  WANT_ERROR(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, 0), ECHILD);
  child_that_exits(0);
  WANT_ERROR(syscall(SYS_waitid, P_ALL, 0, 8, WEXITED, 0), EFAULT);
}

static void nothing(int number) { (void)number; }
CASE(wait_is_interrupted_by_a_handler, "wait4") {
  child_that_stays();
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGUSR1, &action, 0);
  const pid_t self = getpid();
  const pid_t teller = fork();
  if (teller == 0) {
    for (;;) {
      nanosleep(&(struct timespec){0, 20000000}, 0);
      kill(self, SIGUSR1);
    }
  }
  int status;
  WANT_ERROR(waitpid(-1, &status, 0), EINTR);
}

CASE(ignored_children_leave_no_zombie, "wait4 rt_sigaction") {
  signal(SIGCHLD, SIG_IGN);
  const pid_t child = child_that_exits(1);
  int status;
  WANT_ERROR(waitpid(child, &status, 0), ECHILD);  // waits for its end all the same
  WANT_ERROR(kill(child, 0), ESRCH);
}

CASE(no_child_wait_leaves_no_zombie, "wait4 rt_sigaction") {
  struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_NOCLDWAIT};
  sigaction(SIGCHLD, &action, 0);
  const pid_t child = child_that_exits(1);
  int status;
  pid_t got;
  while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR) {}
  WANT(got == -1 && errno == ECHILD);
}

CASE(wait_options_choose_clone_children, "wait4 clone") {
  const pid_t silent = syscall(SYS_clone, 0, 0, 0, 0, 0);  // its death signals nothing: a clone child
  if (silent == 0) _exit(5);
  int status;
  WANT_ERROR(waitpid(silent, &status, 0), ECHILD);
  WANT_EQ(waitpid(silent, &status, __WCLONE), silent);
  WANT_EQ(WEXITSTATUS(status), 5);
  const pid_t another = syscall(SYS_clone, 0, 0, 0, 0, 0);
  if (another == 0) _exit(6);
  WANT_EQ(waitpid(-1, &status, __WALL), another);
}

CASE(child_usage_adds_up, "wait4 getrusage") {
  const pid_t child = fork();
  if (child == 0) {
    struct rusage own;
    do {
      getrusage(RUSAGE_SELF, &own);
    } while (own.ru_utime.tv_sec * 1000000 + own.ru_utime.tv_usec + own.ru_stime.tv_sec * 1000000 + own.ru_stime.tv_usec < 50000);
    _exit(0);
  }
  struct rusage before, after;
  getrusage(RUSAGE_CHILDREN, &before);
  WANT_EQ(check_wait(child), 0);
  getrusage(RUSAGE_CHILDREN, &after);
  const long long spent = (after.ru_utime.tv_sec + after.ru_stime.tv_sec) * 1000000LL + after.ru_utime.tv_usec + after.ru_stime.tv_usec;
  WANT(spent >= 30000);
  WANT_EQ(before.ru_utime.tv_sec + before.ru_utime.tv_usec, 0);
}

CASE(waiting_while_many_exit_loses_no_child, "wait4") {
  enum { ROUNDS = 60, CHILDREN = 6 };
  for (int round = 0; round < ROUNDS; ++round) {
    int gate[2], mask = 0;
    WANT_EQ(pipe(gate), 0);
    for (int i = 0; i < CHILDREN; ++i) {
      const pid_t child = fork();
      WANT(child >= 0);
      if (child != 0) continue;
      char byte;
      close(gate[1]);
      (void)!read(gate[0], &byte, 1);
      _exit(i);
    }
    close(gate[0]);
    close(gate[1]);  // all at once
    for (int i = 0, status; i < CHILDREN; ++i) {
      WANT(wait(&status) > 0 && WIFEXITED(status));
      mask |= 1 << WEXITSTATUS(status);
    }
    WANT_EQ(mask, (1 << CHILDREN) - 1);
    WANT_ERROR(wait(0), ECHILD);
  }
}
