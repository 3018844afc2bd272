// inotify(7): what programs are told of files and folders.
#include "check.h"

#include <dirent.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static char events[65536];
static ssize_t events_length, events_at;

/// The next event, or null: there is none now.
static struct inotify_event* next_event(int fd) {
  if (events_at >= events_length) {
    events_at = 0;
    events_length = read(fd, events, sizeof events);
    if (events_length < 0) {
      WANT_EQ(errno, EAGAIN);
      events_length = 0;
      return 0;
    }
  }
  struct inotify_event* event = (struct inotify_event*)(events + events_at);
  events_at += sizeof *event + event->len;
  return event;
}
static void want_event(int fd, int watch, uint32_t mask, const char* name) {
  const struct inotify_event* event = next_event(fd);
  WANT(event);
  WANT_EQ(event->mask, mask);
  WANT_EQ(event->wd, watch);
  WANT(name ? event->len && strcmp(event->name, name) == 0 : event->len == 0);
}
/// All events that wait, as the union of their masks.
static uint32_t all_events(int fd) {
  uint32_t mask = 0;
  for (const struct inotify_event* event; (event = next_event(fd));) mask |= event->mask;
  return mask;
}
static void make_file(const char* name) {
  const int fd = open(name, O_CREAT | O_WRONLY, 0600);
  WANT(fd >= 0);
  close(fd);
}

CASE(inotify_entries_of_a_folder, "inotify_init1 inotify_add_watch read") {
  const int fd = inotify_init1(IN_NONBLOCK);
  WANT_EQ(mkdir("folder", 0755), 0);
  const int watch = inotify_add_watch(fd, "folder", IN_ALL_EVENTS & ~IN_ACCESS);
  WANT_EQ(watch, 1);
  const int file = open("folder/file", O_CREAT | O_WRONLY, 0600);
  want_event(fd, watch, IN_CREATE, "file");
  want_event(fd, watch, IN_OPEN, "file");
  WANT_EQ(write(file, "x", 1), 1);
  want_event(fd, watch, IN_MODIFY, "file");
  WANT_EQ(fchmod(file, 0644), 0);
  want_event(fd, watch, IN_ATTRIB, "file");
  close(file);
  want_event(fd, watch, IN_CLOSE_WRITE, "file");
  close(open("folder/file", O_RDONLY));
  want_event(fd, watch, IN_OPEN, "file");
  want_event(fd, watch, IN_CLOSE_NOWRITE, "file");
  WANT_EQ(mkdir("folder/inner", 0755), 0);
  want_event(fd, watch, IN_CREATE | IN_ISDIR, "inner");
  WANT_EQ(rmdir("folder/inner"), 0);
  want_event(fd, watch, IN_DELETE | IN_ISDIR, "inner");
  WANT_EQ(symlink("x", "folder/link"), 0);
  want_event(fd, watch, IN_CREATE, "link");
  WANT_EQ(unlink("folder/link"), 0);
  want_event(fd, watch, IN_DELETE, "link");
  WANT(!next_event(fd));
}

CASE(inotify_a_file_itself, "inotify_add_watch read truncate") {
  const int fd = inotify_init1(IN_NONBLOCK);
  make_file("file");
  const int watch = inotify_add_watch(fd, "file", IN_ALL_EVENTS);
  const int file = open("file", O_RDWR);
  want_event(fd, watch, IN_OPEN, 0);
  WANT_EQ(write(file, "abc", 3), 3);
  want_event(fd, watch, IN_MODIFY, 0);
  char bytes[4];
  WANT_EQ(pread(file, bytes, 4, 0), 3);
  want_event(fd, watch, IN_ACCESS, 0);
  WANT_EQ(ftruncate(file, 1), 0);
  want_event(fd, watch, IN_MODIFY, 0);
  WANT_EQ(link("file", "second"), 0);
  want_event(fd, watch, IN_ATTRIB, 0);
  WANT_EQ(rename("file", "third"), 0);
  want_event(fd, watch, IN_MOVE_SELF, 0);
  WANT_EQ(unlink("second"), 0);
  want_event(fd, watch, IN_ATTRIB, 0);
  close(file);
  want_event(fd, watch, IN_CLOSE_WRITE, 0);
}

