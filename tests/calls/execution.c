// Files that are programs: ETXTBSY, set-user-ID, scripts; execve(2) and execveat(2) as far as files go.
#include "check.h"

static void copy_program(const char* from, const char* to, int mode) {
  const int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  char block[4096];
  ssize_t got;
  WANT(in >= 0 && out >= 0);
  while ((got = read(in, block, sizeof block)) > 0) WANT_EQ(write(out, block, got), got);
  WANT_EQ(close(in) | close(out) | chmod(to, mode), 0);
}
static void script(const char* name, const char* text, int mode) {
  const int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  WANT_EQ(write(fd, text, strlen(text)), strlen(text));
  WANT_EQ(close(fd) | chmod(name, mode), 0);
}
static int run(const char* path) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    execl(path, path, (char*)0);
    _exit(200 + (errno == ETXTBSY ? 1 : errno == EACCES ? 2 : errno == ENOEXEC ? 3 : errno == ENOENT ? 4 : errno == ELOOP ? 5 : 9));
  }
  const int status = check_wait(child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static const char* busybox(void) { return access("/bin/busybox", X_OK) == 0 ? "/bin/busybox" : "/bin/sh"; }

CASE(a_running_program_is_not_written_to, "open truncate execve unlink") {
  copy_program(busybox(), "sleep", 0755);
  const pid_t child = fork();
  if (child == 0) {
    execl("./sleep", "sleep", "1000", (char*)0);
    _exit(1);
  }
  char path[40], text[200];
  sprintf(path, "/proc/%d/exe", (int)child);
  WANT_SOON((memset(text, 0, sizeof text), readlink(path, text, sizeof text - 1) > 0) && strstr(text, "/sleep"));
  WANT_ERROR(open("sleep", O_WRONLY), ETXTBSY);
  WANT_ERROR(open("sleep", O_RDONLY | O_TRUNC), ETXTBSY);
  WANT_ERROR(truncate("sleep", 0), ETXTBSY);
  WANT(open("sleep", O_RDONLY) >= 0);
  WANT_EQ(chmod("sleep", 0700), 0);
  WANT_EQ(rename("sleep", "moved"), 0);
  WANT_ERROR(open("moved", O_RDWR), ETXTBSY);
  WANT_EQ(kill(child, SIGKILL), 0);
  check_wait(child);
  WANT(open("moved", O_RDWR) >= 0);
}

// wait() says that the process has ended: its program no longer runs, whatever core it ended on.
CASE(a_program_that_has_ended_is_written_to, "wait4 execve open") {
  copy_program(busybox(), "true", 0755);
  for (int round = 0; round < 500; ++round) {
    WANT_EQ(run("./true"), 0);
    const int fd = open("true", O_WRONLY);
    WANT(fd >= 0);
    close(fd);
  }
}

CASE(what_is_open_for_writing_is_not_run, "execve open close") {
  copy_program(busybox(), "true", 0755);
  WANT_EQ(run("./true"), 0);
  const int fd = open("true", O_WRONLY);
  WANT_EQ(run("./true"), 201);
  close(fd);
  WANT_EQ(run("./true"), 0);
}

CASE(execve_errors_of_files, "execve") {
  script("script", "#!/bin/sh\nexit 7\n", 0755);
  WANT_EQ(run("./script"), 7);
  WANT_EQ(chmod("script", 0644), 0);
  WANT_EQ(run("./script"), 202);  // root, too, needs an x bit
  WANT_EQ(run("."), 202);
  WANT_EQ(run("./missing"), 204);
  script("lost", "#!/no/such/interpreter\n", 0755);
  WANT_EQ(run("./lost"), 204);
  script("text", "no magic at all", 0755);
  WANT_EQ(run("./text"), 203);
  script("empty", "", 0755);
  WANT_EQ(run("./empty"), 203);
  script("ring", "#!./ring\n", 0755);
  WANT_EQ(run("./ring"), 205);
  WANT_EQ(symlink("loop", "loop"), 0);
  WANT_EQ(run("./loop"), 205);
}

CASE(script_gets_its_argument_and_name, "execve") {
  script("s", "#!/bin/sh -e\necho \"$0 $1\" > out\nfalse\nexit 0\n", 0755);
  const pid_t child = fork();
  if (child == 0) {
    execl("./s", "anything", "first", (char*)0);
    _exit(100);
  }
  WANT_EQ(WEXITSTATUS(check_wait(child)), 1);  // -e
  char text[40] = "";
  WANT(read(open("out", O_RDONLY), text, 39) > 0);
  WANT(strcmp(text, "./s first\n") == 0);
}

CASE(set_user_id_of_a_program, "execve chmod") {
  copy_program("/proc/self/exe", "whoami", 04755);
  WANT_EQ(chown("whoami", 1234, 0) | chmod("whoami", 04755), 0);
  const pid_t child = fork();
  if (child == 0) {
    setenv("SHOW_IDS", "1", 1);
    execl("./whoami", "whoami", (char*)0);
    _exit(100);
  }
  WANT_EQ(WEXITSTATUS(check_wait(child)), 0);
  int ids[2] = {-1, -1};
  WANT_EQ(read(open("/tmp/execution-ids", O_RDONLY), ids, sizeof ids), sizeof ids);
  unlink("/tmp/execution-ids");
  WANT_EQ(ids[0], 0);
  WANT_EQ(ids[1], 1234);
}
static __attribute__((constructor(101))) void show_ids(void) {
  if (!getenv("SHOW_IDS")) return;
  const int ids[2] = {getuid(), geteuid()}, fd = open("/tmp/execution-ids", O_CREAT | O_WRONLY | O_TRUNC, 0644);
  _exit(write(fd, ids, sizeof ids) != sizeof ids);
}

CASE(execution_of_a_memory_file, "execveat memfd_create") {
  char block[4096], *arguments[] = {"true", 0};
  const int fd = syscall(SYS_memfd_create, "program", 0), in = open(busybox(), O_RDONLY);
  ssize_t got;
  while ((got = read(in, block, sizeof block)) > 0) WANT_EQ(write(fd, block, got), got);
  const pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
    _exit(100);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(execveat_by_descriptor, "execveat") {
  copy_program(busybox(), "true", 0755);
  char* arguments[] = {"true", 0};
  const int fd = open("true", O_RDONLY), directory = open(".", O_RDONLY);
  for (int way = 0; way < 3; ++way) {
    const pid_t child = fork();
    if (child == 0) {
      if (way == 0) syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
      if (way == 1) syscall(SYS_execveat, directory, "true", arguments, environ, 0);
      if (way == 2) syscall(SYS_execveat, -7, "/bin/true", arguments, environ, 0);
      _exit(100 + 40 * way + errno % 40);
    }
    WANT_EQ(WEXITSTATUS(check_wait(child)), 0);
  }
  WANT_EQ(symlink("true", "l"), 0);
  WANT_ERROR(syscall(SYS_execveat, AT_FDCWD, "l", arguments, environ, AT_SYMLINK_NOFOLLOW), ELOOP);
  WANT_ERROR(syscall(SYS_execveat, AT_FDCWD, "true", arguments, environ, 0x4000000), EINVAL);
  WANT_ERROR(syscall(SYS_execveat, fd, "", arguments, environ, 0), ENOENT);
  WANT_ERROR(syscall(SYS_execveat, -7, "true", arguments, environ, 0), EBADF);
}
