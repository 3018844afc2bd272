// The names and numbers are the personality's own lists, so a new call can't be left out; only the kinds of
// arguments stand here.
#include "calls.h"

#include <array>

#include "personalities/linux/calls/groups.h"

namespace vari::linux::fuzz {
namespace {

struct Signature {
  std::string_view name, kinds;
};

// clang-format off
constexpr Signature kSignatures[] = {
    // Files.
    {"read", "fbn"}, {"write", "fbn"}, {"open", "sgm"}, {"close", "f"}, {"stat", "sb"}, {"fstat", "fb"},
    {"lstat", "sb"}, {"poll", "Pcc"}, {"lseek", "foi"}, {"ioctl", "fqb"}, {"pread64", "fbno"},
    {"pwrite64", "fbno"}, {"readv", "fvc"}, {"writev", "fvc"}, {"access", "si"}, {"pipe", "b"},
    {"select", "cbbbt"}, {"dup", "f"}, {"dup2", "ff"}, {"sendfile", "ffbn"}, {"socket", "iii"},
    {"connect", "fbn"}, {"accept", "fbb"}, {"sendto", "fbnibn"}, {"recvfrom", "fbnibb"}, {"sendmsg", "fMi"},
    {"recvmsg", "fMi"}, {"shutdown", "fi"}, {"bind", "fbn"}, {"listen", "fi"}, {"getsockname", "fbb"},
    {"getpeername", "fbb"}, {"socketpair", "iiib"}, {"setsockopt", "fiibn"}, {"getsockopt", "fiibb"},
    {"fcntl", "fdz"}, {"flock", "fi"}, {"fsync", "f"}, {"fdatasync", "f"}, {"truncate", "so"},
    {"ftruncate", "fo"}, {"getdents", "fbn"}, {"getcwd", "bn"}, {"chdir", "s"}, {"fchdir", "f"},
    {"rename", "ss"}, {"mkdir", "sm"}, {"rmdir", "s"}, {"creat", "sm"}, {"link", "ss"}, {"unlink", "s"},
    {"symlink", "ss"}, {"readlink", "sbn"}, {"chmod", "sm"}, {"fchmod", "fm"}, {"chown", "suu"},
    {"fchown", "fuu"}, {"lchown", "suu"}, {"umask", "m"}, {"utime", "st"}, {"mknod", "smz"},
    {"ustat", "zb"}, {"statfs", "sb"}, {"fstatfs", "fb"}, {"pivot_root", "ss"}, {"chroot", "s"}, {"sync", ""},
    {"mount", "ssygs"}, {"umount2", "si"}, {"readahead", "fon"}, {"setxattr", "ssbni"},
    {"lsetxattr", "ssbni"}, {"fsetxattr", "fsbni"}, {"getxattr", "ssbn"}, {"lgetxattr", "ssbn"},
    {"fgetxattr", "fsbn"}, {"listxattr", "sbn"}, {"llistxattr", "sbn"}, {"flistxattr", "fbn"},
    {"removexattr", "ss"}, {"lremovexattr", "ss"}, {"fremovexattr", "fs"}, {"epoll_create", "i"},
    {"getdents64", "fbn"}, {"fadvise64", "fooi"}, {"epoll_wait", "fbcc"}, {"epoll_ctl", "fifE"},
    {"utimes", "st"}, {"openat", "Fsgm"}, {"mkdirat", "Fsm"}, {"mknodat", "Fsmz"}, {"fchownat", "Fsuug"},
    {"futimesat", "Fst"}, {"newfstatat", "Fsbg"}, {"unlinkat", "Fsg"}, {"renameat", "FsFs"},
    {"linkat", "FsFsg"}, {"symlinkat", "sFs"}, {"readlinkat", "Fsbn"}, {"fchmodat", "Fsm"},
    {"faccessat", "Fsi"}, {"pselect6", "cbbbtb"}, {"ppoll", "Pctkn"}, {"splice", "fbfbng"}, {"tee", "ffng"},
    {"sync_file_range", "foog"}, {"vmsplice", "fvcg"}, {"utimensat", "Fstg"}, {"epoll_pwait", "fbcckn"},
    {"timerfd_create", "Kg"}, {"eventfd", "i"}, {"fallocate", "fioo"}, {"timerfd_settime", "fgtb"},
    {"timerfd_gettime", "fb"}, {"accept4", "fbbg"}, {"eventfd2", "ig"}, {"epoll_create1", "g"},
    {"dup3", "ffg"}, {"pipe2", "bg"}, {"preadv", "fvco"}, {"pwritev", "fvco"}, {"recvmmsg", "fMcgt"},
    {"syncfs", "f"}, {"sendmmsg", "fMcg"}, {"renameat2", "FsFsg"}, {"memfd_create", "sg"},
    {"copy_file_range", "fbfbng"}, {"preadv2", "fvcozg"}, {"pwritev2", "fvcozg"}, {"statx", "Fsggb"},
    {"close_range", "ffi"}, {"openat2", "FsHn"}, {"faccessat2", "Fsig"}, {"epoll_pwait2", "fbctkn"},
    {"fsopen", "sg"}, {"fsconfig", "fissi"}, {"fsmount", "fgg"}, {"fspick", "Fsg"}, {"open_tree", "Fsg"},
    {"move_mount", "FsFsg"}, {"mount_setattr", "Fsgbn"}, {"name_to_handle_at", "Fsbbg"},
    {"open_by_handle_at", "fbg"}, {"set_mempolicy_home_node", "anig"},
    // Memory.
    {"mmap", "aniLfo"}, {"mprotect", "ani"}, {"munmap", "an"}, {"brk", "a"}, {"mremap", "annia"},
    {"msync", "ani"}, {"mincore", "anb"}, {"madvise", "ani"}, {"mlock", "an"}, {"munlock", "an"},
    {"mlockall", "i"}, {"munlockall", ""}, {"mlock2", "ani"}, {"membarrier", "ggi"},
    // Signals.
    {"rt_sigaction", "SAbn"}, {"rt_sigprocmask", "ikbn"}, {"rt_sigreturn", ""}, {"pause", ""},
    {"kill", "pS"}, {"rt_sigpending", "bn"}, {"rt_sigtimedwait", "kbtn"}, {"rt_sigqueueinfo", "pSb"},
    {"rt_sigsuspend", "kn"}, {"sigaltstack", "Gb"}, {"tkill", "pS"}, {"tgkill", "ppS"},
    {"rt_tgsigqueueinfo", "ppSb"}, {"restart_syscall", ""},
    // Tasks.
    {"getpid", ""}, {"clone", "Cbbbz"}, {"fork", ""}, {"vfork", ""}, {"execve", "sRR"}, {"exit", "i"},
    {"wait4", "pbib"}, {"getppid", ""}, {"arch_prctl", "db"}, {"gettid", ""}, {"set_tid_address", "b"},
    {"exit_group", "i"}, {"waitid", "ipbib"}, {"prctl", "dzzzz"}, {"personality", "z"},
    {"set_robust_list", "bn"}, {"get_robust_list", "pbb"}, {"execveat", "FsRRg"}, {"rseq", "bniz"},
    {"clone3", "Zn"}, {"futex", "xwitxi"}, {"setpgid", "pp"}, {"getpgrp", ""}, {"setsid", ""},
    {"getpgid", "p"}, {"getsid", "p"}, {"ptrace", "ipab"},
    // Identities, limits, scheduling.
    {"getuid", ""}, {"getgid", ""}, {"setuid", "u"}, {"setgid", "u"}, {"geteuid", ""}, {"getegid", ""},
    {"setreuid", "uu"}, {"setregid", "uu"}, {"getgroups", "cb"}, {"setgroups", "cb"}, {"setresuid", "uuu"},
    {"getresuid", "bbb"}, {"setresgid", "uuu"}, {"getresgid", "bbb"}, {"setfsuid", "u"}, {"setfsgid", "u"},
    {"capget", "bb"}, {"capset", "bb"}, {"getrlimit", "ib"}, {"getrusage", "ib"}, {"times", "b"},
    {"setrlimit", "it"}, {"prlimit64", "pitb"}, {"sched_yield", ""}, {"getpriority", "ip"},
    {"setpriority", "ipi"}, {"sched_setparam", "pb"}, {"sched_getparam", "pb"},
    {"sched_setscheduler", "pib"}, {"sched_getscheduler", "p"}, {"sched_get_priority_max", "i"},
    {"sched_get_priority_min", "i"}, {"sched_rr_get_interval", "pb"}, {"sched_setaffinity", "pnb"},
    {"sched_getaffinity", "pnb"}, {"getcpu", "bbb"},
    // System and time.
    {"uname", "b"}, {"sysinfo", "b"}, {"syslog", "ibn"}, {"reboot", "zziz"}, {"sethostname", "bn"},
    {"setdomainname", "bn"}, {"getrandom", "bng"}, {"nanosleep", "tb"}, {"getitimer", "ib"}, {"alarm", "c"},
    {"setitimer", "itb"}, {"gettimeofday", "bb"}, {"adjtimex", "b"}, {"settimeofday", "tb"}, {"time", "b"},
    {"clock_settime", "Kt"}, {"clock_gettime", "Kb"}, {"clock_getres", "Kb"}, {"clock_nanosleep", "Kgtb"},
    {"clock_adjtime", "Kb"}, {"timer_create", "Keb"}, {"timer_settime", "igtb"}, {"timer_gettime", "ib"},
    {"timer_getoverrun", "i"}, {"futex_waitv", "bcgtK"}, {"ioprio_get", "ip"}, {"ioprio_set", "ipi"}, {"sched_getattr", "pbng"}, {"sched_setattr", "pbg"}, {"timer_delete", "i"},
};
// clang-format on

consteval std::string_view kinds_of(std::string_view name) {
  for (const auto& signature : kSignatures) {
    if (signature.name == name) return signature.kinds;
  }
  return "zzzzzz";  // a new call: anything, until its arguments' kinds stand here
}

constexpr auto kAll = std::to_array<Call>({
#define VARI_FUZZ_CALL(name, number) {#name, number, kinds_of(#name)},
#define VARI_FUZZ_GROUP(Type, LIST, group_name) LIST(VARI_FUZZ_CALL)
    VARI_LINUX_CALL_GROUPS(VARI_FUZZ_GROUP)
#undef VARI_FUZZ_GROUP
#undef VARI_FUZZ_CALL
        {"+poke", kPoke, "bz"},
    {"+load", kLoad, "b"},
    {"+skip_unless", kSkipUnless, "ic"},
    {"+unknown", kUnknown, "zzzzzz"},
    {"+raise", kRaise, "i"},
});

}  // namespace

std::span<const Call> calls() {
  return kAll;
}

const Call* find_call(std::string_view name) {
  for (const auto& call : kAll) {
    if (call.name == name) return &call;
  }
  return nullptr;
}

}  // namespace vari::linux::fuzz
