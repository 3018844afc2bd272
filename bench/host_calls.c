// What a system call that does nothing costs on the hosted kernel, in nanoseconds: the least of many batches, as
// round_trips.c counts, which it is to be compared with.
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 500, kBatches = 200 };

static long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000L + now.tv_nsec;
}

int main(void) {
  long least = 1000000000;
  for (int batch = 0; batch < kBatches; ++batch) {
    const long begin = now_ns();
    for (int i = 0; i < kBatch; ++i) (void)syscall(SYS_getppid);
    const long each = (now_ns() - begin) / kBatch;
    if (each < least) least = each;
  }
  printf("null %ld\n", least);
  return 0;
}
