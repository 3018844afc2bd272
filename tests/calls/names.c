// Names: link, symlink, unlink, mkdir, rmdir, mknod and their *at forms; reading and listing them.
#include "check.h"

#include <dirent.h>

static struct stat status_of(const char* name) {
  struct stat found;
  WANT_EQ(lstat(name, &found), 0);
  return found;
}
static void make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  close(fd);
}
static void as_user(void) { WANT_EQ(setgid(1000) | setuid(1000), 0); }
static char* long_name(int length) {
  static char name[300];
  memset(name, 'n', sizeof name);
  name[length] = 0;
  return name;
}

CASE(link_gives_a_second_name, "link unlink") {
  make("a");
  WANT_EQ(link("a", "b"), 0);
  WANT_EQ(status_of("a").st_nlink, 2);
  WANT_EQ(status_of("a").st_ino, status_of("b").st_ino);
  WANT_EQ(unlink("a"), 0);
  WANT_EQ(status_of("b").st_nlink, 1);
}

CASE(link_errors, "link linkat") {
  make("a");
  make("b");
  WANT_EQ(mkdir("d", 0755), 0);
  WANT_ERROR(link("a", "b"), EEXIST);
  WANT_ERROR(link("d", "e"), EPERM);
  WANT_ERROR(link("missing", "c"), ENOENT);
  WANT_ERROR(link("a", "missing/c"), ENOENT);
  WANT_ERROR(link("a", "b/c"), ENOTDIR);
  WANT_ERROR(link("a", long_name(256)), ENAMETOOLONG);
  WANT_ERROR(link("a", ""), ENOENT);
  WANT_ERROR(link("", "c"), ENOENT);
  WANT_ERROR(link("a", "c/"), ENOENT);
  WANT_ERROR(link("a/", "c"), ENOTDIR);
  WANT_ERROR(link("a", "/dev/x"), EXDEV);
  WANT_ERROR(link((char*)8, "c"), EFAULT);
  WANT_ERROR(linkat(AT_FDCWD, "a", AT_FDCWD, "c", 1), EINVAL);
  WANT_ERROR(linkat(-7, "a", AT_FDCWD, "c", 0), EBADF);
  WANT_EQ(chmod("a", 0666), 0);  // else Linux's protected_hardlinks speaks first
  as_user();
  WANT_ERROR(link("a", "c"), EACCES);
}

CASE(linkat_follows_only_when_asked, "linkat") {
  make("a");
  WANT_EQ(symlink("a", "l"), 0);
  WANT_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "same", 0), 0);
  WANT(S_ISLNK(status_of("same").st_mode));
  WANT_EQ(linkat(AT_FDCWD, "l", AT_FDCWD, "file", AT_SYMLINK_FOLLOW), 0);
  WANT_EQ(status_of("file").st_ino, status_of("a").st_ino);
  const int fd = open("a", O_RDONLY), directory = open(".", O_RDONLY);
  WANT_EQ(linkat(fd, "", AT_FDCWD, "empty", AT_EMPTY_PATH), 0);
  WANT_EQ(linkat(directory, "a", directory, "third", 0), 0);
  WANT_EQ(status_of("a").st_nlink, 4);
}

CASE(symlink_holds_any_text, "symlink symlinkat readlink readlinkat") {
  char text[20];
  WANT_EQ(symlink("no where/../x", "l"), 0);
  WANT_EQ(status_of("l").st_size, 13);
  WANT_EQ(status_of("l").st_mode, S_IFLNK | 0777);
  WANT_EQ(readlink("l", text, 20), 13);
  WANT(memcmp(text, "no where/../x", 13) == 0);
  WANT_EQ(readlink("l", text, 3), 3);
  const int directory = open(".", O_RDONLY);
  WANT_EQ(symlinkat("t", directory, "m"), 0);
  WANT_EQ(readlinkat(directory, "m", text, 20), 1);
}

