// What a program finds in the unikernel, one word of the command line a test (test_unikernel.py). Each prints
// a line; the status is 0 where all is as it should be. Static, so that it is the only thing in the image.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static void on_tick(int number) {
  (void)number;
  ++ticks;
}
static void start_ticks(long microseconds) {
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, 0);
  struct itimerval every = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &every, 0);
}

// The red zone: 128 bytes below rsp that a function may use without moving rsp, and that no signal handler
// touches.
static long damaged_red_zone(long rounds) {
  long damaged;
  __asm__ volatile(
      "xorl %%eax, %%eax\n"
      "1: movq $0x11223344, -8(%%rsp)\n"
      "movq $0x22334455, -40(%%rsp)\n"
      "movq $0x33445566, -128(%%rsp)\n"
      "movl $2000, %%edx\n"
      "2: decl %%edx\n"
      "jnz 2b\n"
      "cmpq $0x11223344, -8(%%rsp)\n"
      "jne 3f\n"
      "cmpq $0x22334455, -40(%%rsp)\n"
      "jne 3f\n"
      "cmpq $0x33445566, -128(%%rsp)\n"
      "je 4f\n"
      "3: incq %%rax\n"
      "4: decq %1\n"
      "jnz 1b\n"
      : "=&a"(damaged), "+r"(rounds)
      :
      : "rdx", "memory", "cc");
  return damaged;
}

// Only in ring 0: takes the interrupt stacks out of the gates of all interrupts.
static void take_interrupt_stacks(void) {
  struct __attribute__((packed)) {
    uint16_t limit;
    uint8_t* base;
  } table;
  __asm__ volatile("sidt %0" : "=m"(table));
  for (int vector = 32; vector < 256; ++vector) table.base[vector * 16 + 4] = 0;
}

static int red_zone(const char* how) {
  start_ticks(1000);
  if (how && !strcmp(how, "off")) take_interrupt_stacks();
  long damaged = 0;
  while (ticks < 100) damaged += damaged_red_zone(1000);
  printf("red zone: %s after %s interrupts\n", damaged ? "damaged" : "whole", ticks >= 100 ? "100" : "few");
  return damaged != 0;
}

static unsigned long long cores_seen;
static long sum;
static void* count(void* argument) {
  (void)argument;
  for (int i = 0; i < 200; ++i) {
    __atomic_fetch_or(&cores_seen, 1ull << sched_getcpu(), __ATOMIC_RELAXED);
    for (volatile int j = 0; j < 20000; ++j) {
    }
    __atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED);
  }
  return 0;
}
static int threads(int number) {
  pthread_t made[64];
  for (int i = 0; i < number; ++i)
    if (pthread_create(&made[i], 0, count, 0)) return 1;
  for (int i = 0; i < number; ++i) pthread_join(made[i], 0);
  printf("threads: %d, sum %ld, cores %d\n", number, sum, __builtin_popcountll(cores_seen));
  return sum != 200l * number;
}

static int other_programs(void) {
  errno = 0;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  const int fork_error = errno;
  char* arguments[] = {"true", 0};
  errno = 0;
  execv("/proc/self/exe", arguments);
  printf("fork %d %s; exec %s\n", child, strerror(fork_error), strerror(errno));
  return child != -1;
}

static volatile uintptr_t nowhere = 16;

static sigjmp_buf back;
static siginfo_t last;
static void on_fault(int number, siginfo_t* information, void* context) {
  (void)context;
  last = *information;
  siglongjmp(back, number);
}
static int faults(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGFPE, &action, 0);
  sigaction(SIGILL, &action, 0);
  int bad = 0;
  char* data = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  data[0] = (char)0xc3;
#define EXPECT(name, signal, ...)                                               \
  do {                                                                          \
    const int caught = sigsetjmp(back, 1);                                      \
    if (!caught) {                                                              \
      __VA_ARGS__;                                                              \
    }                                                                           \
    printf("%s: signal %d code %d\n", name, caught, caught ? last.si_code : 0); \
    bad |= caught != (signal);                                                  \
  } while (0)
  EXPECT("null", SIGSEGV, *(volatile int*)nowhere = 1);
  EXPECT("write to text", SIGSEGV, *(volatile char*)(uintptr_t)& faults = 0);
  EXPECT("run data", SIGSEGV, ((void (*)(void))data)());
  EXPECT("no such page", SIGSEGV, (void)*(volatile char*)0x5550000000);
  EXPECT("not canonical", SIGSEGV, (void)*(volatile char*)0x0123456789abcdef);
  EXPECT("invalid instruction", SIGILL, __builtin_trap());
  EXPECT("division", SIGFPE, __asm__ volatile("xorl %%ecx, %%ecx\nidivl %%ecx" :: : "eax", "ecx", "edx"));
  return bad;
}

