// What a system call that does nothing costs, by the two ways there are: the system-call instruction, and a
// call of the gate that AT_SYSINFO tells (the unikernel has one). One row a line, in ticks of the time stamp
// counter, which under QEMU's -icount are instructions; the loop's own two are part of each.
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

#define ROUNDS 10000

static inline uint64_t now(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (uint64_t)high << 32 | low;
}

#define MEASURE(name, body)                                          \
  do {                                                               \
    long rounds = ROUNDS;                                            \
    const uint64_t begin = now();                                    \
    __asm__ volatile("1: " body                                      \
                     "decq %0\n"                                     \
                     "jnz 1b\n"                                      \
                     : "+r"(rounds)                                  \
                     : "r"(gate)                                     \
                     : "rax", "rcx", "rdi", "r11", "memory", "cc");  \
    const unsigned long long tenths = (now() - begin) * 10 / ROUNDS; \
    printf("row %s %llu.%llu\n", name, tenths / 10, tenths % 10);    \
  } while (0)

static void library_calls(void) {
  const uint64_t begin = now();
  for (int i = 0; i < ROUNDS; ++i) (void)getppid();
  const unsigned long long tenths = (now() - begin) * 10 / ROUNDS;
  printf("row library_getppid %llu.%llu\n", tenths / 10, tenths % 10);
}

int main(void) {
  void* gate = (void*)getauxval(32);  // AT_SYSINFO
  MEASURE("loop", "nop\n");
  MEASURE("null_call_trap", "movl $39, %%eax\nsyscall\n");
  MEASURE("close_trap", "movl $-1, %%edi\nmovl $3, %%eax\nsyscall\n");
  MEASURE("unknown_call_trap", "movl $400, %%eax\nsyscall\n");
  library_calls();
  if (!gate) return 0;
  MEASURE("null_call_gate", "movl $39, %%eax\ncallq *%1\n");
  MEASURE("close_gate", "movl $-1, %%edi\nmovl $3, %%eax\ncallq *%1\n");
  MEASURE("unknown_call_gate", "movl $400, %%eax\ncallq *%1\n");
  return 0;
}
