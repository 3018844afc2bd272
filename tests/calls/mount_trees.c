// Mounting in steps: fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2), mount_setattr(2).
// All cases work in a private tmpfs of their own ("p"), since mounts in a shared parent can't be moved.
#include "check.h"

#include <linux/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>

int mount(const char*, const char*, const char*, unsigned long, const void*);
int umount2(const char*, int);
enum { kDetach = 2, kEmptyPath = 0x1000, kRecursive = 0x8000, kNoFollow = 0x100 };

static int fs_open(const char* type, unsigned flags) { return syscall(SYS_fsopen, type, flags); }
static int configure(int fd, unsigned command, const char* key, const void* value, int number) {
  return syscall(SYS_fsconfig, fd, command, key, value, number);
}
static int set_text(int fd, const char* key, const char* value) {
  return configure(fd, FSCONFIG_SET_STRING, key, value, 0);
}
static int create(int fd) { return configure(fd, FSCONFIG_CMD_CREATE, 0, 0, 0); }
static int fs_mount(int fd, unsigned flags, unsigned attributes) {
  return syscall(SYS_fsmount, fd, flags, attributes);
}
static int pick(int at, const char* path, unsigned flags) { return syscall(SYS_fspick, at, path, flags); }
static int tree(int at, const char* path, unsigned flags) { return syscall(SYS_open_tree, at, path, flags); }
static int move(int from, const char* from_path, int to, const char* to_path, unsigned flags) {
  return syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static int place(int tree_fd, const char* path) {
  return move(tree_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}
static int set(int at, const char* path, unsigned flags, uint64_t clear, uint64_t set_too) {
  struct mount_attr attributes = {.attr_set = set_too, .attr_clr = clear};
  return syscall(SYS_mount_setattr, at, path, flags, &attributes, sizeof attributes);
}
static void make(const char* name) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT(fd >= 0);
  close(fd);
}
static int there(const char* name) { return access(name, F_OK) == 0; }
static void as_user(void) { WANT_EQ(setgid(1000) | setuid(1000), 0); }
/// In a tmpfs that propagates nothing.
static void enter_private(void) {
  WANT_EQ(mkdir("p", 0755) | mount("none", "p", "tmpfs", 0, 0) | mount(0, "p", 0, MS_PRIVATE, 0) | chdir("p"), 0);
}
static void leave_private(void) { WANT_EQ(chdir("..") | umount2("p", kDetach), 0); }
static int new_tmpfs(void) {
  const int context = fs_open("tmpfs", 0);
  WANT(context >= 0);
  WANT_EQ(create(context), 0);
  const int mounted = fs_mount(context, 0, 0);
  WANT(mounted >= 0);
  close(context);
  return mounted;
}
static int mount_line(const char* start, const char* part) {
  char line[600];
  FILE* file = fopen("/proc/self/mounts", "r");
  int found = 0;
  WANT(file != 0);
  while (fgets(line, sizeof line, file)) found += strstr(line, start) == line && strstr(line, part);
  fclose(file);
  return found;
}

CASE(a_mount_in_steps, "fsopen fsconfig fsmount move_mount") {
  struct statfs found;
  struct stat top;
  enter_private();
  WANT_EQ(mkdir("m", 0755), 0);
  const int context = fs_open("tmpfs", FSOPEN_CLOEXEC);
  WANT(context >= 0);
  WANT_EQ(fcntl(context, F_GETFD), FD_CLOEXEC);
  WANT_EQ(set_text(context, "source", "stepwise"), 0);
  WANT_EQ(set_text(context, "size", "64k"), 0);
  WANT_EQ(set_text(context, "mode", "0710"), 0);
  WANT_EQ(configure(context, FSCONFIG_SET_FLAG, "rw", 0, 0), 0);
  WANT_EQ(create(context), 0);
  const int mounted = fs_mount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  WANT(mounted >= 0);
  WANT_EQ(fcntl(mounted, F_GETFD), FD_CLOEXEC);
  WANT(fcntl(mounted, F_GETFL) & O_PATH);
  WANT_EQ(mount_line("stepwise ", "/m "), 0);
  WANT_EQ(mkdirat(mounted, "before", 0755), 0);  // in no place yet, and yet there
  WANT_EQ(place(mounted, "m"), 0);
  WANT_EQ(mount_line("stepwise ", "/m "), 1);
  WANT(there("m/before"));
  WANT_EQ(statfs("m", &found) | stat("m", &top), 0);
  WANT_EQ(found.f_blocks * found.f_bsize, 65536);
  WANT_EQ(found.f_flags & 0xf, 4 | 8);
  WANT_EQ(top.st_mode, S_IFDIR | 0710);
  WANT_ERROR(umount2("m", 0), EBUSY);  // the descriptor is a user
  close(mounted);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
}

static void fsopen_as_user(void) {
  as_user();
  WANT_ERROR(fs_open("tmpfs", 0), EPERM);
  WANT_ERROR(fs_open((char*)8, 4), EPERM);
}
CASE(fsopen_refusals, "fsopen") {
  WANT_ERROR(fs_open("nosuchfs", 0), ENODEV);
  WANT_ERROR(fs_open("", 0), ENODEV);
  WANT_ERROR(fs_open("tmpfs", 2), EINVAL);
  WANT_ERROR(fs_open((char*)8, 0), EFAULT);
  WANT_ERROR(fs_open(0, 0), EFAULT);
  const int context = fs_open("tmpfs", 0);
  WANT(context >= 0);
  WANT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){context + 1, 4096}), 0);
  WANT_ERROR(fs_open("tmpfs", 0), EMFILE);
  WANT_EQ(check_wait(check_child(fsopen_as_user)), 0);
}

