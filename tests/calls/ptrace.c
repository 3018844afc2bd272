// ptrace: ptrace(2). What a debugger and a tracer of calls do: stops and what they tell, registers, memory,
// calls, steps, new tasks, groups that stop, ends.
#include "ptrace_helpers.h"

CASE(ptrace_traceme_stops_and_goes_on, "ptrace wait4") {
  run_to_end(traced(nothing), 0);
  const pid_t pid = traced(nothing);
  int status = 0;
  WANT_EQ(waitpid(pid, &status, WNOHANG | __WALL), 0);  // told once
  WANT_EQ(kill(pid, SIGKILL), 0);
  status = wait_for(pid);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void twice(void) {
  WANT_ERROR(trace(PTRACE_TRACEME, 0, 0, 0), EPERM);
}
CASE(ptrace_errors, "ptrace") {
  const pid_t pid = traced(twice);
  const pid_t other = check_child(for_ever);
  WANT_ERROR(trace(PTRACE_CONT, other, 0, 0), ESRCH);         // not ours
  WANT_ERROR(trace(PTRACE_PEEKDATA, other, 0, 0), ESRCH);
  WANT_ERROR(trace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);    // ourselves
  WANT_ERROR(trace(PTRACE_ATTACH, 1 << 22, 0, 0), ESRCH);
  WANT_ERROR(trace(PTRACE_ATTACH, pid, 0, 0), EPERM);         // traced already
  WANT_ERROR(trace(PTRACE_SEIZE, other, 1, 0), EIO);
  WANT_ERROR(trace(PTRACE_SETOPTIONS, pid, 0, 1 << 25), EINVAL);
  WANT_ERROR(trace(PTRACE_CONT, pid, 0, 200), EIO);
  WANT_ERROR(trace(PTRACE_INTERRUPT, pid, 0, 0), EIO);        // not seized
  WANT_ERROR(trace(PTRACE_LISTEN, pid, 0, 0), EIO);
  WANT_ERROR(trace(0x7777, pid, 0, 0), EIO);
  long word;
  WANT_ERROR(trace(PTRACE_PEEKDATA, pid, 8, (unsigned long)&word), EIO);
  WANT_ERROR(trace(PTRACE_POKEDATA, pid, 8, 1), EIO);
  WANT_ERROR(trace(PTRACE_PEEKUSR, pid, 3, (unsigned long)&word), EIO);
  WANT_ERROR(trace(PTRACE_PEEKUSR, pid, 1 << 20, (unsigned long)&word), EIO);
  WANT_ERROR(trace(PTRACE_GETREGS, pid, 0, 8), EFAULT);
  run_to_end(pid, 0);
  kill(other, SIGKILL);
  wait_for(other);
}

CASE(ptrace_attach_needs_the_right, "ptrace setresuid") {
  const pid_t other = check_child(for_ever);
  WANT_EQ(setresuid(1000, 1000, 1000), 0);
  WANT_ERROR(trace(PTRACE_ATTACH, other, 0, 0), EPERM);
  WANT_ERROR(trace(PTRACE_ATTACH, 1, 0, 0), EPERM);
}

static volatile long shared_word = 11;
static const long constant_word = 0x1122334455667788;
static void words_changed(void) {
  WANT_EQ(shared_word, 99);
  WANT_EQ(*(const volatile long*)&constant_word, 0x1234);
}
CASE(ptrace_reads_and_writes_memory, "ptrace") {
  const pid_t pid = traced(words_changed);
  WANT_EQ(peek(pid, &shared_word), 11);
  WANT_EQ(peek(pid, &constant_word), 0x1122334455667788);
  WANT_EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&shared_word, 99), 0);
  WANT_EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&constant_word, 0x1234), 0);  // which it may not write itself
  WANT_EQ(peek(pid, &constant_word), 0x1234);
  WANT_EQ(*(const volatile long*)&constant_word, 0x1122334455667788);  // ours is not its
  run_to_end(pid, 0);
}

