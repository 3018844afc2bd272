// Actions, masks, sending, waiting: sigaction(2), sigprocmask(2), kill(2), sigsuspend(2), sigaltstack(2)…
#include "check.h"

#include <sched.h>
#include <setjmp.h>
#include <ucontext.h>

static volatile int count;
static siginfo_t last;
static void counting(int number) {
  (void)number;
  ++count;
}
static void noting(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  last = *info;
  ++count;
}
static void on(int number, int flags) {
  struct sigaction action = {.sa_flags = flags};
  if (flags & SA_SIGINFO) action.sa_sigaction = noting;
  else action.sa_handler = counting;
  WANT_EQ(sigaction(number, &action, 0), 0);
}
static sigset_t set_with(int number) {
  sigset_t set;
  sigemptyset(&set);
  if (number) sigaddset(&set, number);
  return set;
}
static void block(int number) {
  const sigset_t set = set_with(number);
  WANT_EQ(sigprocmask(SIG_BLOCK, &set, 0), 0);
}

CASE(sigaction_returns_the_old_one, "rt_sigaction") {
  struct sigaction old;
  on(SIGUSR1, SA_RESTART);
  WANT_EQ(sigaction(SIGUSR1, 0, &old), 0);
  WANT(old.sa_handler == counting && (old.sa_flags & SA_RESTART));
  WANT_EQ(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = SIG_IGN}, &old), 0);
  WANT(old.sa_handler == counting);
}

CASE(sigaction_refusals, "rt_sigaction") {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } action = {0};
  WANT_ERROR(syscall(SYS_rt_sigaction, 0, &action, 0, 8), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigaction, 65, &action, 0, 8), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigaction, SIGKILL, &action, 0, 8), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigaction, SIGSTOP, &action, 0, 8), EINVAL);
  WANT_EQ(syscall(SYS_rt_sigaction, SIGKILL, 0, &action, 8), 0);
  WANT_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, &action, 0, 16), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, 8, 0, 8), EFAULT);
  WANT_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, 0, 8, 8), EFAULT);
}

CASE(kill_tells_who_sent_it, "kill rt_sigaction") {
  on(SIGUSR1, SA_SIGINFO);
  WANT_EQ(kill(getpid(), SIGUSR1), 0);
  WANT_EQ(count, 1);
  WANT(last.si_signo == SIGUSR1 && last.si_code == SI_USER && last.si_pid == getpid() && last.si_uid == getuid());
}

CASE(tkill_and_tgkill_have_a_code_of_their_own, "tkill tgkill") {
  on(SIGUSR1, SA_SIGINFO);
  WANT_EQ(syscall(SYS_tkill, getpid(), SIGUSR1), 0);
  WANT(count == 1 && last.si_code == SI_TKILL);
  WANT_EQ(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1), 0);
  WANT(count == 2 && last.si_code == SI_TKILL);
  WANT_ERROR(syscall(SYS_tkill, 0, SIGUSR1), EINVAL);
  WANT_ERROR(syscall(SYS_tkill, -4, SIGUSR1), EINVAL);
  WANT_ERROR(syscall(SYS_tgkill, 0, getpid(), SIGUSR1), EINVAL);
  WANT_ERROR(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL);
  WANT_ERROR(syscall(SYS_tgkill, getppid(), getpid(), SIGUSR1), ESRCH);
  WANT_ERROR(syscall(SYS_tkill, 0x3ffffff, SIGUSR1), ESRCH);
}

CASE(kill_refusals, "kill") {
  WANT_ERROR(kill(getpid(), 65), EINVAL);
  WANT_ERROR(kill(getpid(), -1), EINVAL);
  WANT_ERROR(kill(0x3ffffff, 0), ESRCH);
  WANT_ERROR(kill(-0x3ffffff, SIGTERM), ESRCH);
  WANT_EQ(kill(getpid(), 0), 0);
  const pid_t victim = fork();
  if (victim == 0) {
    for (;;) pause();
  }
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(kill(victim, 0), EPERM);
  WANT_ERROR(kill(victim, SIGTERM), EPERM);
  WANT_EQ(kill(victim, SIGCONT), 0);  // in our session
}

CASE(kill_of_a_group, "kill setpgid") {
  const pid_t one = fork();
  if (one == 0)
    for (;;) pause();
  WANT_EQ(setpgid(one, one), 0);
  const pid_t two = fork();
  if (two == 0)
    for (;;) pause();
  WANT_EQ(setpgid(two, one), 0);
  WANT_EQ(kill(-one, SIGTERM), 0);
  int status;
  WANT(waitpid(one, &status, 0) == one && WTERMSIG(status) == SIGTERM);
  WANT(waitpid(two, &status, 0) == two && WTERMSIG(status) == SIGTERM);
}

