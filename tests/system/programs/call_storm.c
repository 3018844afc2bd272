// Random system calls with hostile arguments: null and kernel addresses, edges of mappings, huge lengths, wrong
// descriptors, and now and then something that works. Several processes, each from a seed of its own;
// one that ends makes room for the next.
//
//   call_storm SEED PROCESSES SECONDS    exits 0 when all its processes have gone, whatever became of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;
static uint64_t random64(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull;
}
static uint64_t below(uint64_t n) { return random64() % n; }

static unsigned char* area;  // 4 pages: read-write, read-only, read-write, then nothing
static char* const kNames[] = {"/", "/tmp/storm", "/proc/self/fd/0", "/proc/self/maps", "/dev/null", "/dev/zero", "/tmp", "",
                               "/proc/self/mem", "/proc/1/stat", "/tmp/storm/../storm", "nosuch", "/dev/tty",
                               "/dev/ptmx", "/proc/self/exe", "/proc/self/task", "/dev/full"};
static const uint64_t kEdges[] = {0, 1, 7, 8, 4095, 4096, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
                                  0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000, 0x7ffffffff000, 0x7fffffffffff,
                                  0x800000000000, 0xffff800000000000, 0xffffffff80000000, 0xffffff0000000000, 0xfffffffffffffff8};

static uint64_t pointer(void) {
  switch (below(10)) {
    case 0: return kEdges[below(sizeof kEdges / sizeof *kEdges)];
    case 1: return (uint64_t)area + 4096 - below(16);       // crosses into the read-only page
    case 2: return (uint64_t)area + 3 * 4096 - below(16);   // crosses into nothing
    case 3: return (uint64_t)area + 4096 + below(4096);     // read-only
    case 4: return (uint64_t)kNames[below(sizeof kNames / sizeof *kNames)];
    default: return (uint64_t)area + (below(2) ? 2 * 4096 : 0) + below(3000) / 8 * 8;
  }
}

static uint64_t argument(void) {
  switch (below(8)) {
    case 0: return kEdges[below(sizeof kEdges / sizeof *kEdges)];
    case 1: return below(4);
    case 2: return below(64);
    case 3: return below(16) << below(20);
    case 4: return random64();
    case 5: return 3 + below(30);
    default: return pointer();
  }
}

// Not these: they would end the test, the machine, or innocent bystanders.
static int is_spared(uint64_t number) {
  switch (number) {
    case SYS_reboot: case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo: case SYS_rt_tgsigqueueinfo:
    case 424 /* pidfd_send_signal */: case SYS_ptrace:
    case SYS_pause: case SYS_exit: case SYS_exit_group: case SYS_pivot_root: case SYS_chroot: case SYS_vfork: case SYS_fork:
    case SYS_clone: case 435 /* clone3 */: case SYS_setsid: case SYS_rt_sigsuspend: case SYS_umount2: case SYS_mount:
    case SYS_unlink: case SYS_unlinkat: case SYS_rename: case SYS_renameat: case 316 /* renameat2 */: case SYS_rmdir:
    case SYS_setrlimit: case SYS_prlimit64: case SYS_settimeofday: case SYS_clock_settime: case SYS_fallocate:
    case SYS_rt_sigreturn: case SYS_chmod: case SYS_fchmod: case SYS_fchmodat: case SYS_chown: case SYS_fchown: case SYS_lchown:
    case SYS_fchownat: case 452 /* fchmodat2 */: case SYS_munmap: case SYS_truncate: case SYS_rt_sigtimedwait: case SYS_restart_syscall: return 1;
    default: return 0;
  }
}