CASE(ptrace_memory_as_a_file, "ptrace") {
  const pid_t pid = traced(words_changed);
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  const int fd = open(path, O_RDWR);
  WANT(fd >= 0);
  long word = 0;
  WANT_EQ(pread(fd, &word, sizeof word, (long)&constant_word), sizeof word);
  WANT_EQ(word, 0x1122334455667788);
  word = 0x1234;
  WANT_EQ(pwrite(fd, &word, sizeof word, (long)&constant_word), sizeof word);
  word = 99;
  WANT_EQ(lseek(fd, (long)&shared_word, SEEK_SET), (long)&shared_word);
  WANT_EQ(write(fd, &word, sizeof word), sizeof word);
  WANT_ERROR(pread(fd, &word, sizeof word, 8), EIO);
  WANT_ERROR(pwrite(fd, &word, sizeof word, 8), EIO);
  // Over a page's end.
  static char large[3 * 4096], copy[3 * 4096];
  memset(large, 'x', sizeof large);
  WANT_EQ(pwrite(fd, large, sizeof large, (long)copy), sizeof large);
  char back[3 * 4096];
  WANT_EQ(pread(fd, back, sizeof back, (long)copy), sizeof back);
  WANT_EQ(memcmp(back, large, sizeof back), 0);
  WANT_EQ(*(volatile char*)&copy[5000], 0);
  close(fd);
  run_to_end(pid, 0);
}

static volatile int stops_here_ran;
__attribute__((noinline)) static void stops_here(void) {
  stops_here_ran = 1;
  __asm__ volatile("" ::: "memory");
}
static void calls_it(void) {
  stops_here();
  WANT_EQ(stops_here_ran, 1);
}
CASE(ptrace_breakpoint, "ptrace") {
  const pid_t pid = traced(calls_it);
  const unsigned long at = (unsigned long)&stops_here;
  const long text = peek(pid, (void*)at);
  WANT_EQ(trace(PTRACE_POKETEXT, pid, at, (text & ~0xffl) | 0xcc), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  WANT_EQ(info_of(pid).si_code, SI_KERNEL);
  struct user_regs_struct r = registers_of(pid);
  WANT_EQ(r.rip, at + 1);
  WANT_EQ(trace(PTRACE_POKETEXT, pid, at, text), 0);
  r.rip = at;
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  run_to_end(pid, 0);
}

static void loads_registers(void) {
  long r12, r15;
  __asm__ volatile("mov $1, %%rbx; mov $12, %%r12; mov $15, %%r15; int3; mov %%r12, %0; mov %%r15, %1"
                   : "=r"(r12), "=r"(r15)
                   :
                   : "rbx", "r12", "r15", "memory");
  WANT_EQ(r12, 0x7000000000000001);
  WANT_EQ(r15, 15);
}
CASE(ptrace_registers, "ptrace") {
  const pid_t pid = traced(loads_registers);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  struct user_regs_struct r = registers_of(pid), again;
  WANT_EQ(r.rbx, 1);
  WANT_EQ(r.r12, 12);
  WANT_EQ(r.r15, 15);
  WANT_EQ(r.orig_rax, -1ul);
  WANT_EQ(r.cs, 0x33);
  WANT_EQ(r.ss, 0x2b);
  WANT(r.fs_base != 0);
  struct iovec vector = {&again, sizeof again};
  WANT_EQ(trace(PTRACE_GETREGSET, pid, 1, (unsigned long)&vector), 0);
  WANT_EQ(vector.iov_len, sizeof again);
  WANT_EQ(memcmp(&r, &again, sizeof r), 0);
  long word = 0;
  WANT_EQ(trace(PTRACE_PEEKUSR, pid, __builtin_offsetof(struct user_regs_struct, r12), (unsigned long)&word), 0);
  WANT_EQ(word, 12);
  WANT_EQ(trace(PTRACE_POKEUSR, pid, __builtin_offsetof(struct user_regs_struct, r12), 0x7000000000000001), 0);
  WANT_EQ(registers_of(pid).r12, 0x7000000000000001);
  WANT_ERROR(trace(PTRACE_POKEUSR, pid, __builtin_offsetof(struct user_regs_struct, cs), 0x10), EIO);
  WANT_ERROR(trace(PTRACE_POKEUSR, pid, __builtin_offsetof(struct user_regs_struct, fs_base), ~0ul), EIO);
  WANT_ERROR(trace(PTRACE_GETREGSET, pid, 0x999, (unsigned long)&vector), EINVAL);
  // Flags of the system stay what they are.
  r = registers_of(pid);
  const unsigned long flags = r.eflags;
  r.eflags ^= 0x3000 | 1;  // IOPL, and carry
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  WANT_EQ(registers_of(pid).eflags, flags ^ 1);
  run_to_end(pid, 0);
}

static void adds_vectors(void) {
  double sum = 0;
  __asm__ volatile("movsd %1, %%xmm5; int3; movsd %%xmm5, %0" : "=m"(sum) : "m"((double){1.5}) : "xmm5", "memory");
  WANT(sum == 42.25);
}
CASE(ptrace_vector_registers, "ptrace") {
  const pid_t pid = traced(adds_vectors);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  struct user_fpregs_struct f;
  WANT_EQ(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&f), 0);
  double value;
  memcpy(&value, &f.xmm_space[5 * 4], sizeof value);
  WANT(value == 1.5);
  static char extended[1 << 16];
  struct iovec vector = {extended, sizeof extended};
  WANT_EQ(trace(PTRACE_GETREGSET, pid, 0x202, (unsigned long)&vector), 0);
  WANT(vector.iov_len >= 576 && vector.iov_len < sizeof extended);
  memcpy(&value, extended + 160 + 5 * 16, sizeof value);
  WANT(value == 1.5);
  WANT((*(unsigned long*)(extended + 464) & 3) == 3);
  value = 42.25;
  memcpy(extended + 160 + 5 * 16, &value, sizeof value);
  *(unsigned long*)(extended + 512) |= 2;
  WANT_EQ(trace(PTRACE_SETREGSET, pid, 0x202, (unsigned long)&vector), 0);
  WANT_EQ(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&f), 0);
  memcpy(&value, &f.xmm_space[5 * 4], sizeof value);
  WANT(value == 42.25);
  run_to_end(pid, 0);
}

