// capabilities(7): the sets of a task, how they change with users and programs, and that checks ask for them.
#include "check.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>

static const uint64_t kAll = ((uint64_t)1 << 41) - 1;
static uint64_t bit(int capability) { return (uint64_t)1 << capability; }
struct sets {
  uint64_t effective, permitted, inheritable;
};
static int get_of(pid_t pid, struct sets* to) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  struct __user_cap_data_struct data[2];
  const int done = syscall(SYS_capget, &header, data);
  to->effective = data[0].effective | (uint64_t)data[1].effective << 32;
  to->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  to->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return done;
}
static struct sets get(void) {
  struct sets found;
  WANT_EQ(get_of(0, &found), 0);
  return found;
}
static int put_for(pid_t pid, struct sets wanted) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  const struct __user_cap_data_struct data[2] = {
      {wanted.effective, wanted.permitted, wanted.inheritable},
      {wanted.effective >> 32, wanted.permitted >> 32, wanted.inheritable >> 32}};
  return syscall(SYS_capset, &header, data);
}
static int put(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  return put_for(0, (struct sets){effective, permitted, inheritable});
}
static int ambient(int what, unsigned long capability) { return prctl(PR_CAP_AMBIENT, what, capability, 0, 0); }
static uint64_t status_of(const char* file_name, const char* name) {
  char line[300], wanted[40];
  unsigned long long value = -1;
  snprintf(wanted, sizeof wanted, "%s:\t%%llx", name);
  FILE* file = fopen(file_name, "r");
  WANT(file != 0);
  while (fgets(line, sizeof line, file)) sscanf(line, wanted, &value);
  fclose(file);
  return value;
}
/// A user with these, and nothing else.
static void become_user_with(uint64_t capabilities) {
  WANT_EQ(prctl(PR_SET_KEEPCAPS, 1) | setgroups(0, 0) | setresgid(1000, 1000, 1000) | setresuid(1000, 1000, 1000), 0);
  WANT_EQ(put(capabilities, capabilities, 0), 0);
}
static void without(int capability) {
  const struct sets all = get();
  WANT_EQ(put(all.effective & ~bit(capability), all.permitted, all.inheritable), 0);
}
/// The sets after a program was executed: found in the file "after".
static void execute(void) {
  execl("/bin/sh", "sh", "-c", "exec cat /proc/self/status > after", (char*)0);
  WANT(0);
}
static uint64_t after(const char* name) { return status_of("after", name); }
static void prepare_after(void) {
  const int fd = open("after", O_CREAT | O_TRUNC | O_RDWR, 0666);
  WANT_EQ(fchmod(fd, 0666), 0);
  close(fd);
}
static void run(void (*child)(void)) {
  prepare_after();
  WANT_EQ(check_wait(check_child(child)), 0);
}

CASE(root_has_all, "capget") {
  const struct sets found = get();
  WANT_EQ(found.permitted, kAll);
  WANT_EQ(found.effective, kAll);
  WANT_EQ(found.inheritable, 0);
  WANT_EQ(status_of("/proc/self/status", "CapPrm"), kAll);
  WANT_EQ(status_of("/proc/self/status", "CapEff"), kAll);
  WANT_EQ(status_of("/proc/self/status", "CapBnd"), kAll);
  WANT_EQ(status_of("/proc/self/status", "CapInh"), 0);
  WANT_EQ(status_of("/proc/self/status", "CapAmb"), 0);
}

