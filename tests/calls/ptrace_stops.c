// ptrace_stops: ptrace(2), "Stopped states". What must not be lost, nor kept, while a task is stopped for its
// tracer: signals that end a wait, a stop of the whole group, the trap flag, rights.
#include "ptrace_helpers.h"

static volatile sig_atomic_t handled;
static void note(int number) {
  handled = number;
}
static void paused(void) {
  WANT(signal(SIGUSR1, note) != SIG_ERR);
  WANT_EQ(pause(), -1);
  WANT_EQ(handled, SIGUSR1);
}
static void until_call(pid_t pid, unsigned long long number) {
  do {
    WANT_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
    WANT_STOP(pid, SIGTRAP);
  } while (registers_of(pid).orig_rax != number);
}

CASE(ptrace_signal_at_a_call_is_not_lost, "ptrace pause kill") {
  const pid_t pid = traced(paused);
  until_call(pid, SYS_pause);
  WANT_EQ(kill(pid, SIGUSR1), 0);  // the wait has not begun
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGUSR1);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
  WANT_EQ(wait_for(pid), 0);
}

CASE(ptrace_signal_given_at_a_call_ends_the_wait, "ptrace pause") {
  const pid_t pid = traced(paused);
  until_call(pid, SYS_pause);
  WANT_EQ(trace(PTRACE_SYSCALL, pid, 0, SIGUSR1), 0);
  WANT_STOP(pid, SIGTRAP);  // the call's end
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGUSR1);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
  WANT_EQ(wait_for(pid), 0);
}

static void borrows(void) {
  const pid_t child = vfork();
  if (child == 0) {
    for (;;) syscall(SYS_pause);
  }
}
CASE(ptrace_parent_killed_at_its_vfork_ends, "ptrace vfork") {
  const pid_t pid = traced(borrows);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_VFORK));
  unsigned long child = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child), 0);
  WANT_EQ(kill(pid, SIGKILL), 0);
  WANT_EQ(wait_for(pid), SIGKILL);
  WANT_EQ(kill((pid_t)child, SIGKILL), 0);
}

static char state_of(pid_t pid) {
  char name[32], text[200] = "";
  snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
  const int file = open(name, O_RDONLY);
  WANT(read(file, text, sizeof text - 1) > 0);
  close(file);
  const char* after = strrchr(text, ')');
  return after && after[1] ? after[2] : '?';
}
CASE(ptrace_attaches_to_what_is_stopped, "ptrace kill") {
  const pid_t pid = check_child(for_ever);
  WANT_EQ(kill(pid, SIGSTOP), 0);
  int status = 0;
  WANT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  WANT(WIFSTOPPED(status));
  WANT_EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
  WANT_STOP(pid, SIGSTOP);
  WANT(registers_of(pid).rip != 0);
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
  usleep(20000);
  WANT_EQ(state_of(pid), 'T');  // its group is stopped, traced or not
  WANT_EQ(kill(pid, SIGKILL), 0);
  WANT_EQ(wait_for(pid), SIGKILL);
}

CASE(ptrace_seizes_what_is_stopped, "ptrace kill") {
  const pid_t pid = check_child(for_ever);
  WANT_EQ(kill(pid, SIGSTOP), 0);
  int status = 0;
  WANT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  WANT_EQ(trace(PTRACE_SEIZE, pid, 0, 0), 0);
  WANT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
  WANT_EQ(trace(PTRACE_LISTEN, pid, 0, 0), 0);
  WANT_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);
  WANT_EQ(kill(pid, SIGKILL), 0);
  WANT_EQ(wait_for(pid), SIGKILL);
}