CASE(symlink_errors, "symlink symlinkat") {
  make("a");
  static char text[4200];
  memset(text, 't', sizeof text);
  WANT_ERROR(symlink("t", "a"), EEXIST);
  WANT_ERROR(symlink("", "l"), ENOENT);
  WANT_ERROR(symlink("t", ""), ENOENT);
  WANT_ERROR(symlink("t", "a/l"), ENOTDIR);
  WANT_ERROR(symlink("t", "l/"), ENOENT);
  WANT_ERROR(symlink("t", long_name(256)), ENAMETOOLONG);
  text[4096] = 0;
  WANT_ERROR(symlink(text, "l"), ENAMETOOLONG);
  text[4095] = 0;
  WANT_EQ(symlink(text, "l"), 0);
  WANT_EQ(status_of("l").st_size, 4095);
  WANT_ERROR(open("l", O_RDONLY), ENAMETOOLONG);
  as_user();
  WANT_ERROR(symlink("t", "m"), EACCES);
}

CASE(readlink_errors, "readlink readlinkat") {
  char text[8];
  make("a");
  WANT_EQ(symlink("a", "l"), 0);
  WANT_ERROR(readlink("a", text, 8), EINVAL);
  WANT_ERROR(readlink(".", text, 8), EINVAL);
  WANT_ERROR(readlink("missing", text, 8), ENOENT);
  WANT_ERROR(syscall(SYS_readlink, "l", text, 0), EINVAL);
  WANT_ERROR(syscall(SYS_readlink, "l", text, -1), EINVAL);
  WANT_ERROR(syscall(SYS_readlink, "l", 8, 8), EFAULT);
  WANT_ERROR(readlink("l/", text, 8), ENOTDIR);
  WANT_ERROR(syscall(SYS_readlinkat, AT_FDCWD, "", text, 8L), ENOENT);
  const int fd = open("a", O_RDONLY);
  WANT_ERROR(syscall(SYS_readlinkat, fd, "", text, 8L), ENOENT);
}

CASE(unlink_errors, "unlink unlinkat") {
  make("a");
  WANT_EQ(mkdir("d", 0755) | mkdir("d/e", 0755), 0);
  WANT_ERROR(unlink("d"), EISDIR);
  WANT_ERROR(unlink("missing"), ENOENT);
  WANT_ERROR(unlink("a/"), ENOTDIR);
  WANT_ERROR(unlink("a/b"), ENOTDIR);
  WANT_ERROR(unlink("."), EISDIR);
  WANT_ERROR(unlink(""), ENOENT);
  WANT_ERROR(unlinkat(AT_FDCWD, "a", 1), EINVAL);
  WANT_ERROR(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR), ENOTDIR);
  WANT_ERROR(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), ENOTEMPTY);
  WANT_ERROR(unlinkat(-7, "a", 0), EBADF);
  WANT_EQ(unlinkat(open("d", O_RDONLY), "e", AT_REMOVEDIR), 0);
  WANT_EQ(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
  as_user();
  WANT_ERROR(unlink("a"), EACCES);
}

CASE(sticky_directories_protect_others_names, "unlink rename rmdir chmod") {
  WANT_EQ(mkdir("t", 0777) | chmod("t", 01777) | mkdir("t/d", 0777), 0);
  make("t/roots");
  make("t/mine");
  WANT_EQ(chmod("t/roots", 0666) | chown("t/mine", 1000, 1000), 0);
  as_user();
  WANT_ERROR(unlink("t/roots"), EPERM);
  WANT_ERROR(rename("t/roots", "t/x"), EPERM);
  WANT_ERROR(rename("t/mine", "t/roots"), EPERM);
  WANT_ERROR(rmdir("t/d"), EPERM);
  WANT_EQ(rename("t/mine", "t/y"), 0);
  WANT_EQ(unlink("t/y"), 0);
}