CASE(capset_is_kept, "capset capget") {
  const uint64_t some = bit(CAP_CHOWN) | bit(CAP_SETPCAP) | bit(CAP_BPF);
  WANT_EQ(put(bit(CAP_BPF), some, bit(CAP_SYSLOG)), 0);
  struct sets found = get();
  WANT_EQ(found.permitted, some);
  WANT_EQ(found.effective, bit(CAP_BPF));
  WANT_EQ(found.inheritable, bit(CAP_SYSLOG));
  WANT_EQ(status_of("/proc/self/status", "CapPrm"), some);
  WANT_EQ(status_of("/proc/self/status", "CapEff"), bit(CAP_BPF));
  WANT_EQ(status_of("/proc/self/status", "CapInh"), bit(CAP_SYSLOG));
  WANT_ERROR(put(0, kAll, 0), EPERM);                   // what is given up is lost
  WANT_ERROR(put(bit(CAP_KILL), some, 0), EPERM);       // effective must be permitted
  WANT_ERROR(put(0, some, bit(CAP_KILL)), EPERM);       // without CAP_SETPCAP in effect
  WANT_EQ(put(some, some, bit(CAP_SYSLOG)), 0);         // but what is permitted can be raised
  WANT_EQ(put(some, some, bit(CAP_KILL) | some), 0);    // with CAP_SETPCAP, all of the bounding set
  const pid_t child = fork();
  if (child == 0) _exit(get().permitted == some && get().inheritable == (bit(CAP_KILL) | some) ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  found.permitted = 1;
  WANT_EQ(put_for(getpid(), (struct sets){0, 0, 0}), 0);
  WANT_EQ(get().permitted, 0);
}

CASE(capset_versions_and_refusals, "capset") {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_1, 0};
  struct __user_cap_data_struct data[2] = {{~0u, ~0u, 0}, {0, 0, 0}};
  WANT_EQ(syscall(SYS_capset, &header, data), 0);
  WANT_EQ(get().permitted, 0xffffffff);  // the old version has 32
  header.version = 0x1234;
  WANT_ERROR(syscall(SYS_capset, &header, data), EINVAL);
  WANT_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
  WANT_ERROR(syscall(SYS_capset, 8L, data), EFAULT);
  WANT_ERROR(syscall(SYS_capset, &header, 8L), EFAULT);
  WANT_ERROR(syscall(SYS_capset, &header, 0L), EFAULT);
  header.pid = getppid();
  WANT_ERROR(syscall(SYS_capset, &header, data), EPERM);  // of oneself only
  header.pid = -1;
  WANT_ERROR(syscall(SYS_capset, &header, data), EPERM);
  WANT_EQ(setuid(1000), 0);
  WANT_EQ(put(0, 0, 0), 0);  // nothing can always be had
  WANT_ERROR(put(0, 1, 0), EPERM);
  WANT_ERROR(put(0, 0, 1), EPERM);
}

CASE(capget_of_others, "capget") {
  int ready[2];
  char byte;
  struct sets found;
  WANT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(put(bit(CAP_KILL), bit(CAP_KILL) | bit(CAP_CHOWN), 0), 0);
    WANT_EQ(write(ready[1], "x", 1), 1);
    pause();
  }
  WANT_EQ(read(ready[0], &byte, 1), 1);
  WANT_EQ(get_of(child, &found), 0);
  WANT_EQ(found.effective, bit(CAP_KILL));
  WANT_EQ(found.permitted, bit(CAP_KILL) | bit(CAP_CHOWN));
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/status", child);
  WANT_EQ(status_of(name, "CapEff"), bit(CAP_KILL));
  snprintf(name, sizeof name, "/proc/%d/task/%d/status", child, child);
  WANT_EQ(status_of(name, "CapPrm"), bit(CAP_KILL) | bit(CAP_CHOWN));
  kill(child, SIGKILL);
  WANT_EQ(WTERMSIG(check_wait(child)), SIGKILL);
}

CASE(checks_ask_for_their_capability, "capset chown mknod chroot sethostname setuid setgid setgroups settimeofday mount") {
  struct timeval now;
  const int fd = open("f", O_CREAT | O_RDWR, 0600);
  WANT(fd >= 0);
  without(CAP_CHOWN);
  WANT_ERROR(chown("f", 5, 5), EPERM);
  without(CAP_MKNOD);
  WANT_ERROR(mknod("n", S_IFCHR | 0600, makedev(1, 3)), EPERM);
  without(CAP_SYS_CHROOT);
  WANT_ERROR(chroot("."), EPERM);
  without(CAP_SYS_TIME);
  WANT_EQ(gettimeofday(&now, 0), 0);
  WANT_ERROR(settimeofday(&now, 0), EPERM);
  WANT_EQ(sethostname("h", 1), 0);
  without(CAP_SYS_ADMIN);
  WANT_ERROR(sethostname("h", 1), EPERM);
  WANT_ERROR(syscall(SYS_mount, "none", ".", "tmpfs", 0, 0), EPERM);
  without(CAP_SETGID);
  WANT_ERROR(setgid(5), EPERM);
  WANT_ERROR(setgroups(0, 0), EPERM);
  without(CAP_SETUID);
  WANT_ERROR(setuid(5), EPERM);
  WANT_ERROR(setresuid(-1, 5, -1), EPERM);
  WANT_EQ(put(kAll, kAll, 0), 0);
  WANT_EQ(chown("f", 5, 5), 0);
  WANT_EQ(setresuid(-1, 5, -1), 0);
}

