// The system calls on files, sockets, events and mounts, by groups: names and numbers (x86-64). groups.h
// makes types of the groups, of which a kernel's page names those that it wants. Each call is `i64
// call_NAME(Task&, const Arguments&)`: the value that the program gets in rax.
#pragma once

#include "base/types.h"

// clang-format off
// files, folders, pipes, poll
#define VARI_LINUX_FILE_CALLS(X)                                                                      \
  X(read, 0) X(write, 1) X(open, 2) X(close, 3) X(stat, 4) X(fstat, 5) X(lstat, 6) X(poll, 7)         \
  X(lseek, 8) X(ioctl, 16) X(pread64, 17) X(pwrite64, 18) X(readv, 19) X(writev, 20) X(access, 21)    \
  X(pipe, 22) X(select, 23) X(dup, 32) X(dup2, 33) X(fcntl, 72) X(flock, 73) X(fsync, 74)             \
  X(fdatasync, 75) X(truncate, 76) X(ftruncate, 77) X(getdents, 78) X(getcwd, 79) X(chdir, 80)        \
  X(fchdir, 81) X(rename, 82) X(mkdir, 83) X(rmdir, 84) X(creat, 85) X(link, 86) X(unlink, 87)        \
  X(symlink, 88) X(readlink, 89) X(chmod, 90) X(fchmod, 91) X(chown, 92) X(fchown, 93)                \
  X(lchown, 94) X(umask, 95) X(utime, 132) X(mknod, 133) X(ustat, 136) X(statfs, 137)                 \
  X(fstatfs, 138) X(sync, 162) X(getdents64, 217) X(utimes, 235) X(openat, 257) X(mkdirat, 258)       \
  X(mknodat, 259) X(fchownat, 260) X(futimesat, 261) X(newfstatat, 262) X(unlinkat, 263)              \
  X(renameat, 264) X(linkat, 265) X(symlinkat, 266) X(readlinkat, 267) X(fchmodat, 268)               \
  X(faccessat, 269) X(pselect6, 270) X(ppoll, 271) X(utimensat, 280) X(dup3, 292) X(pipe2, 293)       \
  X(preadv, 295) X(pwritev, 296) X(syncfs, 306) X(renameat2, 316) X(preadv2, 327) X(pwritev2, 328)    \
  X(statx, 332) X(close_range, 436) X(openat2, 437) X(faccessat2, 439)

// from file to file; advice and space
#define VARI_LINUX_COPY_CALLS(X)                                                                      \
  X(sendfile, 40) X(readahead, 187) X(fadvise64, 221) X(splice, 275) X(tee, 276)                      \
  X(sync_file_range, 277) X(vmsplice, 278) X(fallocate, 285) X(memfd_create, 319)                     \
  X(copy_file_range, 326)

#define VARI_LINUX_SOCKET_CALLS(X)                                                                    \
  X(socket, 41) X(connect, 42) X(accept, 43) X(sendto, 44) X(recvfrom, 45) X(sendmsg, 46)             \
  X(recvmsg, 47) X(shutdown, 48) X(bind, 49) X(listen, 50) X(getsockname, 51) X(getpeername, 52)      \
  X(socketpair, 53) X(setsockopt, 54) X(getsockopt, 55) X(accept4, 288) X(recvmmsg, 299)              \
  X(sendmmsg, 307)

// mounts and roots: mount_calls.cc, mount_context_calls.cc, mount_tree_calls.cc; what is found by a mount and a
// number: handle_calls.cc
#define VARI_LINUX_MOUNT_CALLS(X)                                                                     \
  X(pivot_root, 155) X(chroot, 161) X(mount, 165) X(umount2, 166) X(open_tree, 428)                   \
  X(move_mount, 429) X(fsopen, 430) X(fsconfig, 431) X(fsmount, 432) X(fspick, 433)                   \
  X(mount_setattr, 442) X(name_to_handle_at, 303) X(open_by_handle_at, 304)

// extended attributes
#define VARI_LINUX_ATTRIBUTE_CALLS(X)                                                                 \
  X(setxattr, 188) X(lsetxattr, 189) X(fsetxattr, 190) X(getxattr, 191) X(lgetxattr, 192)             \
  X(fgetxattr, 193) X(listxattr, 194) X(llistxattr, 195) X(flistxattr, 196) X(removexattr, 197)       \
  X(lremovexattr, 198) X(fremovexattr, 199)

// epoll, and events, timers and signals as files
#define VARI_LINUX_EVENT_CALLS(X)                                                                     \
  X(epoll_create, 213) X(epoll_wait, 232) X(epoll_ctl, 233) X(epoll_pwait, 281) X(signalfd, 282)      \
  X(timerfd_create, 283) X(eventfd, 284) X(timerfd_settime, 286) X(timerfd_gettime, 287)              \
  X(signalfd4, 289) X(eventfd2, 290) X(epoll_create1, 291) X(epoll_pwait2, 441)

// asynchronous_calls.cc
#define VARI_LINUX_ASYNCHRONOUS_CALLS(X)                                                              \
  X(io_setup, 206) X(io_destroy, 207) X(io_getevents, 208) X(io_submit, 209) X(io_cancel, 210)        \
  X(io_pgetevents, 333)

// inotify
#define VARI_LINUX_WATCH_CALLS(X)                                                                     \
  X(inotify_init, 253) X(inotify_add_watch, 254) X(inotify_rm_watch, 255) X(inotify_init1, 294)
// clang-format on

namespace vari::linux {

class Task;
struct Arguments;

#define VARI_DECLARE_CALL(name, number) i64 call_##name(Task& task, const Arguments& arguments);
VARI_LINUX_FILE_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_COPY_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_SOCKET_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_MOUNT_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_ATTRIBUTE_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_EVENT_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_WATCH_CALLS(VARI_DECLARE_CALL)
VARI_LINUX_ASYNCHRONOUS_CALLS(VARI_DECLARE_CALL)
#undef VARI_DECLARE_CALL

}  // namespace vari::linux