static void* keep_vectors(void* argument) {
  const uint64_t mark = (uintptr_t)argument * 0x0101010101010101u;
  uint64_t out[4] = {mark, mark ^ 1, mark ^ 2, mark ^ 3}, in[4];
  for (int i = 0; i < 300; ++i) {
    __asm__ volatile(
        "vmovdqu %1, %%ymm7\n"
        "movl $24, %%eax\n"
        "syscall\n"  // sched_yield
        "movl $20000, %%edx\n"
        "1: decl %%edx\n"
        "jnz 1b\n"
        "vmovdqu %%ymm7, %0\n"
        : "=m"(in)
        : "m"(out)
        : "rax", "rcx", "rdx", "r11", "memory", "cc");
    if (memcmp(in, out, sizeof in)) return "lost";
  }
  return 0;
}
static int vectors(void) {
  if (!__builtin_cpu_supports("avx")) return 2;
  start_ticks(1000);
  pthread_t made[4];
  for (uintptr_t i = 0; i < 4; ++i) pthread_create(&made[i], 0, keep_vectors, (void*)(i + 1));
  int lost = 0;
  for (int i = 0; i < 4; ++i) {
    void* answer;
    pthread_join(made[i], &answer);
    lost |= answer != 0;
  }
  printf("vectors: %s\n", lost ? "lost" : "kept");
  return lost;
}

// The gate that AT_SYSINFO tells. The compiler does not know that this calls: hence the red zone is stepped
// over.
static long gate_call(void* gate, long number, long a, long b, long c) {
  long result;
  __asm__ volatile(
      "leaq -128(%%rsp), %%rsp\n"
      "callq *%[gate]\n"
      "leaq 128(%%rsp), %%rsp\n"
      : "=a"(result)
      : "a"(number), "D"(a), "S"(b), "d"(c), [gate] "r"(gate)
      : "rcx", "r11", "memory", "cc");
  return result;
}
static void* write_later(void* descriptor) {
  while (ticks < 20) usleep(1000);
  return (void*)write((int)(intptr_t)descriptor, "x", 1);
}
static int gate(void) {
  void* gate = (void*)getauxval(AT_SYSINFO);
  if (!gate) {
    puts("gate: none");
    return 2;
  }
  int bad = gate_call(gate, SYS_getpid, 0, 0, 0) != getpid();
  bad |= gate_call(gate, SYS_getppid, 0, 0, 0) != syscall(SYS_getppid);
  bad |= gate_call(gate, SYS_gettid, 0, 0, 0) != syscall(SYS_gettid);
  bad |= gate_call(gate, 100000, 0, 0, 0) != -ENOSYS;
  bad |= gate_call(gate, SYS_write, 1, (long)"gate: writes\n", 13) != 13;
  // A call that signals interrupt is restarted from within the gate.
  int ends[2];
  if (pipe(ends)) return 3;
  start_ticks(1000);
  pthread_t writer;
  pthread_create(&writer, 0, write_later, (void*)(intptr_t)ends[1]);
  char byte = 0;
  bad |= gate_call(gate, SYS_read, ends[0], (long)&byte, 1) != 1 || byte != 'x';
  // And facts under interrupts.
  const long own = getpid();
  for (const int until = ticks + 50; ticks < until;)
    for (int i = 0; i < 1000; ++i) bad |= gate_call(gate, SYS_getpid, 0, 0, 0) != own;
  printf("gate: %s\n", bad ? "wrong" : "right");
  return bad;
}

// Single steps: the trap flag is the program's, through calls of both kinds, and never traps in the kernel.
static volatile long steps;
static void on_step(int number) {
  (void)number;
  ++steps;
}
static int single_steps(void) {
  void* gate = (void*)getauxval(AT_SYSINFO);
  const struct sigaction action = {.sa_handler = on_step};
  sigaction(SIGTRAP, &action, 0);
  long by_trap, by_gate = 39, unknown = 400;
  __asm__ volatile(
      "pushfq\n"
      "orq $0x100, (%%rsp)\n"
      "popfq\n"
      "movl $39, %%eax\n"
      "syscall\n"
      "movq %%rax, %0\n"
      "movq %1, %%rax\n"
      "testq %3, %3\n"
      "jz 1f\n"
      "callq *%3\n"
      "movq %%rax, %1\n"
      "movq %2, %%rax\n"
      "callq *%3\n"
      "movq %%rax, %2\n"
      "1: pushfq\n"
      "andq $~0x100, (%%rsp)\n"
      "popfq\n"
      : "=&r"(by_trap), "+r"(by_gate), "+r"(unknown)
      : "r"(gate)
      : "rax", "rcx", "r11", "memory", "cc");
  const long own = syscall(SYS_getpid);
  const int bad = by_trap != own || (gate && (by_gate != own || unknown != -ENOSYS)) || steps < 5;
  printf("single steps: %s\n", bad ? "wrong" : "right");
  return bad;
}

