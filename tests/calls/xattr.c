// Extended attributes: xattr(7) and its twelve calls.
#include "check.h"

#include <sys/xattr.h>

static int make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  return fd;
}
static void as_user(void) { WANT_EQ(setgid(1000) | setuid(1000), 0); }

CASE(xattr_is_set_and_read, "setxattr getxattr fsetxattr fgetxattr") {
  const int fd = make("f");
  char value[20];
  WANT_EQ(setxattr("f", "trusted.a", "hello", 5, 0), 0);
  WANT_EQ(getxattr("f", "trusted.a", 0, 0), 5);
  WANT_EQ(getxattr("f", "trusted.a", value, 20), 5);
  WANT(memcmp(value, "hello", 5) == 0);
  WANT_ERROR(getxattr("f", "trusted.a", value, 4), ERANGE);
  WANT_EQ(fsetxattr(fd, "trusted.a", "longer value", 12, 0), 0);
  WANT_EQ(fgetxattr(fd, "trusted.a", value, 20), 12);
  WANT_EQ(fsetxattr(fd, "trusted.empty", 0, 0, 0), 0);
  WANT_EQ(fgetxattr(fd, "trusted.empty", value, 20), 0);
  WANT_ERROR(getxattr("f", "trusted.b", value, 20), ENODATA);
}

CASE(xattr_create_and_replace, "setxattr") {
  make("f");
  WANT_ERROR(setxattr("f", "trusted.a", "1", 1, XATTR_REPLACE), ENODATA);
  WANT_EQ(setxattr("f", "trusted.a", "1", 1, XATTR_CREATE), 0);
  WANT_ERROR(setxattr("f", "trusted.a", "2", 1, XATTR_CREATE), EEXIST);
  WANT_EQ(setxattr("f", "trusted.a", "2", 1, XATTR_REPLACE), 0);
  WANT_ERROR(setxattr("f", "trusted.a", "2", 1, 4), EINVAL);
}

CASE(xattr_list, "listxattr flistxattr llistxattr") {
  const int fd = make("f");
  char names[100];
  WANT_EQ(setxattr("f", "trusted.one", "1", 1, 0) | setxattr("f", "security.two", "2", 1, 0), 0);
  const ssize_t length = listxattr("f", names, sizeof names);
  WANT(length >= 12 + 13);  // security modules may add to it
  WANT_EQ(listxattr("f", 0, 0), length);
  WANT_EQ(flistxattr(fd, names, sizeof names), length);
  int found = 0;
  for (char* at = names; at < names + length; at += strlen(at) + 1)
    found += !strcmp(at, "trusted.one") || !strcmp(at, "security.two");
  WANT_EQ(found, 2);
  WANT_ERROR(listxattr("f", names, 3), ERANGE);
  WANT_EQ(llistxattr("f", 0, 0), length);
}

CASE(xattr_remove, "removexattr fremovexattr lremovexattr") {
  const int fd = make("f");
  for (int i = 0; i < 3; ++i) WANT_EQ(setxattr("f", (const char*[]){"trusted.a", "trusted.b", "trusted.c"}[i], "1", 1, 0), 0);
  WANT_EQ(removexattr("f", "trusted.a") | fremovexattr(fd, "trusted.b") | lremovexattr("f", "trusted.c"), 0);
  WANT_ERROR(removexattr("f", "trusted.a"), ENODATA);
  WANT_ERROR(getxattr("f", "trusted.b", 0, 0), ENODATA);
  WANT_ERROR(fremovexattr(-1, "trusted.a"), EBADF);
  WANT_ERROR(removexattr("missing", "trusted.a"), ENOENT);
}

CASE(xattr_of_a_link_itself, "lsetxattr lgetxattr llistxattr") {
  char value[4];
  make("f");
  WANT_EQ(symlink("f", "l"), 0);
  WANT_EQ(lsetxattr("l", "trusted.a", "L", 1, 0), 0);
  WANT_ERROR(getxattr("l", "trusted.a", value, 4), ENODATA);
  WANT_EQ(lgetxattr("l", "trusted.a", value, 4), 1);
  WANT_EQ(setxattr("l", "trusted.a", "F", 1, 0), 0);
  WANT(lgetxattr("f", "trusted.a", value, 4) == 1 && value[0] == 'F');
}

CASE(xattr_names_and_values_have_limits, "setxattr getxattr") {
  static char value[70000], name[300] = "trusted.";
  make("f");
  memset(name + 8, 'n', 248);
  WANT_ERROR(setxattr("f", name, "1", 1, 0), ERANGE);  // 256 characters
  name[255] = 0;
  WANT_EQ(setxattr("f", name, "1", 1, 0), 0);
  WANT_ERROR(setxattr("f", "", "1", 1, 0), ERANGE);
  WANT_ERROR(setxattr("f", "trusted.", "1", 1, 0), EINVAL);
  WANT_ERROR(setxattr("f", "other.a", "1", 1, 0), EOPNOTSUPP);
  WANT_ERROR(setxattr("f", "plain", "1", 1, 0), EOPNOTSUPP);
  WANT_ERROR(getxattr("f", "other.a", value, 1), EOPNOTSUPP);
  WANT_EQ(setxattr("f", "trusted.big", value, 65536, 0), 0);
  WANT_EQ(getxattr("f", "trusted.big", value, sizeof value), 65536);
  WANT_ERROR(setxattr("f", "trusted.big", value, 65537, 0), E2BIG);
}

