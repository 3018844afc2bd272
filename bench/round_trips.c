// What a bare round trip costs between a guest's system call and a process that answers it, in the two ways
// that a hosted placement could use; nothing else is done. Nanoseconds, the least of many batches.
//
//   sysemu   the answering process traces the guest: PTRACE_SYSEMU, waitpid, GETREGS, SETREGS
//   trap     the guest's own SIGSYS handler (seccomp's SECCOMP_RET_TRAP, as gVisor's systrap) hands its frame
//            over in shared memory, and waits: both sides spin for a while, then sleep on a futex
//   sleep    the same without spinning: what it costs where every processor is busy
//
//   cc -O2 -o round_trips bench/round_trips.c && ./round_trips [BATCHES]
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { kBatch = 500, kNull = 110 /* getppid */ };

struct Shared {
  int state;         // 0: the guest runs; 1: it has trapped
  int guest_sleeps;  // somebody must be woken
  int kernel_sleeps;
  int spins;
  greg_t* registers;  // of the signal frame; the same address on both sides
};
static struct Shared* shared;

static long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void wait_for(int wanted, int* sleeps) {
  for (int i = 0; i < shared->spins; ++i) {
    if (__atomic_load_n(&shared->state, __ATOMIC_ACQUIRE) == wanted) return;
    __builtin_ia32_pause();
  }
  for (;;) {
    __atomic_store_n(sleeps, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->state, __ATOMIC_SEQ_CST) == wanted) break;
    syscall(SYS_futex, &shared->state, FUTEX_WAIT, !wanted, NULL, NULL, 0);
  }
  __atomic_store_n(sleeps, 0, __ATOMIC_RELAXED);
}

static void hand_over(int state, int* sleeps) {
  __atomic_store_n(&shared->state, state, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(sleeps, __ATOMIC_SEQ_CST))
    syscall(SYS_futex, &shared->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void on_call(int number, siginfo_t* information, void* context) {
  (void)number, (void)information;
  shared->registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  hand_over(1, &shared->kernel_sleeps);
  wait_for(0, &shared->guest_sleeps);
}

// Every call but the handler's own traps: bench's guest issues nothing but kNull.
static void trap_null_calls(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNull, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) perror("seccomp"), _exit(1);
}

static void guest(void) {
  for (;;)
    if (syscall(kNull) != 42) _exit(1);
}

static long time_sysemu(int batches) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    guest();
  }
  int status;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL);
  long best = -1;
  for (int batch = 0; batch < batches; ++batch) {
    const long begin = now_ns();
    for (int i = 0; i < kBatch; ++i) {
      struct user_regs_struct registers;
      ptrace(PTRACE_SYSEMU, child, 0, 0);
      waitpid(child, &status, __WALL);
      ptrace(PTRACE_GETREGS, child, 0, &registers);
      if (registers.orig_rax == kNull) registers.rax = 42;
      ptrace(PTRACE_SETREGS, child, 0, &registers);
    }
    const long taken = (now_ns() - begin) / kBatch;
    if (best < 0 || taken < best) best = taken;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return best;
}

static long time_trap(int batches, int spins) {
  memset(shared, 0, sizeof *shared);
  shared->spins = spins;
  // Memory that both sides map, at one address: the guest's signal stack lies in it.
  char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const stack_t alternate = {.ss_sp = stack, .ss_size = 65536};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSYS, &action, NULL);
    trap_null_calls();
    guest();
  }
  long best = -1;
  for (int batch = 0; batch < batches; ++batch) {
    const long begin = now_ns();
    for (int i = 0; i < kBatch; ++i) {
      wait_for(1, &shared->kernel_sleeps);
      if (shared->registers[REG_RAX] == kNull) shared->registers[REG_RAX] = 42;
      hand_over(0, &shared->guest_sleeps);
    }
    const long taken = (now_ns() - begin) / kBatch;
    if (best < 0 || taken < best) best = taken;
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return best;
}

int main(int count, char** arguments) {
  const int batches = count > 1 ? atoi(arguments[1]) : 50;
  setvbuf(stdout, NULL, _IOLBF, 0);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  printf("sysemu %ld\n", time_sysemu(batches));
  printf("trap %ld\n", time_trap(batches, 20000));
  printf("sleep %ld\n", time_trap(batches, 0));
  return 0;
}
