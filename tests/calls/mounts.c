// Mounts: mount(2), umount2(2), pivot_root(2), and the calls that take them apart (fsopen(2) and its kin).
// All cases leave what they mounted to their folder's removal: each unmounts what it made.
#include "check.h"

#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static void make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  close(fd);
}
static int there(const char* name) { return access(name, F_OK) == 0; }
static int tmpfs(const char* where, const char* options) { return mount("none", where, "tmpfs", 0, options); }
static void as_user(void) { WANT_EQ(setgid(1000) | setuid(1000), 0); }

CASE(mount_hides_and_umount_shows, "mount umount2") {
  struct stat a, b;
  WANT_EQ(mkdir("m", 0755), 0);
  make("m/below");
  WANT_EQ(stat("m", &a) | tmpfs("m", 0) | stat("m", &b), 0);
  WANT(a.st_dev != b.st_dev && !there("m/below"));
  make("m/above");
  WANT_EQ(umount("m"), 0);
  WANT(there("m/below") && !there("m/above"));
}

CASE(mount_errors, "mount") {
  make("f");
  WANT_EQ(mkdir("m", 0755), 0);
  WANT_ERROR(mount("none", "m", "nosuchfs", 0, 0), ENODEV);
  WANT_ERROR(mount("none", "missing", "tmpfs", 0, 0), ENOENT);
  WANT_ERROR(mount("none", "f", "tmpfs", 0, 0), ENOTDIR);
  WANT_ERROR(mount("none", "m", "tmpfs", 0, "size=rubbish"), EINVAL);
  WANT_ERROR(mount("none", "m", "tmpfs", 0, "nosuchoption=1"), EINVAL);
  WANT_ERROR(mount("none", (char*)8, "tmpfs", 0, 0), EFAULT);
  WANT_ERROR(mount("none", "m", 0, 0, 0), EINVAL);
  WANT_ERROR(mount("none", "m", 0, MS_REMOUNT, 0), EINVAL);  // not mounted
  WANT_ERROR(mount("missing", "m", 0, MS_BIND, 0), ENOENT);
  WANT_ERROR(mount("m", "f", 0, MS_BIND, 0), ENOTDIR);
  WANT_ERROR(mount("m", "m", 0, MS_MOVE, 0), EINVAL);
  as_user();
  WANT_ERROR(mount("none", "m", "tmpfs", 0, 0), EPERM);
  WANT_ERROR(umount("/proc"), EPERM);
}

CASE(umount_errors, "umount2") {
  WANT_EQ(mkdir("m", 0755) | tmpfs("m", 0) | mkdir("m/d", 0755), 0);
  const int fd = open("m/d", O_RDONLY);
  WANT_ERROR(umount("m"), EBUSY);
  close(fd);
  WANT_ERROR(umount("m/d"), EINVAL);
  WANT_ERROR(umount("missing"), ENOENT);
  WANT_ERROR(umount2("m", 0x100), EINVAL);
  WANT_EQ(symlink("m", "l"), 0);
  WANT_ERROR(umount2("l", UMOUNT_NOFOLLOW), EINVAL);
  WANT_EQ(umount2("l", 0), 0);
}

CASE(lazy_unmount_lets_users_finish, "umount2") {
  char text[8];
  WANT_EQ(mkdir("m", 0755) | tmpfs("m", 0), 0);
  const int fd = open("m/f", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(fd, "hello", 5), 5);
  WANT_EQ(umount2("m", MNT_DETACH), 0);
  WANT(!there("m/f"));
  WANT_EQ(pread(fd, text, 8, 0), 5);
  WANT_EQ(rmdir("m"), 0);
}

CASE(expiring_unmount_takes_two_calls, "umount2") {
  WANT_EQ(mkdir("m", 0755) | tmpfs("m", 0), 0);
  WANT_ERROR(umount2("m", MNT_EXPIRE), EAGAIN);
  WANT_EQ(access("m/x", F_OK), -1);
  WANT_ERROR(umount2("m", MNT_EXPIRE | MNT_DETACH), EINVAL);
  WANT_EQ(umount2("m", MNT_EXPIRE) == 0 || (errno == EAGAIN && umount2("m", MNT_EXPIRE) == 0), 1);
}

