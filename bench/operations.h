// The operations that bench.c measures, each a function without arguments, and what prepares them. Part of
// bench.c: one program, two pages.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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
static long raw_call4(long number, long a, long b, long c, long d) {
  register long fourth __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}

#define MANY 100
#define MAXIMUM_RING 16
static int zero, null, ends[4], many[MANY][2], ring[MAXIMUM_RING][2], interest;
static char buffer[65536];
static char* const kNothing[] = {"bench", "nothing", NULL};
static const char kProgram[] = "/bench/bench";

static void null_call(void) {
  raw_call(110, 0, 0, 0);
}  // getppid
static void unknown_call(void) {
  raw_call(900, 0, 0, 0);
}  // no such call
static void read_zero(void) {
  raw_call(0, zero, (long)buffer, 1);
}
static void write_null(void) {
  raw_call(1, null, (long)buffer, 1);
}
static void yield_call(void) {
  raw_call(24, 0, 0, 0);
}

static void stat_file(void) {
  struct stat status;
  stat("/bin/busybox", &status);
}
static void fstat_file(void) {
  struct stat status;
  fstat(zero, &status);
}
static void open_close(void) {
  close(open("/bin/busybox", O_RDONLY));
}

static void set_action(void) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  sigaction(SIGUSR2, &action, NULL);
}
static void on_signal(int number) {
  (void)number;
}
static void deliver_signal(void) {
  raise(SIGUSR1);
}

static void clock_call(void) {
  struct timespec now;
  raw_call(228, CLOCK_MONOTONIC, (long)&now, 0);
}
// linux/futex.h, which musl-gcc does not find.
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_PRIVATE_FLAG = 128 };
static uint32_t word;
static void futex_wake_none(void) {
  raw_call(202, (long)&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

// A write to a protected page, told to a handler that leaves by siglongjmp.
static sigjmp_buf after_fault;
static char* protected_page;
static void on_fault(int number) {
  siglongjmp(after_fault, number);
}
static void prepare_fault(void) {
  protected_page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  signal(SIGSEGV, on_fault);
}
static void fault_to_signal(void) {
  if (sigsetjmp(after_fault, 1) == 0) *(volatile char*)protected_page = 1;
}

// Processes.
static void reap(pid_t child) {
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) _exit(1);
}
static void fork_exit(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  reap(child);
}
static void fork_exec(void) {
  pid_t child = fork();
  if (child == 0) {
    execve(kProgram, kNothing, NULL);
    _exit(1);
  }
  reap(child);
}
static void vfork_exit(void) {
  pid_t child = vfork();
  if (child == 0) _exit(0);
  reap(child);
}
static void vfork_exec(void) {
  pid_t child = vfork();
  if (child == 0) {
    execve(kProgram, kNothing, NULL);
    _exit(1);
  }
  reap(child);
}
static void spawn(void) {
  pid_t child = -1;
  posix_spawn(&child, kProgram, NULL, NULL, kNothing, NULL);
  reap(child);
}
static void* do_nothing(void* argument) {
  return argument;
}
static void thread_create_join(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, do_nothing, NULL)) _exit(1);
  pthread_join(thread, NULL);
}

// Helpers: the other sides of pipes and futexes. They live for one row and are killed after it.
static pid_t helpers[MAXIMUM_RING];
static int helper_count;
static int in_helper(void) {
  pid_t child = fork();
  if (child > 0) helpers[helper_count++] = child;
  return child == 0;
}
static void end_helpers(void) {
  while (helper_count > 0) {
    kill(helpers[--helper_count], SIGKILL);
    waitpid(helpers[helper_count], NULL, 0);
  }
}
static void pass_on(int from, int to) {
  char byte;
  while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1) continue;
  _exit(0);
}

static void start_echo(void) {
  // ends: [0] helper reads, [1] we write, [2] we read, [3] helper writes
  if (pipe(ends) || pipe(ends + 2)) _exit(1);
  if (in_helper()) pass_on(ends[0], ends[3]);
}
static void pipe_round_trip(void) {
  if (write(ends[1], buffer, 1) != 1 || read(ends[2], buffer, 1) != 1) _exit(1);
}
static void start_sink(void) {
  if (pipe(ends)) _exit(1);
  if (!in_helper()) return;
  while (read(ends[0], buffer, sizeof buffer) > 0) continue;
  _exit(0);
}
static void pipe_64k(void) {
  if (write(ends[1], buffer, sizeof buffer) != sizeof buffer) _exit(1);
}
// The same over a pair of UNIX stream sockets.
static void start_unix_echo(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) _exit(1);
  ends[1] = ends[2] = pair[0];
  if (in_helper()) pass_on(pair[1], pair[1]);
}
static void start_unix_sink(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) _exit(1);
  ends[0] = pair[0];
  ends[1] = pair[1];
  if (!in_helper()) return;
  while (read(ends[0], buffer, sizeof buffer) > 0) continue;
  _exit(0);
}
// A byte goes round: from us to helper 1, 2 ... and back.
static void start_ring(int size) {
  for (int at = 0; at < size; ++at)
    if (pipe(ring[at])) _exit(1);
  for (int at = 1; at < size; ++at)
    if (in_helper()) pass_on(ring[at][0], ring[(at + 1) % size][1]);
}
static void start_ring_1(void) {
  start_ring(1);
}
static void start_ring_2(void) {
  start_ring(2);
}
static void start_ring_8(void) {
  start_ring(8);
}
static void start_ring_16(void) {
  start_ring(16);
}
static void go_round(int size) {
  if (write(ring[1 % size][1], buffer, 1) != 1 || read(ring[0][0], buffer, 1) != 1) _exit(1);
}
static void ring_1(void) {
  go_round(1);
}
static void ring_2(void) {
  go_round(2);
}
static void ring_8(void) {
  go_round(8);
}
static void ring_16(void) {
  go_round(16);
}

