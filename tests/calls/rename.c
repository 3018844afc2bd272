// rename(2), renameat(2), renameat2(2).
#include "check.h"

enum { kNoReplace = 1, kExchange = 2, kWhiteout = 4 };
static struct stat status_of(const char* name) {
  struct stat found;
  WANT_EQ(lstat(name, &found), 0);
  return found;
}
static ino_t make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  close(fd);
  return status_of(name).st_ino;
}
static int gone(const char* name) { return access(name, F_OK) != 0 && errno == ENOENT; }
static int rename2(const char* from, const char* to, unsigned flags) {
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

CASE(rename_replaces_at_once, "rename") {
  const ino_t a = make("a");
  const int old = open("b", O_CREAT | O_RDWR, 0644);
  struct stat found;
  WANT_EQ(rename("a", "b"), 0);
  WANT(gone("a"));
  WANT_EQ(status_of("b").st_ino, a);
  WANT_EQ(fstat(old, &found), 0);
  WANT_EQ(found.st_nlink, 0);
}

CASE(rename_of_one_file_to_its_other_name_does_nothing, "rename") {
  make("a");
  WANT_EQ(link("a", "b"), 0);
  WANT_EQ(rename("a", "b"), 0);
  WANT_EQ(status_of("a").st_nlink, 2);
  WANT_EQ(rename("a", "a"), 0);
}

CASE(rename_of_directories, "rename renameat") {
  WANT_EQ(mkdir("a", 0755) | mkdir("b", 0755) | mkdir("a/x", 0755) | mkdir("b/full", 0755), 0);
  make("b/full/f");
  make("file");
  WANT_ERROR(rename("a/x", "b/full"), ENOTEMPTY);
  WANT_ERROR(rename("a/x", "file"), ENOTDIR);
  WANT_ERROR(rename("file", "a/x"), EISDIR);
  WANT_ERROR(rename("a", "a/x/y"), EINVAL);
  WANT_ERROR(rename("a", "a/y"), EINVAL);
  WANT_ERROR(rename("a/x", "a"), ENOTEMPTY);
  WANT_EQ(status_of("a").st_nlink, 3);
  WANT_EQ(renameat(open("a", O_RDONLY), "x", open("b", O_RDONLY), "x"), 0);
  WANT_EQ(status_of("a").st_nlink, 2);
  WANT_EQ(status_of("b").st_nlink, 4);
  WANT_EQ(rename("b/x", "a/"), 0);  // an empty directory is replaced; the slash may follow
  WANT_EQ(status_of("b").st_nlink, 3);
  struct stat up;
  WANT_EQ(stat("b/full/..", &up), 0);
  WANT_EQ(rename("b/full", "moved"), 0);
  WANT_EQ(stat("moved/..", &up), 0);
  WANT_EQ(up.st_ino, status_of(".").st_ino);
}

CASE(rename_errors, "rename") {
  char name[300];
  memset(name, 'n', sizeof name);
  name[256] = 0;
  make("a");
  WANT_EQ(mkdir("d", 0755), 0);
  WANT_ERROR(rename("missing", "b"), ENOENT);
  WANT_ERROR(rename("a", "missing/b"), ENOENT);
  WANT_ERROR(rename("a", ""), ENOENT);
  WANT_ERROR(rename("", "b"), ENOENT);
  WANT_ERROR(rename("a", "a/b"), ENOTDIR);
  WANT_ERROR(rename("a/", "b"), ENOTDIR);
  WANT_ERROR(rename("a", "b/"), ENOTDIR);
  WANT_ERROR(rename("a", name), ENAMETOOLONG);
  WANT_ERROR(rename("d/.", "b"), EBUSY);
  WANT_ERROR(rename("d", "d/.."), EBUSY);
  WANT_ERROR(rename("/", "b"), EBUSY);
  WANT_ERROR(rename("a", "/proc/b"), EXDEV);
  WANT_ERROR(rename("a", (char*)8), EFAULT);
  WANT_ERROR(rename2("a", "b", 8), EINVAL);
  WANT_ERROR(rename2("a", "b", kNoReplace | kExchange), EINVAL);
  WANT_ERROR(syscall(SYS_renameat2, -7, "a", AT_FDCWD, "b", 0), EBADF);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(rename("a", "b"), EACCES);
}

CASE(rename_without_replacing, "renameat2") {
  const ino_t a = make("a"), b = make("b");
  WANT_ERROR(rename2("a", "b", kNoReplace), EEXIST);
  WANT_EQ(status_of("a").st_ino, a);
  WANT_EQ(status_of("b").st_ino, b);
  WANT_EQ(rename2("a", "c", kNoReplace), 0);
  WANT_EQ(symlink("nowhere", "l"), 0);
  WANT_ERROR(rename2("b", "l", kNoReplace), EEXIST);
}

CASE(rename_exchanges_two_names, "renameat2") {
  const ino_t a = make("a");
  WANT_EQ(mkdir("d", 0755) | mkdir("d/x", 0755) | mkdir("e", 0755), 0);
  const ino_t x = status_of("d/x").st_ino;
  WANT_EQ(rename2("a", "d/x", kExchange), 0);
  WANT_EQ(status_of("a").st_ino, x);
  WANT_EQ(status_of("d/x").st_ino, a);
  WANT_EQ(status_of("d").st_nlink, 2);
  struct stat up;
  WANT_EQ(stat("a/..", &up), 0);
  WANT_EQ(up.st_ino, status_of(".").st_ino);
  WANT_ERROR(rename2("a", "missing", kExchange), ENOENT);
  WANT_ERROR(rename2("d", "d/x", kExchange), EINVAL);
  WANT_ERROR(rename2("d/x", "d", kExchange), EINVAL);
}

CASE(rename_marks_the_change, "rename") {
  make("a");
  const struct timespec old[2] = {{1, 0}, {1, 0}};
  WANT_EQ(mkdir("d", 0755), 0);
  WANT_EQ(utimensat(AT_FDCWD, "d", old, 0), 0);
  WANT_EQ(rename("a", "d/a"), 0);
  WANT(status_of("d").st_mtime > 1);
}

CASE(rename_keeps_locks_of_the_tree_in_order, "rename mkdir rmdir") {
  // Directories that change who is whose ancestor, by several processes; no ring, no loss, no deadlock.
  WANT_EQ(mkdir("a", 0755) | mkdir("b", 0755) | mkdir("c", 0755), 0);
  static const char* const kPlaces[] = {"a", "b", "c", "a/x", "b/x", "c/x", "a/b", "b/c", "c/a", "a/x/y", "b/x/y"};
  for (unsigned i = 0; i < 4; ++i) {
    if (fork() != 0) continue;
    unsigned random = i * 7919 + 1;
    for (int j = 0; j < 2000; ++j) {
      random = random * 1103515245 + 12345;
      rename(kPlaces[(random >> 8) % 11], kPlaces[(random >> 16) % 11]);
    }
    _exit(0);
  }
  int status;
  for (int i = 0; i < 4; ++i) WANT(wait(&status) > 0 && status == 0);
  WANT_EQ(system("find . -type d | sort -r | grep -v '^.$' | xargs -r rmdir"), 0);
  WANT_EQ(status_of(".").st_nlink, 2);
}
