// Users and groups: setuid(2), setreuid(2), setresuid(2), setfsuid(2), getgroups(2), and their like for groups.
#include "check.h"

#include <grp.h>
#include <sys/fsuid.h>

static void want_users(unsigned real, unsigned effective, unsigned saved) {
  uid_t r, e, s;
  WANT_EQ(getresuid(&r, &e, &s), 0);
  WANT_EQ(r, real);
  WANT_EQ(e, effective);
  WANT_EQ(s, saved);
  WANT_EQ(syscall(SYS_getuid), real);
  WANT_EQ(syscall(SYS_geteuid), effective);
}
static void want_groups(unsigned real, unsigned effective, unsigned saved) {
  gid_t r, e, s;
  WANT_EQ(getresgid(&r, &e, &s), 0);
  WANT_EQ(r, real);
  WANT_EQ(e, effective);
  WANT_EQ(s, saved);
  WANT_EQ(syscall(SYS_getgid), real);
  WANT_EQ(syscall(SYS_getegid), effective);
}

CASE(setuid_by_root_sets_all_three, "setuid getuid geteuid getresuid") {
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
  want_users(1000, 1000, 1000);
  WANT_ERROR(syscall(SYS_setuid, 0), EPERM);
  WANT_ERROR(syscall(SYS_setuid, 1001), EPERM);
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
}

CASE(setuid_by_others_sets_the_effective_one, "setuid setresuid") {
  WANT_EQ(syscall(SYS_setresuid, 1000, 1001, 1002), 0);
  WANT_EQ(syscall(SYS_setuid, 1002), 0);
  want_users(1000, 1002, 1002);
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
  want_users(1000, 1000, 1002);
  WANT_ERROR(syscall(SYS_setuid, 1001), EPERM);
  WANT_ERROR(syscall(SYS_setuid, -1), EINVAL);
}

CASE(setgid_by_root_sets_all_three, "setgid getgid getegid getresgid") {
  WANT_EQ(syscall(SYS_setgid, 1000), 0);
  want_groups(1000, 1000, 1000);
  WANT_EQ(syscall(SYS_setgid, 7), 0);  // still root
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
  WANT_ERROR(syscall(SYS_setgid, 8), EPERM);
  WANT_EQ(syscall(SYS_setgid, 7), 0);
  WANT_ERROR(syscall(SYS_setgid, -1), EINVAL);
}

CASE(setreuid_keeps_the_saved_id_in_step, "setreuid") {
  WANT_EQ(syscall(SYS_setreuid, 1000, -1), 0);
  want_users(1000, 0, 0);
  WANT_EQ(syscall(SYS_setreuid, -1, 1001), 0);
  want_users(1000, 1001, 1001);
  WANT_EQ(syscall(SYS_setreuid, 1001, 1000), 0);
  want_users(1001, 1000, 1000);
  WANT_ERROR(syscall(SYS_setreuid, 1002, -1), EPERM);
  WANT_ERROR(syscall(SYS_setreuid, -1, 0), EPERM);
  WANT_EQ(syscall(SYS_setreuid, -1, -1), 0);
  want_users(1001, 1000, 1000);
}

CASE(setreuid_real_one_may_not_come_from_the_saved, "setreuid setresuid") {
  WANT_EQ(syscall(SYS_setresuid, 1000, 1000, 1002), 0);
  WANT_ERROR(syscall(SYS_setreuid, 1002, -1), EPERM);
  WANT_EQ(syscall(SYS_setreuid, -1, 1002), 0);
  want_users(1000, 1002, 1002);
}

CASE(setregid_as_setreuid, "setregid") {
  WANT_EQ(syscall(SYS_setregid, 1000, -1), 0);
  want_groups(1000, 0, 0);
  WANT_EQ(syscall(SYS_setregid, -1, 1001), 0);
  want_groups(1000, 1001, 1001);
  WANT_EQ(syscall(SYS_setresuid, 5, 5, 5), 0);
  WANT_ERROR(syscall(SYS_setregid, 1002, -1), EPERM);
  WANT_EQ(syscall(SYS_setregid, 1001, 1000), 0);
  want_groups(1001, 1000, 1000);
}

CASE(setresuid_chooses_among_the_three, "setresuid getresuid") {
  WANT_EQ(syscall(SYS_setresuid, 1, 2, 3), 0);
  want_users(1, 2, 3);
  WANT_EQ(syscall(SYS_setresuid, 3, 1, 2), 0);
  want_users(3, 1, 2);
  WANT_ERROR(syscall(SYS_setresuid, 3, 1, 4), EPERM);
  WANT_ERROR(syscall(SYS_setresuid, 0, -1, -1), EPERM);
  want_users(3, 1, 2);
  WANT_EQ(syscall(SYS_setresuid, -1, -1, 3), 0);
  want_users(3, 1, 3);
  uid_t one;
  WANT_ERROR(syscall(SYS_getresuid, 8, &one, &one), EFAULT);
  WANT_ERROR(syscall(SYS_getresuid, &one, &one, 8), EFAULT);
}

CASE(setresgid_chooses_among_the_three, "setresgid getresgid") {
  WANT_EQ(syscall(SYS_setresgid, 1, 2, 3), 0);
  WANT_EQ(syscall(SYS_setresuid, 9, 9, 9), 0);
  WANT_EQ(syscall(SYS_setresgid, 3, 1, 2), 0);
  want_groups(3, 1, 2);
  WANT_ERROR(syscall(SYS_setresgid, -1, 0, -1), EPERM);
  gid_t one;
  WANT_ERROR(syscall(SYS_getresgid, &one, 8, &one), EFAULT);
}