CASE(fsconfig_shapes, "fsconfig") {
  char longest[300];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  const int context = fs_open("tmpfs", 0), other = open("/dev/null", O_RDONLY);
  WANT(context >= 0 && other >= 0);
  WANT_ERROR(configure(-1, FSCONFIG_SET_FLAG, "ro", 0, 0), EINVAL);
  WANT_ERROR(configure(999, FSCONFIG_SET_FLAG, "ro", 0, 0), EBADF);
  WANT_ERROR(configure(other, FSCONFIG_SET_FLAG, "ro", 0, 0), EINVAL);
  WANT_ERROR(configure(context, 99, "ro", 0, 0), EOPNOTSUPP);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, 0, 0, 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, "ro", "x", 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, "ro", 0, 1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_STRING, "size", 0, 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_STRING, "size", "1m", 1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_BINARY, "size", "1m", 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_BINARY, "size", "1m", (1 << 20) + 1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_PATH, "size", "1m", -1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FD, "size", 0, -1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FD, "size", 0, 999), EBADF);
  WANT_ERROR(configure(context, FSCONFIG_CMD_CREATE, "size", 0, 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 1), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, (char*)8, 0, 0), EFAULT);
  WANT_ERROR(configure(context, FSCONFIG_SET_STRING, "size", (char*)8, 0), EFAULT);
  WANT_ERROR(configure(context, FSCONFIG_SET_BINARY, "size", (char*)8, 4), EFAULT);
  WANT_ERROR(configure(context, FSCONFIG_SET_PATH, "size", (char*)8, AT_FDCWD), EFAULT);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, longest, 0, 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_STRING, "size", longest, 0), EINVAL);
  WANT_ERROR(set_text(context, "size", "rubbish"), EINVAL);
  WANT_ERROR(set_text(context, "nosuchoption", "1"), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, "size", 0, 0), EINVAL);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, "source", 0, 0), EINVAL);
  WANT_EQ(set_text(context, "source", "one"), 0);
  WANT_ERROR(set_text(context, "source", "two"), EINVAL);
  WANT_EQ(create(context), 0);  // what was refused leaves no trace
  WANT_ERROR(create(context), EBUSY);
  WANT_ERROR(set_text(context, "size", "1m"), EBUSY);
  WANT_ERROR(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0), EBUSY);
}

static void fsmount_as_user(void) {
  as_user();
  WANT_ERROR(fs_mount(-1, 4, 0), EPERM);
}
CASE(fsmount_refusals, "fsmount") {
  const int context = fs_open("tmpfs", 0), other = open("/dev/null", O_RDONLY);
  WANT(context >= 0 && other >= 0);
  WANT_ERROR(fs_mount(context, 0, 0), EINVAL);  // there is nothing yet
  WANT_EQ(create(context), 0);
  WANT_ERROR(fs_mount(context, 2, 0), EINVAL);
  WANT_ERROR(fs_mount(context, 0, MOUNT_ATTR__ATIME), EINVAL);
  WANT_ERROR(fs_mount(context, 0, MOUNT_ATTR_IDMAP), EINVAL);
  WANT_ERROR(fs_mount(context, 0, 1 << 30), EINVAL);
  WANT_ERROR(fs_mount(999, 0, 0), EBADF);
  WANT_ERROR(fs_mount(other, 0, 0), EINVAL);
  WANT(fs_mount(context, 0, 0) >= 0);
  WANT_ERROR(fs_mount(context, 0, 0), EBUSY);
  WANT_EQ(check_wait(check_child(fsmount_as_user)), 0);
}

