// Makes one system call by its number, without arguments, and prints what the kernel answers: `call_number 39`.
#include <stdio.h>
#include <stdlib.h>

static long call(unsigned long number) {
  long answer;
  __asm__ volatile("syscall"
                   : "=a"(answer)
                   : "a"(number), "D"(0), "S"(0), "d"(0)
                   : "rcx", "r11", "memory");
  return answer;
}

int main(int count, char** words) {
  if (count != 2) {
    fprintf(stderr, "usage: call_number NUMBER\n");
    return 2;
  }
  const unsigned long number = strtoul(words[1], NULL, 0);
  printf("%lu: %ld\n", number, call(number));
  return 0;
}