CASE(kill_zero_is_the_own_group, "kill") {
  on(SIGUSR1, 0);
  const pid_t child = fork();
  if (child == 0) {
    kill(0, SIGUSR1);
    _exit(count == 1 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(count, 1);
}

CASE(mask_blocks_until_unblocked, "rt_sigprocmask rt_sigpending") {
  on(SIGUSR1, 0);
  block(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  WANT_EQ(count, 0);
  sigset_t pending;
  WANT_EQ(sigpending(&pending), 0);
  WANT(sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2));
  const sigset_t none = set_with(0);
  sigset_t old;
  WANT_EQ(sigprocmask(SIG_SETMASK, &none, &old), 0);
  WANT(sigismember(&old, SIGUSR1));
  WANT_EQ(count, 1);  // classic signals do not queue
}

CASE(mask_refusals, "rt_sigprocmask rt_sigpending") {
  uint64_t set = ~0ull, got = 0;
  WANT_ERROR(syscall(SYS_rt_sigprocmask, 7, &set, 0, 8), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 4), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, 0, 8), EFAULT);
  WANT_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, 8, 8), EFAULT);
  WANT_EQ(syscall(SYS_rt_sigprocmask, 7, 0, &got, 8), 0);  // nothing to change: how does not matter
  WANT_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, 0, 8), 0);
  WANT_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &got, 8), 0);
  WANT_EQ(got, ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
  WANT_ERROR(syscall(SYS_rt_sigpending, &got, 9), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigpending, 8, 8), EFAULT);
}

static void look_at_mask(int number) {
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  count = sigismember(&now, number) + 2 * sigismember(&now, SIGUSR2);
}
CASE(handlers_run_with_a_mask, "rt_sigaction rt_sigreturn") {
  struct sigaction action = {.sa_handler = look_at_mask, .sa_mask = set_with(SIGUSR2)};
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT_EQ(count, 3);
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  WANT(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
  action.sa_flags = SA_NODEFER;
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT_EQ(count, 2);
}

CASE(reset_handler_is_for_once, "rt_sigaction") {
  struct sigaction now;
  on(SIGUSR1, SA_RESETHAND);
  raise(SIGUSR1);
  WANT_EQ(count, 1);
  sigaction(SIGUSR1, 0, &now);
  WANT(now.sa_handler == SIG_DFL);
}

CASE(ignoring_drops_what_is_pending, "rt_sigaction rt_sigpending") {
  block(SIGUSR1);
  raise(SIGUSR1);
  signal(SIGUSR1, SIG_IGN);
  sigset_t pending;
  sigpending(&pending);
  WANT(!sigismember(&pending, SIGUSR1));
  block(SIGCHLD);
  raise(SIGCHLD);  // ignored by default, but blocked: it may still be waited for
  sigpending(&pending);
  WANT(sigismember(&pending, SIGCHLD));
}

CASE(sigsuspend_swaps_the_mask, "rt_sigsuspend") {
  on(SIGUSR1, 0);
  block(SIGUSR1);
  raise(SIGUSR1);
  const sigset_t none = set_with(0);
  errno = 0;
  WANT(sigsuspend(&none) == -1 && errno == EINTR);
  WANT_EQ(count, 1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  WANT(sigismember(&now, SIGUSR1));
  WANT_ERROR(syscall(SYS_rt_sigsuspend, &none, 9), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigsuspend, 8, 8), EFAULT);
}

CASE(pause_ends_with_a_handler, "pause alarm") {
  on(SIGALRM, 0);
  alarm(1);
  WANT_ERROR(syscall(SYS_pause), EINTR);
  WANT_EQ(count, 1);
}

CASE(sigtimedwait_takes_without_a_handler, "rt_sigtimedwait") {
  on(SIGUSR1, 0);
  block(SIGUSR1);
  kill(getpid(), SIGUSR1);
  const sigset_t set = set_with(SIGUSR1);
  siginfo_t info;
  WANT_EQ(sigtimedwait(&set, &info, &(struct timespec){0, 0}), SIGUSR1);
  WANT(info.si_code == SI_USER && info.si_pid == getpid());
  WANT_EQ(count, 0);
  WANT_ERROR(sigtimedwait(&set, &info, &(struct timespec){0, 0}), EAGAIN);
  WANT_ERROR(sigtimedwait(&set, &info, &(struct timespec){0, 10000000}), EAGAIN);
  WANT_ERROR(sigtimedwait(&set, &info, &(struct timespec){0, -1}), EINVAL);
  uint64_t raw = 1ull << (SIGUSR1 - 1);
  WANT_ERROR(syscall(SYS_rt_sigtimedwait, &raw, 0, 0, 9), EINVAL);
  WANT_ERROR(syscall(SYS_rt_sigtimedwait, 8, 0, 0, 8), EFAULT);
  kill(getpid(), SIGUSR1);
  WANT_ERROR(syscall(SYS_rt_sigtimedwait, &raw, 8, 0, 8), EFAULT);
}

CASE(sigtimedwait_ends_with_a_handler, "rt_sigtimedwait") {
  on(SIGALRM, 0);
  block(SIGUSR1);
  alarm(1);
  const uint64_t set = 1ull << (SIGUSR1 - 1);
  WANT_ERROR(syscall(SYS_rt_sigtimedwait, &set, 0, &(struct timespec){20, 0}, 8), EINTR);
}

CASE(read_restarts_only_if_asked, "rt_sigaction read alarm") {
  int p[2];
  char byte;
  WANT_EQ(pipe(p), 0);
  on(SIGALRM, 0);
  alarm(1);
  WANT_ERROR(read(p[0], &byte, 1), EINTR);
  on(SIGALRM, SA_RESTART);
  const pid_t writer = fork();
  if (writer == 0) {
    nanosleep(&(struct timespec){1, 500000000}, 0);
    _exit(write(p[1], "x", 1) != 1);
  }
  alarm(1);
  WANT_EQ(read(p[0], &byte, 1), 1);
  WANT_EQ(count, 2);
}

static char alternate[65536] __attribute__((aligned(16)));
static volatile int on_alternate, flags_inside;
static stack_t stack_inside;
static void look_at_stack(int number) {
  (void)number;
  char here;
  on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
  sigaltstack(0, &stack_inside);
}
CASE(altstack_is_used_where_asked, "sigaltstack") {
  stack_t old;
  WANT_EQ(sigaltstack(0, &old), 0);
  WANT_EQ(old.ss_flags, SS_DISABLE);
  WANT_EQ(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, 0), 0);
  struct sigaction action = {.sa_handler = look_at_stack};
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT(!on_alternate && stack_inside.ss_flags == 0);
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT(on_alternate && stack_inside.ss_flags == SS_ONSTACK && stack_inside.ss_sp == alternate);
  WANT_EQ(sigaltstack(0, &old), 0);
  WANT(old.ss_flags == 0 && old.ss_size == sizeof alternate);
}