CASE(a_context_tells_what_was_wrong, "fsopen fsconfig read write") {
  char text[200];
  const int context = fs_open("tmpfs", 0);
  WANT(context >= 0);
  WANT_ERROR(read(context, text, sizeof text), ENODATA);
  WANT_ERROR(write(context, "x", 1), EINVAL);
  WANT_ERROR(lseek(context, 0, SEEK_SET), ESPIPE);
  WANT_ERROR(set_text(context, "nosuchoption", "1"), EINVAL);
  const ssize_t length = read(context, text, sizeof text);
  WANT(length > 2 && text[0] == 'e' && text[1] == ' ');
  WANT_ERROR(read(context, text, sizeof text), ENODATA);
  WANT_ERROR(set_text(context, "nosuchoption", "1"), EINVAL);
  WANT_ERROR(read(context, text, 3), EMSGSIZE);
  WANT_EQ(read(context, text, sizeof text), length);  // it waits for more room
  WANT_ERROR(set_text(context, "nosuchoption", "1"), EINVAL);
  WANT_ERROR(read(context, (void*)8, 200), EFAULT);
  for (int i = 0; i < 20; ++i) WANT_ERROR(set_text(context, "nosuchoption", "1"), EINVAL);
  int messages = 0;
  while (read(context, text, sizeof text) > 0) ++messages;
  WANT(messages >= 1 && messages < 20);  // the oldest gave way
}

CASE(a_detached_tree_ends_with_its_descriptor, "fsmount open_tree umount2") {
  char text[8], link[64];
  enter_private();
  const int mounted = new_tmpfs(), inside = openat(mounted, "f", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(inside, "hello", 5), 5);
  snprintf(link, sizeof link, "/proc/self/fd/%d", mounted);
  WANT_ERROR(umount2(link, 0), EINVAL);  // nobody's mount can be unmounted
  const int again = openat(mounted, ".", O_PATH);
  close(mounted);
  WANT_ERROR(place(again, "."), EINVAL);  // the tree has ended
  WANT_EQ(pread(inside, text, 8, 0), 5);
  close(inside);
  close(again);
  WANT_EQ(mkdir("m", 0755), 0);
  const int moved = new_tmpfs();
  WANT_EQ(place(moved, "m") | mkdirat(moved, "d", 0755), 0);
  close(moved);
  WANT(there("m/d"));  // whoever was moved stays
  leave_private();
}

CASE(open_tree_opens_a_place, "open_tree") {
  WANT_EQ(mkdir("d", 0755) | symlink("d", "l"), 0);
  make("d/f");
  struct stat link;
  int fd = tree(AT_FDCWD, "d", OPEN_TREE_CLOEXEC);
  WANT(fd >= 0 && faccessat(fd, "f", F_OK, 0) == 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT(fcntl(fd, F_GETFL) & O_PATH);
  WANT_ERROR(read(fd, &link, 1), EBADF);
  WANT(tree(fd, "", kEmptyPath) >= 0);
  fd = tree(AT_FDCWD, "l", kNoFollow);
  WANT_EQ(fstatat(fd, "", &link, AT_EMPTY_PATH), 0);
  WANT(S_ISLNK(link.st_mode));
  WANT_ERROR(tree(AT_FDCWD, "d", 2), EINVAL);
  WANT_ERROR(tree(AT_FDCWD, "d", kRecursive), EINVAL);  // of copies only
  WANT_ERROR(tree(AT_FDCWD, "missing", 0), ENOENT);
  WANT_ERROR(tree(AT_FDCWD, "", 0), ENOENT);
  WANT_ERROR(tree(AT_FDCWD, (char*)8, 0), EFAULT);
  WANT_ERROR(tree(999, "d", 0), EBADF);
  WANT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){fd + 1, 4096}), 0);
  WANT_ERROR(tree(AT_FDCWD, "d", 0), EMFILE);
  WANT_ERROR(tree(AT_FDCWD, "d", OPEN_TREE_CLONE), EMFILE);
  WANT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 4096}), 0);
  as_user();
  WANT_ERROR(tree(AT_FDCWD, "d", OPEN_TREE_CLONE), EPERM);
  WANT(tree(AT_FDCWD, "d", 0) >= 0);
}

