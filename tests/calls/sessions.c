// Process groups and sessions: setpgid(2), getpgid(2), setsid(2), getsid(2), getpgrp(2).
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "check.h"

static pid_t stays(void) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it may be in a group of its own
    for (;;) pause();
  }
  return child;
}

CASE(setsid_makes_a_session_and_a_group, "setsid getsid getpgid getpgrp") {
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(syscall(SYS_setsid), getpid());
    WANT(syscall(SYS_getsid, 0) == getpid() && syscall(SYS_getpgrp) == getpid() &&
         syscall(SYS_getpgid, 0) == getpid());
    WANT_ERROR(syscall(SYS_setsid), EPERM);  // a group leader already
    WANT_ERROR(setpgid(0, getppid()), EPERM);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(children_are_in_the_parents_group, "getpgid getsid fork") {
  const pid_t child = stays();
  WANT_EQ(syscall(SYS_getpgid, child), syscall(SYS_getpgrp));
  WANT_EQ(syscall(SYS_getsid, child), syscall(SYS_getsid, 0));
  WANT_ERROR(syscall(SYS_getpgid, 0x3ffffff), ESRCH);
  WANT_ERROR(syscall(SYS_getsid, 0x3ffffff), ESRCH);
}

CASE(setpgid_moves_children, "setpgid getpgid") {
  const pid_t one = stays(), two = stays();
  WANT_EQ(setpgid(one, 0), 0);
  WANT_EQ(getpgid(one), one);
  WANT_EQ(setpgid(two, one), 0);
  WANT_EQ(getpgid(two), one);
  WANT_EQ(setpgid(two, two), 0);
  WANT_EQ(getpgid(two), two);
}

CASE(setpgid_refusals, "setpgid setsid") {
  const pid_t child = stays();
  WANT_ERROR(setpgid(child, -1), EINVAL);
  WANT_ERROR(setpgid(0x3ffffff, 0), ESRCH);
  WANT_ERROR(setpgid(getppid(), 0), ESRCH);      // not our child
  WANT_ERROR(setpgid(child, 0x3ffffff), EPERM);  // no such group here
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t leader = fork();
  if (leader == 0) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!write(p[1], "x", 1);
    for (;;) pause();
  }
  char byte;
  WANT_EQ(read(p[0], &byte, 1), 1);
  WANT_ERROR(setpgid(leader, 0), EPERM);
  WANT_ERROR(setpgid(child, leader), EPERM);  // of another session
}

CASE(setpgid_after_exec_is_too_late, "setpgid execve") {
  int p[2];
  char byte;
  WANT_EQ(pipe2(p, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sleep", "sleep", "30", (char*)0);
    _exit(1);
  }
  close(p[1]);
  WANT_EQ(read(p[0], &byte, 1), 0);
  WANT_ERROR(setpgid(child, child), EACCES);
}

CASE(orphaned_stopped_groups_are_hung_up, "setpgid kill exit_group") {
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t middle = fork();
  if (middle == 0) {
    const pid_t child = fork();
    if (child == 0) {
      close(p[0]);
      for (;;) pause();
    }
    setpgid(child, child);
    kill(child, SIGSTOP);
    int status;
    waitpid(child, &status, WUNTRACED);
    _exit(0);
  }
  close(p[1]);
  WANT_EQ(check_wait(middle), 0);
  char byte;
  WANT_EQ(read(p[0], &byte, 1), 0);  // SIGHUP ended it, or this would wait for ever
}

static volatile int hang_ups;
static void on_hang_up(int number) {
  (void)number;
  ++hang_ups;
}
static char terminal_name[40];
static void hangs_up(void) {
  char byte;
  WANT(setsid() > 0);
  const int fd = open(terminal_name, O_RDWR);  // now it controls the session
  WANT(fd >= 0);
  signal(SIGHUP, on_hang_up);
  signal(SIGCONT, SIG_IGN);
  WANT_EQ(syscall(SYS_vhangup), 0);
  WANT_SOON(hang_ups == 1);
  WANT_EQ(read(fd, &byte, 1), 0);
  WANT_ERROR(write(fd, "x", 1), EIO);
  WANT_ERROR(open("/dev/tty", O_RDWR), ENXIO);
  WANT_EQ(syscall(SYS_vhangup), 0);  // of no terminal
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_vhangup), EPERM);
}

/// A small system may not have mounted them yet.
static int open_master(void) {
  const int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  if (master >= 0) return master;
  mkdir("/dev/pts", 0755);
  mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
  return open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
}

CASE(vhangup_hangs_up, "vhangup") {
  int number = -1, unlock = 0;
  const int master = open_master();
  WANT(master >= 0);
  WANT_EQ(ioctl(master, TIOCGPTN, &number), 0);
  WANT_EQ(ioctl(master, TIOCSPTLCK, &unlock), 0);
  snprintf(terminal_name, sizeof terminal_name, "/dev/pts/%d", number);
  WANT_EQ(check_wait(check_child(hangs_up)), 0);
}