CASE(mkdir_and_rmdir_count_links, "mkdir rmdir mkdirat") {
  umask(022);
  WANT_EQ(mkdir("d", 0777), 0);
  WANT_EQ(status_of("d").st_mode, S_IFDIR | 0755);
  WANT_EQ(status_of("d").st_nlink, 2);
  WANT_EQ(mkdirat(open("d", O_RDONLY), "e/", 01777), 0);  // a slash may follow
  WANT_EQ(status_of("d/e").st_mode, S_IFDIR | 01755);
  WANT_EQ(status_of("d").st_nlink, 3);
  WANT_EQ(rmdir("d/e/"), 0);
  WANT_EQ(status_of("d").st_nlink, 2);
}

CASE(mkdir_errors, "mkdir mkdirat") {
  make("a");
  WANT_EQ(symlink("nowhere", "l"), 0);
  WANT_ERROR(mkdir("a", 0755), EEXIST);
  WANT_ERROR(mkdir("l", 0755), EEXIST);
  WANT_ERROR(mkdir(".", 0755), EEXIST);
  WANT_ERROR(mkdir("/", 0755), EEXIST);
  WANT_ERROR(mkdir("a/d", 0755), ENOTDIR);
  WANT_ERROR(mkdir("missing/d", 0755), ENOENT);
  WANT_ERROR(mkdir("", 0755), ENOENT);
  WANT_ERROR(mkdir(long_name(256), 0755), ENAMETOOLONG);
  WANT_ERROR(mkdirat(-7, "d", 0755), EBADF);
  WANT_ERROR(mkdir((char*)8, 0755), EFAULT);
  as_user();
  WANT_ERROR(mkdir("d", 0755), EACCES);
}

CASE(rmdir_errors, "rmdir") {
  make("a");
  WANT_EQ(mkdir("d", 0755) | mkdir("d/e", 0755) | symlink("d", "l"), 0);
  WANT_ERROR(rmdir("a"), ENOTDIR);
  WANT_ERROR(rmdir("d"), ENOTEMPTY);
  WANT_ERROR(rmdir("l"), ENOTDIR);
  WANT_ERROR(rmdir("missing"), ENOENT);
  WANT_ERROR(rmdir("d/."), EINVAL);
  WANT_ERROR(rmdir("d/e/.."), ENOTEMPTY);
  WANT_ERROR(rmdir("/"), EBUSY);
  WANT_ERROR(rmdir("/proc"), EBUSY);
  as_user();
  WANT_ERROR(rmdir("d/e"), EACCES);
}

CASE(removed_working_directory, "rmdir getcwd chdir open") {
  char text[100];
  WANT_EQ(mkdir("d", 0755) | chdir("d") | rmdir("../d"), 0);
  WANT_ERROR(syscall(SYS_getcwd, text, 100L), ENOENT);
  WANT_ERROR(open("f", O_CREAT | O_RDWR, 0644), ENOENT);
  WANT_ERROR(mkdir("e", 0755), ENOENT);
  WANT_EQ(chdir("."), 0);
  WANT_EQ(chdir(".."), 0);
}

CASE(mknod_makes_every_kind, "mknod mknodat") {
  umask(022);
  const int at = open(".", O_RDONLY);
  WANT_EQ(mknod("file", 0666, 0), 0);
  WANT_EQ(status_of("file").st_mode, S_IFREG | 0644);
  WANT_EQ(mknod("fifo", S_IFIFO | 0600, 0), 0);
  WANT(S_ISFIFO(status_of("fifo").st_mode));
  WANT_EQ(mknodat(at, "null", S_IFCHR | 0666, 0x103), 0);
  WANT_EQ(status_of("null").st_rdev, 0x103);
  WANT_EQ(write(open("null", O_WRONLY), "x", 1), 1);
  WANT_EQ(mknod("disk", S_IFBLK | 0600, 0x700), 0);
  WANT_EQ(mknod("socket", S_IFSOCK | 0600, 0), 0);
  WANT_ERROR(mknod("d", S_IFDIR | 0755, 0), EPERM);
  WANT_ERROR(mknod("l", S_IFLNK | 0755, 0), EINVAL);
  WANT_ERROR(mknod("q", 0170000 | 0755, 0), EINVAL);
  WANT_ERROR(mknod("file", 0666, 0), EEXIST);
  WANT_ERROR(mknod("new/", 0666, 0), ENOENT);
  WANT_ERROR(mknodat(-7, "x", 0666, 0), EBADF);
  WANT_EQ(mkdir("open", 0777) | chmod("open", 0777), 0);
  as_user();
  WANT_ERROR(mknod("open/null", S_IFCHR | 0666, 0x103), EPERM);
  WANT_EQ(mknod("open/fifo", S_IFIFO | 0666, 0), 0);
  WANT_ERROR(mknod("fifo2", S_IFIFO | 0666, 0), EACCES);
}