// A stack that grows beyond its limit meets its guard; the handler runs on a stack of its own.
static int __attribute__((noinline)) dive(volatile char* above) {
  volatile char here[4096];
  here[0] = above[0];
  return nowhere ? dive(here) + here[0] : 0;
}
static int overflow(void) {
  static char other[16384];
  const stack_t alternate = {.ss_sp = other, .ss_size = sizeof other};
  sigaltstack(&alternate, 0);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, 0);
  volatile char start[1] = {0};
  const int caught = sigsetjmp(back, 1);
  if (!caught) dive(start);
  printf("overflow: signal %d\n", caught);
  return caught != SIGSEGV;
}

// Where there is fork: what getpid and getppid tell follows each change of the family.
static int family(void) {
  int ends[2];
  const pid_t own = getpid();
  if (pipe(ends)) return 2;
  const pid_t child = fork();
  if (child == 0) {
    const pid_t middle = getpid();
    char bad = middle == own || syscall(SYS_getppid) != own || syscall(SYS_gettid) != middle;
    if (fork() == 0) {
      bad |= syscall(SYS_getppid) != middle && syscall(SYS_getppid) == own;
      for (int i = 0; i < 2000 && syscall(SYS_getppid) == middle; ++i) usleep(1000);
      bad |= syscall(SYS_getppid) == middle;
      _exit(write(ends[1], &bad, 1) != 1);
    }
    _exit(bad);
  }
  int status = 1;
  char bad = 1;
  waitpid(child, &status, 0);
  if (read(ends[0], &bad, 1) != 1) bad = 1;
  printf("family: %s\n", bad || status ? "wrong" : "right");
  return bad || status;
}

static int facts(void) {
  int bad = syscall(SYS_getuid) != 0 || syscall(SYS_getpid) != syscall(SYS_gettid);
  bad |= setresuid(5, 6, 7) || syscall(SYS_getuid) != 5 || syscall(SYS_geteuid) != 6;
  bad |= syscall(SYS_getpid) <= 0 || syscall(SYS_getppid) != 1;
  printf("facts: %s\n", bad ? "wrong" : "right");
  return bad;
}

static int crash(void) {
  *(volatile int*)nowhere = 1;
  return 0;
}

// The time stamp counter: where QEMU counts instructions, these.
static inline uint64_t now(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (uint64_t)high << 32 | low;
}

/* Calls of two groups, and what the kernel's log says of those. */
static long told(long result) {
  return result < 0 ? -errno : result;
}
static int groups(void) {
  static char log[16384];
  const long event = told(syscall(SYS_eventfd2, 0, 0)), queue = told(syscall(SYS_mq_open, "q", O_CREAT | O_RDWR, 0600, 0));
  printf("%ld %ld %ld\n", event, queue, told(syscall(SYS_getuid)));
  syscall(SYS_eventfd2, 0, 0);
  if (syscall(SYS_syslog, 3, log, sizeof log - 1) < 0) return 1;
  for (char* line = strtok(log, "\n"); line; line = strtok(0, "\n"))
    if (strstr(line, "belongs to")) puts(strstr(line, "call"));
  return 0;
}

int main(int count, char** words) {
  const uint64_t entered = now();
  setvbuf(stdout, 0, _IOLBF, 0);
  const char* test = count > 1 ? words[1] : "";
  if (!strcmp(test, "red_zone")) return red_zone(count > 2 ? words[2] : 0);
  if (!strcmp(test, "threads")) return threads(count > 2 ? atoi(words[2]) : 8);
  if (!strcmp(test, "other_programs")) return other_programs();
  if (!strcmp(test, "faults")) return faults();
  if (!strcmp(test, "vectors")) return vectors();
  if (!strcmp(test, "gate")) return gate();
  if (!strcmp(test, "facts")) return facts();
  if (!strcmp(test, "family")) return family();
  if (!strcmp(test, "single_steps")) return single_steps();
  if (!strcmp(test, "overflow")) return overflow();
  if (!strcmp(test, "crash")) return crash();
  if (!strcmp(test, "groups")) return groups();
  if (!strcmp(test, "hello")) return puts("hello") < 0;
  if (!strcmp(test, "clock")) return printf("main at %llu\n", (unsigned long long)entered) < 0;
  for (int i = 1; i < count; ++i) printf("[%s]", words[i]);
  puts("");
  return 9;
}