CASE(more_checks_ask_for_their_capability, "capset kill setpriority setrlimit mlock reboot syslog ioprio_set") {
  const pid_t other = fork();
  if (other == 0) {
    setuid(1000);
    for (;;) pause();
  }
  struct sets found;
  WANT_SOON(get_of(other, &found) == 0 && found.permitted == 0);
  without(CAP_KILL);
  WANT_ERROR(kill(other, SIGTERM), EPERM);
  WANT_EQ(setpriority(PRIO_PROCESS, 0, -1), 0);
  without(CAP_SYS_NICE);
  WANT_ERROR(setpriority(PRIO_PROCESS, 0, -5), EACCES);
  WANT_ERROR(setpriority(PRIO_PROCESS, other, 5), EPERM);
  WANT_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}), 0);
  WANT_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 2}), 0);
  without(CAP_SYS_RESOURCE);
  WANT_ERROR(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 3}), EPERM);
  WANT_EQ(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0}), 0);
  static char page[8192];
  WANT_EQ(mlock(page, 100), 0);
  without(CAP_IPC_LOCK);
  WANT_ERROR(mlock(page, 100), EPERM);
  without(CAP_SYS_BOOT);
  WANT_ERROR(syscall(SYS_reboot, 1, 2, 3, 0), EPERM);
  WANT_EQ(put(kAll, kAll, 0) | kill(other, SIGKILL), 0);
  check_wait(other);
}

CASE(files_ask_for_their_capabilities, "capset open chmod unlink access faccessat2") {
  WANT_EQ(mkdir("d", 0700) | chmod(".", 0755), 0);
  const int fd = open("d/f", O_CREAT | O_RDWR, 0600);
  WANT_EQ(fchown(fd, 5, 5) | chown("d", 5, 5) | fchmod(fd, 0600), 0);
  close(fd);
  without(CAP_DAC_OVERRIDE);
  close(open("d/f", O_RDONLY));  // CAP_DAC_READ_SEARCH
  WANT_EQ(access("d/f", R_OK), 0);
  WANT_ERROR(open("d/f", O_WRONLY), EACCES);
  WANT_ERROR(open("d/new", O_CREAT | O_WRONLY, 0600), EACCES);
  WANT_EQ(chmod("d/f", 0640), 0);
  without(CAP_FOWNER);
  WANT_ERROR(chmod("d/f", 0600), EPERM);
  without(CAP_DAC_READ_SEARCH);
  WANT_ERROR(open("d/f", O_RDONLY), EACCES);
  WANT_ERROR(syscall(SYS_faccessat2, AT_FDCWD, "d", X_OK, AT_EACCESS), EACCES);
  WANT_EQ(access("d", X_OK), 0);  // access(2) asks for what the real user could do: root
  WANT_EQ(put(kAll & ~bit(CAP_FOWNER), kAll, 0), 0);
  WANT_EQ(mkdir("sticky", 0777) | chmod("sticky", 01777), 0);
  WANT_EQ(mknod("sticky/f", S_IFREG | 0600, 0) | chown("sticky/f", 5, 5) | chown("sticky", 5, 5), 0);
  WANT_ERROR(unlink("sticky/f"), EPERM);
  WANT_EQ(put(kAll, kAll, 0) | unlink("sticky/f"), 0);
}

CASE(a_user_may_have_some, "capset setuid prctl") {
  const int fd = open("f", O_CREAT | O_RDWR, 0600);
  WANT_EQ(fchown(fd, 5, 5), 0);
  become_user_with(bit(CAP_CHOWN) | bit(CAP_SETUID));
  WANT_EQ(fchown(fd, 6, 7), 0);
  WANT_ERROR(sethostname("h", 1), EPERM);
  WANT_ERROR(open("f", O_RDONLY), EACCES);
  WANT_EQ(setuid(1001), 0);
  WANT_EQ(get().permitted, bit(CAP_CHOWN) | bit(CAP_SETUID));  // from one user to another
  WANT_EQ(setuid(0), 0);
  WANT_EQ(get().permitted, bit(CAP_CHOWN) | bit(CAP_SETUID));  // root's name gives nothing
  WANT_ERROR(sethostname("h", 1), EPERM);
}