struct entry {
  uint64_t inode;
  int64_t next;
  unsigned short length;
  unsigned char type;
  char name[];
};
CASE(getdents64_lists_all_once, "getdents64 lseek") {
  enum { kNames = 500 };
  char name[20], buffer[1000];
  WANT_EQ(mkdir("d", 0755), 0);
  for (int i = 0; i < kNames; ++i) sprintf(name, "d/%d", i), make(name);
  const int fd = open("d", O_RDONLY);
  for (int round = 0; round < 2; ++round) {
    int seen[kNames] = {0}, dots = 0;
    long got;
    while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
      for (long at = 0; at < got;) {
        struct entry* one = (void*)(buffer + at);
        if (one->name[0] == '.') {
          ++dots;
          WANT_EQ(one->type, DT_DIR);
        } else {
          WANT_EQ(one->type, DT_REG);
          ++seen[atoi(one->name)];
        }
        WANT_EQ(one->length % 8, 0);
        at += one->length;
      }
    }
    WANT_EQ(got, 0);
    WANT_EQ(dots, 2);
    for (int i = 0; i < kNames; ++i) WANT_EQ(seen[i], 1);
    WANT_EQ(lseek(fd, 0, SEEK_SET), 0);
  }
}

CASE(getdents_of_changing_directories, "getdents64") {
  char name[20], buffer[200];
  WANT_EQ(mkdir("d", 0755), 0);
  for (int i = 0; i < 100; ++i) sprintf(name, "d/%d", i), make(name);
  const int fd = open("d", O_RDONLY);
  int removed = 0;
  long got;
  while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
    for (long at = 0; at < got; at += ((struct entry*)(buffer + at))->length) {
      struct entry* one = (void*)(buffer + at);
      if (one->name[0] == '.') continue;
      WANT_EQ(unlinkat(fd, one->name, 0), 0);
      ++removed;
    }
  WANT_EQ(removed, 100);  // nobody is missed because others went
  WANT_EQ(rmdir("d"), 0);
  WANT_EQ(lseek(fd, 0, SEEK_SET), 0);
  WANT_ERROR(syscall(SYS_getdents64, fd, buffer, sizeof buffer), ENOENT);
}

CASE(getdents_errors, "getdents64 getdents") {
  char buffer[64];
  make("a");
  const int fd = open(".", O_RDONLY);
  WANT_ERROR(syscall(SYS_getdents64, open("a", O_RDONLY), buffer, sizeof buffer), ENOTDIR);
  WANT_ERROR(syscall(SYS_getdents64, fd, buffer, 10L), EINVAL);
  WANT_ERROR(syscall(SYS_getdents64, fd, (void*)8, 64L), EFAULT);
  WANT_ERROR(syscall(SYS_getdents64, -1, buffer, 64L), EBADF);
  WANT_ERROR(syscall(SYS_getdents64, open(".", O_PATH), buffer, 64L), EBADF);
  WANT_ERROR(syscall(SYS_getdents, fd, buffer, 10L), EINVAL);
}