CASE(setfsuid_tells_the_old_and_never_fails, "setfsuid setfsgid") {
  WANT_EQ(syscall(SYS_setfsuid, -1), 0);
  WANT_EQ(syscall(SYS_setfsuid, 1000), 0);
  WANT_EQ(syscall(SYS_setfsuid, -1), 1000);
  WANT_EQ(syscall(SYS_setfsgid, 1000), 0);
  WANT_EQ(syscall(SYS_setfsgid, -1), 1000);
  WANT_EQ(syscall(SYS_setresuid, 5, 6, 7), 0);  // moves it along
  WANT_EQ(syscall(SYS_setfsuid, 8), 6);         // not allowed: silently unchanged
  WANT_EQ(syscall(SYS_setfsuid, 7), 6);
  WANT_EQ(syscall(SYS_setfsuid, 5), 7);
  WANT_EQ(syscall(SYS_setfsuid, -1), 5);
}

CASE(setfsuid_decides_about_files, "setfsuid open") {
  const int fd = open("mine", O_CREAT | O_WRONLY, 0600);
  WANT(fd >= 0);
  WANT_EQ(chmod(".", 0755), 0);
  syscall(SYS_setfsuid, 1000);
  WANT_ERROR(open("mine", O_RDONLY), EACCES);
  syscall(SYS_setfsuid, 0);
  WANT(open("mine", O_RDONLY) >= 0);
}

CASE(groups_are_a_list, "getgroups setgroups") {
  const gid_t three[3] = {30, 10, 20};
  gid_t got[4] = {0};
  WANT_EQ(syscall(SYS_setgroups, 3, three), 0);
  WANT_EQ(syscall(SYS_getgroups, 0, 0), 3);
  WANT_ERROR(syscall(SYS_getgroups, 2, got), EINVAL);
  WANT_ERROR(syscall(SYS_getgroups, -1, got), EINVAL);
  WANT_EQ(syscall(SYS_getgroups, 4, got), 3);
  WANT_EQ(got[0] + got[1] + got[2], 60);
  WANT_ERROR(syscall(SYS_getgroups, 3, 8), EFAULT);
  WANT_ERROR(syscall(SYS_setgroups, 3, 8), EFAULT);
  WANT_ERROR(syscall(SYS_setgroups, 65537, three), EINVAL);
  WANT_EQ(syscall(SYS_setgroups, 0, 0), 0);
  WANT_EQ(syscall(SYS_getgroups, 0, 0), 0);
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
  WANT_ERROR(syscall(SYS_setgroups, 0, 0), EPERM);
}

CASE(groups_can_be_many, "getgroups setgroups") {
  static gid_t many[1000], got[1000];
  for (int i = 0; i < 1000; ++i) many[i] = 5000 + i;
  WANT_EQ(syscall(SYS_setgroups, 1000, many), 0);
  WANT_EQ(syscall(SYS_getgroups, 1000, got), 1000);
  WANT(memcmp(many, got, sizeof many) == 0);
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_getgroups, 0, 0) == 1000 ? 0 : 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(groups_open_files, "setgroups access") {
  WANT(open("shared", O_CREAT | O_WRONLY, 0600) >= 0);
  WANT_EQ(chown("shared", 1, 777), 0);
  WANT_EQ(chmod("shared", 0040), 0);
  WANT_EQ(chmod(".", 0755), 0);
  const gid_t one = 777;
  WANT_EQ(syscall(SYS_setgroups, 1, &one), 0);
  WANT_EQ(syscall(SYS_setgid, 1000), 0);
  WANT_EQ(syscall(SYS_setuid, 1000), 0);
  WANT(open("shared", O_RDONLY) >= 0);
  WANT_ERROR(open("shared", O_WRONLY), EACCES);
}

CASE(capget_tells_who_may, "capget") {
  struct {
    unsigned version;
    int pid;
  } header = {0x20080522, 0};
  struct {
    unsigned effective, permitted, inheritable;
  } sets[2];
  WANT_EQ(syscall(SYS_capget, &header, sets), 0);
  WANT(sets[0].effective & 1u << 21);  // CAP_SYS_ADMIN
  WANT_EQ(sets[0].effective, sets[0].permitted);
  WANT_EQ(sets[0].inheritable | sets[1].inheritable, 0);
  header.pid = getpid();
  WANT_EQ(syscall(SYS_capget, &header, sets), 0);
  header.pid = -1;
  WANT_ERROR(syscall(SYS_capget, &header, sets), EINVAL);
  header.pid = 0x3fffffff;
  WANT_ERROR(syscall(SYS_capget, &header, sets), ESRCH);
  header.pid = 0, header.version = 1;
  WANT_ERROR(syscall(SYS_capget, &header, sets), EINVAL);
  WANT_EQ(header.version, 0x20080522);  // what it would understand
  WANT_ERROR(syscall(SYS_capget, 8L, sets), EFAULT);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_EQ(syscall(SYS_capget, &header, sets), 0);
  WANT_EQ(sets[0].effective | sets[0].permitted | sets[1].effective | sets[1].permitted, 0);
}
