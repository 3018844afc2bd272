// What gdb debugs in tests/system/packages/gdb.sh.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int waiting = 1;

int square(int x) {
  int y = x * x;
  return y;
}

static void* second(void* argument) {
  while (waiting) usleep(1000);
  return argument;
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "wait") == 0) {
    pthread_t thread;
    pthread_create(&thread, 0, second, 0);
    puts("waits");
    fflush(stdout);
    pthread_join(thread, 0);
    puts("goes on");
    return 0;
  }
  int total = 0;
  for (int i = 1; i < 4; ++i) total += square(i);
  printf("total %d\n", total);
  fflush(stdout);
  *(volatile int*)8 = total;
  return 0;
}
