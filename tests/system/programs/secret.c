// Puts a secret into memory of every kind, tells that it is there, and waits to be killed: heap, stack, a file, a
// pipe. The secret is computed, so that no image, archive or command line holds it; test_nucleus.py knows how.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kSecret = 32, kHeapCopies = 32768, kStackCopies = 1024, kFileCopies = 4096, kPipeCopies = 512 };

static void put(volatile unsigned char* to) {
  for (unsigned i = 0; i < kSecret; ++i) to[i] = (unsigned char)((0x35 + 73 * i * i + 11 * i) ^ 0xa7);
}

static void fill(unsigned char* to, int copies) {
  for (int i = 0; i < copies; ++i) put(to + i * kSecret);
}

int main(int count, char** words) {
  if (count != 2) return 2;
  unsigned char stack[kStackCopies * kSecret];
  fill(stack, kStackCopies);
  unsigned char* heap = malloc(kHeapCopies * kSecret);
  if (!heap) return 1;
  fill(heap, kHeapCopies);
  const int file = open(words[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
  int ends[2];
  if (file < 0 || pipe(ends) != 0) return 1;
  if (write(file, heap, kFileCopies * kSecret) != kFileCopies * kSecret) return 1;
  if (write(ends[1], heap, kPipeCopies * kSecret) != kPipeCopies * kSecret) return 1;
  puts("held");
  fflush(stdout);
  for (;;) pause();
  return stack[0];
}