CASE(read_only_mounts_refuse_changes, "mount open mkdir unlink chmod rename link truncate") {
  WANT_EQ(mkdir("m", 0755) | tmpfs("m", 0), 0);
  make("m/f");
  const int fd = open("m/f", O_RDWR);
  WANT_ERROR(mount(0, "m", 0, MS_REMOUNT | MS_RDONLY, 0), EBUSY);  // open for writing
  close(fd);
  WANT_EQ(mount(0, "m", 0, MS_REMOUNT | MS_RDONLY, 0), 0);
  WANT_ERROR(open("m/f", O_RDWR), EROFS);
  WANT_ERROR(open("m/new", O_CREAT | O_RDWR, 0600), EROFS);
  WANT_ERROR(mkdir("m/d", 0755), EROFS);
  WANT_ERROR(mkdir("m/f", 0755), EEXIST);
  WANT_ERROR(unlink("m/f"), EROFS);
  WANT_ERROR(rename("m/f", "m/g"), EROFS);
  WANT_ERROR(link("m/f", "m/g"), EROFS);
  WANT_ERROR(symlink("x", "m/g"), EROFS);
  WANT_ERROR(chmod("m/f", 0600), EROFS);
  WANT_ERROR(chown("m/f", 1, 1), EROFS);
  WANT_ERROR(truncate("m/f", 0), EROFS);
  WANT_ERROR(access("m/f", W_OK), EROFS);
  WANT_ERROR(utimensat(AT_FDCWD, "m/f", 0, 0), EROFS);
  WANT_ERROR(open("m", O_TMPFILE | O_RDWR, 0600), EROFS);
  WANT(open("m/f", O_RDONLY) >= 0);
  struct statfs found;
  WANT_EQ(statfs("m", &found), 0);
  WANT(found.f_flags & 1);
  WANT_EQ(umount2("m", MNT_DETACH), 0);
}

CASE(mount_flags_are_obeyed, "mount execve open") {
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", MS_NOEXEC | MS_NODEV | MS_NOSUID, 0), 0);
  int fd = open("m/s", O_CREAT | O_WRONLY, 0755);
  WANT_EQ(write(fd, "#!/bin/sh\n", 10), 10);
  close(fd);
  WANT_EQ(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)), 0);
  WANT_ERROR(open("m/null", O_RDONLY), EACCES);
  WANT_ERROR(execl("m/s", "s", (char*)0), EACCES);
  fd = open("m/s", O_RDONLY);
  WANT(mmap(0, 10, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EPERM);
  close(fd);
  struct statfs found;
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_flags & 0xe, 0xe);
  WANT_EQ(umount("m"), 0);
}

CASE(bind_mounts_show_a_tree_again, "mount") {
  WANT_EQ(mkdir("a", 0755) | mkdir("a/d", 0755) | mkdir("b", 0755), 0);
  make("a/d/f");
  make("file");
  make("over");
  WANT_EQ(mount("a/d", "b", 0, MS_BIND, 0), 0);
  WANT(there("b/f"));
  make("b/g");
  WANT(there("a/d/g"));
  struct stat up, here;
  WANT_EQ(stat("b/..", &up) | stat(".", &here), 0);
  WANT_EQ(up.st_ino, here.st_ino);
  WANT_ERROR(rename("b/f", "a/d/h"), EXDEV);  // another mount, though one file system
  WANT_ERROR(link("b/f", "a/d/h"), EXDEV);
  WANT_EQ(mount(0, "b", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0), 0);
  WANT_ERROR(open("b/f", O_RDWR), EROFS);
  WANT(open("a/d/f", O_RDWR) >= 0);  // of that mount alone
  WANT_EQ(mount("file", "over", 0, MS_BIND, 0), 0);
  struct stat one, two;
  WANT_EQ(stat("file", &one) | stat("over", &two), 0);
  WANT_EQ(one.st_ino, two.st_ino);
  WANT_ERROR(unlink("over"), EBUSY);
  WANT_EQ(umount("over") | umount("b"), 0);
}