static void makes_calls(void) {
  WANT_EQ(syscall(SYS_getppid), 4711);
  WANT_EQ(syscall(SYS_umask, 0123), -1);
  WANT_EQ(errno, ENOSYS);
  WANT_EQ(syscall(SYS_getuid), 5);
  WANT_EQ(syscall(-1), -1);
  WANT_EQ(errno, ENOSYS);
}
/// To the next stop at a call with that number; entry and exit in turn.
static struct user_regs_struct to_call(pid_t pid, long number) {
  for (;;) {
    WANT_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
    WANT_STOP(pid, SIGTRAP | 0x80);
    const struct user_regs_struct r = registers_of(pid);
    if ((long)r.orig_rax == number) return r;
  }
}
CASE(ptrace_calls_are_seen_and_changed, "ptrace") {
  const pid_t pid = traced(makes_calls);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
  struct user_regs_struct r = to_call(pid, SYS_getppid);
  WANT_EQ(r.rax, -(long)ENOSYS);
  WANT_EQ(info_of(pid).si_code, SIGTRAP | 0x80);
  struct ptrace_syscall_info call;
  WANT_EQ(trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, (unsigned long)&call), 80);
  WANT_EQ(call.op, PTRACE_SYSCALL_INFO_ENTRY);
  WANT_EQ(call.entry.nr, SYS_getppid);
  WANT_EQ(call.arch, 0xc000003e);
  r = to_call(pid, SYS_getppid);  // its end
  WANT_EQ(r.rax, getpid());
  WANT_EQ(trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, (unsigned long)&call), 33);
  WANT_EQ(call.op, PTRACE_SYSCALL_INFO_EXIT);
  WANT_EQ(call.exit.rval, getpid());
  WANT_EQ(call.exit.is_error, 0);
  r.rax = 4711;
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  // A call that is left out.
  r = to_call(pid, SYS_umask);
  WANT_EQ(r.rdi, 0123);
  r.orig_rax = -1;
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  // Another call in its place.
  r = to_call(pid, SYS_getuid);
  r.orig_rax = SYS_umask;
  r.rdi = 5;
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  WANT_EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP | 0x80);
  r = registers_of(pid);
  WANT_EQ(r.orig_rax, SYS_umask);
  r.rax = 5;
  WANT_EQ(trace(PTRACE_SETREGS, pid, 0, (unsigned long)&r), 0);
  run_to_end(pid, 0);
}

