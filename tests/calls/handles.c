// Files by number: name_to_handle_at(2), open_by_handle_at(2), in a tmpfs of each case's own.
#include "check.h"

#include <sys/mount.h>
#include <sys/resource.h>

enum { kMost = 128 };
struct handle {
  unsigned bytes;
  int type;
  unsigned char data[kMost];
};
static int to_handle(int at, const char* path, struct handle* handle, int* mount_id, int flags) {
  return syscall(SYS_name_to_handle_at, at, path, handle, mount_id, flags);
}
static int open_handle(int at, const struct handle* handle, int flags) {
  return syscall(SYS_open_by_handle_at, at, handle, flags);
}
static struct handle handle_of(const char* path) {
  struct handle handle = {.bytes = kMost};
  int mount_id;
  WANT_EQ(to_handle(AT_FDCWD, path, &handle, &mount_id, 0), 0);
  WANT(handle.bytes > 0 && handle.bytes < kMost);
  return handle;
}
static void make(const char* name, const char* text) {
  const int fd = open(name, O_CREAT | O_RDWR, 0644);
  WANT_EQ(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}
static void enter(void) {
  WANT_EQ(mkdir("m", 0755) | mount("none", "m", "tmpfs", 0, 0) | chdir("m"), 0);
}
static void leave(void) { WANT_EQ(chdir("..") | umount2("m", MNT_DETACH), 0); }

CASE(a_handle_opens_what_it_was_made_of, "name_to_handle_at open_by_handle_at") {
  char text[16];
  struct stat one, two;
  enter();
  WANT_EQ(mkdir("d", 0755) | mkdir("d/e", 0755), 0);
  make("d/e/f", "hello");
  struct handle file = handle_of("d/e/f"), directory = handle_of("d/e"), top = handle_of(".");
  WANT_EQ(rename("d/e/f", "g") | rename("d/e", "h"), 0);  // names are another matter
  const int place = open(".", O_RDONLY | O_DIRECTORY);
  int fd = open_handle(place, &file, O_RDWR | O_CLOEXEC);
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  WANT_EQ(read(fd, text, sizeof text), 5);
  WANT_EQ(memcmp(text, "hello", 5), 0);
  WANT_EQ(fstat(fd, &one) | stat("g", &two), 0);
  WANT(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
  close(fd);
  fd = open_handle(AT_FDCWD, &directory, O_RDONLY | O_DIRECTORY);
  WANT(fd >= 0);
  WANT_EQ(fstat(fd, &one) | stat("h", &two), 0);
  WANT_EQ(one.st_ino, two.st_ino);
  WANT_EQ(mkdirat(fd, "new", 0755), 0);
  WANT_EQ(access("h/new", F_OK), 0);
  close(fd);
  fd = open_handle(place, &top, O_PATH);
  WANT(fd >= 0);
  WANT_EQ(fstat(fd, &one) | stat(".", &two), 0);
  WANT_EQ(one.st_ino, two.st_ino);
  close(fd);
  close(place);
  leave();
}

CASE(a_handle_is_the_same_each_time, "name_to_handle_at") {
  enter();
  make("f", "");
  make("g", "");
  WANT_EQ(link("f", "again") | symlink("f", "l"), 0);
  const struct handle one = handle_of("f"), two = handle_of("again"), other = handle_of("g"), link = handle_of("l");
  WANT_EQ(one.bytes, two.bytes);
  WANT_EQ(memcmp(one.data, two.data, one.bytes) | (one.type != two.type), 0);
  WANT(memcmp(one.data, other.data, one.bytes) != 0 && memcmp(one.data, link.data, one.bytes) != 0);
  struct handle followed = {.bytes = kMost};
  int mount_id;
  WANT_EQ(to_handle(AT_FDCWD, "l", &followed, &mount_id, AT_SYMLINK_FOLLOW), 0);
  WANT_EQ(memcmp(one.data, followed.data, one.bytes), 0);
  WANT_ERROR(open_handle(AT_FDCWD, &link, O_RDONLY), ELOOP);
  WANT(open_handle(AT_FDCWD, &link, O_PATH) >= 0);
  leave();
}

CASE(vanished_files_are_stale, "open_by_handle_at") {
  enter();
  WANT_EQ(mkdir("d", 0755), 0);
  make("f", "");
  const struct handle file = handle_of("f"), directory = handle_of("d");
  WANT_EQ(unlink("f") | rmdir("d"), 0);
  make("f", "");
  WANT_ERROR(open_handle(AT_FDCWD, &file, O_RDONLY), ESTALE);
  WANT_ERROR(open_handle(AT_FDCWD, &directory, O_RDONLY), ESTALE);
  const struct handle again = handle_of("f");
  WANT_EQ(mkdir("n", 0755) | mount("none", "n", "tmpfs", 0, 0), 0);
  make("n/f", "");
  const int other = open("n", O_RDONLY);
  WANT_ERROR(open_handle(other, &again, O_RDONLY), ESTALE);  // of another file system
  close(other);
  const int process = open("/proc", O_RDONLY);
  WANT_ERROR(open_handle(process, &again, O_RDONLY), ESTALE);  // of one that has no handles
  WANT_EQ(umount2("n", MNT_DETACH), 0);
  leave();
}

CASE(handles_know_their_size, "name_to_handle_at") {
  struct handle handle = {.bytes = 0};
  int mount_id;
  enter();
  make("f", "");
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), EOVERFLOW);
  const unsigned wanted = handle.bytes;
  WANT(wanted > 0 && wanted < kMost);
  handle.bytes = wanted - 1;
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), EOVERFLOW);
  WANT_EQ(handle.bytes, wanted);
  memset(handle.data, 0xee, sizeof handle.data);
  WANT_EQ(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), 0);
  WANT_EQ(handle.bytes, wanted);
  WANT_EQ(handle.data[wanted], 0xee);
  handle.bytes = kMost + 1;
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), EINVAL);
  leave();
}

