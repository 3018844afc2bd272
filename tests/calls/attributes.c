// What is known of a file and who may change it: stat, statx, access, chmod, chown, times, statfs.
#include "check.h"

#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

static int make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  return fd;
}
static struct stat status_of(const char* name) {
  struct stat found;
  WANT_EQ(lstat(name, &found), 0);
  return found;
}
static int mode_of(const char* name) { return status_of(name).st_mode & 07777; }
static void as_user(int user) { WANT_EQ(syscall(SYS_setgroups, 0, 0) | setgid(user) | setuid(user), 0); }
static char* long_name(void) {
  static char name[300];
  memset(name, 'n', 256);
  return name;
}

CASE(stat_tells_all, "stat fstat lstat newfstatat") {
  umask(022);
  const int fd = make("f");
  WANT_EQ(pwrite(fd, "x", 1, 5000), 1);
  WANT_EQ(symlink("f", "l"), 0);
  struct stat a, b, c, d;
  WANT_EQ(syscall(SYS_stat, "l", &a) | syscall(SYS_fstat, fd, &b) | syscall(SYS_lstat, "f", &c), 0);
  WANT_EQ(syscall(SYS_newfstatat, fd, "", &d, AT_EMPTY_PATH), 0);
  WANT(memcmp(&a, &b, sizeof a) == 0 && memcmp(&a, &c, sizeof a) == 0 && memcmp(&a, &d, sizeof a) == 0);
  WANT_EQ(a.st_mode, S_IFREG | 0644);
  WANT_EQ(a.st_size, 5001);
  WANT_EQ(a.st_blocks, 8);
  WANT_EQ(a.st_nlink, 1);
  WANT(a.st_blksize >= 512 && a.st_mtime > 1000000000 && a.st_dev != 0 && a.st_ino != 0);
  WANT_EQ(syscall(SYS_lstat, "l", &b), 0);
  WANT(S_ISLNK(b.st_mode) && b.st_ino != a.st_ino);
  WANT_EQ(syscall(SYS_newfstatat, AT_FDCWD, "l", &c, AT_SYMLINK_NOFOLLOW), 0);
  WANT_EQ(c.st_ino, b.st_ino);
  WANT_EQ(syscall(SYS_stat, "/dev/null", &a), 0);
  WANT(S_ISCHR(a.st_mode) && a.st_rdev == makedev(1, 3));
}

CASE(stat_errors, "stat lstat fstat newfstatat") {
  struct stat found;
  make("f");
  WANT_EQ(symlink("loop", "loop"), 0);
  WANT_ERROR(syscall(SYS_stat, "missing", &found), ENOENT);
  WANT_ERROR(syscall(SYS_stat, "", &found), ENOENT);
  WANT_ERROR(syscall(SYS_stat, "f/", &found), ENOTDIR);
  WANT_ERROR(syscall(SYS_stat, "f/g", &found), ENOTDIR);
  WANT_ERROR(syscall(SYS_stat, "loop", &found), ELOOP);
  WANT_ERROR(syscall(SYS_stat, long_name(), &found), ENAMETOOLONG);
  WANT_ERROR(syscall(SYS_lstat, 8, &found), EFAULT);
  WANT_ERROR(syscall(SYS_stat, "f", 8), EFAULT);
  WANT_ERROR(syscall(SYS_fstat, -1, &found), EBADF);
  WANT_ERROR(syscall(SYS_fstat, 0, 8), EFAULT);
  WANT_ERROR(syscall(SYS_newfstatat, AT_FDCWD, "", &found, 0), ENOENT);
  WANT_ERROR(syscall(SYS_newfstatat, AT_FDCWD, "f", &found, 0x4000000), EINVAL);
  WANT_ERROR(syscall(SYS_newfstatat, -7, "f", &found, 0), EBADF);
  WANT_EQ(mkdir("closed", 0700), 0);
  as_user(1000);
  WANT_ERROR(syscall(SYS_stat, "closed/f", &found), EACCES);
  WANT_EQ(syscall(SYS_stat, "closed", &found), 0);
}

