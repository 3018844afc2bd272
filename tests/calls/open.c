// open(2), creat(2), openat(2), close(2): flags, modes, and every error that a program can cause.
#include "check.h"

static int make(const char* name, const char* text) {
  const int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  WANT(fd >= 0);
  WANT_EQ(write(fd, text, strlen(text)), strlen(text));
  return fd;
}
#include <grp.h>
static int setgroups_none(void) { return setgroups(0, 0); }
static struct stat status_of(const char* name) {
  struct stat found;
  WANT_EQ(lstat(name, &found), 0);
  return found;
}

CASE(open_takes_the_lowest_descriptor, "open close") {
  const int a = open(".", O_RDONLY), b = open(".", O_RDONLY);
  WANT_EQ(b, a + 1);
  WANT_EQ(close(a), 0);
  WANT_EQ(open("/", O_RDONLY), a);
  WANT_EQ(close(a), 0);
  WANT_ERROR(close(a), EBADF);
  WANT_ERROR(close(-1), EBADF);
}

CASE(open_creates_with_mode_and_umask, "open creat umask") {
  umask(027);
  WANT(open("a", O_CREAT | O_WRONLY, 0777) >= 0);
  WANT_EQ(status_of("a").st_mode, S_IFREG | 0750);
  const int fd = syscall(SYS_creat, "b", 04666);
  WANT(fd >= 0);
  WANT_EQ(status_of("b").st_mode, S_IFREG | 04640);
  WANT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
  WANT_EQ(umask(0), 027);
}

CASE(open_mode_of_a_new_file_binds_the_next_open_only, "open read") {
  const int fd = open("secret", O_CREAT | O_RDWR, 0);
  WANT(fd >= 0);
  WANT_EQ(write(fd, "x", 1), 1);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(open("secret", O_RDONLY), EACCES);
  WANT_EQ(pread(fd, &(char){0}, 1, 0), 1);
}