static long one_call(void) {
  static const uint64_t kLimit = 460;
  uint64_t number = below(50) ? below(kLimit) : random64();
  if (is_spared(number)) return 0;
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = argument();
  if (number < 3 || number == SYS_close) a[0] = below(40);  // descriptors, mostly
  if ((number == SYS_close || number == SYS_dup2 || number == SYS_dup3) && (a[0] < 3 || a[1] < 3)) return 0;
  if (number == SYS_mmap && below(2)) a[0] = 0;
  if (number == SYS_mmap && a[0] + a[1] > (uint64_t)area - (1 << 20) && a[0] < (uint64_t)area + (1 << 20)) a[3] &= ~(uint64_t)MAP_FIXED;
  if (number == SYS_close_range || number == SYS_ftruncate) return 0;
  return syscall((long)number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void nothing(int number) { (void)number; }

static int thread_body(void* unused) {
  (void)unused;
  for (int i = 0; i < 200; ++i) one_call();
  syscall(SYS_exit, 0);
  return 0;
}

static void child(uint64_t seed) {
  state = seed * 0x9e3779b97f4a7c15ull + 1;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (seed & 1 && setgid(65534) + setuid(65534)) _exit(1);  // half of them without privileges
  struct rlimit cpu = {20, 20}, size = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_CPU, &cpu);
  setrlimit(RLIMIT_FSIZE, &size);
  struct sigaction act = {.sa_handler = nothing};
  for (int i = 1; i < 32; ++i)
    if (i != SIGSEGV && i != SIGBUS) sigaction(i, &act, 0);
  int pipes[2];
  if (pipe2(pipes, O_NONBLOCK)) _exit(1);
  open("/tmp/storm", O_RDWR | O_CREAT, 0666);
  open("/dev/zero", O_RDONLY | O_NONBLOCK);
  open("/dev/ptmx", O_RDWR | O_NONBLOCK);
  struct itimerval_ { long a, b, c, d; } tick = {0, 5000, 0, 5000};
  syscall(SYS_setitimer, 0, &tick, 0);
  if (below(3) == 0) {  // another thread beside this one
    void* stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack != MAP_FAILED) {
      extern int clone(int (*)(void*), void*, int, void*, ...);
      clone(thread_body, (char*)stack + 65536, 0x50f00 /* VM FS FILES SIGHAND THREAD SYSVSEM */, 0);
    }
  }
  for (long i = 0; i < 5000; ++i) {
    for (int j = 0; j < 8; ++j) *(volatile uint64_t*)(area + below(4000) / 8 * 8) = below(3) ? argument() : random64();
    one_call();
    if (below(64) == 0) syscall(SYS_setitimer, 0, &tick, 0);
  }
  _exit(0);
}

static time_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

static pid_t start(uint64_t seed) {
  const pid_t pid = fork();
  if (pid) return pid;
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDWR);
  for (int d = 0; d < 3; ++d) dup2(null, d);
  child(seed);
  return 0;
}

/// Objects that outlive whoever made them, as they should: what is left is to be no more than before.
static void remove_system_v_objects(void) {
  enum { kMost = 32768, kShmStat = 13, kSemStat = 18, kMsgStat = 11 };
  long room[64];
  for (int i = 0; i < kMost; ++i) {
    const long shm = syscall(SYS_shmctl, i, kShmStat, room), sem = syscall(SYS_semctl, i, 0, kSemStat, room),
               msg = syscall(SYS_msgctl, i, kMsgStat, room);
    if (shm >= 0) syscall(SYS_shmctl, shm, 0 /* IPC_RMID */, 0);
    if (sem >= 0) syscall(SYS_semctl, sem, 0, 0, 0);
    if (msg >= 0) syscall(SYS_msgctl, msg, 0, 0);
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const uint64_t seed = strtoull(argv[1], 0, 0);
  const int processes = atoi(argv[2]) < 64 ? atoi(argv[2]) : 64;
  const time_t seconds = atol(argv[3]);
  state = seed * 31 + 7;
  area = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(area + 4096, 4096, PROT_READ);
  munmap(area + 3 * 4096, 4096);
  setpgid(0, 0);
  const time_t end = now() + seconds;
  uint64_t started = 0;
  int running = 0;
  pid_t slots[64] = {0};
  for (; now() < end; usleep(10000)) {
    for (pid_t pid; (pid = waitpid(-1, 0, WNOHANG)) > 0; --running)
      for (int i = 0; i < processes; ++i)
        if (slots[i] == pid) slots[i] = 0;
    for (int i = 0; i < processes; ++i) {
      if (slots[i] > 0 && below(200) == 0) kill(slots[i], SIGKILL);  // one that sleeps for ever by its own wish
      if (slots[i] > 0 || (slots[i] = start(seed + started)) <= 0) continue;
      ++started, ++running;
    }
  }
  for (int i = 0; i < processes; ++i)
    if (slots[i] > 0) kill(slots[i], SIGKILL);
  for (; running > 0 && wait(0) > 0; --running) {}
  unlink("/tmp/storm");
  remove_system_v_objects();
  puts(started ? "the storm is over" : "no process could be started");
  return running != 0 || !started;
}
