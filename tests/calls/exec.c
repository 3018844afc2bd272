// execve(2) and execveat(2): what a new program keeps and loses, scripts, and all the ways to be refused.
#include "check.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char** environ;

static void put(const char* name, const char* text, int mode) {
  const int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0700);
  WANT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  WANT_EQ(fchmod(fd, mode), 0);
  close(fd);
}
/// What `sh -c text` prints, run in place of a child.
static void want_output(char* const arguments[], char* const environment[], const char* expected) {
  int p[2];
  char got[400] = "";
  WANT_EQ(pipe(p), 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(p[1], 1);
    close(p[0]);
    close(p[1]);
    execve(arguments[0], arguments, environment);
    _exit(100 + errno % 100);
  }
  close(p[1]);
  for (size_t at = 0;;) {
    const ssize_t more = read(p[0], got + at, sizeof got - 1 - at);
    if (more <= 0) break;
    at += more;
  }
  const int status = check_wait(child);
  if (status != 0 || strcmp(got, expected) != 0) check_end(CHECK_FAILED, "status %x, output '%s', not '%s'", status, got, expected);
}

CASE(exec_hands_over_arguments_and_environment, "execve") {
  char* const arguments[] = {"/bin/sh", "-c", "echo $0 $1 $FOO", "zero", "one", 0};
  char* const environment[] = {"FOO=bar", 0};
  want_output(arguments, environment, "zero one bar\n");
}

CASE(exec_runs_scripts, "execve") {
  put("script", "#! /bin/sh -e\necho $0 $# $1\n", 0755);
  char* const arguments[] = {"./script", "a b", 0};
  char* const none[] = {0};
  want_output(arguments, none, "./script 1 a b\n");
}

CASE(exec_runs_scripts_of_scripts, "execve") {
  put("inner", "#!/bin/sh\necho inner $1\n", 0755);
  put("outer", "#!./inner\n", 0755);
  char* const arguments[] = {"./outer", 0};
  char* const none[] = {0};
  want_output(arguments, none, "inner ./outer\n");
}

CASE(exec_refusals, "execve") {
  char* const arguments[] = {"x", 0};
  put("not_executable", "#!/bin/sh\n", 0644);
  put("garbage", "this is no program\n", 0755);
  put("empty", "", 0755);
  put("lost", "#!/no/such/interpreter\n", 0755);
  put("loop", "#!./loop\n", 0755);
  put("file", "", 0644);
  char name[300];
  memset(name, 'n', sizeof name);
  name[299] = 0;
  WANT_ERROR(execve("missing", arguments, environ), ENOENT);
  WANT_ERROR(execve("", arguments, environ), ENOENT);
  WANT_ERROR(execve("not_executable", arguments, environ), EACCES);
  WANT_ERROR(execve(".", arguments, environ), EACCES);
  WANT_ERROR(execve("garbage", arguments, environ), ENOEXEC);
  WANT_ERROR(execve("empty", arguments, environ), ENOEXEC);
  WANT_ERROR(execve("lost", arguments, environ), ENOENT);
  WANT_ERROR(execve("loop", arguments, environ), ELOOP);
  WANT_ERROR(execve("file/x", arguments, environ), ENOTDIR);
  WANT_ERROR(execve(name, arguments, environ), ENAMETOOLONG);
  WANT_ERROR(syscall(SYS_execve, 8, arguments, environ), EFAULT);
  WANT_ERROR(syscall(SYS_execve, "/bin/true", 8, environ), EFAULT);
  WANT_ERROR(syscall(SYS_execve, "/bin/true", arguments, 8), EFAULT);
}

CASE(exec_of_a_written_file_is_busy, "execve") {
  put("program", "#!/bin/sh\n", 0755);
  WANT_EQ(system("cat /bin/busybox > program 2>/dev/null || cat /bin/true > program"), 0);
  const int fd = open("program", O_WRONLY);
  char* const arguments[] = {"true", 0};
  WANT_ERROR(execve("./program", arguments, environ), ETXTBSY);
  close(fd);
  const pid_t child = fork();
  if (child == 0) {
    execve("./program", arguments, environ);
    _exit(50);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(exec_arguments_may_be_too_long, "execve") {
  static char big[200 * 1024];
  memset(big, 'a', sizeof big - 1);
  char* arguments[] = {"x", big, 0};
  WANT_ERROR(execve("/bin/true", arguments, environ), E2BIG);
  static char piece[100 * 1024];
  memset(piece, 'a', sizeof piece - 1);
  static char* many[64];
  for (int i = 0; i < 63; ++i) many[i] = piece;
  WANT_ERROR(execve("/bin/true", many, environ), E2BIG);
}

CASE(exec_closes_what_is_marked, "execve fcntl") {
  const int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
  WANT(fcntl(kept, F_DUPFD, 50) == 50 && fcntl(closed, F_DUPFD_CLOEXEC, 51) == 51);
  char* const arguments[] = {"/bin/sh", "-c", "test -e /proc/self/fd/50 && ! test -e /proc/self/fd/51 && echo yes", 0};
  want_output(arguments, environ, "yes\n");
}

CASE(exec_resets_handlers_and_keeps_ignored, "execve rt_sigaction") {
  signal(SIGUSR1, _exit);
  signal(SIGUSR2, SIG_IGN);
  char* const ignored[] = {"/bin/sh", "-c", "kill -USR2 $$; echo alive", 0};
  want_output(ignored, environ, "alive\n");
  const pid_t child = fork();
  if (child == 0) execl("/bin/sh", "sh", "-c", "kill -USR1 $$; exit 0", (char*)0);
  int status;
  waitpid(child, &status, 0);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
}

CASE(exec_keeps_mask_pid_folder_and_limits, "execve") {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  char* const arguments[] = {"/bin/sh", "-c", "kill -USR1 $$; pwd; ulimit -n; umask", 0};
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){77, 77});
  umask(0123);
  WANT_EQ(chdir("/tmp"), 0);
  want_output(arguments, environ, "/tmp\n77\n0123\n");
}