static volatile long change_result, change_error;
static void change_stack(int number) {
  (void)number;
  errno = 0;
  change_result = syscall(SYS_sigaltstack, &(stack_t){.ss_flags = SS_DISABLE}, 0);
  change_error = errno;
}
CASE(altstack_refusals, "sigaltstack") {
  WANT_ERROR(syscall(SYS_sigaltstack, &(stack_t){.ss_sp = alternate, .ss_size = 100}, 0), ENOMEM);
  WANT_ERROR(syscall(SYS_sigaltstack, &(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate, .ss_flags = 77}, 0), EINVAL);
  WANT_ERROR(syscall(SYS_sigaltstack, 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_sigaltstack, 0, 8), EFAULT);
  WANT_EQ(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, 0), 0);
  struct sigaction action = {.sa_handler = change_stack, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT(change_result == -1 && change_error == EPERM);
  WANT_EQ(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, 0), 0);
}

CASE(altstack_may_disarm_itself, "sigaltstack") {
  WANT_EQ(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate, .ss_flags = (int)(1u << 31)}, 0), 0);
  struct sigaction action = {.sa_handler = look_at_stack, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, 0);
  raise(SIGUSR1);
  WANT(on_alternate && stack_inside.ss_flags == SS_DISABLE);
  stack_t old;
  sigaltstack(0, &old);
  WANT(old.ss_sp == alternate && (unsigned)old.ss_flags == 1u << 31);
}

static sigjmp_buf back;
static void jump(int number, siginfo_t* info, void* context) {
  (void)number;
  last = *info;
  count = ((ucontext_t*)context)->uc_mcontext.gregs[REG_TRAPNO];
  siglongjmp(back, 1);
}
CASE(stack_overflow_is_handled_on_the_altstack, "sigaltstack rt_sigaction") {
  WANT_EQ(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, 0), 0);
  sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = jump, .sa_flags = SA_SIGINFO | SA_ONSTACK}, 0);
  if (!sigsetjmp(back, 1)) {
    volatile char* at = (volatile char*)&at;
    for (;;) *(at -= 4096) = 1;
  }
  WANT(last.si_code == SEGV_MAPERR);
}

