// prctl(2), arch_prctl(2), personality(2), umask(2), membarrier(2).
#include "check.h"

#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>

CASE(names_have_fifteen_characters, "prctl") {
  char name[20] = "";
  WANT_EQ(prctl(PR_SET_NAME, "a name longer than that"), 0);
  WANT_EQ(prctl(PR_GET_NAME, name), 0);
  WANT(strcmp(name, "a name longer t") == 0);
  WANT_ERROR(prctl(PR_SET_NAME, 8), EFAULT);
  WANT_ERROR(prctl(PR_GET_NAME, 8), EFAULT);
}

CASE(death_of_the_parent_signals, "prctl") {
  int p[2];
  WANT_EQ(pipe(p), 0);
  const pid_t middle = fork();
  if (middle == 0) {
    int ready[2];
    WANT_EQ(pipe(ready), 0);
    if (fork() == 0) {
      WANT_EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
      int number = 0;
      WANT_EQ(prctl(PR_GET_PDEATHSIG, &number), 0);
      WANT_EQ(number, SIGTERM);
      (void)!write(ready[1], "x", 1);
      for (;;) pause();
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    _exit(0);
  }
  close(p[1]);
  WANT_EQ(check_wait(middle), 0);
  char byte;
  WANT_EQ(read(p[0], &byte, 1), 0);
  WANT_ERROR(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
  WANT_ERROR(prctl(PR_GET_PDEATHSIG, 8), EFAULT);
}

CASE(dumpable_follows_the_ids, "prctl setresuid") {
  WANT_EQ(prctl(PR_GET_DUMPABLE), 1);
  WANT_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
  WANT_EQ(prctl(PR_GET_DUMPABLE), 0);
  WANT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
  WANT_ERROR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
  WANT_EQ(setresuid(1000, 1000, 1000), 0);
  WANT_EQ(prctl(PR_GET_DUMPABLE), 0);
}

CASE(subreapers_adopt, "prctl getppid") {
  WANT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int is = 0;
  WANT_EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
  WANT_EQ(is, 1);
  const pid_t middle = fork();
  if (middle == 0) {
    const pid_t self = getpid();
    if (fork() == 0) {
      while (getppid() == self) sched_yield();
      _exit(7);
    }
    _exit(0);
  }
  int status, sevens = 0;
  while (wait(&status) > 0) sevens += WIFEXITED(status) && WEXITSTATUS(status) == 7;
  WANT_EQ(sevens, 1);
}

CASE(timer_slack_is_kept, "prctl") {
  WANT(prctl(PR_GET_TIMERSLACK) > 0);
  WANT_EQ(prctl(PR_SET_TIMERSLACK, 1234567), 0);
  WANT_EQ(prctl(PR_GET_TIMERSLACK), 1234567);
  WANT_EQ(prctl(PR_SET_TIMERSLACK, 0), 0);
  WANT_EQ(prctl(PR_GET_TIMERSLACK), 50000);
}

CASE(timestamp_counter_and_pages, "prctl") {
  int mode = 0;
  WANT_EQ(prctl(PR_GET_TSC, &mode), 0);
  WANT_EQ(mode, PR_TSC_ENABLE);
  WANT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
  WANT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  WANT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
  WANT_ERROR(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0), EINVAL);
  WANT_ERROR(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
  WANT_ERROR(prctl(9999), EINVAL);
  uint64_t* word = 0;
  static uint64_t tid;
  syscall(SYS_set_tid_address, &tid);
  if (prctl(PR_GET_TID_ADDRESS, &word) == 0) WANT(word == &tid);
}

CASE(keep_capabilities_is_for_one_program, "prctl") {
  WANT_EQ(prctl(PR_GET_KEEPCAPS), 0);
  WANT_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
  WANT_EQ(prctl(PR_GET_KEEPCAPS), 1);
  WANT_ERROR(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
  WANT_EQ(prctl(PR_CAPBSET_READ, 0), 1);
  WANT_ERROR(prctl(PR_CAPBSET_READ, 99), EINVAL);
}

CASE(segment_bases_can_be_set, "arch_prctl") {
  static uint64_t words[2] = {0x1122334455667788, 2};
  uint64_t base = 0, read_back = 0;
  WANT_EQ(syscall(SYS_arch_prctl, 0x1001, words), 0);
  WANT_EQ(syscall(SYS_arch_prctl, 0x1004, &base), 0);
  WANT_EQ(base, (uintptr_t)words);
  __asm__ volatile("mov %%gs:0, %0" : "=r"(read_back));
  WANT_EQ(read_back, words[0]);
  WANT_EQ(syscall(SYS_arch_prctl, 0x1003, &base), 0);
  WANT(base != 0);
  const pid_t child = fork();
  if (child == 0) {
    __asm__ volatile("mov %%gs:8, %0" : "=r"(read_back));
    _exit(read_back == 2 ? 0 : 1);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_ERROR(syscall(SYS_arch_prctl, 0x1001, 1ull << 63), EPERM);
  WANT_ERROR(syscall(SYS_arch_prctl, 0x1003, 8), EFAULT);
  WANT_ERROR(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);
}

CASE(personality_is_kept, "personality") {
  WANT_EQ(syscall(SYS_personality, 0xffffffff), 0);
  WANT_EQ(syscall(SYS_personality, ADDR_NO_RANDOMIZE), 0);
  WANT_EQ(syscall(SYS_personality, 0xffffffff), ADDR_NO_RANDOMIZE);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_personality, 0xffffffff) == ADDR_NO_RANDOMIZE ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(umask_keeps_nine_bits, "umask open mkdir") {
  WANT_EQ(umask(022), 022);
  WANT_EQ(umask(07777), 022);
  WANT_EQ(umask(027), 0777);
  struct stat is;
  close(open("file", O_CREAT | O_WRONLY, 0666));
  WANT_EQ(stat("file", &is), 0);
  WANT_EQ(is.st_mode & 0777, 0640);
  WANT_EQ(mkdir("folder", 0777), 0);
  WANT_EQ(stat("folder", &is), 0);
  WANT_EQ(is.st_mode & 0777, 0750);
}

CASE(membarrier_knows_its_commands, "membarrier") {
  const long known = syscall(SYS_membarrier, 0, 0, 0);
  WANT(known > 0 && (known & 1) && (known & 8) && (known & 16));
  WANT_EQ(syscall(SYS_membarrier, 1, 0, 0), 0);  // global
  WANT_ERROR(syscall(SYS_membarrier, 8, 0, 0), EPERM);  // private, expedited, but not registered
  WANT_EQ(syscall(SYS_membarrier, 16, 0, 0), 0);
  WANT_EQ(syscall(SYS_membarrier, 8, 0, 0), 0);
  WANT_EQ(syscall(SYS_membarrier, 2, 0, 0), 0);  // global, expedited
  WANT_EQ(syscall(SYS_membarrier, 4, 0, 0), 0);
  WANT_ERROR(syscall(SYS_membarrier, 0x10000, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_membarrier, 1, 77, 0), EINVAL);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_membarrier, 8, 0, 0) == 0 ? 0 : 1);  // fork keeps the registration
  WANT_EQ(check_wait(child), 0);
}

static volatile int* side[2];
CASE(membarrier_orders_other_processors, "membarrier") {
  // Store-load of two threads: the fast side has only a compiler's barrier, the slow one calls membarrier.
  volatile int* shared = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  side[0] = shared, side[1] = shared + 64;
  volatile int* turn = shared + 128;
  volatile int* seen = shared + 192;
  const pid_t child = fork();
  enum { ROUNDS = 300 };
  if (child == 0) {
    for (int i = 1; i <= ROUNDS; ++i) {
      while (*turn < i) sched_yield();
      *side[0] = i;
      __asm__ volatile("" ::: "memory");
      seen[0] = *side[1];
      __atomic_store_n(&seen[1], i, __ATOMIC_RELEASE);
    }
    _exit(0);
  }
  for (int i = 1; i <= ROUNDS; ++i) {
    __atomic_store_n(turn, i, __ATOMIC_SEQ_CST);
    *side[1] = i;
    WANT_EQ(syscall(SYS_membarrier, 1, 0, 0), 0);
    const int got = *side[0];
    while (__atomic_load_n(&seen[1], __ATOMIC_ACQUIRE) < i) sched_yield();
    WANT(got == i || seen[0] == i);
  }
  WANT_EQ(check_wait(child), 0);
}