CASE(open_tree_copies, "open_tree move_mount") {
  enter_private();
  WANT_EQ(mkdir("a", 0755) | mkdir("b", 0755) | mkdir("c", 0755), 0);
  WANT_EQ(mount("none", "a", "tmpfs", 0, 0) | mkdir("a/in", 0755) | mount("none", "a/in", "tmpfs", 0, 0), 0);
  make("a/in/f");
  make("a/f");
  const int alone = tree(AT_FDCWD, "a", OPEN_TREE_CLONE);
  const int all = tree(AT_FDCWD, "a", OPEN_TREE_CLONE | kRecursive);
  WANT(alone >= 0 && all >= 0);
  WANT(faccessat(alone, "f", F_OK, 0) == 0 && faccessat(alone, "in/f", F_OK, 0) != 0);
  WANT_EQ(faccessat(all, "in/f", F_OK, 0), 0);
  WANT_EQ(umount2("a/in", 0) | umount2("a", 0), 0);  // copies are no users of what they are of
  WANT_EQ(faccessat(all, "in/f", F_OK, 0), 0);
  WANT_EQ(place(all, "b"), 0);
  WANT(there("b/in/f") && there("b/f"));
  WANT_EQ(place(alone, "c"), 0);
  WANT(there("c/f") && !there("c/in/f"));
  close(all);
  WANT_EQ(umount2("b/in", 0) | umount2("b", 0), 0);
  WANT_ERROR(place(alone, "missing"), ENOENT);
  leave_private();
}

CASE(a_copied_tree_that_nobody_places_ends, "open_tree") {
  enter_private();
  WANT_EQ(mkdir("a", 0755) | mount("none", "a", "tmpfs", 0, 0) | mkdir("a/in", 0755), 0);
  WANT_EQ(mount("none", "a/in", "tmpfs", 0, 0), 0);
  make("a/in/f");
  for (int i = 0; i < 50; ++i) close(tree(AT_FDCWD, "a", OPEN_TREE_CLONE | kRecursive));
  WANT_EQ(umount2("a/in", 0) | umount2("a", 0), 0);
  WANT_EQ(rmdir("a"), 0);
  leave_private();
}

static void move_mount_as_user(void) {
  as_user();
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "b", 0x10000), EPERM);
}
CASE(move_mount_moves_and_refuses, "move_mount") {
  enter_private();
  WANT_EQ(mkdir("a", 0755) | mkdir("b", 0755) | mount("none", "a", "tmpfs", 0, 0) | mkdir("a/d", 0755), 0);
  WANT_EQ(symlink("a", "link-a") | symlink("b", "link-b"), 0);
  make("file");
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "a/d", 0), ELOOP);
  WANT_ERROR(move(AT_FDCWD, "b", AT_FDCWD, "a", 0), EINVAL);  // nothing is mounted there
  WANT_ERROR(move(AT_FDCWD, "a/d", AT_FDCWD, "b", 0), EINVAL);
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "file", 0), EINVAL);
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "b", 0x1000), EINVAL);
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "b", MOVE_MOUNT_SET_GROUP), EINVAL);
  WANT_ERROR(move(AT_FDCWD, "missing", AT_FDCWD, "b", 0), ENOENT);
  WANT_ERROR(move(AT_FDCWD, "", AT_FDCWD, "b", 0), ENOENT);
  WANT_ERROR(move(AT_FDCWD, "a", AT_FDCWD, "", 0), ENOENT);
  WANT_ERROR(move(AT_FDCWD, (char*)8, AT_FDCWD, "b", 0), EFAULT);
  WANT_ERROR(move(AT_FDCWD, "a", 999, "b", 0), EBADF);
  WANT_ERROR(move(AT_FDCWD, "link-a", AT_FDCWD, "b", 0), EINVAL);  // links are followed where that is asked for
  WANT_EQ(move(AT_FDCWD, "link-a", AT_FDCWD, "link-b", MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_T_SYMLINKS), 0);
  WANT(there("b/d") && !there("a/d"));
  const int to = open("a", O_PATH);
  WANT_EQ(move(AT_FDCWD, "b", to, "", MOVE_MOUNT_T_EMPTY_PATH), 0);
  WANT(there("a/d") && !there("b/d"));
  close(to);
  const int one = new_tmpfs(), two = new_tmpfs();
  WANT_EQ(mkdirat(one, "d", 0755), 0);
  WANT_ERROR(move(two, "", one, "d", MOVE_MOUNT_F_EMPTY_PATH | 0x1000), EINVAL);
  WANT_EQ(check_wait(check_child(move_mount_as_user)), 0);
  WANT_EQ(umount2("a", 0), 0);
  leave_private();
}