CASE(exec_names_the_task, "execve prctl") {
  put("a_name_that_is_longer_than_fifteen", "#!/bin/sh\nread name < /proc/self/comm; cat /proc/$$/comm\n", 0755);
  char* const arguments[] = {"./a_name_that_is_longer_than_fifteen", 0};
  want_output(arguments, environ, "a_name_that_is_\n");
}

CASE(execveat_relative_to_a_folder, "execveat") {
  WANT_EQ(mkdir("folder", 0755), 0);
  char own[256] = "", command[400];
  WANT(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
  snprintf(command, sizeof command, "cp %s folder/program", own);
  WANT_EQ(system(command), 0);
  const int folder = open("folder", O_RDONLY | O_DIRECTORY);
  char* const arguments[] = {"program", 0};
  char* const environment[] = {"SHOW_IDS=1", 0};
  const pid_t child = fork();
  if (child == 0) {
    close(1);
    _exit(syscall(SYS_execveat, folder, "program", arguments, environment, 0) == -1 ? 1 : 2);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(execveat_of_a_descriptor, "execveat") {
  const int fd = open("/bin/sh", O_PATH);
  WANT(fd >= 0);
  char* const arguments[] = {"sh", "-c", "exit 34", 0};
  const pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
    _exit(errno);
  }
  int status;
  waitpid(child, &status, 0);
  WANT_EQ(WEXITSTATUS(status), 34);
}

CASE(execveat_refusals, "execveat") {
  char* const arguments[] = {"x", 0};
  put("file", "", 0644);
  WANT_EQ(symlink("/bin/true", "link"), 0);
  const int file = open("file", O_RDONLY);
  WANT_ERROR(syscall(SYS_execveat, 777, "x", arguments, environ, 0), EBADF);
  WANT_ERROR(syscall(SYS_execveat, file, "x", arguments, environ, 0), ENOTDIR);
  WANT_ERROR(syscall(SYS_execveat, file, "", arguments, environ, 0), ENOENT);
  WANT_ERROR(syscall(SYS_execveat, AT_FDCWD, "x", arguments, environ, 0x4000), EINVAL);
  WANT_ERROR(syscall(SYS_execveat, AT_FDCWD, "link", arguments, environ, AT_SYMLINK_NOFOLLOW), ELOOP);
  WANT_ERROR(syscall(SYS_execveat, AT_FDCWD, "missing", arguments, environ, 0), ENOENT);
}

/// Run as a program of its own, with SHOW_IDS set, it tells who it is.
static __attribute__((constructor)) void show_ids(void) {
  if (!getenv("SHOW_IDS")) return;
  uid_t u[3];
  gid_t g[3];
  getresuid(u, u + 1, u + 2);
  getresgid(g, g + 1, g + 2);
  int death = -1;
  prctl(PR_GET_PDEATHSIG, &death);
  printf("%d %d %d, %d %d %d, secure %lu, death %d\n", u[0], u[1], u[2], g[0], g[1], g[2], getauxval(AT_SECURE), death);
  fflush(stdout);
  _exit(0);
}
/// What a copy of this program, of another user and group, says when 42 runs it.
static void want_ids(int mode, int no_new_privileges, const char* expected) {
  char command[400], own[256] = "", got[400] = "";
  WANT(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
  snprintf(command, sizeof command, "cp %s ids", own);
  WANT_EQ(system(command), 0);
  WANT_EQ(chown("ids", 1234, 567), 0);
  WANT_EQ(chmod("ids", mode), 0);
  WANT_EQ(chmod(".", 0755), 0);
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(setgid(42), 0);
    WANT_EQ(setuid(42), 0);
    WANT_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
    if (no_new_privileges) {
      WANT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
      WANT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    }
    dup2(p[1], 1);
    setenv("SHOW_IDS", "1", 1);
    execl("./ids", "ids", (char*)0);
    _exit(errno);
  }
  close(p[1]);
  for (ssize_t at = 0, more; (more = read(p[0], got + at, sizeof got - 1 - at)) > 0; at += more) {}
  const int status = check_wait(child);
  if (status != 0 || strcmp(got, expected) != 0) check_end(CHECK_FAILED, "status %x: %s", status, got);
}

CASE(exec_of_set_user_id_changes_the_effective_user, "execve getresuid") {
  want_ids(04755, 0, "42 1234 1234, 42 42 42, secure 1, death 0\n");
}
CASE(exec_of_set_group_id_changes_the_effective_group, "execve getresgid") {
  want_ids(02755, 0, "42 42 42, 42 567 567, secure 1, death 0\n");
}
CASE(exec_of_a_plain_program_changes_nobody, "execve") {
  want_ids(0755, 0, "42 42 42, 42 42 42, secure 0, death 10\n");
}
CASE(no_new_privileges_ends_set_user_id, "execve prctl") {
  WANT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  WANT_ERROR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
  WANT_ERROR(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
  want_ids(06755, 1, "42 42 42, 42 42 42, secure 0, death 10\n");
}