static volatile int handled;
static void note(int number) {
  handled = number;
}
static void raises(void) {
  signal(SIGUSR1, note);
  signal(SIGUSR2, note);
  raise(SIGUSR1);  // taken away
  WANT_EQ(handled, 0);
  raise(SIGUSR1);  // becomes another
  WANT_EQ(handled, SIGUSR2);
  raise(SIGUSR1);
  WANT_EQ(handled, SIGUSR1);
  signal(SIGHUP, SIG_IGN);
  raise(SIGHUP);  // ignored, and seen all the same
}
CASE(ptrace_signals_are_seen_and_changed, "ptrace") {
  const pid_t pid = traced(raises);
  static const int deliver[] = {0, SIGUSR2, SIGUSR1};
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  for (int i = 0; i < 3; ++i) {
    WANT_STOP(pid, SIGUSR1);
    WANT_EQ(info_of(pid).si_signo, SIGUSR1);
    WANT_EQ(info_of(pid).si_pid, pid);
    WANT_EQ(trace(PTRACE_CONT, pid, 0, deliver[i]), 0);
  }
  WANT_STOP(pid, SIGHUP);
  run_to_end(pid, 0);
}

static volatile int told_code;
static void note_code(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  told_code = info->si_value.sival_int;
}
static void wants_value(void) {
  const struct sigaction action = {.sa_sigaction = note_code, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT_EQ(told_code, 1234);
}
CASE(ptrace_signal_s_information_can_be_set, "ptrace") {
  const pid_t pid = traced(wants_value);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGUSR1);
  siginfo_t info = info_of(pid);
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 1234;
  WANT_EQ(trace(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
  const int status = wait_for(pid);
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 0);
}

CASE(ptrace_signal_mask, "ptrace") {
  const pid_t pid = traced(nothing);
  unsigned long mask = 1ul << (SIGUSR1 - 1) | 1ul << (SIGKILL - 1);
  WANT_EQ(trace(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask), 0);
  WANT_EQ(trace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask), 0);
  WANT_EQ(mask, 1ul << (SIGUSR1 - 1));
  WANT_ERROR(trace(PTRACE_GETSIGMASK, pid, 4, (unsigned long)&mask), EINVAL);
  run_to_end(pid, 0);
}

static void counts(void) {
  __asm__ volatile("int3; xor %%eax, %%eax; inc %%eax; inc %%eax; inc %%eax; nop" ::: "rax", "cc", "memory");
}
CASE(ptrace_single_steps, "ptrace") {
  const pid_t pid = traced(counts);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  const unsigned long begin = registers_of(pid).rip;
  static const unsigned long lengths[] = {2, 4, 6, 8, 9};
  for (int i = 0; i < 5; ++i) {
    WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
    WANT_STOP(pid, SIGTRAP);
    const struct user_regs_struct r = registers_of(pid);
    WANT_EQ(r.rip - begin, lengths[i]);
    WANT_EQ(r.eflags & 0x100, 0);
    WANT_EQ(r.rax, i < 4 ? i : 3);
    WANT_EQ(info_of(pid).si_code, 2);  // TRAP_TRACE
  }
  run_to_end(pid, 0);
}

static void one_call(void) {
  long result;
  __asm__ volatile("int3; syscall; nop; nop" : "=a"(result) : "a"(SYS_getppid) : "rcx", "r11", "memory");
  WANT_EQ(result, getppid());
}
CASE(ptrace_steps_over_a_call, "ptrace") {
  const pid_t pid = traced(one_call);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  const unsigned long begin = registers_of(pid).rip;
  WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  struct user_regs_struct r = registers_of(pid);
  WANT_EQ(r.rip - begin, 2);
  WANT_EQ(r.rax, getpid());
  WANT_EQ(trace(PTRACE_SINGLESTEP, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);
  WANT_EQ(registers_of(pid).rip - begin, 3);
  run_to_end(pid, 0);
}

static void forks(void) {
  const pid_t child = fork();
  if (child == 0) _exit(3);
  int status = 0;
  WANT_EQ(waitpid(child, &status, 0), child);
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 3);
}
CASE(ptrace_follows_fork, "ptrace fork") {
  const pid_t pid = traced(forks);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_FORK));
  unsigned long child = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child), 0);
  WANT(child > 1);
  WANT_STOP((pid_t)child, SIGSTOP);  // attached at its birth
  WANT_EQ(registers_of((pid_t)child).rax, 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_EQ(trace(PTRACE_CONT, (pid_t)child, 0, 0), 0);
  int status = wait_for((pid_t)child);  // we hear of its end, and then its parent does
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 3);
  WANT_STOP(pid, SIGCHLD);
  run_to_end(pid, 0);
}