CASE(fspick_changes_what_is_mounted, "fspick fsconfig") {
  struct statfs found;
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, "size=64k") | mkdir("m/d", 0755), 0);
  int context = pick(AT_FDCWD, "m", FSPICK_CLOEXEC);
  WANT(context >= 0);
  WANT_EQ(fcntl(context, F_GETFD), FD_CLOEXEC);
  WANT_ERROR(create(context), EBUSY);
  WANT_ERROR(fs_mount(context, 0, 0), EBUSY);
  WANT_ERROR(set_text(context, "size", "rubbish"), EINVAL);
  WANT_EQ(set_text(context, "size", "128k"), 0);
  WANT_EQ(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0), 0);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_blocks * found.f_bsize, 131072);
  const int writer = open("m/f", O_CREAT | O_WRONLY, 0600);
  WANT_EQ(configure(context, FSCONFIG_SET_FLAG, "ro", 0, 0), 0);
  WANT_ERROR(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0), EBUSY);
  WANT_ERROR(configure(context, FSCONFIG_SET_FLAG, "ro", 0, 0), EBUSY);  // it has failed for good
  close(writer);
  close(context);
  const int place_fd = open("m", O_PATH);
  context = pick(place_fd, "", FSPICK_EMPTY_PATH);
  close(place_fd);
  WANT_EQ(configure(context, FSCONFIG_SET_FLAG, "ro", 0, 0), 0);
  WANT_EQ(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0), 0);
  WANT_ERROR(open("m/f", O_WRONLY), EROFS);
  WANT_EQ(configure(context, FSCONFIG_SET_FLAG, "rw", 0, 0), 0);  // once more, with the same descriptor
  WANT_EQ(configure(context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0), 0);
  close(open("m/f", O_WRONLY));
  WANT_ERROR(pick(AT_FDCWD, "m/d", 0), EINVAL);
  WANT_ERROR(pick(AT_FDCWD, "m", 16), EINVAL);
  WANT_ERROR(pick(AT_FDCWD, "missing", 0), ENOENT);
  WANT_ERROR(pick(AT_FDCWD, (char*)8, 0), EFAULT);
  WANT_ERROR(pick(999, "m", 0), EBADF);
  close(context);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
  as_user();
  WANT_ERROR(pick(AT_FDCWD, "/", 0), EPERM);
}

CASE(a_read_only_file_system_is_so_in_each_mount, "fsconfig fsmount mount_setattr") {
  enter_private();
  WANT_EQ(mkdir("m", 0755), 0);
  const int context = fs_open("tmpfs", 0);
  WANT_EQ(configure(context, FSCONFIG_SET_FLAG, "ro", 0, 0) | create(context), 0);
  const int mounted = fs_mount(context, 0, 0);
  WANT(mounted >= 0);
  WANT_ERROR(openat(mounted, "f", O_CREAT | O_RDWR, 0600), EROFS);
  WANT_EQ(place(mounted, "m"), 0);
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR_RDONLY, 0), 0);
  WANT_ERROR(mkdir("m/d", 0755), EROFS);
  close(mounted);
  close(context);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
}