static void storms(void) {
  for (volatile long n = 0;; ++n) {
  }
}
CASE(ptrace_listens_through_a_storm_of_stops, "ptrace kill") {
  const pid_t pid = check_child(storms);
  WANT_EQ(trace(PTRACE_SEIZE, pid, 0, 0), 0);
  for (int round = 0; round < 300; ++round) {
    WANT_EQ(kill(pid, SIGSTOP), 0);
    WANT_EQ(kill(pid, SIGCONT), 0);
    int status = 0;
    while (waitpid(pid, &status, WNOHANG | __WALL) == pid) {
      WANT(WIFSTOPPED(status));
      const int event = status >> 16, number = status >> 8 & 0xff;
      if (event == PTRACE_EVENT_STOP && number != SIGTRAP)
        WANT_EQ(trace(PTRACE_LISTEN, pid, 0, 0), 0);
      else
        WANT_EQ(trace(PTRACE_CONT, pid, 0, event ? 0 : (unsigned long)number), 0);
    }
  }
  WANT_EQ(kill(pid, SIGKILL), 0);
  int status = 0;
  do WANT_EQ(waitpid(pid, &status, __WALL), pid);
  while (WIFSTOPPED(status));
  WANT_EQ(status, SIGKILL);
}

static void forks(void) {
  const pid_t child = (pid_t)syscall(SYS_fork);
  if (child == 0) _exit(21);
  int status = 0;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT_EQ(status, 21 << 8);
}
CASE(ptrace_steps_over_a_fork, "ptrace fork") {
  const pid_t pid = traced(forks);
  until_call(pid, SYS_fork);
  for (int step = 0; step < 3; ++step) {
    WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
    int status = wait_for(pid);
    if (WIFSTOPPED(status) && status >> 8 == SIGCHLD) {
      --step;
      continue;
    }
    WANT_EQ(status >> 8, SIGTRAP);
  }
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
  WANT_EQ(wait_for(pid), 0);  // its child saw no trap flag
}

static void counts(int number) {
  handled = number;
  (void)syscall(SYS_getpid);
}
static void raises(void) {
  WANT(signal(SIGUSR1, counts) != SIG_ERR);
  WANT_EQ(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1), 0);
  WANT_EQ(handled, SIGUSR1);
  for (volatile int n = 0; n < 1000; ++n) {
  }
}
CASE(ptrace_steps_into_a_handler, "ptrace rt_sigaction rt_sigreturn") {
  const pid_t pid = traced(raises);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGUSR1);
  WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, SIGUSR1), 0);
  WANT_STOP(pid, SIGTRAP);
  WANT_EQ(registers_of(pid).rip, (unsigned long)counts);  // its first instruction is still to come
  WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
  WANT_EQ(wait_for(pid), 0);  // no trap flag comes back from the frame
}

static void asks_to_be_traced(void) {
  WANT_ERROR(trace(PTRACE_TRACEME, 0, 0, 0), EPERM);
}
CASE(ptrace_rights_are_not_handed_to_the_parent, "ptrace setresuid") {
  int go[2];
  WANT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    char word;
    WANT_EQ(read(go[0], &word, 1), 1);
    asks_to_be_traced();  // privileged, under a parent that is not
    _exit(0);
  }
  WANT_EQ(setresuid(1000, 1000, 1000), 0);
  WANT_EQ(write(go[1], "", 1), 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(ptrace_a_writer_of_floating_point_is_heard, "ptrace") {
  const pid_t pid = traced(for_ever);
  struct user_fpregs_struct written, seen;
  WANT_EQ(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&written), 0);
  written.cwd = 0x27f;
  written.st_space[0] = 0x1234;
  written.xmm_space[1] = 0x4321;
  WANT_EQ(trace(PTRACE_SETFPREGS, pid, 0, (unsigned long)&written), 0);
  WANT_EQ(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&seen), 0);
  WANT_EQ(seen.cwd, 0x27f);
  WANT_EQ(seen.st_space[0], 0x1234);
  WANT_EQ(seen.xmm_space[1], 0x4321);
  WANT_EQ(kill(pid, SIGKILL), 0);
  WANT_EQ(wait_for(pid), SIGKILL);
}