CASE(a_remount_is_of_the_whole_file_system, "mount") {
  WANT_EQ(mkdir("a", 0755) | tmpfs("a", 0) | mkdir("b", 0755) | mount("a", "b", 0, MS_BIND, 0), 0);
  const int writer = open("a/f", O_CREAT | O_RDWR, 0600);
  WANT_ERROR(mount(0, "b", 0, MS_REMOUNT | MS_RDONLY, 0), EBUSY);
  make("b/g");  // nothing has changed
  close(writer);
  WANT_EQ(mount(0, "b", 0, MS_REMOUNT | MS_RDONLY, 0), 0);
  WANT_ERROR(open("a/f", O_RDWR), EROFS);
  WANT_EQ(mount(0, "a", 0, MS_REMOUNT, 0), 0);
  close(open("a/f", O_RDWR));
  WANT_ERROR(open("b/f", O_RDWR), EROFS);  // that mount is so itself
  WANT_EQ(umount("b") | umount("a"), 0);
}

CASE(recursive_bind_takes_what_is_mounted_below, "mount") {
  WANT_EQ(mkdir("a", 0755) | mkdir("b", 0755) | mkdir("c", 0755) | tmpfs("a", 0) | mkdir("a/in", 0755) | tmpfs("a/in", 0), 0);
  make("a/in/f");
  WANT_EQ(mount("a", "b", 0, MS_BIND, 0), 0);
  WANT(!there("b/in/f"));
  WANT_EQ(mount("a", "c", 0, MS_BIND | MS_REC, 0), 0);
  WANT(there("c/in/f"));
  WANT_EQ(umount("b") | umount("c/in") | umount("c") | umount("a/in") | umount("a"), 0);
}

CASE(move_takes_a_mount_elsewhere, "mount") {
  WANT_EQ(mkdir("p", 0755) | tmpfs("p", 0) | mount(0, "p", 0, MS_PRIVATE, 0), 0);
  WANT_EQ(mkdir("p/a", 0755) | mkdir("p/b", 0755) | tmpfs("p/a", 0), 0);
  make("p/a/f");
  WANT_EQ(mkdir("p/a/d", 0755), 0);
  WANT_ERROR(mount("p/a", "p/a/d", 0, MS_MOVE, 0), ELOOP);
  WANT_EQ(mount("p/a", "p/b", 0, MS_MOVE, 0), 0);
  WANT(there("p/b/f") && !there("p/a/f"));
  WANT_EQ(umount("p/b") | umount("p"), 0);
}

CASE(tmpfs_options, "mount statfs") {
  struct statfs found;
  struct stat top;
  static char block[4096];
  WANT_EQ(mkdir("m", 0755) | tmpfs("m", "size=64k,nr_inodes=5,mode=0710,uid=12,gid=34"), 0);
  WANT_EQ(statfs("m", &found) | stat("m", &top), 0);
  WANT_EQ(found.f_blocks * found.f_bsize, 65536);
  WANT_EQ(found.f_files, 5);
  WANT_EQ(found.f_ffree, 4);
  WANT(top.st_mode == (S_IFDIR | 0710) && top.st_uid == 12 && top.st_gid == 34);
  const int fd = open("m/f", O_CREAT | O_RDWR, 0600);
  int written = 0;
  while (write(fd, block, sizeof block) == sizeof block) ++written;
  WANT_EQ(errno, ENOSPC);
  WANT(written >= 14 && written <= 16);
  WANT_EQ(ftruncate(fd, 0), 0);
  WANT_EQ(pwrite(fd, block, sizeof block, 0), sizeof block);  // given back
  for (int i = 0; i < 3; ++i) WANT_EQ(mkdir((const char*[]){"m/1", "m/2", "m/3"}[i], 0755), 0);
  WANT_ERROR(mkdir("m/4", 0755), ENOSPC);
  WANT_ERROR(open("m/g", O_CREAT | O_RDWR, 0600), ENOSPC);
  WANT_EQ(rmdir("m/1") | mkdir("m/4", 0755), 0);
  close(fd);
  WANT_EQ(umount("m"), 0);
  WANT_EQ(tmpfs("m", "nr_blocks=4,nr_inodes=2k"), 0);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_blocks, 4);
  WANT_EQ(found.f_files, 2048);
  WANT_EQ(mount(0, "m", 0, MS_REMOUNT, "size=128k"), 0);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_blocks * found.f_bsize, 131072);
  WANT_EQ(umount("m"), 0);
}