CASE(attributes_of_a_mount, "mount_setattr") {
  struct statfs found;
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0) | symlink("d", "m/l") | mkdir("m/d", 0755), 0);
  make("m/d/f");
  const int writer = open("m/d/f", O_WRONLY);
  WANT_ERROR(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC), EBUSY);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_flags & 0xf, 0);  // all or nothing
  close(writer);
  WANT_EQ(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC), 0);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_flags & 0xf, 1 | 8);
  WANT_ERROR(open("m/d/f", O_WRONLY), EROFS);
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID), 0);
  WANT_EQ(statfs("m", &found), 0);
  WANT_EQ(found.f_flags & 0xf, 2 | 8);
  close(open("m/d/f", O_WRONLY));
  WANT(there("m/l/f"));
  WANT_EQ(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_NOSYMFOLLOW), 0);
  WANT_ERROR(open("m/l/f", O_RDONLY), ELOOP);
  const int detached = new_tmpfs();
  WANT_EQ(set(detached, "", kEmptyPath, 0, MOUNT_ATTR_RDONLY), 0);
  WANT_ERROR(mkdirat(detached, "d", 0755), EROFS);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
}

CASE(attributes_of_all_below, "mount_setattr") {
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0) | mkdir("m/in", 0755), 0);
  WANT_EQ(mount("none", "m/in", "tmpfs", 0, 0), 0);
  make("m/in/f");
  make("m/f");
  WANT_EQ(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_RDONLY), 0);
  const int writer = open("m/in/f", O_WRONLY);
  WANT(writer >= 0);
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR_RDONLY, 0), 0);
  WANT_ERROR(set(AT_FDCWD, "m", kRecursive, 0, MOUNT_ATTR_RDONLY), EBUSY);
  close(open("m/f", O_WRONLY));
  close(writer);
  WANT_EQ(set(AT_FDCWD, "m", kRecursive, 0, MOUNT_ATTR_RDONLY), 0);
  WANT_ERROR(open("m/in/f", O_WRONLY), EROFS);
  WANT_ERROR(open("m/f", O_WRONLY), EROFS);
  WANT_EQ(umount2("m/in", 0) | umount2("m", 0), 0);
  leave_private();
}

static struct timespec accessed(const char* name) {
  struct stat found;
  WANT_EQ(stat(name, &found), 0);
  return found.st_atim;
}
static void read_file(const char* name) {
  char byte;
  const int fd = open(name, O_RDONLY);
  WANT_EQ(read(fd, &byte, 1), 1);
  close(fd);
}
static int moved_by_reading(const char* name) {
  const struct timespec future[2] = {{4000000000, 0}, {1000000000, 0}};  // far from relatime's rules
  WANT_EQ(utimensat(AT_FDCWD, name, future, 0), 0);
  read_file(name);
  return accessed(name).tv_sec != 4000000000;
}
CASE(access_times_as_the_mount_says, "mount_setattr fsmount") {
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0), 0);
  const int fd = open("m/f", O_CREAT | O_RDWR, 0600);
  WANT_EQ(write(fd, "x", 1), 1);
  close(fd);
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME), 0);
  WANT(moved_by_reading("m/f"));
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME), 0);
  WANT(!moved_by_reading("m/f"));
  WANT_EQ(mount_line("none ", "/m tmpfs rw,noatime"), 1);
  WANT_EQ(set(AT_FDCWD, "m", 0, MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME | MOUNT_ATTR_NODIRATIME), 0);
  WANT_EQ(mount_line("none ", "/m tmpfs rw,nodiratime,relatime"), 1);
  WANT_ERROR(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_NOATIME), EINVAL);  // the old one must be cleared
  WANT_ERROR(set(AT_FDCWD, "m", 0, MOUNT_ATTR_NOATIME, 0), EINVAL);
  WANT_ERROR(set(AT_FDCWD, "m", 0, MOUNT_ATTR__ATIME, MOUNT_ATTR__ATIME), EINVAL);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
}