static void* thread_main(void* argument) {
  return argument;
}
static void starts_thread(void) {
  pthread_t thread;
  void* result = 0;
  WANT_EQ(pthread_create(&thread, 0, thread_main, (void*)7), 0);
  WANT_EQ(pthread_join(thread, &result), 0);
  WANT_EQ((long)result, 7);
}
CASE(ptrace_follows_threads, "ptrace clone") {
  const pid_t pid = traced(starts_thread);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_CLONE));
  unsigned long thread = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&thread), 0);
  WANT_STOP((pid_t)thread, SIGSTOP);
  WANT(registers_of((pid_t)thread).rsp != registers_of(pid).rsp);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_EQ(trace(PTRACE_CONT, (pid_t)thread, 0, 0), 0);
  const int status = wait_for((pid_t)thread);  // a thread's end is told to the tracer alone
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 0);
  const int end = wait_for(pid);
  WANT(WIFEXITED(end));
  WANT_EQ(WEXITSTATUS(end), 0);
}

static void execs(void) {
  execl("/proc/self/exe", "ptrace", "ptrace_no_such_case", (char*)0);
  _exit(77);
}
CASE(ptrace_execve_stops, "ptrace execve") {
  pid_t pid = traced(execs);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGTRAP);  // without the option, a plain signal
  WANT_EQ(info_of(pid).si_code, SI_USER);
  WANT_EQ(kill(pid, SIGKILL), 0);
  wait_for(pid);
  pid = traced(execs);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_EXEC));
  unsigned long old = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&old), 0);
  WANT_EQ(old, pid);
  WANT_EQ(kill(pid, SIGKILL), 0);
  wait_for(pid);
}

static void vforks(void) {
  const pid_t child = vfork();
  if (child == 0) _exit(0);
  int status;
  WANT_EQ(waitpid(child, &status, 0), child);
}
CASE(ptrace_vfork_and_its_end, "ptrace vfork") {
  const pid_t pid = traced(vforks);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_VFORK));
  unsigned long child = 0, done = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child), 0);
  WANT_STOP((pid_t)child, SIGSTOP);
  WANT_EQ(trace(PTRACE_DETACH, (pid_t)child, 0, 0), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_VFORK_DONE));
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&done), 0);
  WANT_EQ(done, child);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  int status = wait_for(pid);
  if (WIFSTOPPED(status)) {  // SIGCHLD
    WANT_EQ(WSTOPSIG(status), SIGCHLD);
    WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    status = wait_for(pid);
  }
  WANT(WIFEXITED(status));
}