CASE(faults_tell_where_and_why, "rt_sigaction mprotect") {
  sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = jump, .sa_flags = SA_SIGINFO}, 0);
  sigaction(SIGFPE, &(struct sigaction){.sa_sigaction = jump, .sa_flags = SA_SIGINFO}, 0);
  sigaction(SIGILL, &(struct sigaction){.sa_sigaction = jump, .sa_flags = SA_SIGINFO}, 0);
  sigaction(SIGTRAP, &(struct sigaction){.sa_sigaction = jump, .sa_flags = SA_SIGINFO}, 0);
  char* page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!sigsetjmp(back, 1)) page[5] = 1;
  WANT(last.si_signo == SIGSEGV && last.si_code == SEGV_ACCERR && last.si_addr == page + 5 && count == 14);
  munmap(page, 4096);
  if (!sigsetjmp(back, 1)) (void)*(volatile char*)page;
  WANT(last.si_code == SEGV_MAPERR && last.si_addr == page);
  if (!sigsetjmp(back, 1)) {
    volatile int zero = 0, many = 100;
    zero = many / zero;
  }
  WANT(last.si_signo == SIGFPE && last.si_code == FPE_INTDIV && count == 0);
  if (!sigsetjmp(back, 1)) __asm__ volatile("ud2");
  WANT(last.si_signo == SIGILL && last.si_code == ILL_ILLOPN && count == 6);
  if (!sigsetjmp(back, 1)) __asm__ volatile("int3");
  WANT(last.si_signo == SIGTRAP && last.si_code == SI_KERNEL && count == 3);
  if (!sigsetjmp(back, 1)) (void)*(volatile char*)0x8000000000000000ull;
  WANT(last.si_signo == SIGSEGV && last.si_code == SI_KERNEL && count == 13);
}

CASE(blocked_faults_kill, "rt_sigprocmask") {
  const pid_t child = fork();
  if (child == 0) {
    on(SIGSEGV, 0);
    block(SIGSEGV);
    volatile int* volatile nowhere = (int*)8;
    *nowhere = 1;
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void change_context(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
  ucontext_t* c = context;
  c->uc_mcontext.gregs[REG_RIP] += 2;  // over the ud2
  c->uc_mcontext.gregs[REG_RBX] = 0x1234;
  sigaddset(&c->uc_sigmask, SIGUSR2);
}
CASE(handlers_may_change_what_they_return_to, "rt_sigreturn") {
  sigaction(SIGILL, &(struct sigaction){.sa_sigaction = change_context, .sa_flags = SA_SIGINFO}, 0);
  long value;
  __asm__ volatile("ud2; mov %%rbx, %0" : "=r"(value)::"rbx");
  WANT_EQ(value, 0x1234);
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  WANT(sigismember(&now, SIGUSR2));
}

CASE(sigreturn_of_nonsense_kills, "rt_sigreturn") {
  const pid_t child = fork();
  if (child == 0) {
    __asm__ volatile("mov $64, %%rsp; mov $15, %%eax; syscall" ::: "rax", "rcx", "r11", "memory");
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

CASE(restart_syscall_goes_on_with_a_stopped_sleep, "restart_syscall nanosleep kill") {
  const pid_t child = fork();
  if (child == 0) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    const int slept = nanosleep(&(struct timespec){1, 0}, 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    const double took = after.tv_sec - before.tv_sec + (after.tv_nsec - before.tv_nsec) / 1e9;
    _exit(slept == 0 && took >= 0.99 ? 0 : 1);
  }
  nanosleep(&(struct timespec){0, 100000000}, 0);
  int status;
  kill(child, SIGSTOP);
  WANT_EQ(waitpid(child, &status, WUNTRACED), child);
  kill(child, SIGCONT);
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(syscall(SYS_restart_syscall), EINTR);
}

CASE(child_signal_tells_of_its_end, "rt_sigaction kill") {
  on(SIGCHLD, SA_SIGINFO);
  const pid_t child = fork();
  if (child == 0) _exit(9);
  WANT_SOON(count == 1);
  WANT(last.si_code == CLD_EXITED && last.si_pid == child && last.si_status == 9);
}

CASE(no_child_stop_means_no_signal_for_stops, "rt_sigaction kill") {
  on(SIGCHLD, SA_NOCLDSTOP);
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  int status;
  kill(child, SIGSTOP);
  WANT_EQ(waitpid(child, &status, WUNTRACED), child);
  WANT_EQ(count, 0);
  on(SIGCHLD, 0);
  kill(child, SIGCONT);
  WANT_SOON(count == 1);
}

CASE(core_dump_bit_follows_the_limit, "kill wait4 setrlimit") {
  int status;
  const pid_t child = fork();
  if (child == 0) {
    raise(SIGABRT);
    signal(SIGABRT, SIG_DFL);
    abort();
  }
  waitpid(child, &status, 0);
  WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
}
