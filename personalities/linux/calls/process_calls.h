// The system calls on processes, memory, signals and time: names and numbers (x86-64), for the dispatch
// table. Each is `i64 call_NAME(Task&, const Arguments&)`.
#pragma once

#include "personalities/linux/calls/table.h"

// clang-format off
#define VARI_LINUX_PROCESS_CALLS(X)                                                                     \
  /* memory_calls.cc */                                                                                 \
  X(mmap, 9) X(mprotect, 10) X(munmap, 11) X(brk, 12) X(mremap, 25) X(msync, 26) X(mincore, 27)         \
  X(madvise, 28) X(mlock, 149) X(munlock, 150) X(mlockall, 151) X(munlockall, 152) X(mlock2, 325)       \
  /* signal_calls.cc */                                                                                 \
  X(rt_sigaction, 13) X(rt_sigprocmask, 14) X(rt_sigreturn, 15) X(pause, 34) X(kill, 62)                \
  X(rt_sigpending, 127) X(rt_sigtimedwait, 128) X(rt_sigqueueinfo, 129) X(rt_sigsuspend, 130)           \
  X(sigaltstack, 131) X(tkill, 200) X(tgkill, 234) X(rt_tgsigqueueinfo, 297) X(restart_syscall, 219)    \
  /* task_calls.cc */                                                                                   \
  X(getpid, 39) X(clone, 56) X(fork, 57) X(vfork, 58) X(execve, 59) X(exit, 60) X(wait4, 61)            \
  X(getppid, 110) X(arch_prctl, 158) X(gettid, 186) X(set_tid_address, 218) X(exit_group, 231)          \
  X(waitid, 247) X(set_robust_list, 273) X(get_robust_list, 274)      \
  X(execveat, 322) X(clone3, 435)                                            \
  /* control_calls.cc */                                                                                \
  X(prctl, 157) X(personality, 135) X(membarrier, 324)                                                  \
  /* futex_calls.cc */                                                                                  \
  X(futex, 202) X(futex_waitv, 449)                                                                     \
  /* policy_calls.cc, io_priority_calls.cc */                                                           \
  X(sched_setparam, 142) X(sched_getparam, 143) X(sched_setscheduler, 144)                              \
  X(sched_getscheduler, 145) X(sched_get_priority_max, 146) X(sched_get_priority_min, 147)              \
  X(sched_rr_get_interval, 148) X(sched_setattr, 314) X(sched_getattr, 315)                             \
  X(ioprio_set, 251) X(ioprio_get, 252)                                                                 \
  /* pid_file_calls.cc, foreign_calls.cc, share_calls.cc */                                              \
  X(pidfd_open, 434) X(pidfd_send_signal, 424) X(pidfd_getfd, 438) X(process_vm_readv, 310)             \
  X(process_vm_writev, 311) X(kcmp, 312) X(process_madvise, 440) X(process_mrelease, 448)               \
  X(unshare, 272) X(setns, 308)                                                                         \
  /* node_calls.cc */                                                                                   \
  X(mbind, 237) X(set_mempolicy, 238) X(get_mempolicy, 239) X(migrate_pages, 256) X(move_pages, 279)    \
  /* shared_memory_calls.cc, semaphore_calls.cc, message_calls.cc */                                    \
  X(shmget, 29) X(shmat, 30) X(shmctl, 31) X(semget, 64) X(semop, 65) X(semctl, 66) X(shmdt, 67)        \
  X(msgget, 68) X(msgsnd, 69) X(msgrcv, 70) X(msgctl, 71) X(semtimedop, 220)                            \
  /* queue_calls.cc */                                                                                  \
  X(mq_open, 240) X(mq_unlink, 241) X(mq_timedsend, 242) X(mq_timedreceive, 243) X(mq_notify, 244)      \
  X(mq_getsetattr, 245)                                                                                 \
  /* group_calls.cc */                                                                                  \
  X(setpgid, 109) X(getpgrp, 111) X(setsid, 112) X(getpgid, 121) X(getsid, 124)                         \
  /* identity_calls.cc */                                                                               \
  X(getuid, 102) X(getgid, 104) X(setuid, 105) X(setgid, 106) X(geteuid, 107) X(getegid, 108)           \
  X(setreuid, 113) X(setregid, 114) X(getgroups, 115) X(setgroups, 116) X(setresuid, 117)               \
  X(getresuid, 118) X(setresgid, 119) X(getresgid, 120) X(setfsuid, 122) X(setfsgid, 123)               \
  X(capget, 125) X(capset, 126)                                                                         \
  /* resource_calls.cc */                                                                               \
  X(getrlimit, 97) X(getrusage, 98) X(times, 100) X(setrlimit, 160) X(prlimit64, 302)                   \
  /* schedule_calls.cc */                                                                               \
  X(sched_yield, 24) X(getpriority, 140) X(setpriority, 141)                                            \
  X(sched_setaffinity, 203) X(sched_getaffinity, 204) X(getcpu, 309)                                    \
  /* system_calls.cc */                                                                                 \
  X(uname, 63) X(sysinfo, 99) X(syslog, 103) X(reboot, 169) X(sethostname, 170) X(setdomainname, 171)   \
  X(getrandom, 318)                                                                                     \
  /* time_calls.cc */                                                                                   \
  X(nanosleep, 35) X(getitimer, 36) X(alarm, 37) X(setitimer, 38) X(gettimeofday, 96)                   \
  X(adjtimex, 159) X(settimeofday, 164) X(time, 201) X(clock_settime, 227) X(clock_gettime, 228)        \
  X(clock_getres, 229) X(clock_nanosleep, 230) X(clock_adjtime, 305)                                    \
  /* timer_calls.cc */                                                                                  \
  X(timer_create, 222) X(timer_settime, 223) X(timer_gettime, 224) X(timer_getoverrun, 225)             \
  X(timer_delete, 226)
// clang-format on

namespace vari::linux {

#define VARI_DECLARE_CALL(name, number) i64 call_##name(Task& task, const Arguments& arguments);
VARI_LINUX_PROCESS_CALLS(VARI_DECLARE_CALL)
#undef VARI_DECLARE_CALL

}  // namespace vari::linux