CASE(statx_tells_all, "statx") {
  struct statx found;
  struct stat known;
  const int fd = make("f");
  WANT_EQ(fstat(fd, &known), 0);
  WANT_EQ(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &found), 0);
  WANT_EQ(found.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  WANT(found.stx_mode == known.st_mode && found.stx_ino == known.st_ino && found.stx_nlink == 1);
  WANT(found.stx_mtime.tv_sec == known.st_mtim.tv_sec && found.stx_mtime.tv_nsec == known.st_mtim.tv_nsec);
  WANT(makedev(found.stx_dev_major, found.stx_dev_minor) == known.st_dev);
  WANT_EQ(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &found), 0);
  WANT_EQ(syscall(SYS_statx, AT_FDCWD, "/proc", 0, STATX_BASIC_STATS, &found), 0);
  WANT(found.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT && found.stx_attributes & STATX_ATTR_MOUNT_ROOT);
  WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX__RESERVED, &found), EINVAL);
  WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0, &found), EINVAL);  // both kinds of synchronising
  WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "f", 0x4000000, 0, &found), EINVAL);
  WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "missing", 0, 0, &found), ENOENT);
  WANT_ERROR(syscall(SYS_statx, -7, "f", 0, 0, &found), EBADF);
  WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, 8), EFAULT);
}

CASE(access_asks_for_the_real_user, "access faccessat faccessat2") {
  make("f");
  WANT_EQ(chmod("f", 0640), 0);
  WANT_EQ(syscall(SYS_access, "f", R_OK | W_OK), 0);
  WANT_ERROR(syscall(SYS_access, "f", X_OK), EACCES);  // root needs one x bit, too
  WANT_EQ(syscall(SYS_access, ".", X_OK), 0);
  WANT_EQ(syscall(SYS_setresuid, 1000, 0, 0) | 0, 0);
  WANT_ERROR(syscall(SYS_access, "f", W_OK), EACCES);
  WANT_EQ(syscall(SYS_access, "f", F_OK), 0);
  WANT_EQ(syscall(SYS_faccessat2, AT_FDCWD, "f", W_OK, AT_EACCESS), 0);
  WANT_ERROR(syscall(SYS_faccessat2, AT_FDCWD, "f", W_OK, 0), EACCES);
  WANT_ERROR(syscall(SYS_faccessat, AT_FDCWD, "f", W_OK), EACCES);
}

CASE(access_errors, "access faccessat faccessat2") {
  const int fd = make("f");
  WANT_EQ(symlink("nowhere", "l"), 0);
  WANT_ERROR(access("f", 8), EINVAL);
  WANT_ERROR(access("missing", F_OK), ENOENT);
  WANT_ERROR(access("l", F_OK), ENOENT);
  WANT_ERROR(access("f/g", F_OK), ENOTDIR);
  WANT_ERROR(syscall(SYS_access, 8, F_OK), EFAULT);
  WANT_ERROR(syscall(SYS_faccessat, -7, "f", F_OK), EBADF);
  WANT_EQ(syscall(SYS_faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW), 0);
  WANT_EQ(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH), 0);
  WANT_ERROR(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 0x4000000), EINVAL);
}

CASE(chmod_changes_bits, "chmod fchmod fchmodat") {
  const int fd = make("f");
  WANT_EQ(syscall(SYS_chmod, "f", 0107777), 0);  // the kind's bits are not looked at
  WANT_EQ(status_of("f").st_mode, S_IFREG | 07777);
  WANT_EQ(syscall(SYS_fchmod, fd, 0600), 0);
  WANT_EQ(mode_of("f"), 0600);
  WANT_EQ(symlink("f", "l"), 0);
  WANT_EQ(syscall(SYS_fchmodat, AT_FDCWD, "l", 0640), 0);
  WANT_EQ(mode_of("f"), 0640);
  WANT_ERROR(syscall(SYS_chmod, "missing", 0600), ENOENT);
  WANT_ERROR(syscall(SYS_chmod, "f/g", 0600), ENOTDIR);
  WANT_ERROR(syscall(SYS_fchmod, -1, 0600), EBADF);
  WANT_ERROR(syscall(SYS_fchmodat, -7, "f", 0600), EBADF);
  WANT_EQ(chown("f", 1000, 2000), 0);
  as_user(1000);
  WANT_EQ(chmod("f", 02770), 0);
  WANT_EQ(mode_of("f"), 0770);  // set-group-ID of a group that the owner is not in goes
  WANT_EQ(setuid(1000), 0);
}

CASE(chmod_is_for_the_owner, "chmod fchmod") {
  const int fd = make("f");
  WANT_EQ(chmod("f", 0666), 0);
  as_user(1000);
  WANT_ERROR(chmod("f", 0600), EPERM);
  WANT_ERROR(fchmod(fd, 0600), EPERM);
}