CASE(inotify_the_end_of_a_file, "inotify_add_watch unlink") {
  const int fd = inotify_init1(IN_NONBLOCK);
  make_file("file");
  const int watch = inotify_add_watch(fd, "file", IN_DELETE_SELF);
  const int file = open("file", O_RDONLY);
  WANT_EQ(unlink("file"), 0);
  WANT_EQ(all_events(fd), 0);  // still open
  close(file);
  WANT_EQ(all_events(fd), IN_DELETE_SELF | IN_IGNORED);
  WANT_ERROR(inotify_rm_watch(fd, watch), EINVAL);
  WANT_EQ(mkdir("folder", 0755), 0);
  WANT(inotify_add_watch(fd, "folder", IN_DELETE_SELF) == watch + 1);
  WANT_EQ(rmdir("folder"), 0);
  WANT_EQ(all_events(fd) & ~IN_ISDIR, IN_DELETE_SELF | IN_IGNORED);
}

CASE(inotify_moves_have_cookies, "inotify_add_watch rename") {
  const int fd = inotify_init1(IN_NONBLOCK);
  WANT_EQ(mkdir("a", 0755), 0);
  WANT_EQ(mkdir("b", 0755), 0);
  make_file("a/one");
  const int a = inotify_add_watch(fd, "a", IN_MOVE), b = inotify_add_watch(fd, "b", IN_MOVE);
  WANT_EQ(rename("a/one", "b/two"), 0);
  const struct inotify_event* event = next_event(fd);
  WANT(event && event->mask == IN_MOVED_FROM && event->wd == a && strcmp(event->name, "one") == 0);
  const uint32_t cookie = event->cookie;
  event = next_event(fd);
  WANT(event && event->mask == IN_MOVED_TO && event->wd == b && strcmp(event->name, "two") == 0);
  WANT(cookie != 0 && event->cookie == cookie);
  WANT_EQ(rename("b/two", "a/three"), 0);
  event = next_event(fd);
  WANT(event && event->mask == IN_MOVED_FROM && event->cookie != cookie);
}

CASE(inotify_masks, "inotify_add_watch inotify_rm_watch") {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  WANT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  make_file("file");
  WANT_EQ(symlink("file", "link"), 0);
  const int watch = inotify_add_watch(fd, "file", IN_OPEN);
  WANT_EQ(inotify_add_watch(fd, "link", IN_ATTRIB | IN_MASK_ADD), watch);
  close(open("file", O_RDONLY));
  WANT_EQ(all_events(fd), IN_OPEN);
  WANT_EQ(inotify_add_watch(fd, "file", IN_ATTRIB), watch);
  close(open("file", O_RDONLY));
  WANT_EQ(all_events(fd), 0);
  WANT_ERROR(inotify_add_watch(fd, "file", IN_OPEN | 0x10000000), EEXIST);  // IN_MASK_CREATE
  WANT_ERROR(inotify_add_watch(fd, "file", IN_OPEN | IN_ONLYDIR), ENOTDIR);
  WANT(inotify_add_watch(fd, "link", IN_OPEN | IN_DONT_FOLLOW) != watch);
  WANT_ERROR(inotify_add_watch(fd, "file", 0), EINVAL);
  WANT_ERROR(inotify_add_watch(fd, "nothing", IN_OPEN), ENOENT);
  WANT_ERROR(inotify_add_watch(0, "file", IN_OPEN), EINVAL);
  WANT_ERROR(inotify_add_watch(777, "file", IN_OPEN), EBADF);
  WANT_EQ(inotify_rm_watch(fd, watch), 0);
  WANT_EQ(all_events(fd), IN_IGNORED);
  WANT_ERROR(inotify_rm_watch(fd, watch), EINVAL);
  WANT_ERROR(syscall(SYS_inotify_init1, 1), EINVAL);
  WANT(syscall(SYS_inotify_init) >= 0);
}