/// Attached and stopped in pause(), which will be made again.
static int stopped_in_pause(pid_t pid) {
  WANT_EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
  WANT_STOP(pid, SIGSTOP);
  if (registers_of(pid).orig_rax == SYS_pause) return 1;
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
  return 0;
}
CASE(ptrace_attach_and_detach, "ptrace") {
  const pid_t pid = check_child(for_ever);
  WANT_SOON(stopped_in_pause(pid));
  char line[100], path[40];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* file = fopen(path, "r");
  WANT(file);
  int tracer = 0, stopped = 0;
  while (fgets(line, sizeof line, file)) {
    sscanf(line, "TracerPid: %d", &tracer);
    if (strncmp(line, "State:\tt", 8) == 0) stopped = 1;
  }
  fclose(file);
  WANT_EQ(tracer, getpid());
  WANT_EQ(stopped, 1);
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
  WANT_ERROR(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
  WANT_EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
  WANT_STOP(pid, SIGSTOP);
  WANT_EQ(trace(PTRACE_DETACH, pid, 0, SIGTERM), 0);  // with a signal on the way
  const int status = wait_for(pid);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

CASE(ptrace_seize_and_interrupt, "ptrace") {
  const pid_t pid = check_child(for_ever);
  WANT_EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
  int status = 0;
  WANT_EQ(waitpid(pid, &status, WNOHANG | __WALL), 0);  // it runs on
  for (int i = 0; i < 3; ++i) {
    WANT_EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
    WANT_STOP(pid, EVENT(PTRACE_EVENT_STOP));
    WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  }
  // Its group stops: the tracer listens, and hears when it goes on.
  WANT_EQ(kill(pid, SIGSTOP), 0);
  WANT_STOP(pid, SIGSTOP);  // the signal
  WANT_EQ(trace(PTRACE_CONT, pid, 0, SIGSTOP), 0);
  WANT_STOP(pid, SIGSTOP | PTRACE_EVENT_STOP << 8);  // the stop
  WANT_EQ(trace(PTRACE_LISTEN, pid, 0, 0), 0);
  WANT_ERROR(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
  WANT_EQ(kill(pid, SIGCONT), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_STOP));
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, SIGCONT);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, SIGCONT), 0);
  WANT_EQ(kill(pid, SIGKILL), 0);
  status = wait_for(pid);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void tracer_that_ends(void) {
  const pid_t pid = traced(for_ever);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  (void)!write(check_report, &pid, 0);
  _exit(0);
}
static void tracer_of_other(void) {
  WANT_EQ(trace(PTRACE_SEIZE, getppid(), 0, 0), 0);
  WANT_EQ(trace(PTRACE_INTERRUPT, getppid(), 0, 0), 0);
  WANT_STOP(getppid(), EVENT(PTRACE_EVENT_STOP));
  _exit(0);  // and the tracee goes on
}
CASE(ptrace_tracer_ends, "ptrace") {
  WANT_EQ(check_wait(check_child(tracer_that_ends)), 0);
  WANT_EQ(check_wait(check_child(tracer_of_other)), 0);
}

/// A process is traced by one that is not its parent: that one hears of its end first.
static int order[2];
static void ends_with_5(void) {
  char byte;
  (void)!read(order[0], &byte, 1);
  _exit(5);
}
static pid_t victim;
static void other_tracer(void) {
  WANT_EQ(trace(PTRACE_SEIZE, victim, 0, 0), 0);
  (void)!write(order[1], "x", 1);
  const int status = wait_for(victim);
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 5);
}
CASE(ptrace_parent_hears_of_the_end_last, "ptrace waitid") {
  WANT_EQ(pipe(order), 0);
  victim = check_child(ends_with_5);
  const pid_t tracer = check_child(other_tracer);
  WANT_EQ(check_wait(tracer), 0);
  siginfo_t info;
  WANT_EQ(waitid(P_PID, (id_t)victim, &info, WEXITED), 0);
  WANT_EQ(info.si_code, CLD_EXITED);
  WANT_EQ(info.si_status, 5);
}

CASE(ptrace_waitid_tells_of_traps, "ptrace waitid") {
  const pid_t pid = traced(counts);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  siginfo_t info;
  WANT_EQ(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
  WANT_EQ(info.si_code, CLD_TRAPPED);
  WANT_EQ(info.si_status, SIGTRAP);
  WANT_STOP(pid, SIGTRAP);  // it was only looked at
  run_to_end(pid, 0);
}

static void ends_with_9(void) {
  _exit(9);
}
CASE(ptrace_exit_stops, "ptrace") {
  const pid_t pid = traced(ends_with_9);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_EXIT));
  unsigned long status = 0;
  WANT_EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&status), 0);
  WANT_EQ(status, 9 << 8);
  WANT(registers_of(pid).rip != 0);
  run_to_end(pid, 9);
}