// Two processes that take turns at two words of shared memory.
static uint32_t* turns;
static void futex(uint32_t* at, int operation, uint32_t value) {
  raw_call4(202, (long)at, operation, value, 0);
}
static void take_turn(uint32_t* mine) {
  while (__atomic_load_n(mine, __ATOMIC_SEQ_CST) == 0) futex(mine, FUTEX_WAIT, 0);
  __atomic_store_n(mine, 0, __ATOMIC_SEQ_CST);
}
static void give_turn(uint32_t* other) {
  __atomic_store_n(other, 1, __ATOMIC_SEQ_CST);
  futex(other, FUTEX_WAKE, 1);
}
static void start_turns(void) {
  turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!in_helper()) return;
  for (;;) {
    take_turn(&turns[0]);
    give_turn(&turns[16]);
  }
}
static void futex_round_trip(void) {
  give_turn(&turns[0]);
  take_turn(&turns[16]);
}

// Memory.
static void map_unmap(void) {
  void* area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area, 4096);
}
static void map_unmap_64m(void) {
  void* area = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area, 64 << 20);
}
static void touch(char* area, int bytes) {
  for (int at = 0; at < bytes; at += 4096) ((volatile char*)area)[at] = 1;
}
static void map_touch_unmap(void) {
  char* area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  touch(area, 1 << 20);
  munmap(area, 1 << 20);
}
static char* fresh;
static void map_fresh(void) {
  fresh = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void touch_fresh(void) {
  touch(fresh, 1 << 20);
}
static void touch_then_fork(void) {
  map_fresh();
  touch(fresh, 1 << 20);
  if (in_helper())
    for (;;) pause();
  sched_yield();
}
static void map_program(void) {
  int file = open("/tmp/bench-map", O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int part = 0; part < 16; ++part)
    if (write(file, buffer, sizeof buffer) != sizeof buffer) _exit(1);
  fresh = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  close(file);
}
static void read_mapped(void) {
  for (int at = 0; at < 1 << 20; at += 4096) (void)((volatile char*)fresh)[at];
}

// Files.
static void write_file(int parts, int bytes) {
  int file = open("/tmp/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
  while (parts-- > 0)
    if (write(file, buffer, bytes) != bytes) _exit(1);
  close(file);
}
static void read_file(int parts, int bytes) {
  int file = open("/tmp/bench-file", O_RDONLY);
  while (parts-- > 0)
    if (read(file, buffer, bytes) != bytes) _exit(1);
  close(file);
}
static void file_4k(void) {
  write_file(1, 4096);
  unlink("/tmp/bench-file");
}
static void create_1m(void) {
  write_file(16, sizeof buffer);
}
static void read_1m(void) {
  read_file(16, sizeof buffer);
}
static void create_4k(void) {
  write_file(1, 4096);
}
static void read_4k(void) {
  read_file(1, 4096);
}
static void unlink_file(void) {
  unlink("/tmp/bench-file");
}

// Waiting for one of many: none is ready but the last.
static void prepare_many(void) {
  for (int at = 0; at < MANY; ++at)
    if (pipe(many[at])) _exit(1);
  interest = epoll_create1(0);
  for (int at = 0; at < MANY; ++at) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = many[at][0]};
    epoll_ctl(interest, EPOLL_CTL_ADD, many[at][0], &event);
  }
  if (write(many[MANY - 1][1], buffer, 1) != 1) _exit(1);
}
static void select_100(void) {
  fd_set set;
  FD_ZERO(&set);
  for (int at = 0; at < MANY; ++at) FD_SET(many[at][0], &set);
  if (select(many[MANY - 1][0] + 1, &set, NULL, NULL, NULL) != 1) _exit(1);
}
static void poll_100(void) {
  struct pollfd set[MANY];
  for (int at = 0; at < MANY; ++at) set[at] = (struct pollfd){.fd = many[at][0], .events = POLLIN};
  if (poll(set, MANY, -1) != 1) _exit(1);
}
static void epoll_100(void) {
  struct epoll_event event;
  if (epoll_wait(interest, &event, 1, -1) != 1) _exit(1);
}
