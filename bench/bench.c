// What one operation costs, in instructions: the same static program on Vari and on Linux, read by the TSC.
//
// Under QEMU's -icount shift=0 one instruction is one tick, so a row is an exact count; elsewhere it is time.
// Each row runs its operation in a loop after a warm-up and prints "row NAME TICKS". The loop's own
// instructions are part of the figure. Where the kernel tells what its cores did (/proc/vari/nucleus),
// "events NAME WHAT COUNT..." follows: what instructions do not show, an operation. `bench tsc` prints the
// counter, for boot costs.
#define _GNU_SOURCE
#include <stdio.h>

#include "operations.h"

// `units`: what one call of the operation is divided by. A row of one repetition is not warmed up.
struct Row {
  const char* name;
  void (*operation)(void);
  int repetitions, units;
  void (*prepare)(void);
};

static const struct Row kRows[] = {
    {"getppid", null_call, 2000, 1, NULL},
    {"unknown_call", unknown_call, 2000, 1, NULL},
    {"read_zero", read_zero, 2000, 1, NULL},
    {"write_null", write_null, 2000, 1, NULL},
    {"stat", stat_file, 1000, 1, NULL},
    {"fstat", fstat_file, 1000, 1, NULL},
    {"open_close", open_close, 1000, 1, NULL},
    {"clock_call", clock_call, 1000, 1, NULL},
    {"sched_yield", yield_call, 1000, 1, NULL},
    {"sigaction", set_action, 1000, 1, NULL},
    {"signal", deliver_signal, 500, 1, NULL},
    {"fault_signal", fault_to_signal, 200, 1, prepare_fault},
    {"pipe_rt", pipe_round_trip, 500, 1, start_echo},
    {"pipe_kib", pipe_64k, 64, 64, start_sink},
    {"unix_rt", pipe_round_trip, 500, 1, start_unix_echo},
    {"unix_kib", pipe_64k, 64, 64, start_unix_sink},
    {"ring_1", ring_1, 500, 1, start_ring_1},
    {"ring_2", ring_2, 500, 2, start_ring_2},
    {"ring_8", ring_8, 200, 8, start_ring_8},
    {"ring_16", ring_16, 100, 16, start_ring_16},
    {"futex_wake_none", futex_wake_none, 1000, 1, NULL},
    {"futex_rt", futex_round_trip, 500, 1, start_turns},
    {"mmap_munmap", map_unmap, 500, 1, NULL},
    {"mmap_munmap_64m", map_unmap_64m, 500, 1, NULL},
    {"touch_1m", map_touch_unmap, 20, 1, NULL},
    {"fault_anonymous", touch_fresh, 1, 256, map_fresh},
    {"fault_file", read_mapped, 1, 256, map_program},
    {"fault_file_copy", touch_fresh, 1, 256, map_program},
    {"fault_fork_copy", touch_fresh, 1, 256, touch_then_fork},
    {"file_4k", file_4k, 200, 1, NULL},
    {"file_4k_create", create_4k, 200, 1, NULL},
    {"file_4k_read", read_4k, 200, 1, create_4k},
    {"file_1m_create", create_1m, 1, 1, unlink_file},
    {"file_1m_read", read_1m, 4, 1, create_1m},
    {"file_1m_unlink", unlink_file, 1, 1, create_1m},
    {"select_100", select_100, 100, 1, prepare_many},
    {"poll_100", poll_100, 100, 1, prepare_many},
    {"epoll_100", epoll_100, 100, 1, prepare_many},
    {"thread", thread_create_join, 100, 1, NULL},
    {"vfork_exit", vfork_exit, 100, 1, NULL},
    {"vfork_exec", vfork_exec, 50, 1, NULL},
    {"posix_spawn", spawn, 50, 1, NULL},
    {"fork_exit", fork_exit, 100, 1, NULL},
    {"fork_exec", fork_exec, 50, 1, NULL},
};

// What the cores did since start, where the kernel tells: the sums of the "cpuN" lines.
static const char* const kEvents[] = {"traps", "interrupts", "ipis_sent", "cr3_loads", "invlpg", "switches"};
#define EVENTS (sizeof kEvents / sizeof *kEvents)
static int count_events(unsigned long long* counts) {
  static char text[16384];
  int file = open("/proc/vari/nucleus", O_RDONLY);
  if (file < 0) return 0;
  ssize_t got, size = 0;
  while ((got = read(file, text + size, sizeof text - 1 - size)) > 0) size += got;
  close(file);
  text[size] = 0;
  memset(counts, 0, EVENTS * sizeof *counts);
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (strncmp(line, "cpu", 3) != 0) continue;
    for (size_t at = 0; at < EVENTS; ++at) {
      char name[32];
      snprintf(name, sizeof name, " %s ", kEvents[at]);
      const char* found = strstr(line, name);
      if (found) counts[at] += strtoull(found + strlen(name), NULL, 10);
    }
  }
  return 1;
}

// A loop of three instructions must read 3.0, or nothing that follows means anything.
static double calibrate(void) {
  uint64_t count = 1000000, before = ticks();
  __asm__ volatile("1: nop\n\tdec %0\n\tjnz 1b" : "+r"(count));
  return (double)(ticks() - before) / 1000000;
}

static int wanted(const char* name, int count, char** names) {
  for (int at = 0; at < count; ++at) {
    if (strcmp(names[at], name) == 0) return 1;
  }
  return count == 0;
}

static void close_all(void) {
  for (int descriptor = 3; descriptor < 4 * MANY; ++descriptor) {
    if (descriptor != zero && descriptor != null) close(descriptor);
  }
}

static void measure(const struct Row* row) {
  unsigned long long before_events[EVENTS], after_events[EVENTS];
  if (row->prepare) row->prepare();
  const int warm = row->repetitions == 1 ? 0 : row->repetitions / 10 + 1;
  for (int round = 0; round < warm; ++round) row->operation();
  const int told = count_events(before_events);
  const uint64_t before = ticks();
  for (int round = 0; round < row->repetitions; ++round) row->operation();
  const uint64_t after = ticks();
  if (told) count_events(after_events);
  const double divisor = (double)row->repetitions * row->units;
  printf("row %s %.1f\n", row->name, (double)(after - before) / divisor);
  if (told) {
    printf("events %s", row->name);
    for (size_t at = 0; at < EVENTS; ++at)
      printf(" %s %.2f", kEvents[at], (double)(after_events[at] - before_events[at]) / divisor);
    printf("\n");
  }
  fflush(stdout);
  end_helpers();
  close_all();
  if (fresh) munmap(fresh, 1 << 20);  // else later rows would fork it
  fresh = NULL;
  unlink("/tmp/bench-file");
  unlink("/tmp/bench-map");
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
    if (wanted(kRows[at].name, count - 1, arguments + 1)) measure(&kRows[at]);
  }
  return 0;
}