CASE(inotify_once, "inotify_add_watch") {
  const int fd = inotify_init1(IN_NONBLOCK);
  make_file("file");
  inotify_add_watch(fd, "file", IN_OPEN | IN_ONESHOT);
  close(open("file", O_RDONLY));
  close(open("file", O_RDONLY));
  want_event(fd, 1, IN_OPEN, 0);
  want_event(fd, 1, IN_IGNORED, 0);
  WANT(!next_event(fd));
}

CASE(inotify_unlinked_entries, "inotify_add_watch") {
  for (int exclude = 0; exclude < 2; ++exclude) {
    const int fd = inotify_init1(IN_NONBLOCK);
    make_file("file");
    inotify_add_watch(fd, ".", IN_MODIFY | (exclude ? IN_EXCL_UNLINK : 0));
    const int file = open("file", O_WRONLY);
    WANT_EQ(unlink("file"), 0);
    WANT_EQ(write(file, "x", 1), 1);
    WANT_EQ(all_events(fd), exclude ? 0 : IN_MODIFY);
    close(file);
    close(fd);
  }
}

CASE(inotify_reading, "read ioctl poll") {
  const int fd = inotify_init1(IN_NONBLOCK);
  struct pollfd one = {fd, POLLIN, 0};
  int bytes = -1;
  inotify_add_watch(fd, ".", IN_CREATE);
  WANT_EQ(poll(&one, 1, 0), 0);
  make_file("name");
  WANT_EQ(poll(&one, 1, 0), 1);
  WANT_EQ(ioctl(fd, FIONREAD, &bytes), 0);
  WANT_EQ(bytes, 32);
  char small[16];
  WANT_ERROR(read(fd, small, sizeof small), EINVAL);
  make_file("sixteen-letters-");
  char room[40];
  WANT_EQ(read(fd, room, sizeof room), 32);
  WANT_EQ(read(fd, events, sizeof events), 16 + 32);
  WANT_ERROR(write(fd, "x", 1), EBADF);
}

CASE(inotify_same_events_are_one, "read") {
  const int fd = inotify_init1(IN_NONBLOCK);
  make_file("file");
  inotify_add_watch(fd, "file", IN_MODIFY);
  const int file = open("file", O_WRONLY);
  for (int i = 0; i < 10; ++i) WANT_EQ(write(file, "x", 1), 1);
  want_event(fd, 1, IN_MODIFY, 0);
  WANT(!next_event(fd));
}

CASE(inotify_overflow, "read") {
  const int fd = inotify_init1(IN_NONBLOCK);
  make_file("a");
  make_file("b");
  inotify_add_watch(fd, "a", IN_ATTRIB);
  inotify_add_watch(fd, "b", IN_ATTRIB);
  for (int i = 0; i < 9000; ++i) {
    WANT_EQ(chmod("a", 0600), 0);
    WANT_EQ(chmod("b", 0600), 0);
  }
  int count = 0, overflows = 0;
  for (const struct inotify_event* event; (event = next_event(fd)); ++count)
    if (event->mask & IN_Q_OVERFLOW) WANT(event->wd == -1 && ++overflows == 1);
  WANT_EQ(overflows, 1);
  WANT_EQ(count, 16385);
  WANT_EQ(chmod("a", 0600), 0);
  want_event(fd, 1, IN_ATTRIB, 0);
}

static void make_later(void) {
  usleep(20000);
  make_file("late");
}
CASE(inotify_waits, "read poll") {
  const int fd = inotify_init1(0);
  inotify_add_watch(fd, ".", IN_CREATE);
  const pid_t child = check_child(make_later);
  want_event(fd, 1, IN_CREATE, "late");
  WANT_EQ(check_wait(child), 0);
}

CASE(inotify_init_is_the_plain_one, "inotify_init inotify_add_watch inotify_rm_watch") {
  const int fd = syscall(SYS_inotify_init);
  WANT(fd >= 0);
  WANT_EQ(fcntl(fd, F_GETFD), 0);
  WANT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  const int watch = inotify_add_watch(fd, ".", IN_CREATE);
  WANT(watch >= 0);
  make_file("new");
  want_event(fd, watch, IN_CREATE, "new");
  WANT_EQ(inotify_rm_watch(fd, watch), 0);
}
