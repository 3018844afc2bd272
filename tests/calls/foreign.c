// Calls on other processes and on sharing: process_vm_readv(2), kcmp(2), process_madvise(2), unshare(2), setns(2);
// and memory policies: set_mempolicy(2), mbind(2), move_pages(2).
#include "check.h"

#include <sched.h>
#include <sys/uio.h>

#ifndef SYS_kcmp
#define SYS_kcmp 312
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define PROCESS_MADVISE 440
#define PROCESS_MRELEASE 448

static pid_t stays(void) {
  const pid_t child = fork();
  WANT(child >= 0);
  if (child == 0)
    for (;;) pause();
  return child;
}

CASE(memory_of_another_is_read_and_written, "process_vm_readv process_vm_writev") {
  char* at = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(at + 4090, "over the edge");
  const pid_t child = stays();
  memset(at, 0, 3 * 4096);
  char one[6] = "", two[40] = "";
  struct iovec local[2] = {{one, 6}, {two, 30}}, remote[1] = {{at + 4090, 14}};
  WANT_EQ(syscall(SYS_process_vm_readv, child, local, 2, remote, 1, 0), 14);
  WANT(memcmp(one, "over t", 6) == 0 && strcmp(two, "he edge") == 0);
  strcpy(two, "changed");
  struct iovec back[1] = {{two, 8}};
  WANT_EQ(syscall(SYS_process_vm_writev, child, back, 1, remote, 1, 0), 8);
  memset(two, 0, sizeof two);
  WANT_EQ(syscall(SYS_process_vm_readv, child, back, 1, remote, 1, 0), 8);
  WANT(strcmp(two, "changed") == 0);
  WANT_EQ(at[4090], 0);
}

CASE(memory_of_another_may_end, "process_vm_readv process_vm_writev mmap") {
  char* at = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(at + 4096, 4096);
  static char buffer[8192];
  struct iovec local = {buffer, 8192}, remote[2] = {{at, 4096}, {at + 4096, 4096}}, bad = {(void*)8, 8};
  WANT_EQ(syscall(SYS_process_vm_readv, getpid(), &local, 1, remote, 2, 0), 4096);
  WANT_ERROR(syscall(SYS_process_vm_readv, getpid(), &local, 1, remote + 1, 1, 0), EFAULT);
  WANT_ERROR(syscall(SYS_process_vm_readv, getpid(), &bad, 1, remote, 1, 0), EFAULT);
  WANT_ERROR(syscall(SYS_process_vm_readv, getpid(), 8, 1, remote, 1, 0), EFAULT);
  WANT_EQ(syscall(SYS_process_vm_readv, getpid(), &local, 1, remote, 0, 0), 0);
  WANT_ERROR(syscall(SYS_process_vm_readv, getpid(), &local, 1, remote, 1, 1), EINVAL);
  WANT_ERROR(syscall(SYS_process_vm_writev, getpid(), &local, 1025, remote, 1, 0), EINVAL);
  WANT_ERROR(syscall(SYS_process_vm_readv, 0x3ffffff, &local, 1, remote, 1, 0), ESRCH);
  const pid_t child = stays();
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_process_vm_readv, child, &local, 1, remote, 1, 0), EPERM);
  WANT_ERROR(syscall(SYS_process_vm_writev, child, &local, 1, remote, 1, 0), EPERM);
}

