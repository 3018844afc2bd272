// musl's arch/x86_64/syscall_arch.h, with a call in place of the SYSCALL instruction: found first in the
// include path, it takes that file's place. What is called stands in __sysinfo (system_call_entry.S). A call
// writes below rsp, which the compiler does not know of inside of assembly: the library is compiled with
// -mno-red-zone.
#pragma once

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

#define VARI_SYSTEM_CALL(inputs...)                                                                         \
  ({                                                                                                        \
    unsigned long result;                                                                                   \
    __asm__ __volatile__("callq *__sysinfo(%%rip)" : "=a"(result) : inputs : "rcx", "r11", "memory", "cc"); \
    (long)result;                                                                                           \
  })

static __inline long __syscall0(long n) {
  return VARI_SYSTEM_CALL("a"(n));
}

static __inline long __syscall1(long n, long a1) {
  return VARI_SYSTEM_CALL("a"(n), "D"(a1));
}

static __inline long __syscall2(long n, long a1, long a2) {
  return VARI_SYSTEM_CALL("a"(n), "D"(a1), "S"(a2));
}

static __inline long __syscall3(long n, long a1, long a2, long a3) {
  return VARI_SYSTEM_CALL("a"(n), "D"(a1), "S"(a2), "d"(a3));
}

static __inline long __syscall4(long n, long a1, long a2, long a3, long a4) {
  register long r10 __asm__("r10") = a4;
  return VARI_SYSTEM_CALL("a"(n), "D"(a1), "S"(a2), "d"(a3), "r"(r10));
}

static __inline long __syscall5(long n, long a1, long a2, long a3, long a4, long a5) {
  register long r10 __asm__("r10") = a4;
  register long r8 __asm__("r8") = a5;
  return VARI_SYSTEM_CALL("a"(n), "D"(a1), "S"(a2), "d"(a3), "r"(r10), "r"(r8));
}

static __inline long __syscall6(long n, long a1, long a2, long a3, long a4, long a5, long a6) {
  register long r10 __asm__("r10") = a4;
  register long r8 __asm__("r8") = a5;
  register long r9 __asm__("r9") = a6;
  return VARI_SYSTEM_CALL("a"(n), "D"(a1), "S"(a2), "d"(a3), "r"(r10), "r"(r8), "r"(r9));
}

#define VDSO_USEFUL
#define VDSO_CGT_SYM "__vdso_clock_gettime"
#define VDSO_CGT_VER "LINUX_2.6"
#define VDSO_GETCPU_SYM "__vdso_getcpu"
#define VDSO_GETCPU_VER "LINUX_2.6"

#define IPC_64 0