CASE(open_exclusive_refuses_what_is_there, "open") {
  make("f", "");
  WANT_ERROR(open("f", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
  WANT_EQ(symlink("nowhere", "dangling"), 0);
  WANT_ERROR(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
  WANT(open("dangling", O_CREAT | O_RDWR, 0600) >= 0);  // makes the link's target
  WANT(S_ISREG(status_of("nowhere").st_mode));
}

CASE(open_truncates_only_when_asked, "open write") {
  make("f", "hello");
  WANT(open("f", O_WRONLY) >= 0);
  WANT_EQ(status_of("f").st_size, 5);
  WANT(open("f", O_WRONLY | O_TRUNC) >= 0);
  WANT_EQ(status_of("f").st_size, 0);
}

CASE(open_access_mode_binds_the_descriptor, "open read write") {
  close(make("f", "hello"));
  const int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
  WANT_ERROR(write(reader, "x", 1), EBADF);
  WANT_ERROR(read(writer, &(char){0}, 1), EBADF);
}

CASE(open_errors_of_names, "open") {
  close(make("f", ""));
  char name[300];
  memset(name, 'n', sizeof name);
  name[256] = 0;
  WANT_ERROR(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
  name[255] = 0;
  WANT(open(name, O_CREAT | O_RDWR, 0600) >= 0);
  WANT_ERROR(open("", O_RDONLY), ENOENT);
  WANT_ERROR(open("missing", O_RDONLY), ENOENT);
  WANT_ERROR(open("missing/f", O_CREAT | O_RDWR, 0600), ENOENT);
  WANT_ERROR(open("f/g", O_RDONLY), ENOTDIR);
  WANT_ERROR(open("f/", O_RDONLY), ENOTDIR);
  WANT_ERROR(open("new/", O_CREAT | O_RDWR, 0600), EISDIR);
  WANT_ERROR(open((char*)8, O_RDONLY), EFAULT);
  WANT_ERROR(open(".", O_RDWR), EISDIR);
  WANT_ERROR(open(".", O_WRONLY), EISDIR);
  WANT_ERROR(open(".", O_CREAT | O_RDONLY, 0600), EISDIR);
  WANT_ERROR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
}

CASE(open_path_limit_is_4095_bytes, "open chdir") {
  static char path[5000];
  for (int i = 0; i + 1 < 4095; i += 2) memcpy(path + i, "./", 2);
  path[4094] = '.';
  path[4095] = 0;
  WANT_EQ(strlen(path), 4095);
  WANT(open(path, O_RDONLY) >= 0);
  WANT_EQ(chdir(path), 0);
  path[4095] = '/';
  WANT_ERROR(open(path, O_RDONLY), ENAMETOOLONG);
}

CASE(open_symbolic_links, "open") {
  close(make("f", "x"));
  WANT_EQ(symlink("f", "link"), 0);
  WANT_EQ(symlink("loop", "loop"), 0);
  WANT_EQ(mkdir("d", 0755), 0);
  WANT_EQ(symlink("d", "dlink"), 0);
  WANT_ERROR(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
  WANT_ERROR(open("loop", O_RDONLY), ELOOP);
  WANT_ERROR(open("loop", O_CREAT | O_RDWR, 0600), ELOOP);
  WANT(open("dlink", O_RDONLY | O_DIRECTORY) >= 0);
  WANT_ERROR(open("dlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW), ENOTDIR);
  WANT(open("dlink/", O_RDONLY | O_NOFOLLOW) >= 0);
}

CASE(open_follows_forty_links, "open") {
  char name[8], target[8];
  close(make("l0", "x"));
  for (int i = 1; i <= 41; ++i) {
    sprintf(name, "l%d", i);
    sprintf(target, "l%d", i - 1);
    WANT_EQ(symlink(target, name), 0);
  }
  WANT(open("l40", O_RDONLY) >= 0);
  WANT_ERROR(open("l41", O_RDONLY), ELOOP);
}

CASE(open_path_gives_a_place_only, "open read write fchdir fstat fcntl ioctl") {
  close(make("f", "x"));
  const int fd = open("f", O_PATH | O_RDWR);
  struct stat found;
  WANT(fd >= 0);
  WANT_ERROR(read(fd, &(char){0}, 1), EBADF);
  WANT_ERROR(write(fd, "", 1), EBADF);
  WANT_ERROR(lseek(fd, 0, SEEK_SET), EBADF);
  WANT_ERROR(ftruncate(fd, 0), EBADF);
  WANT_ERROR(syscall(SYS_fchmod, fd, 0600), EBADF);
  WANT_ERROR(syscall(SYS_fchown, fd, 0, 0), EBADF);
  WANT_ERROR(fcntl(fd, F_SETFL, 0), EBADF);
  WANT(mmap(0, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_size, 1);
  WANT(fcntl(fd, F_GETFL) & O_PATH);
  const int directory = open(".", O_PATH | O_DIRECTORY);
  WANT_EQ(fchdir(directory), 0);
  WANT(openat(directory, "f", O_RDONLY) >= 0);
  WANT_EQ(symlink("f", "link"), 0);
  const int link = open("link", O_PATH | O_NOFOLLOW);
  char text[8];
  WANT_EQ(readlinkat(link, "", text, sizeof text), 1);
  WANT_ERROR(open("missing", O_PATH), ENOENT);
}

CASE(open_path_needs_no_permission_of_the_file, "open") {
  close(make("f", "x"));
  WANT_EQ(chmod("f", 0), 0);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT(open("f", O_PATH) >= 0);
  WANT_ERROR(open("f", O_RDONLY), EACCES);
}

CASE(open_temporary_file_has_no_name, "open linkat fstat") {
  struct stat found;
  const int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  WANT(fd >= 0);
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_nlink, 0);
  WANT_EQ(write(fd, "abc", 3), 3);
  char path[40];
  sprintf(path, "/proc/self/fd/%d", fd);
  WANT_EQ(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0);
  WANT_EQ(status_of("named").st_size, 3);
  WANT_EQ(status_of("named").st_nlink, 1);
  WANT_ERROR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
  WANT_ERROR(open("named", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
  WANT_ERROR(open("missing", O_TMPFILE | O_RDWR, 0600), ENOENT);
}

CASE(open_temporary_exclusive_is_never_linked, "open linkat") {
  const int fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
  char path[40];
  WANT(fd >= 0);
  sprintf(path, "/proc/self/fd/%d", fd);
  WANT_ERROR(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), ENOENT);
}

CASE(open_append_always_writes_at_the_end, "open write pwrite64 lseek") {
  close(make("f", "12345"));
  const int fd = open("f", O_RDWR | O_APPEND);
  WANT_EQ(lseek(fd, 0, SEEK_SET), 0);
  WANT_EQ(write(fd, "6", 1), 1);
  WANT_EQ(lseek(fd, 0, SEEK_CUR), 6);
  WANT_EQ(pwrite(fd, "7", 1, 0), 1);  // Linux: at the end, too
  char text[8];
  WANT_EQ(pread(fd, text, 8, 0), 7);
  WANT(memcmp(text, "1234567", 7) == 0);
}

CASE(open_permissions_are_checked, "open") {
  close(make("owner", "x"));
  close(make("group", "x"));
  close(make("other", "x"));
  WANT_EQ(chown("owner", 1000, 0) | chown("group", 0, 1000), 0);
  WANT_EQ(chmod("owner", 0077) | chmod("group", 0606) | chmod("other", 0660), 0);
  WANT_EQ(mkdir("closed", 0700), 0);
  close(make("closed/f", "x"));
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(open("owner", O_RDONLY), EACCES);  // the owner's bits alone count for the owner
  WANT_ERROR(open("group", O_RDWR), EACCES);
  WANT_ERROR(open("other", O_RDONLY), EACCES);
  WANT_ERROR(open("closed/f", O_RDONLY), EACCES);
  WANT_ERROR(open("closed/missing", O_RDONLY), EACCES);
  WANT_ERROR(open("new", O_CREAT | O_RDWR, 0600), EACCES);
}

CASE(open_noatime_is_for_the_owner, "open") {
  close(make("f", "x"));
  WANT(open("f", O_RDONLY | O_NOATIME) >= 0);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT(open("f", O_RDONLY) >= 0);
  WANT_ERROR(open("f", O_RDONLY | O_NOATIME), EPERM);
}

CASE(open_fifos_and_devices, "open mknod") {
  WANT_EQ(mkfifo("fifo", 0600), 0);
  WANT_ERROR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
  const int reader = open("fifo", O_RDONLY | O_NONBLOCK), writer = open("fifo", O_WRONLY | O_NONBLOCK);
  WANT(reader >= 0 && writer >= 0);
  WANT_EQ(mknod("nodevice", S_IFCHR | 0600, 0x7f7f), 0);
  WANT_ERROR(open("nodevice", O_RDONLY), ENXIO);
  WANT_EQ(mknod("socket", S_IFSOCK | 0600, 0), 0);
  WANT_ERROR(open("socket", O_RDONLY), ENXIO);
}

CASE(open_limit_of_descriptors, "open dup") {
  struct { unsigned long soft, hard; } limit = {20, 4096};
  WANT_EQ(syscall(SYS_prlimit64, 0, 7, &limit, 0), 0);
  int last = -1, fd;
  while ((fd = open("/", O_RDONLY)) >= 0) last = fd;
  WANT_EQ(errno, EMFILE);
  WANT_EQ(last, 19);
  WANT_ERROR(dup(0), EMFILE);
}

CASE(openat_starts_at_the_directory, "openat mkdirat") {
  WANT_EQ(mkdir("d", 0755), 0);
  const int directory = open("d", O_RDONLY), file = make("f", "x");
  WANT(openat(directory, "inside", O_CREAT | O_RDWR, 0600) >= 0);
  WANT(S_ISREG(status_of("d/inside").st_mode));
  WANT(openat(file, "/", O_RDONLY) >= 0);  // absolute: the descriptor is not looked at
  WANT(openat(-7, "/", O_RDONLY) >= 0);
  WANT_ERROR(openat(file, "inside", O_RDONLY), ENOTDIR);
  WANT_ERROR(openat(-7, "inside", O_RDONLY), EBADF);
  WANT_EQ(unlink("d/inside") | rmdir("d"), 0);
  WANT_ERROR(openat(directory, "new", O_CREAT | O_RDWR, 0600), ENOENT);
  WANT_ERROR(openat(directory, "..", O_RDONLY) < 0 ? -1 : (errno = 0, -1), 0);  // ".." still leads up
}

CASE(open_flags_as_fcntl_tells_them, "open fcntl") {
  close(make("f", ""));
  const int fd = open("f", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK | O_NOATIME | O_SYNC | O_CLOEXEC, 0600);
  const int flags = fcntl(fd, F_GETFL);
  WANT_EQ(flags & (O_CREAT | O_TRUNC | O_CLOEXEC | O_EXCL), 0);
  WANT_EQ(flags & (O_APPEND | O_NONBLOCK | O_NOATIME | O_SYNC | O_ACCMODE), O_APPEND | O_NONBLOCK | O_NOATIME | O_SYNC | O_RDWR);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

CASE(open_truncation_needs_a_right_to_write, "open") {
  close(make("f", "hello"));
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_ERROR(open("f", O_RDONLY | O_TRUNC), EACCES);
  WANT_EQ(status_of("f").st_size, 5);
}

CASE(open_of_a_removed_name_lives_on, "open unlink fstat") {
  const int fd = make("f", "still");
  struct stat found;
  WANT_EQ(unlink("f"), 0);
  WANT_EQ(fstat(fd, &found), 0);
  WANT_EQ(found.st_nlink, 0);
  char path[40], text[8], target[200] = "";
  sprintf(path, "/proc/self/fd/%d", fd);
  WANT(readlink(path, target, sizeof target) > 0 && strstr(target, "/f (deleted)"));
  const int again = open(path, O_RDONLY);
  WANT(again >= 0);
  WANT_EQ(read(again, text, 8), 5);
}

CASE(open_setgid_directory_hands_its_group_on, "open mkdir chmod") {
  WANT_EQ(mkdir("d", 0777), 0);
  WANT_EQ(chown("d", 0, 777) | chmod("d", 02777), 0);
  WANT(open("d/f", O_CREAT | O_RDWR, 0644) >= 0);
  WANT_EQ(status_of("d/f").st_gid, 777);
  WANT_EQ(mkdir("d/e", 0755), 0);
  WANT_EQ(status_of("d/e").st_gid, 777);
  WANT_EQ(status_of("d/e").st_mode & 07777, 02755);
  // A set-group-ID bit for a group that the caller is not in does not come through.
  WANT_EQ(setgroups_none(), 0);
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT(open("d/g", O_CREAT | O_RDWR, 02775) >= 0);
  WANT_EQ(status_of("d/g").st_mode & 07777, 0755);
}