CASE(kcmp_tells_what_is_shared, "kcmp dup clone") {
  const pid_t self = getpid(), child = stays();
  if (syscall(SYS_kcmp, self, self, 1, 0, 0) == -1 && errno == ENOSYS) SKIP("no kcmp");
  const int fd = open("/dev/null", O_RDONLY), copy = dup(fd), other = open("/dev/null", O_RDONLY);
  WANT_EQ(syscall(SYS_kcmp, self, self, 0, fd, copy), 0);
  const long order = syscall(SYS_kcmp, self, self, 0, fd, other);
  WANT(order == 1 || order == 2);
  WANT_EQ(syscall(SYS_kcmp, self, self, 0, other, fd), 3 - order);
  for (int kind = 1; kind <= 4; ++kind) {
    WANT_EQ(syscall(SYS_kcmp, self, self, kind, 0, 0), 0);
    WANT(syscall(SYS_kcmp, self, child, kind, 0, 0) > 0);
  }
  WANT_ERROR(syscall(SYS_kcmp, self, self, 99, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_kcmp, self, 0x3ffffff, 1, 0, 0), ESRCH);
  WANT_ERROR(syscall(SYS_kcmp, self, self, 0, 777, fd), EBADF);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_kcmp, self, child, 1, 0, 0), EPERM);
}

CASE(process_madvise_by_pidfd, "process_madvise") {
  char* at = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const int fd = syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec ranges[2] = {{at, 4096}, {at + 8192, 8192}};
  at[0] = 5;
  WANT_EQ(syscall(PROCESS_MADVISE, fd, ranges, 2, 20, 0), 3 * 4096);
  WANT_EQ(at[0], 5);
  WANT_ERROR(syscall(PROCESS_MADVISE, fd, ranges, 2, 20, 1), EINVAL);
  WANT_ERROR(syscall(PROCESS_MADVISE, 777, ranges, 2, 20, 0), EBADF);
  WANT_ERROR(syscall(PROCESS_MADVISE, fd, 8, 2, 20, 0), EFAULT);
  WANT_ERROR(syscall(PROCESS_MRELEASE, fd, 1), EINVAL);
  WANT_ERROR(syscall(PROCESS_MRELEASE, 777, 0), EBADF);
  WANT_ERROR(syscall(PROCESS_MRELEASE, fd, 0), EINVAL);  // it is not being killed
}

CASE(process_mrelease_of_who_lives_is_refused, "process_mrelease") {
  const int fd = syscall(SYS_pidfd_open, stays(), 0);
  WANT_ERROR(syscall(PROCESS_MRELEASE, fd, 0), EINVAL);
}

static int close_it(void* argument) {
  const int fd = (int)(long)argument;
  if (unshare(CLONE_FILES | CLONE_FS) != 0) return 1;
  umask(0);
  return close(fd);
}
static char stack[65536] __attribute__((aligned(64)));
CASE(unshare_makes_own_copies, "unshare clone") {
  const int fd = open("/dev/null", O_RDONLY);
  umask(077);
  const pid_t child = clone(close_it, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, (void*)(long)fd);
  WANT_EQ(check_wait(child), 0);
  WANT(fcntl(fd, F_GETFD) >= 0);
  WANT_EQ(umask(0), 077);
  WANT_EQ(unshare(0), 0);
  WANT_EQ(unshare(CLONE_SYSVSEM), 0);
  WANT_EQ(unshare(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), 0);  // alone: they are not shared
  WANT_ERROR(unshare(CLONE_PARENT), EINVAL);
  WANT_ERROR(unshare(0x1), EINVAL);
}

CASE(setns_wants_a_namespace, "setns") {
  const int fd = open("/dev/null", O_RDONLY);
  WANT_ERROR(setns(777, 0), EBADF);
  WANT_ERROR(setns(fd, 0), EINVAL);
}

