// The system calls on processes, memory, signals and time, by groups: names and numbers (x86-64). See
// file_calls.h. Each is `i64 call_NAME(Task&, const Arguments&)`.
#pragma once

#include "personalities/linux/calls/table.h"

// clang-format off
// memory_calls.cc, advice_calls.cc
#define VARI_LINUX_MEMORY_CALLS(X)                                                                    \
  X(mmap, 9) X(mprotect, 10) X(munmap, 11) X(brk, 12) X(mremap, 25) X(msync, 26) X(mincore, 27)       \
  X(madvise, 28) X(mlock, 149) X(munlock, 150) X(mlockall, 151) X(munlockall, 152)                    \
  X(remap_file_pages, 216) X(mlock2, 325)

// task_calls.cc, control_calls.cc, futex_calls.cc, schedule_calls.cc: a thread, and more of them
#define VARI_LINUX_THREAD_CALLS(X)                                                                    \
  X(sched_yield, 24) X(getpid, 39) X(clone, 56) X(exit, 60) X(getppid, 110) X(personality, 135)       \
  X(prctl, 157) X(arch_prctl, 158) X(gettid, 186) X(futex, 202) X(sched_setaffinity, 203)             \
  X(sched_getaffinity, 204) X(set_tid_address, 218) X(exit_group, 231) X(set_robust_list, 273)        \
  X(get_robust_list, 274) X(getcpu, 309) X(membarrier, 324) X(clone3, 435) X(futex_waitv, 449)

// task_calls.cc, group_calls.cc: more processes than one
#define VARI_LINUX_PROCESS_CALLS(X)                                                                   \
  X(fork, 57) X(vfork, 58) X(execve, 59) X(wait4, 61) X(setpgid, 109) X(getpgrp, 111)                 \
  X(setsid, 112) X(getpgid, 121) X(getsid, 124) X(vhangup, 153) X(waitid, 247) X(execveat, 322)

// signal_calls.cc
#define VARI_LINUX_SIGNAL_CALLS(X)                                                                    \
  X(rt_sigaction, 13) X(rt_sigprocmask, 14) X(rt_sigreturn, 15) X(pause, 34) X(kill, 62)              \
  X(rt_sigpending, 127) X(rt_sigtimedwait, 128) X(rt_sigqueueinfo, 129) X(rt_sigsuspend, 130)         \
  X(sigaltstack, 131) X(tkill, 200) X(restart_syscall, 219) X(tgkill, 234)                            \
  X(rt_tgsigqueueinfo, 297)

// time_calls.cc
#define VARI_LINUX_CLOCK_CALLS(X)                                                                     \
  X(nanosleep, 35) X(getitimer, 36) X(alarm, 37) X(setitimer, 38) X(gettimeofday, 96)                 \
  X(adjtimex, 159) X(settimeofday, 164) X(time, 201) X(clock_settime, 227) X(clock_gettime, 228)      \
  X(clock_getres, 229) X(clock_nanosleep, 230) X(clock_adjtime, 305)

// timer_calls.cc
#define VARI_LINUX_TIMER_CALLS(X)                                                                     \
  X(timer_create, 222) X(timer_settime, 223) X(timer_gettime, 224) X(timer_getoverrun, 225)           \
  X(timer_delete, 226)

// identity_calls.cc
#define VARI_LINUX_IDENTITY_CALLS(X)                                                                  \
  X(getuid, 102) X(getgid, 104) X(setuid, 105) X(setgid, 106) X(geteuid, 107) X(getegid, 108)         \
  X(setreuid, 113) X(setregid, 114) X(getgroups, 115) X(setgroups, 116) X(setresuid, 117)             \
  X(getresuid, 118) X(setresgid, 119) X(getresgid, 120) X(setfsuid, 122) X(setfsgid, 123)             \
  X(capget, 125) X(capset, 126)

// system_calls.cc, resource_calls.cc
#define VARI_LINUX_SYSTEM_CALLS(X)                                                                    \
  X(uname, 63) X(getrlimit, 97) X(getrusage, 98) X(sysinfo, 99) X(times, 100) X(syslog, 103)          \
  X(setrlimit, 160) X(reboot, 169) X(sethostname, 170) X(setdomainname, 171) X(prlimit64, 302)        \
  X(getrandom, 318)

// policy_calls.cc, io_priority_calls.cc, schedule_calls.cc
#define VARI_LINUX_POLICY_CALLS(X)                                                                    \
  X(getpriority, 140) X(setpriority, 141) X(sched_setparam, 142) X(sched_getparam, 143)               \
  X(sched_setscheduler, 144) X(sched_getscheduler, 145) X(sched_get_priority_max, 146)                \
  X(sched_get_priority_min, 147) X(sched_rr_get_interval, 148) X(ioprio_set, 251)                     \
  X(ioprio_get, 252) X(sched_setattr, 314) X(sched_getattr, 315)

// filter_calls.cc
#define VARI_LINUX_FILTER_CALLS(X) X(seccomp, 317)

// trace_calls.cc
#define VARI_LINUX_TRACE_CALLS(X) X(ptrace, 101)

// node_calls.cc
#define VARI_LINUX_NODE_CALLS(X)                                                                      \
  X(mbind, 237) X(set_mempolicy, 238) X(get_mempolicy, 239) X(migrate_pages, 256)                     \
  X(move_pages, 279) X(set_mempolicy_home_node, 450)

// pid_file_calls.cc, foreign_calls.cc, share_calls.cc: one process's hand on another
#define VARI_LINUX_FOREIGN_CALLS(X)                                                                   \
  X(unshare, 272) X(setns, 308) X(process_vm_readv, 310) X(process_vm_writev, 311) X(kcmp, 312)       \
  X(pidfd_send_signal, 424) X(pidfd_open, 434) X(pidfd_getfd, 438) X(process_madvise, 440)            \
  X(process_mrelease, 448)

// shared_memory_calls.cc, semaphore_calls.cc, message_calls.cc
#define VARI_LINUX_SYSTEM_V_CALLS(X)                                                                  \
  X(shmget, 29) X(shmat, 30) X(shmctl, 31) X(semget, 64) X(semop, 65) X(semctl, 66) X(shmdt, 67)      \
  X(msgget, 68) X(msgsnd, 69) X(msgrcv, 70) X(msgctl, 71) X(semtimedop, 220)

// queue_calls.cc
#define VARI_LINUX_QUEUE_CALLS(X)                                                                     \
  X(mq_open, 240) X(mq_unlink, 241) X(mq_timedsend, 242) X(mq_timedreceive, 243) X(mq_notify, 244)    \
  X(mq_getsetattr, 245)
// clang-format on

namespace vari::linux {

#define VARI_DECLARE_CALL(name, number) i64 call_##name(Task& task, const Arguments& arguments);
VARI_LINUX_MEMORY_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_THREAD_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_PROCESS_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_SIGNAL_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_CLOCK_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_TIMER_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_IDENTITY_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_SYSTEM_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_POLICY_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_FILTER_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_TRACE_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_NODE_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_FOREIGN_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_SYSTEM_V_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_QUEUE_CALLS(VARI_DECLARE_CALL)
#undef VARI_DECLARE_CALL

}  // namespace vari::linux