CASE(users_and_capabilities, "setuid setreuid setresuid prctl") {
  WANT_EQ(setresuid(-1, 1000, -1), 0);
  WANT_EQ(get().effective, 0);
  WANT_EQ(get().permitted, kAll);
  WANT_EQ(setresuid(-1, 0, -1), 0);
  WANT_EQ(get().effective, kAll);
  WANT_EQ(put(bit(CAP_SETUID), bit(CAP_SETUID) | bit(CAP_KILL), bit(CAP_KILL)), 0);
  WANT_EQ(setreuid(1000, 1000), 0);
  WANT_EQ(get().effective | get().permitted, 0);
  WANT_EQ(get().inheritable, bit(CAP_KILL));
  WANT_EQ(prctl(PR_GET_KEEPCAPS), 0);
}
CASE(kept_capabilities_are_permitted_only, "setuid prctl") {
  WANT_EQ(prctl(PR_SET_KEEPCAPS, 1) | setuid(1000), 0);
  WANT_EQ(get().effective, 0);
  WANT_EQ(get().permitted, kAll);
  WANT_EQ(prctl(PR_GET_KEEPCAPS), 1);
  WANT_EQ(prctl(PR_GET_SECUREBITS), SECBIT_KEEP_CAPS);
}

CASE(file_users_and_capabilities, "setfsuid") {
  const uint64_t of_files = bit(CAP_CHOWN) | bit(CAP_MKNOD) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                            bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_MAC_OVERRIDE);
  WANT_EQ(setfsuid(1000), 0);
  WANT_EQ(get().effective, kAll & ~of_files);
  WANT_EQ(get().permitted, kAll);
  WANT_EQ(setfsuid(0), 1000);
  WANT_EQ(get().effective, kAll);
  WANT_EQ(put(kAll & ~bit(CAP_CHOWN), kAll & ~bit(CAP_CHOWN), 0), 0);
  setfsuid(1000);
  setfsuid(0);
  WANT_EQ(get().effective, kAll & ~bit(CAP_CHOWN));
}

static void drop_and_execute(void) {
  WANT_EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0);
  WANT_EQ(put(0, 0, 0), 0);
  execute();
}
CASE(the_bounding_set_bounds_programs, "prctl execve") {
  run(drop_and_execute);
  WANT_EQ(after("CapBnd"), kAll & ~bit(CAP_KILL));
  WANT_EQ(after("CapPrm"), kAll & ~bit(CAP_KILL));  // root's programs get all the others back
  WANT_EQ(after("CapEff"), kAll & ~bit(CAP_KILL));
  WANT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 1);
  WANT_EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0);
  WANT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 0);
  WANT(get().permitted & bit(CAP_KILL));  // it bounds what is gained
  WANT_ERROR(prctl(PR_CAPBSET_READ, 41), EINVAL);
  WANT_ERROR(prctl(PR_CAPBSET_DROP, 41), EINVAL);
  WANT_EQ(put(kAll, kAll, bit(CAP_CHOWN)), 0);
  WANT_ERROR(put(kAll, kAll, bit(CAP_KILL)), EPERM);
  without(CAP_SETPCAP);
  WANT_ERROR(prctl(PR_CAPBSET_DROP, CAP_CHOWN), EPERM);
  WANT_ERROR(prctl(PR_CAPBSET_DROP, 99), EPERM);
}

static void user_executes(void) {
  become_user_with(bit(CAP_KILL));
  execute();
}
static void root_without_new_rights_executes(void) {
  WANT_EQ(put(bit(CAP_KILL), bit(CAP_KILL), 0) | prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  execute();
}
static void plain_root_executes(void) {
  WANT_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT), 0);
  execute();
}
static void real_root_executes(void) {
  WANT_EQ(setresuid(0, 1000, 1000), 0);
  execute();
}
static void root_inherits(void) {
  WANT_EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0);
  WANT_EQ(put(bit(CAP_KILL), bit(CAP_KILL), 0), 0);
  WANT_EQ(put(bit(CAP_KILL), bit(CAP_KILL), bit(CAP_KILL)), -1);
  execute();
}
CASE(programs_and_capabilities, "execve capset prctl") {
  run(user_executes);
  WANT_EQ(after("CapPrm") | after("CapEff"), 0);
  WANT_EQ(after("CapBnd"), kAll);
  run(root_without_new_rights_executes);
  WANT_EQ(after("CapPrm"), bit(CAP_KILL));
  WANT_EQ(after("CapEff"), bit(CAP_KILL));
  run(plain_root_executes);
  WANT_EQ(after("CapPrm") | after("CapEff"), 0);
  run(real_root_executes);
  WANT_EQ(after("CapPrm"), kAll);
  WANT_EQ(after("CapEff"), 0);
  run(root_inherits);
  WANT_EQ(after("CapPrm"), kAll & ~bit(CAP_KILL));
}

