// The machine as a whole: uname(2), sysinfo(2), getrandom(2), syslog(2), sethostname(2), reboot(2).
#include "check.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

CASE(uname_names_linux, "uname") {
  struct utsname names;
  WANT_EQ(syscall(SYS_uname, &names), 0);
  WANT(strcmp(names.sysname, "Linux") == 0 && strcmp(names.machine, "x86_64") == 0);
  WANT(names.release[0] >= '4' && names.release[0] <= '9' && names.nodename[0] && names.version[0]);
  WANT_ERROR(syscall(SYS_uname, 8), EFAULT);
}

CASE(host_and_domain_names_can_be_set, "sethostname setdomainname uname") {
  struct utsname before, now;
  uname(&before);
  WANT_EQ(syscall(SYS_sethostname, "some-host-and-more", 9), 0);
  WANT_EQ(syscall(SYS_setdomainname, "some.domain", 11), 0);
  uname(&now);
  WANT(strcmp(now.nodename, "some-host") == 0);
  WANT(memcmp(now.version + 65 * 2, "some.domain", 12) == 0);  // the domain follows the machine
  WANT_EQ(syscall(SYS_sethostname, before.nodename, strlen(before.nodename)), 0);
  WANT_ERROR(syscall(SYS_sethostname, "x", 65), EINVAL);
  WANT_ERROR(syscall(SYS_setdomainname, "x", -1), EINVAL);
  WANT_ERROR(syscall(SYS_sethostname, 8, 5), EFAULT);
  WANT_ERROR(syscall(SYS_setdomainname, 8, 5), EFAULT);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_sethostname, "x", 1), EPERM);
  WANT_ERROR(syscall(SYS_setdomainname, "x", 1), EPERM);
}

CASE(sysinfo_counts_memory_and_processes, "sysinfo") {
  struct sysinfo before, after;
  WANT_EQ(syscall(SYS_sysinfo, &before), 0);
  WANT(before.uptime > 0 && before.mem_unit >= 1);
  const unsigned long long total = (unsigned long long)before.totalram * before.mem_unit;
  WANT(total > 32ull << 20 && before.freeram < before.totalram && before.procs >= 2);
  pid_t children[4];
  for (int i = 0; i < 4; ++i)
    if ((children[i] = fork()) == 0)
      for (;;) pause();
  WANT_EQ(sysinfo(&after), 0);
  WANT(after.procs >= 5);
  WANT_ERROR(syscall(SYS_sysinfo, 8), EFAULT);
}

CASE(getrandom_is_random, "getrandom") {
  unsigned char one[64], two[64];
  memset(one, 0, sizeof one);
  memset(two, 0, sizeof two);
  WANT_EQ(syscall(SYS_getrandom, one, sizeof one, 0), sizeof one);
  WANT_EQ(syscall(SYS_getrandom, two, sizeof two, 1), sizeof two);
  WANT(memcmp(one, two, sizeof one) != 0);
  int ones = 0;
  for (size_t i = 0; i < sizeof one; ++i) ones += __builtin_popcount(one[i]);
  WANT(ones > 150 && ones < 362);
  static unsigned char many[1 << 20];
  WANT_EQ(syscall(SYS_getrandom, many, sizeof many, 0), sizeof many);
  WANT_EQ(syscall(SYS_getrandom, one, 0, 0), 0);
  WANT_ERROR(syscall(SYS_getrandom, one, 8, 0x100), EINVAL);
  WANT_ERROR(syscall(SYS_getrandom, one, 8, 6), EINVAL);  // random and insecure
  WANT_ERROR(syscall(SYS_getrandom, 8, 8, 0), EFAULT);
}

CASE(getrandom_differs_in_children, "getrandom fork") {
  unsigned char one[16], two[16];
  int p[2];
  WANT_EQ(pipe(p), 0);
  if (fork() == 0) {
    WANT_EQ(syscall(SYS_getrandom, one, 16, 0), 16);
    _exit(write(p[1], one, 16) != 16);
  }
  WANT_EQ(syscall(SYS_getrandom, two, 16, 0), 16);
  WANT_EQ(read(p[0], one, 16), 16);
  WANT(memcmp(one, two, 16) != 0);
}

CASE(syslog_reads_the_log, "syslog") {
  static char text[1 << 16];
  WANT(syscall(SYS_syslog, 10, 0, 0) > 0);  // its size
  WANT(syscall(SYS_syslog, 3, text, sizeof text) >= 0);
  WANT_ERROR(syscall(SYS_syslog, 3, 0, 10), EINVAL);
  WANT_ERROR(syscall(SYS_syslog, 3, text, -1), EINVAL);
  WANT_ERROR(syscall(SYS_syslog, 77, 0, 0), EINVAL);
  WANT_ERROR(syscall(SYS_syslog, 8, 0, 9), EINVAL);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_syslog, 5, 0, 0), EPERM);
}

CASE(reboot_needs_root_and_magic, "reboot") {
  WANT_ERROR(syscall(SYS_reboot, 1, 2, 0x89abcdef, 0), EINVAL);
  WANT_ERROR(syscall(SYS_reboot, 0xfee1dead, 2, 0x89abcdef, 0), EINVAL);
  WANT_ERROR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x12121212, 0), EINVAL);
  WANT_EQ(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0), 0);  // Ctrl-Alt-Del no longer reboots
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, 0), EPERM);
}