CASE(mounts_are_listed, "mount umount2") {
  char line[600];
  WANT_EQ(mkdir("m", 0755) | mount("mysource", "m", "tmpfs", MS_RDONLY | MS_NOSUID, 0), 0);
  FILE* file = fopen("/proc/self/mounts", "r");
  int found = 0;
  while (fgets(line, sizeof line, file)) found += strstr(line, "mysource ") == line && strstr(line, "/m tmpfs ro,nosuid");
  WANT_EQ(found, 1);
  WANT_EQ(umount("m"), 0);
}

static void pivot(void) {
  WANT_EQ(chroot("a") | chdir("/"), 0);
  WANT_EQ(syscall(SYS_pivot_root, "n", "n/old"), 0);
  WANT(there("/in-n") && there("/old/in-a") && !there("/in-a"));
  WANT(there("in-n"));  // who stood in the old root stands in the new one
}
CASE(pivot_root_puts_the_old_root_elsewhere, "pivot_root chroot") {
  WANT_EQ(mkdir("a", 0755) | tmpfs("a", 0) | mkdir("a/n", 0755) | tmpfs("a/n", 0) | mkdir("a/n/old", 0755), 0);
  make("a/in-a");
  make("a/n/in-n");
  WANT_EQ(check_wait(check_child(pivot)), 0);
  WANT(there("a/in-n") && there("a/old/in-a"));
  WANT_EQ(umount("a/old") | umount("a"), 0);
  WANT(!there("a/in-n") && !there("a/in-a"));
}
static void pivot_refusals(void) {
  WANT_EQ(chroot("a") | chdir("/"), 0);
  WANT_ERROR(syscall(SYS_pivot_root, "missing", "n/old"), ENOENT);
  WANT_ERROR(syscall(SYS_pivot_root, "file", "n/old"), ENOTDIR);
  WANT_ERROR(syscall(SYS_pivot_root, "n/old", "n/old"), EINVAL);  // nothing is mounted there
  WANT_ERROR(syscall(SYS_pivot_root, "n", "m"), EINVAL);          // not below the new root
  WANT_ERROR(syscall(SYS_pivot_root, "d", "d"), EBUSY);           // within the root as it is
  WANT_ERROR(syscall(SYS_pivot_root, "n", "d"), EBUSY);
  WANT_ERROR(syscall(SYS_pivot_root, "/", "n"), EBUSY);
  WANT_ERROR(syscall(SYS_pivot_root, "n", "/"), EBUSY);
  as_user();
  WANT_ERROR(syscall(SYS_pivot_root, "n", "n/old"), EPERM);
}
CASE(pivot_root_refusals, "pivot_root") {
  WANT_EQ(mkdir("a", 0755) | tmpfs("a", 0) | mkdir("a/n", 0755) | tmpfs("a/n", 0) | mkdir("a/n/old", 0755), 0);
  WANT_EQ(mkdir("a/d", 0755) | mkdir("a/m", 0755) | tmpfs("a/m", 0), 0);
  make("a/file");
  WANT_EQ(check_wait(check_child(pivot_refusals)), 0);
  WANT_EQ(umount("a/m") | umount("a/n") | umount("a"), 0);
}
