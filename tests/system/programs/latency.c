// How late a sleeper wakes while another process has the kernel do its longest work: forks of a large process,
// large mappings, large writes, exec. `latency SAMPLES` prints the worst and some others, in nanoseconds; under
// --icount these are instructions, and the same ones each time.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kMapped = 64 << 20, kFile = 8 << 20 };

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/// One round of long calls; `touched` is what a fork has to copy the tables of.
static void work(char* self, char* buffer) {
  const pid_t child = fork();
  if (child == 0) {
    execl(self, self, "none", (char*)NULL);
    _exit(1);
  }
  waitpid(child, NULL, 0);
  char* fresh = mmap(NULL, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED) exit(1);
  for (size_t i = 0; i < kMapped; i += 4096) fresh[i] = 1;
  mprotect(fresh, kMapped, PROT_READ);
  munmap(fresh, kMapped);
  const int file = open("/tmp/latency-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (write(file, buffer, kFile) != kFile || pread(file, buffer, kFile, 0) != kFile) exit(1);
  close(file);
  unlink("/tmp/latency-file");
}

static int compare(const void* a, const void* b) {
  const long long x = *(const long long*)a, y = *(const long long*)b;
  return (x > y) - (x < y);
}

int main(int count, char** words) {
  if (count != 2) return 2;
  if (strcmp(words[1], "none") == 0) return 0;
  const int samples = atoi(words[1]);
  const pid_t worker = fork();
  if (worker == 0) {
    char* buffer = mmap(NULL, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) return 1;
    memset(buffer, 1, kMapped);
    for (;;) work(words[0], buffer);
  }
  long long* late = calloc((size_t)samples, sizeof *late);
  unsigned long long state = 88172645463325252ull;
  for (int i = 0; i < samples; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const long long wake = now() + 100000 + (long long)(state % 1500000);
    const struct timespec time = {wake / 1000000000, wake % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {
    }
    late[i] = now() - wake;
  }
  kill(worker, SIGKILL);
  waitpid(worker, NULL, 0);
  qsort(late, (size_t)samples, sizeof *late, compare);
  printf("late median %lld most %lld max %lld\n", late[samples / 2], late[samples * 99 / 100], late[samples - 1]);
  return 0;
}