/// A tracer that ends lets a task go that is stopped at its exit.
static void leaves_at_exit(void) {
  const pid_t pid = traced(ends_with_9);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  WANT_STOP(pid, EVENT(PTRACE_EVENT_EXIT));
}
CASE(ptrace_tracer_ends_at_an_exit, "ptrace prctl") {
  WANT_EQ(syscall(SYS_prctl, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0, 0, 0), 0);
  WANT_EQ(check_wait(check_child(leaves_at_exit)), 0);
  int status = 0;
  WANT(waitpid(-1, &status, 0) > 0);
  WANT(WIFEXITED(status));
  WANT_EQ(WEXITSTATUS(status), 9);
}

/// The effective user of a process.
static int effective_user(pid_t pid) {
  char line[100], path[40];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* file = fopen(path, "r");
  WANT(file);
  int real = -1, effective = -1;
  while (fgets(line, sizeof line, file)) sscanf(line, "Uid: %d %d", &real, &effective);
  fclose(file);
  return effective;
}
static int set_user_program, tracer_user, seizes;
static void execs_it(void) {
  char byte;
  WANT_EQ(setresuid(1000, 1000, 1000), 0);
  if (seizes) {
    WANT_EQ(read(order[0], &byte, 1), 1);
  } else {
    WANT_EQ(trace(PTRACE_TRACEME, 0, 0, 0), 0);
  }
  char* const arguments[] = {"ptrace", "ptrace_no_such_case", 0};
  syscall(SYS_execveat, set_user_program, "", arguments, (char* const[]){0}, AT_EMPTY_PATH);
  _exit(77);
}
static void traces_it(void) {
  WANT_EQ(setresuid((uid_t)tracer_user, (uid_t)tracer_user, (uid_t)tracer_user), 0);
  const pid_t pid = check_child(execs_it);
  if (seizes) {
    WANT_EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC), 0);
    WANT_EQ(write(order[1], "x", 1), 1);
    WANT_STOP(pid, EVENT(PTRACE_EVENT_EXEC));
    WANT_EQ(effective_user(pid), 0);  // root may see it become root
  } else {
    WANT_STOP(pid, SIGTRAP);
    WANT_EQ(effective_user(pid), 1000);  // by its own wish it is traced, and that gives nobody anything
  }
  WANT_EQ(kill(pid, SIGKILL), 0);
  wait_for(pid);
}
CASE(ptrace_gives_no_rights, "ptrace execveat") {
  static char bytes[1 << 20];
  const int from = open("/proc/self/exe", O_RDONLY), to = open("set_user", O_WRONLY | O_CREAT, 0755);
  WANT(from >= 0 && to >= 0);
  for (long got; (got = read(from, bytes, sizeof bytes)) > 0;) WANT_EQ(write(to, bytes, (size_t)got), got);
  WANT_EQ(fchmod(to, 04755), 0);
  close(to);
  set_user_program = open("set_user", O_RDONLY);
  WANT(set_user_program >= 0);
  WANT_EQ(pipe(order), 0);
  for (tracer_user = 0; tracer_user <= 1000; tracer_user += 1000) WANT_EQ(check_wait(check_child(traces_it)), 0);
  tracer_user = 0;
  seizes = 1;
  WANT_EQ(check_wait(check_child(traces_it)), 0);
}

static volatile int many_stop;
static void* spin(void* argument) {
  while (!many_stop) {
  }
  return argument;
}
static void many_threads(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) WANT_EQ(pthread_create(&threads[i], 0, spin, 0), 0);
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], 0);
}
CASE(ptrace_kill_ends_all_stopped_threads, "ptrace") {
  const pid_t pid = traced(many_threads);
  WANT_EQ(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE), 0);
  WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
  int stopped = 0;
  while (stopped < 3) {  // threads at their first stop, which nobody ends
    int status = 0;
    const pid_t who = waitpid(-1, &status, __WALL);
    WANT(who > 0 && WIFSTOPPED(status));
    if (who == pid) {
      WANT_EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
    } else {
      ++stopped;
    }
  }
  WANT_EQ(kill(pid, SIGKILL), 0);
  int ended = 0;
  for (;;) {
    int status = 0;
    const pid_t who = waitpid(-1, &status, __WALL);
    WANT(who > 0);
    if (WIFSTOPPED(status)) continue;
    WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ++ended;
    if (who == pid) break;
  }
  WANT_EQ(ended, 4);
}