CASE(chown_by_root, "chown fchown lchown fchownat") {
  const int fd = make("f");
  WANT_EQ(symlink("f", "l"), 0);
  WANT_EQ(syscall(SYS_chown, "l", 1, 2), 0);
  WANT(status_of("f").st_uid == 1 && status_of("f").st_gid == 2 && status_of("l").st_uid == 0);
  WANT_EQ(syscall(SYS_lchown, "l", 3, 4), 0);
  WANT(status_of("l").st_uid == 3 && status_of("l").st_gid == 4);
  WANT_EQ(syscall(SYS_fchown, fd, -1, 9), 0);
  WANT(status_of("f").st_uid == 1 && status_of("f").st_gid == 9);
  WANT_EQ(syscall(SYS_fchownat, AT_FDCWD, "l", 5, -1, AT_SYMLINK_NOFOLLOW), 0);
  WANT(status_of("l").st_uid == 5 && status_of("f").st_uid == 1);
  WANT_EQ(syscall(SYS_fchownat, fd, "", 6, 6, AT_EMPTY_PATH), 0);
  WANT_EQ(status_of("f").st_uid, 6);
  WANT_ERROR(syscall(SYS_fchownat, AT_FDCWD, "f", 1, 1, 0x4000000), EINVAL);
  WANT_ERROR(syscall(SYS_fchownat, -7, "f", 1, 1, 0), EBADF);
  WANT_ERROR(syscall(SYS_chown, "missing", 1, 1), ENOENT);
  WANT_ERROR(syscall(SYS_fchown, -1, 1, 1), EBADF);
}

CASE(chown_clears_set_id_bits, "chown") {
  make("f");
  WANT_EQ(chmod("f", 06755) | chown("f", 1, 1), 0);
  WANT_EQ(mode_of("f"), 0755);
  WANT_EQ(chmod("f", 06745) | chown("f", 1, 1), 0);  // without group execute it is no set-ID bit
  WANT_EQ(mode_of("f"), 02745);
  WANT_EQ(mkdir("d", 0755) | chmod("d", 06755) | chown("d", 1, 1), 0);
  WANT_EQ(mode_of("d"), 06755);
  WANT_EQ(chmod("f", 06755) | chown("f", -1, -1), 0);
  WANT_EQ(mode_of("f"), 0755);  // even where nothing changes
}

CASE(chown_by_others, "chown lchown") {
  make("f");
  WANT_EQ(chown("f", 1000, 1000), 0);
  const gid_t groups[] = {77};
  WANT_EQ(syscall(SYS_setgroups, 1, groups) | setgid(1000) | setuid(1000), 0);
  WANT_EQ(chown("f", -1, 77), 0);
  WANT_EQ(chown("f", 1000, 1000), 0);
  WANT_ERROR(chown("f", 1001, -1), EPERM);
  WANT_ERROR(chown("f", -1, 78), EPERM);
  WANT_ERROR(chown("/", 1000, -1), EPERM);
  WANT_ERROR(chown("/", -1, 1000), EPERM);
}

static void want_times(const char* name, long accessed, long modified) {
  WANT_EQ(status_of(name).st_atime, accessed);
  WANT_EQ(status_of(name).st_mtime, modified);
}
CASE(times_can_be_set, "utimensat utimes utime futimesat") {
  const int fd = make("f");
  const struct timespec exact[2] = {{100, 123456789}, {200, 987654321}};
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "f", exact, 0), 0);
  want_times("f", 100, 200);
  WANT_EQ(status_of("f").st_mtim.tv_nsec, 987654321);
  const struct timespec omit[2] = {{0, UTIME_OMIT}, {300, 0}};
  WANT_EQ(syscall(SYS_utimensat, fd, 0, omit, 0), 0);
  want_times("f", 100, 300);
  const struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "f", now, 0), 0);
  WANT(status_of("f").st_atime > 1000000000 && status_of("f").st_mtime == 300);
  const struct timeval micro[2] = {{5, 6}, {7, 8}};
  WANT_EQ(syscall(SYS_utimes, "f", micro), 0);
  want_times("f", 5, 7);
  WANT_EQ(status_of("f").st_mtim.tv_nsec, 8000);
  const struct utimbuf whole = {11, 12};
  WANT_EQ(syscall(SYS_utime, "f", &whole), 0);
  want_times("f", 11, 12);
  WANT_EQ(syscall(SYS_futimesat, AT_FDCWD, "f", micro), 0);
  want_times("f", 5, 7);
  WANT_EQ(syscall(SYS_utime, "f", 0), 0);
  WANT(status_of("f").st_mtime > 1000000000);
  WANT_EQ(symlink("f", "l"), 0);
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "l", exact, AT_SYMLINK_NOFOLLOW), 0);
  want_times("l", 100, 200);
  const struct timespec before[2] = {{-5, 0}, {-6, 0}};
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "f", before, 0), 0);
  want_times("f", -5, -6);
}