CASE(handles_tell_the_mount, "name_to_handle_at") {
  struct handle handle = {.bytes = kMost};
  char line[600];
  int mount_id = -1, by_descriptor = -2, found = 0, listed = 0;
  enter();
  make("f", "");
  WANT_EQ(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), 0);
  const int fd = open("f", O_RDONLY);
  handle.bytes = kMost;
  WANT_EQ(to_handle(fd, "", &handle, &by_descriptor, AT_EMPTY_PATH), 0);
  WANT_EQ(mount_id, by_descriptor);
  FILE* file = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, file)) {
    char place[300];
    int id;
    if (sscanf(line, "%d %*d %*s %*s %299s", &id, place) != 2 || id != mount_id) continue;
    ++listed;
    found += strlen(place) > 2 && strcmp(place + strlen(place) - 2, "/m") == 0;
  }
  fclose(file);
  WANT_EQ(listed, 1);
  WANT_EQ(found, 1);
  // struct statx: stx_mnt_id lies 0x90 behind its beginning.
  static unsigned char status[256] __attribute__((aligned(8)));
  WANT_EQ(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x1000, status), 0);
  uint64_t told;
  memcpy(&told, status + 0x90, sizeof told);
  WANT_EQ(told, mount_id);
  close(fd);
  leave();
}

CASE(name_to_handle_refusals, "name_to_handle_at") {
  struct handle handle = {.bytes = kMost};
  int mount_id;
  enter();
  make("f", "");
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0x40000), EINVAL);
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, &mount_id, AT_SYMLINK_NOFOLLOW), EINVAL);
  WANT_ERROR(to_handle(AT_FDCWD, "missing", &handle, &mount_id, 0), ENOENT);
  WANT_ERROR(to_handle(AT_FDCWD, "", &handle, &mount_id, 0), ENOENT);
  WANT_ERROR(to_handle(999, "f", &handle, &mount_id, 0), EBADF);
  WANT_ERROR(to_handle(AT_FDCWD, (char*)8, &handle, &mount_id, 0), EFAULT);
  WANT_ERROR(to_handle(AT_FDCWD, "f", (void*)8, &mount_id, 0), EFAULT);
  WANT_ERROR(to_handle(AT_FDCWD, "f", &handle, (void*)8, 0), EFAULT);
  int ends[2];
  WANT_EQ(pipe(ends), 0);
  WANT_ERROR(to_handle(ends[0], "", &handle, &mount_id, AT_EMPTY_PATH), EOPNOTSUPP);
  leave();
}

static void as_user(void) {
  struct handle handle = {.bytes = kMost};
  int mount_id;
  WANT_EQ(setgid(1000) | setuid(1000), 0);
  WANT_EQ(to_handle(AT_FDCWD, "f", &handle, &mount_id, 0), 0);  // anybody may ask
  WANT_ERROR(open_handle(AT_FDCWD, &handle, O_RDONLY), EPERM);
}
CASE(open_by_handle_refusals, "open_by_handle_at") {
  enter();
  make("f", "x");
  struct handle handle = handle_of("f"), wrong = handle;
  wrong.bytes = 0;
  WANT_ERROR(open_handle(AT_FDCWD, &wrong, O_RDONLY), EINVAL);
  wrong.bytes = kMost + 1;
  WANT_ERROR(open_handle(AT_FDCWD, &wrong, O_RDONLY), EINVAL);
  wrong.bytes = 4;
  WANT_ERROR(open_handle(AT_FDCWD, &wrong, O_RDONLY), ESTALE);
  WANT_ERROR(open_handle(999, &handle, O_RDONLY), EBADF);
  WANT_ERROR(open_handle(AT_FDCWD, (void*)8, O_RDONLY), EFAULT);
  char* page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
  memcpy(page + 4096 - 12, &handle, 12);
  WANT_ERROR(open_handle(AT_FDCWD, (struct handle*)(page + 4096 - 12), O_RDONLY), EFAULT);
  WANT_EQ(mount(0, ".", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0), 0);
  WANT_ERROR(open_handle(AT_FDCWD, &handle, O_RDWR), EROFS);
  const int fd = open("f", O_RDONLY);
  WANT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){fd + 1, 4096}), 0);
  WANT_ERROR(open_handle(AT_FDCWD, &handle, O_RDONLY), EMFILE);
  WANT_EQ(check_wait(check_child(as_user)), 0);
  leave();
}