static void ambient_user_executes(void) {
  const uint64_t some = bit(CAP_KILL) | bit(CAP_CHOWN);
  become_user_with(some);
  WANT_EQ(put(some, some, some) | ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), 0);
  execute();
}
CASE(ambient_capabilities_pass_to_programs, "prctl execve") {
  run(ambient_user_executes);
  WANT_EQ(after("CapAmb"), bit(CAP_KILL));
  WANT_EQ(after("CapPrm"), bit(CAP_KILL));
  WANT_EQ(after("CapEff"), bit(CAP_KILL));
  WANT_EQ(after("CapInh"), bit(CAP_KILL) | bit(CAP_CHOWN));
}

CASE(ambient_is_permitted_and_inheritable, "prctl capset") {
  WANT_ERROR(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), EPERM);  // not inheritable
  WANT_EQ(put(kAll, kAll, bit(CAP_KILL) | bit(CAP_CHOWN)), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL), 1);
  WANT_EQ(status_of("/proc/self/status", "CapAmb"), bit(CAP_KILL) | bit(CAP_CHOWN));
  WANT_EQ(ambient(PR_CAP_AMBIENT_LOWER, CAP_KILL), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL), 0);
  WANT_EQ(put(kAll, kAll, bit(CAP_KILL)), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_CHOWN), 0);  // no longer inheritable
  WANT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL), 0);
  WANT_ERROR(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 1), EINVAL);
  WANT_ERROR(ambient(PR_CAP_AMBIENT_IS_SET, 41), EINVAL);
  WANT_ERROR(ambient(9, CAP_KILL), EINVAL);
  WANT_ERROR(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0), EINVAL);
  WANT_EQ(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), 0);
  WANT_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE), 0);
  WANT_ERROR(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL), EPERM);
  WANT_EQ(setuid(1000), 0);
  WANT_EQ(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL), 0);  // a root that becomes a user drops them
}

CASE(secure_bits_and_their_locks, "prctl") {
  WANT_EQ(prctl(PR_GET_SECUREBITS), 0);
  WANT_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED), 0);
  WANT_EQ(prctl(PR_GET_SECUREBITS), SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS_LOCKED);
  WANT_ERROR(prctl(PR_SET_KEEPCAPS, 1), EPERM);
  WANT_ERROR(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), EPERM);
  WANT_ERROR(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED), EPERM);
  WANT_ERROR(prctl(PR_SET_SECUREBITS, 0x1000), EPERM);
  WANT_EQ(setresuid(1000, 1000, 1000), 0);
  WANT_EQ(get().effective, kAll);  // nothing is fixed up
  without(CAP_SETPCAP);
  WANT_ERROR(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED), EPERM);
}

static void less_looks_into_more(void) {
  int ready[2];
  char byte;
  WANT_EQ(pipe(ready), 0);
  const pid_t parent = getpid();
  become_user_with(bit(CAP_CHOWN));
  WANT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(put(0, 0, 0) | prctl(PR_SET_DUMPABLE, 1), 0);
    struct iovec own = {&byte, 1}, other = {&byte, 1};
    WANT_ERROR(process_vm_readv(parent, &own, 1, &other, 1, 0), EPERM);
    WANT_ERROR(ptrace(PTRACE_ATTACH, parent, 0, 0), EPERM);
    WANT_EQ(write(ready[1], "x", 1), 1);
    pause();
  }
  WANT_EQ(read(ready[0], &byte, 1), 1);
  struct iovec own = {&byte, 1}, other = {&byte, 1};
  WANT_EQ(process_vm_readv(child, &own, 1, &other, 1, 0), 1);  // more looks into less
  kill(child, SIGKILL);
  check_wait(child);
}
CASE(who_has_fewer_does_not_look_into_who_has_more, "process_vm_readv ptrace capset") {
  WANT_EQ(check_wait(check_child(less_looks_into_more)), 0);
}