CASE(getdents_old_form, "getdents") {
  struct old { unsigned long inode, next; unsigned short length; char name[]; };
  char buffer[500];
  make("file");
  WANT_EQ(symlink("x", "link"), 0);
  int found = 0;
  const long got = syscall(SYS_getdents, open(".", O_RDONLY), buffer, sizeof buffer);
  WANT(got > 0);
  for (long at = 0; at < got;) {
    struct old* one = (void*)(buffer + at);
    const int type = buffer[at + one->length - 1];
    if (!strcmp(one->name, "file")) found |= type == DT_REG && one->inode == status_of("file").st_ino ? 1 : 0;
    if (!strcmp(one->name, "link")) found |= type == DT_LNK ? 2 : 0;
    at += one->length;
  }
  WANT_EQ(found, 3);
}

CASE(getcwd_tells_where_we_are, "getcwd chdir fchdir") {
  char text[100], expected[100];
  WANT(syscall(SYS_getcwd, expected, 100L) > 0);
  WANT_EQ(mkdir("d", 0755) | symlink("d", "l"), 0);
  const int here = open(".", O_RDONLY);
  WANT_EQ(chdir("l"), 0);
  strcat(expected, "/d");
  const long length = syscall(SYS_getcwd, text, 100L);
  WANT_EQ(length, strlen(expected) + 1);  // with the zero
  WANT(strcmp(text, expected) == 0);
  WANT_ERROR(syscall(SYS_getcwd, text, length - 1), ERANGE);
  WANT_EQ(syscall(SYS_getcwd, text, length), length);
  WANT_ERROR(syscall(SYS_getcwd, (char*)8, 100L), EFAULT);
  WANT_EQ(rename("../d", "../moved"), 0);
  WANT(syscall(SYS_getcwd, text, 100L) > 0 && strstr(text, "/moved"));
  WANT_EQ(fchdir(here), 0);
  WANT_EQ(access("moved", F_OK), 0);
}

CASE(chdir_errors, "chdir fchdir") {
  make("a");
  WANT_EQ(mkdir("d", 0700) | symlink("loop", "loop"), 0);
  WANT_ERROR(chdir("a"), ENOTDIR);
  WANT_ERROR(chdir("missing"), ENOENT);
  WANT_ERROR(chdir(""), ENOENT);
  WANT_ERROR(chdir("loop"), ELOOP);
  WANT_ERROR(chdir((char*)8), EFAULT);
  WANT_ERROR(fchdir(open("a", O_RDONLY)), ENOTDIR);
  WANT_ERROR(fchdir(-1), EBADF);
  const int closed = open("d", O_RDONLY);
  as_user();
  WANT_ERROR(chdir("d"), EACCES);
  WANT_ERROR(fchdir(closed), EACCES);
}

CASE(chroot_hides_what_is_above, "chroot chdir open") {
  WANT_EQ(mkdir("jail", 0755) | mkdir("jail/d", 0755), 0);
  make("jail/inside");
  WANT_EQ(symlink("/inside", "jail/l"), 0);
  WANT_EQ(chroot("jail") | chdir("/"), 0);
  WANT(open("/inside", O_RDONLY) >= 0 && open("/../../inside", O_RDONLY) >= 0 && open("l", O_RDONLY) >= 0);
  WANT_ERROR(open("/proc", O_RDONLY), ENOENT);
  char text[20];
  WANT_EQ(syscall(SYS_getcwd, text, 20L), 2);
  WANT_ERROR(chroot("missing"), ENOENT);
  WANT_ERROR(chroot("inside"), ENOTDIR);
  as_user();
  WANT_ERROR(chroot("d"), EPERM);
}

CASE(name_that_is_long_and_deep, "mkdir chdir rmdir getcwd") {
  // 30 × 200 bytes: longer than any path, and still a place that one can be in and remove.
  for (int i = 0; i < 30; ++i) WANT_EQ(mkdir(long_name(200), 0755) | chdir(long_name(200)), 0);
  static char text[8192];
  WANT_ERROR(syscall(SYS_getcwd, text, (long)sizeof text), ENAMETOOLONG);
  for (int i = 0; i < 30; ++i) WANT_EQ(chdir("..") | rmdir(long_name(200)), 0);
}