static void setattr_as_user(void) {
  struct mount_attr attributes = {0};
  as_user();
  WANT_ERROR(set(AT_FDCWD, "m", 0, 0, MOUNT_ATTR_RDONLY), EPERM);
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, 8), EINVAL);
}
CASE(mount_setattr_refusals, "mount_setattr") {
  struct {
    struct mount_attr known;
    uint64_t more[3];
  } large = {.known = {.attr_set = MOUNT_ATTR_NODEV}};
  struct mount_attr attributes = {.propagation = MS_PRIVATE | MS_SLAVE};
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0) | mkdir("m/d", 0755), 0);
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes), EINVAL);
  attributes.propagation = 1;
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes), EINVAL);
  attributes.propagation = MS_PRIVATE;
  WANT_EQ(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, sizeof attributes), 0);
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, 31), EINVAL);
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &attributes, 4097), E2BIG);
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, (void*)8, sizeof attributes), EFAULT);
  WANT_EQ(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &large, sizeof large), 0);
  large.more[2] = 1;
  WANT_ERROR(syscall(SYS_mount_setattr, AT_FDCWD, "m", 0, &large, sizeof large), E2BIG);
  WANT_ERROR(set(AT_FDCWD, "m", 1, 0, MOUNT_ATTR_RDONLY), EINVAL);
  WANT_ERROR(set(AT_FDCWD, "m", 0, 0, 1 << 30), EINVAL);
  WANT_ERROR(set(AT_FDCWD, "m", 0, MOUNT_ATTR_IDMAP, 0), EINVAL);
  WANT_ERROR(set(AT_FDCWD, "m/d", 0, 0, MOUNT_ATTR_RDONLY), EINVAL);  // no root of a mount
  WANT_ERROR(set(AT_FDCWD, "missing", 0, 0, MOUNT_ATTR_RDONLY), ENOENT);
  WANT_ERROR(set(AT_FDCWD, "", 0, 0, MOUNT_ATTR_RDONLY), ENOENT);
  WANT_ERROR(set(AT_FDCWD, (char*)8, 0, 0, MOUNT_ATTR_RDONLY), EFAULT);
  WANT_ERROR(set(999, "m", 0, 0, MOUNT_ATTR_RDONLY), EBADF);
  WANT_EQ(set(AT_FDCWD, "missing", 0, 0, 0), 0);  // nothing is to be changed: nobody looks
  WANT_EQ(check_wait(check_child(setattr_as_user)), 0);
  WANT_EQ(umount2("m", 0), 0);
  leave_private();
}

CASE(lazy_unmount_takes_all_that_is_mounted_below, "umount2") {
  enter_private();
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0) | mkdir("m/in", 0755), 0);
  WANT_EQ(mount("none", "m/in", "tmpfs", 0, 0), 0);
  make("m/in/f");
  WANT_ERROR(umount2("m", 0), EBUSY);
  WANT_EQ(umount2("m", kDetach), 0);
  WANT(!there("m/in"));
  WANT_EQ(rmdir("m"), 0);
  leave_private();
}

static void mount_and_unmount(const char* where) {
  for (int i = 0; i < 150; ++i) {
    const int copy = tree(AT_FDCWD, "a", OPEN_TREE_CLONE | kRecursive);
    WANT(copy >= 0);
    WANT_EQ(faccessat(copy, "in/f", F_OK, 0), 0);
    // What covers the place may go between the walk to it and the move: EINVAL, and the next try finds the place.
    int placed = -1;
    WANT_SOON((placed = place(copy, where)) == 0 || errno != EINVAL);
    WANT_EQ(placed, 0);
    close(copy);
    WANT(umount2(where, kDetach) == 0 || errno == EINVAL);  // somebody else may have been faster
    WANT(set(AT_FDCWD, "a/in", 0, 0, MOUNT_ATTR_RDONLY) == 0 || errno == EBUSY);
    const int writer = open("a/in/f", O_WRONLY);
    WANT(writer >= 0 || errno == EROFS);
    close(writer);
    WANT_EQ(set(AT_FDCWD, "a/in", 0, MOUNT_ATTR_RDONLY, 0), 0);
  }
}
static void at_one(void) { mount_and_unmount("one"); }
static void at_two(void) { mount_and_unmount("two"); }
CASE(mounts_change_from_all_sides, "open_tree move_mount umount2 mount_setattr") {
  enter_private();
  WANT_EQ(mkdir("a", 0755) | mkdir("one", 0755) | mkdir("two", 0755) | mount("none", "a", "tmpfs", 0, 0), 0);
  WANT_EQ(mkdir("a/in", 0755) | mount("none", "a/in", "tmpfs", 0, 0), 0);
  make("a/in/f");
  const pid_t children[4] = {check_child(at_one), check_child(at_one), check_child(at_two), check_child(at_two)};
  for (int i = 0; i < 4; ++i) WANT_EQ(check_wait(children[i]), 0);
  while (umount2("one", kDetach) == 0 || umount2("two", kDetach) == 0) {
  }
  WANT_EQ(errno, EINVAL);
  WANT_EQ(rmdir("one") | rmdir("two") | umount2("a/in", 0) | umount2("a", 0) | rmdir("a"), 0);
  leave_private();
}
