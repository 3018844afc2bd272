// What one operation costs, in instructions: the same static program on Vari and on Linux, read by the TSC.
//
// Under QEMU's -icount shift=0 one instruction is one tick, so a row is an exact count; elsewhere it is time.
// Each row runs its operation in a loop after a warm-up and prints "row NAME TICKS". The loop's own
// instructions are part of the figure. `bench tsc` prints the counter, for boot costs.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t ticks(void) {
  uint32_t low, high;
  __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

// A system call without the library, so that both kernels are entered by the same instructions.
static long raw_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static int zero, null, ends[4];
static char buffer[65536];

static void null_call(void) { raw_call(110, 0, 0, 0); }       // getppid
static void unknown_call(void) { raw_call(900, 0, 0, 0); }    // no such call
static void read_zero(void) { raw_call(0, zero, (long)buffer, 1); }
static void write_null(void) { raw_call(1, null, (long)buffer, 1); }
static void yield_call(void) { raw_call(24, 0, 0, 0); }

static void stat_file(void) {
  struct stat status;
  stat("/bin/busybox", &status);
}
static void fstat_file(void) {
  struct stat status;
  fstat(zero, &status);
}
static void open_close(void) { close(open("/bin/busybox", O_RDONLY)); }

static void set_action(void) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  sigaction(SIGUSR2, &action, NULL);
}
static void on_signal(int number) { (void)number; }
static void deliver_signal(void) { raise(SIGUSR1); }

static void pipe_round_trip(void) {
  if (write(ends[1], buffer, 1) != 1 || read(ends[2], buffer, 1) != 1) _exit(1);
}
static void fork_exit(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
}
static void fork_exec(void) {
  pid_t child = fork();
  if (child == 0) {
    char* arguments[] = {"bench", "nothing", NULL};
    execve("/bench/bench", arguments, NULL);
    _exit(1);
  }
  waitpid(child, NULL, 0);
}
static void vfork_exit(void) {
  pid_t child = vfork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
}
static void map_unmap(void) {
  void* area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area, 4096);
}
static void map_touch_unmap(void) {
  char* area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int at = 0; at < 1 << 20; at += 4096) area[at] = 1;
  munmap(area, 1 << 20);
}
static void file_4k(void) {
  int file = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (write(file, buffer, 4096) != 4096) _exit(1);
  close(file);
  unlink("/tmp/bench-file");
}

struct Row {
  const char* name;
  void (*operation)(void);
  int repetitions;
};

static const struct Row kRows[] = {
    {"getppid", null_call, 2000},       {"unknown_call", unknown_call, 2000}, {"read_zero", read_zero, 2000},
    {"write_null", write_null, 2000},   {"stat", stat_file, 1000},            {"fstat", fstat_file, 1000},
    {"open_close", open_close, 1000},   {"sched_yield", yield_call, 1000},    {"sigaction", set_action, 1000},
    {"signal", deliver_signal, 500},    {"pipe_rt", pipe_round_trip, 500},    {"mmap_munmap", map_unmap, 500},
    {"touch_1m", map_touch_unmap, 20},  {"file_4k", file_4k, 200},            {"vfork_exit", vfork_exit, 100},
    {"fork_exit", fork_exit, 100},      {"fork_exec", fork_exec, 50},
};

// A loop of three instructions must read 3.0, or nothing that follows means anything.
static double calibrate(void) {
  uint64_t count = 1000000, before = ticks();
  __asm__ volatile("1: nop\n\tdec %0\n\tjnz 1b" : "+r"(count));
  return (double)(ticks() - before) / 1000000;
}

static void start_echo(void) {
  if (pipe(ends) || pipe(ends + 2)) _exit(1);
  // ends: [0] child reads, [1] parent writes, [2] parent reads, [3] child writes
  if (fork() == 0) {
    close(ends[1]);
    char byte;
    while (read(ends[0], &byte, 1) == 1 && write(ends[3], &byte, 1) == 1) continue;
    _exit(0);
  }
}

static int wanted(const char* name, int count, char** names) {
  for (int at = 0; at < count; ++at) {
    if (strcmp(names[at], name) == 0) return 1;
  }
  return count == 0;
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "nothing") == 0) return 0;
  if (count > 1 && strcmp(arguments[1], "tsc") == 0) {
    printf("tsc %llu\n", (unsigned long long)ticks());
    return 0;
  }
  zero = open("/dev/zero", O_RDONLY);
  null = open("/dev/null", O_WRONLY);
  signal(SIGUSR1, on_signal);
  memset(buffer, 'x', sizeof buffer);
  printf("row calibration %.4f\n", calibrate());
  fflush(stdout);
  for (size_t at = 0; at < sizeof kRows / sizeof *kRows; ++at) {
    const struct Row* row = &kRows[at];
    if (!wanted(row->name, count - 1, arguments + 1)) continue;
    if (row->operation == pipe_round_trip) start_echo();
    int warm = row->repetitions / 10 + 1;
    for (int round = 0; round < warm; ++round) row->operation();
    uint64_t before = ticks();
    for (int round = 0; round < row->repetitions; ++round) row->operation();
    uint64_t after = ticks();
    printf("row %s %.1f\n", row->name, (double)(after - before) / row->repetitions);
    fflush(stdout);
  }
  if (ends[1]) close(ends[1]);
  return 0;
}
