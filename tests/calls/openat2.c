// openat2(2): a structure that can grow, flags that are checked, and RESOLVE_* restrictions of the walk.
#include "check.h"

#include <linux/openat2.h>

static int open_how(int at, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {flags, mode, resolve};
  return syscall(SYS_openat2, at, path, &how, sizeof how);
}
static int tree(void) {  // d/{f,up->..,out->/,in->f,d/} and f outside
  WANT_EQ(mkdir("d", 0755) | mkdir("d/e", 0755), 0);
  WANT(open("d/f", O_CREAT | O_RDWR, 0644) >= 0 && open("f", O_CREAT | O_RDWR, 0644) >= 0);
  WANT_EQ(symlink("../f", "d/up") | symlink("/", "d/out") | symlink("f", "d/in") | symlink("/f", "d/absolute"), 0);
  const int at = open("d", O_RDONLY);
  WANT(at >= 0);
  return at;
}

CASE(openat2_opens_as_open_does, "openat2") {
  const int at = tree(), fd = open_how(at, "new", O_CREAT | O_RDWR | O_CLOEXEC, 0640, 0);
  struct stat found;
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_mode, S_IFREG | 0640);
}

CASE(openat2_checks_its_structure, "openat2") {
  struct { struct open_how how; uint64_t more; } big = {{O_RDONLY, 0, 0}, 0};
  WANT_ERROR(syscall(SYS_openat2, AT_FDCWD, ".", &big, 23), EINVAL);
  WANT_ERROR(syscall(SYS_openat2, AT_FDCWD, ".", &big, 0), EINVAL);
  WANT(syscall(SYS_openat2, AT_FDCWD, ".", &big, sizeof big) >= 0);
  big.more = 1;
  WANT_ERROR(syscall(SYS_openat2, AT_FDCWD, ".", &big, sizeof big), E2BIG);
  WANT_ERROR(syscall(SYS_openat2, AT_FDCWD, ".", 8, 24), EFAULT);
  WANT_ERROR(syscall(SYS_openat2, AT_FDCWD, ".", &big, 5000), E2BIG);
}

CASE(openat2_refuses_unknown_flags, "openat2") {
  WANT_ERROR(open_how(AT_FDCWD, ".", 1ull << 40, 0, 0), EINVAL);
  WANT_ERROR(open_how(AT_FDCWD, ".", O_RDONLY, 0644, 0), EINVAL);  // a mode without a file to make
  WANT_ERROR(open_how(AT_FDCWD, "n", O_CREAT | O_RDWR, 0200000, 0), EINVAL);
  WANT_ERROR(open_how(AT_FDCWD, ".", O_RDONLY, 0, 1 << 20), EINVAL);
  WANT_ERROR(open_how(AT_FDCWD, ".", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
  WANT_ERROR(open_how(AT_FDCWD, ".", O_PATH | O_RDWR, 0, 0), EINVAL);  // open ignores it
}

CASE(openat2_beneath, "openat2") {
  const int at = tree();
  WANT(open_how(at, "f", O_RDONLY, 0, RESOLVE_BENEATH) >= 0);
  WANT(open_how(at, "in", O_RDONLY, 0, RESOLVE_BENEATH) >= 0);
  WANT(open_how(at, "e/../f", O_RDONLY, 0, RESOLVE_BENEATH) >= 0);
  WANT_ERROR(open_how(at, "..", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
  WANT_ERROR(open_how(at, "e/../../f", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
  WANT_ERROR(open_how(at, "up", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
  WANT_ERROR(open_how(at, "out", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
  WANT_ERROR(open_how(at, "/f", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
}

CASE(openat2_in_root, "openat2") {
  const int at = tree();
  struct stat inside, found;
  WANT_EQ(fstatat(at, "f", &inside, 0), 0);
  for (int i = 0; i < 4; ++i) {
    const int fd = open_how(at, (const char*[]){"/f", "../f", "up", "absolute"}[i], O_RDONLY, 0, RESOLVE_IN_ROOT);
    WANT(fd >= 0);
    WANT_EQ(fstat(fd, &found), 0);
    WANT_EQ(found.st_ino, inside.st_ino);
  }
}

CASE(openat2_no_symlinks, "openat2") {
  const int at = tree();
  WANT(open_how(at, "f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS) >= 0);
  WANT_ERROR(open_how(at, "in", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
  WANT(open_how(at, "in", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS) >= 0);
}

CASE(openat2_no_magic_links, "openat2") {
  tree();
  WANT(open_how(AT_FDCWD, "/proc/self/cwd", O_RDONLY, 0, 0) >= 0);
  WANT_ERROR(open_how(AT_FDCWD, "/proc/self/cwd", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), ELOOP);
  WANT(open_how(AT_FDCWD, "d/in", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS) >= 0);
}

CASE(openat2_no_crossing_of_mounts, "openat2") {
  WANT_ERROR(open_how(AT_FDCWD, "/proc/self", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
  const int proc = open("/proc", O_RDONLY);
  WANT(open_how(proc, "self/status", O_RDONLY, 0, RESOLVE_NO_XDEV) >= 0);
  WANT_ERROR(open_how(proc, "..", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
}

CASE(openat2_cached_is_not_tried_with_creation, "openat2") {
  WANT_ERROR(open_how(AT_FDCWD, "n", O_CREAT | O_RDWR, 0644, RESOLVE_CACHED), EAGAIN);
  const int fd = open_how(AT_FDCWD, ".", O_RDONLY, 0, RESOLVE_CACHED);
  WANT(fd >= 0 || errno == EAGAIN);
}