CASE(xattr_errors, "setxattr getxattr listxattr fsetxattr fgetxattr flistxattr") {
  make("f");
  WANT_ERROR(setxattr("missing", "trusted.a", "1", 1, 0), ENOENT);
  WANT_ERROR(getxattr("f/g", "trusted.a", 0, 0), ENOTDIR);
  WANT_ERROR(listxattr("missing", 0, 0), ENOENT);
  WANT_ERROR(fsetxattr(-1, "trusted.a", "1", 1, 0), EBADF);
  WANT_ERROR(fgetxattr(-1, "trusted.a", 0, 0), EBADF);
  WANT_ERROR(flistxattr(-1, 0, 0), EBADF);
  WANT_ERROR(setxattr("f", (char*)8, "1", 1, 0), EFAULT);
  WANT_ERROR(setxattr("f", "trusted.a", (char*)8, 1, 0), EFAULT);
  WANT_EQ(setxattr("f", "trusted.a", "1", 1, 0), 0);
  WANT_ERROR(getxattr("f", "trusted.a", (char*)8, 1), EFAULT);
  WANT_ERROR(fgetxattr(open("f", O_PATH), "trusted.a", 0, 0), EBADF);
}

CASE(xattr_trusted_is_for_root, "setxattr getxattr listxattr removexattr") {
  char names[100];
  make("f");
  WANT_EQ(setxattr("f", "trusted.a", "1", 1, 0) | chown("f", 1000, 1000), 0);
  as_user();
  WANT_ERROR(getxattr("f", "trusted.a", 0, 0), ENODATA);
  WANT_ERROR(setxattr("f", "trusted.a", "2", 1, 0), EPERM);
  WANT_ERROR(removexattr("f", "trusted.a"), EPERM);
  const ssize_t length = listxattr("f", names, sizeof names);
  for (char* at = names; at < names + length; at += strlen(at) + 1) WANT(strcmp(at, "trusted.a") != 0);
}

CASE(xattr_security_may_be_read_by_all, "getxattr") {
  make("f");
  WANT_EQ(setxattr("f", "security.a", "1", 1, 0) | chown("f", 1000, 1000), 0);
  as_user();
  WANT_EQ(getxattr("f", "security.a", 0, 0), 1);
  // Writing is up to security modules (Debian's Linux with its bpf module lets it through).
}

CASE(xattr_user_follows_permissions, "setxattr getxattr") {
  make("f");
  if (setxattr("f", "user.a", "1", 1, 0) != 0 && errno == EOPNOTSUPP) SKIP("tmpfs has user attributes since Linux 6.6");
  WANT_EQ(getxattr("f", "user.a", 0, 0), 1);
  WANT_EQ(symlink("f", "l") | mkfifo("p", 0666), 0);
  WANT_ERROR(lsetxattr("l", "user.a", "1", 1, 0), EPERM);
  WANT_ERROR(setxattr("p", "user.a", "1", 1, 0), EPERM);
  WANT_ERROR(lgetxattr("p", "user.a", 0, 0), ENODATA);
  WANT_EQ(mkdir("t", 01777) | chmod("t", 01777), 0);
  WANT_EQ(chmod("f", 0644), 0);
  as_user();
  WANT_EQ(getxattr("f", "user.a", 0, 0), 1);
  WANT_ERROR(setxattr("f", "user.a", "2", 1, 0), EACCES);
  WANT_ERROR(setxattr("t", "user.a", "2", 1, 0), EPERM);  // a sticky directory: its owner only
}

CASE(xattr_where_there_are_none, "setxattr listxattr") {
  WANT_ERROR(setxattr("/proc/self/status", "trusted.a", "1", 1, 0), EOPNOTSUPP);
  WANT_ERROR(setxattr("/proc/self/status", "user.a", "1", 1, 0), EOPNOTSUPP);
}

CASE(xattr_moves_the_change_time_and_survives_rename, "setxattr rename link") {
  make("f");
  const struct timespec old[2] = {{1, 0}, {1, 0}};
  struct stat found;
  WANT_EQ(utimensat(AT_FDCWD, "f", old, 0), 0);
  WANT_EQ(setxattr("f", "trusted.a", "1", 1, 0), 0);
  WANT_EQ(stat("f", &found), 0);
  WANT_EQ(found.st_mtime, 1);
  WANT_EQ(link("f", "g") | rename("f", "h"), 0);
  WANT_EQ(getxattr("g", "trusted.a", 0, 0), 1);
  WANT_EQ(getxattr("h", "trusted.a", 0, 0), 1);
}