CASE(times_errors, "utimensat utimes utime futimesat") {
  make("f");
  const struct timespec bad[2] = {{0, 1000000000}, {0, 0}}, good[2] = {{1, 0}, {1, 0}}, omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  const struct timeval wrong[2] = {{0, 1000000}, {0, 0}}, right[2] = {{1, 0}, {1, 0}};
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", bad, 0), EINVAL);
  WANT_ERROR(syscall(SYS_utimes, "f", wrong), EINVAL);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", good, 0x4000000), EINVAL);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "missing", good, 0), ENOENT);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "", good, 0), ENOENT);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", 8, 0), EFAULT);
  WANT_ERROR(syscall(SYS_utimensat, -1, 0, good, 0), EBADF);
  WANT_ERROR(syscall(SYS_futimesat, -7, "f", right), EBADF);
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "missing", omit, 0), 0);  // nothing to do: not even looked for
  WANT_EQ(chmod("f", 0666), 0);
  as_user(1000);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", good, 0), EPERM);
  WANT_ERROR(syscall(SYS_utime, "f", &(struct utimbuf){1, 1}), EPERM);
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "f", 0, 0), 0);  // who may write may say: now
  const struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, mixed[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  WANT_EQ(syscall(SYS_utimensat, AT_FDCWD, "f", now, 0), 0);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", mixed, 0), EPERM);
}
CASE(times_now_needs_a_right_to_write, "utimensat utime utimes") {
  make("f");
  as_user(1000);
  WANT_ERROR(syscall(SYS_utimensat, AT_FDCWD, "f", 0, 0), EACCES);
  WANT_ERROR(syscall(SYS_utime, "f", 0), EACCES);
  WANT_ERROR(syscall(SYS_utimes, "f", 0), EACCES);
}

CASE(times_move_with_what_is_done, "read write link chmod") {
  const struct timespec old[2] = {{1, 0}, {1, 0}};
  const int fd = make("f");
  WANT_EQ(write(fd, "x", 1), 1);
  WANT_EQ(futimens(fd, old), 0);
  WANT_EQ(pread(fd, &(char){0}, 1, 0), 1);
  WANT(status_of("f").st_atime > 1 && status_of("f").st_mtime == 1);
  WANT_EQ(futimens(fd, old), 0);
  WANT_EQ(write(fd, "y", 1), 1);
  WANT(status_of("f").st_mtime > 1);
  WANT_EQ(futimens(fd, old), 0);
  const long changed = status_of("f").st_ctime;
  WANT(changed > 1000000000);
  WANT_EQ(chmod("f", 0600), 0);
  want_times("f", 1, 1);
  WANT_EQ(mkdir("d", 0755) | utimensat(AT_FDCWD, "d", old, 0), 0);
  close(open("d/new", O_CREAT | O_RDWR, 0600));
  WANT(status_of("d").st_mtime > 1);
}

CASE(statfs_of_a_file_system, "statfs fstatfs") {
  struct statfs a, b;
  const int fd = make("f");
  WANT_EQ(syscall(SYS_statfs, "f", &a), 0);
  WANT_EQ(syscall(SYS_fstatfs, fd, &b), 0);
  WANT_EQ(a.f_type, b.f_type);
  WANT_EQ(a.f_namelen, 255);
  WANT(a.f_bsize > 0);
  WANT_EQ(statfs("/proc", &a), 0);
  WANT_EQ(a.f_type, 0x9fa0);
  WANT_ERROR(statfs("missing", &a), ENOENT);
  WANT_ERROR(statfs("f/g", &a), ENOTDIR);
  WANT_ERROR(syscall(SYS_statfs, "f", 8), EFAULT);
  WANT_ERROR(fstatfs(-1, &a), EBADF);
}

CASE(ustat_of_a_device_number, "ustat") {
  struct { int free_blocks; unsigned long free_inodes; char names[12]; } found;
  memset(&found, 1, sizeof found);
  WANT_EQ(syscall(SYS_ustat, status_of(".").st_dev, &found), 0);
  WANT_EQ(found.names[0] | found.names[6], 0);
  WANT_ERROR(syscall(SYS_ustat, makedev(200, 77), &found), EINVAL);
  WANT_ERROR(syscall(SYS_ustat, status_of(".").st_dev, 8), EFAULT);
}