static long policy(int* mode, unsigned long* mask, unsigned long bits, void* at, unsigned long flags) {
  return syscall(SYS_get_mempolicy, mode, mask, bits, at, flags);
}
CASE(memory_policies_are_kept, "set_mempolicy get_mempolicy") {
  int mode = -1;
  unsigned long mask[16] = {0}, one = 1;
  if (policy(&mode, 0, 0, 0, 0) == -1 && errno == ENOSYS) SKIP("no policies");
  WANT_EQ(mode, 0);
  WANT_EQ(syscall(SYS_set_mempolicy, 2, &one, 64), 0);
  WANT_EQ(policy(&mode, mask, 1024, 0, 0), 0);
  WANT(mode == 2 && mask[0] == 1 && mask[1] == 0);
  const pid_t child = fork();
  if (child == 0) _exit(policy(&mode, 0, 0, 0, 0) == 0 && mode == 2 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(syscall(SYS_set_mempolicy, 0, 0, 0), 0);
  WANT_EQ(policy(0, mask, 1024, 0, 4), 0);  // the nodes that may be used
  WANT_EQ(mask[0], 1);
  WANT_EQ(policy(&mode, 0, 0, &mode, 3), 0);  // the node of a page
  WANT_EQ(mode, 0);
}

CASE(memory_policy_refusals, "set_mempolicy get_mempolicy mbind") {
  unsigned long none = 0, second = 2, one = 1;
  int mode;
  if (policy(&mode, 0, 0, 0, 0) == -1 && errno == ENOSYS) SKIP("no policies");
  WANT_ERROR(syscall(SYS_set_mempolicy, 77, &one, 64), EINVAL);
  WANT_ERROR(syscall(SYS_set_mempolicy, 0, &one, 64), EINVAL);
  WANT_ERROR(syscall(SYS_set_mempolicy, 2, &none, 64), EINVAL);
  WANT_ERROR(syscall(SYS_set_mempolicy, 2, &second, 64), EINVAL);
  WANT_ERROR(syscall(SYS_set_mempolicy, 2, 8, 64), EFAULT);
  WANT_ERROR(policy(&mode, 0, 0, 0, 8), EINVAL);
  WANT_ERROR(policy(&mode, 0, 0, &mode, 0), EINVAL);
  WANT_ERROR(policy((int*)8, 0, 0, 0, 0), EFAULT);
  char* at = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT_EQ(syscall(SYS_mbind, at, 4096, 2, &one, 64, 0), 0);
  WANT_ERROR(syscall(SYS_mbind, at + 1, 4096, 2, &one, 64, 0), EINVAL);
  WANT_ERROR(syscall(SYS_mbind, at, 4096, 2, &one, 64, 0x100), EINVAL);
  WANT_ERROR(syscall(SYS_mbind, at, 4096, 2, &none, 64, 0), EINVAL);
  WANT_EQ(munmap(at, 8192), 0);
  WANT_ERROR(syscall(SYS_mbind, at, 4096, 2, &one, 64, 0), EFAULT);
}

CASE(pages_are_on_the_one_node, "move_pages migrate_pages") {
  enum { FAR = 256 * 4096 };  // beyond what one fault may bring in
  char* at = mmap(0, 3 * FAR, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(at, 3 * FAR, MADV_NOHUGEPAGE);
  at[0] = 1;
  munmap(at + 2 * FAR, FAR);
  void* pages[3] = {at, at + FAR, at + 2 * FAR};
  int states[3] = {9, 9, 9}, nodes[1] = {0};
  unsigned long one = 1;
  if (syscall(SYS_move_pages, 0, 3ul, pages, 0, states, 0) == -1 && errno == ENOSYS) SKIP("no nodes");
  WANT_EQ(states[0], 0);
  WANT(states[1] == -ENOENT || states[1] == -EFAULT);  // Linux 6.1 said the latter
  WANT_EQ(states[2], -EFAULT);
  WANT_EQ(syscall(SYS_move_pages, 0, 1ul, pages, nodes, states, 2), 0);
  WANT_EQ(states[0], 0);
  nodes[0] = 9;
  WANT_ERROR(syscall(SYS_move_pages, 0, 1ul, pages, nodes, states, 2), ENODEV);
  WANT_ERROR(syscall(SYS_move_pages, 0, 1ul, pages, 0, states, 0x100), EINVAL);
  WANT_ERROR(syscall(SYS_move_pages, 0x3ffffff, 1ul, pages, 0, states, 0), ESRCH);
  WANT_ERROR(syscall(SYS_move_pages, 0, 1ul, 8, 0, states, 0), EFAULT);
  WANT_EQ(syscall(SYS_migrate_pages, 0, 64, &one, &one), 0);
  WANT_ERROR(syscall(SYS_migrate_pages, 0x3ffffff, 64, &one, &one), ESRCH);
}

static int policy_at(void* at, unsigned long* mask) {
  int mode = -1;
  WANT_EQ(policy(&mode, mask, 1024, at, 2), 0);
  return mode;
}
CASE(policies_of_ranges_are_kept, "mbind get_mempolicy") {
  const unsigned long one = 1;
  unsigned long mask[16];
  char* at = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT_EQ(policy_at(at, mask), 0);
  WANT_EQ(syscall(SYS_mbind, at + 4096, 2 * 4096, 2 | 1 << 15, &one, 64, 0), 0);
  WANT_EQ(policy_at(at, mask), 0);
  WANT_EQ(policy_at(at + 4096, mask), 2 | 1 << 15);
  WANT_EQ(mask[0], 1);
  WANT_EQ(policy_at(at + 2 * 4096 + 5, mask), 2 | 1 << 15);
  WANT_EQ(policy_at(at + 3 * 4096, mask), 0);
  WANT_EQ(syscall(SYS_mbind, at + 2 * 4096, 4096, 1, 0, 0, 0), 0);
  WANT_EQ(policy_at(at + 2 * 4096, mask), 4);  // preferred, but no node: local
  WANT_EQ(mask[0], 0);
  const pid_t child = fork();
  if (child == 0) _exit(policy_at(at + 4096, mask) == (2 | 1 << 15) ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(syscall(SYS_mbind, at, 5 * 4096, 0, 0, 0, 0), 0);
  WANT_EQ(policy_at(at + 4096, mask), 0);
  WANT_EQ(syscall(SYS_mbind, at, 0, 2, &one, 64, 0), 0);
  WANT_EQ(policy_at(at, mask), 0);
  WANT_EQ(munmap(at + 4096, 4096), 0);
  WANT_ERROR(syscall(SYS_mbind, at, 3 * 4096, 2, &one, 64, 0), EFAULT);  // a hole
  int mode;
  WANT_ERROR(policy(&mode, mask, 1024, at + 4096, 2), EFAULT);
}

static int home(void* at, unsigned long bytes, unsigned long node, unsigned long flags) {
  return syscall(450, at, bytes, node, flags);
}
CASE(home_nodes_of_ranges, "set_mempolicy_home_node") {
  const unsigned long one = 1;
  char* at = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT_ERROR(home(at, 4096, 0, 0), ENOENT);  // no policy, no home
  WANT_EQ(syscall(SYS_mbind, at, 4096, 2, &one, 64, 0), 0);
  WANT_EQ(home(at, 4096, 0, 0), 0);
  WANT_EQ(home(at, 4 * 4096, 0, 0), 0);  // where there is one
  WANT_EQ(syscall(SYS_mbind, at + 4096, 4096, 3, &one, 64, 0), 0);
  WANT_ERROR(home(at, 2 * 4096, 0, 0), EOPNOTSUPP);
  WANT_EQ(syscall(SYS_mbind, at + 4096, 4096, 5, &one, 64, 0), 0);  // MPOL_PREFERRED_MANY
  WANT_EQ(home(at, 2 * 4096, 0, 0), 0);
  WANT_EQ(home(at, 0, 0, 0), 0);
  WANT_ERROR(home(at + 1, 4096, 0, 0), EINVAL);
  WANT_ERROR(home(at, 4096, 0, 1), EINVAL);
  WANT_ERROR(home(at, 4096, 63, 0), EINVAL);
  WANT_ERROR(home(at, 4096, 1ul << 40, 0), EINVAL);
  WANT_ERROR(home(at, -4096ul, 0, 0), EINVAL);
}
