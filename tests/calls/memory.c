// mmap(2), munmap(2), mprotect(2), brk(2), mremap(2), madvise(2), msync(2), mincore(2), mlock(2).
#include <setjmp.h>
#include <sys/resource.h>

#include "check.h"

#define PAGE 4096ul
#define FAR 256ul  // pages: further than what one fault may bring in
static char* anonymous(size_t pages) {
  char* at = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  WANT(at != MAP_FAILED);
  return at;
}
static int file_of(const char* text, size_t pages) {
  const int fd = open("file", O_CREAT | O_TRUNC | O_RDWR, 0600);
  WANT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  if (pages) WANT_EQ(ftruncate(fd, pages * PAGE), 0);
  return fd;
}
static sigjmp_buf back;
static void jump(int number) {
  siglongjmp(back, number);
}
/// The signal that touching the address raises, or 0.
static int touch(volatile char* at, int write_too) {
  signal(SIGSEGV, jump);
  signal(SIGBUS, jump);
  const int number = sigsetjmp(back, 1);
  if (number) return number;
  const char value = *at;
  if (write_too) *at = value;
  return 0;
}

CASE(mmap_gives_zeros, "mmap munmap") {
  char* at = anonymous(3);
  for (size_t i = 0; i < 3 * PAGE; ++i) WANT(at[i] == 0);
  at[PAGE] = 1;
  WANT_EQ(munmap(at + PAGE, PAGE), 0);
  WANT_EQ(touch(at, 1), 0);
  WANT_EQ(touch(at + PAGE, 0), SIGSEGV);
  WANT_EQ(touch(at + 2 * PAGE, 1), 0);
  WANT_EQ(munmap(at + PAGE, PAGE), 0);  // nothing there: no error
}

CASE(mmap_refusals, "mmap") {
  const int read_only = open("/proc/self/exe", O_RDONLY), fd = file_of("x", 1);
  const int write_only = open("file", O_WRONLY);
  WANT(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  WANT(mmap(0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 100), EINVAL);
  WANT_ERROR(syscall(SYS_mmap, 100, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0), EINVAL);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, 777, 0), EBADF);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, read_only, 0), EACCES);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES);
  WANT_ERROR(syscall(SYS_mmap, 0, 1ull << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
  const int folder = open(".", O_RDONLY);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, folder, 0), ENODEV);
  int p[2];
  WANT_EQ(pipe(p), 0);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0), ENODEV);
}

CASE(mmap_fixed_replaces_and_noreplace_does_not, "mmap") {
  char* at = anonymous(2);
  at[0] = 5;
  WANT_ERROR(syscall(SYS_mmap, at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0), EEXIST);
  WANT_EQ(at[0], 5);
  WANT(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
  WANT_EQ(at[0], 0);
  WANT_EQ(munmap(at, 2 * PAGE), 0);
  WANT(mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0) == at);
}

CASE(mmap_hints_are_followed_where_free, "mmap munmap") {
  char* at = anonymous(8);
  WANT_EQ(munmap(at, 8 * PAGE), 0);
  WANT(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == at + PAGE);
  WANT(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != at + PAGE);
  char* low = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  WANT((uintptr_t)low < 1ul << 31);
}

CASE(private_file_maps_keep_their_writes, "mmap") {
  const int fd = file_of("hello", 2);
  char* at = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  WANT(memcmp(at, "hello", 5) == 0 && at[5] == 0);
  at[0] = 'j';
  char got[6] = "";
  WANT_EQ(pread(fd, got, 5, 0), 5);
  WANT(strcmp(got, "hello") == 0);
  WANT_EQ(close(fd), 0);
  WANT(at[0] == 'j' && at[PAGE] == 0);
}

CASE(shared_file_maps_write_the_file, "mmap msync") {
  const int fd = file_of("hello", 1);
  char* at = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  at[0] = 'j';
  char got[6] = "";
  WANT_EQ(pread(fd, got, 5, 0), 5);
  WANT(strcmp(got, "jello") == 0);
  WANT_EQ(pwrite(fd, "c", 1, 0), 1);
  WANT_EQ(at[0], 'c');
  WANT_EQ(msync(at, PAGE, MS_SYNC), 0);
  const pid_t child = fork();
  if (child == 0) {
    at[1] = 'E';
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(at[1], 'E');
}

CASE(beyond_the_end_of_the_file_is_a_bus_error, "mmap ftruncate") {
  const int fd = file_of("hello", 0);
  char* at = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
  WANT_EQ(touch(at + PAGE - 1, 0), 0);
  WANT_EQ(touch(at + PAGE, 0), SIGBUS);
  WANT_EQ(ftruncate(fd, 2 * PAGE), 0);
  WANT_EQ(touch(at + PAGE, 0), 0);
}

CASE(anonymous_shared_memory_is_forks, "mmap fork") {
  volatile int* at = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) {
    *at = 9;
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(*at, 9);
}

CASE(mprotect_forbids_and_allows, "mprotect") {
  char* at = anonymous(3);
  at[PAGE] = 7;
  WANT_EQ(mprotect(at + PAGE, PAGE, PROT_READ), 0);
  WANT_EQ(touch(at + PAGE, 0), 0);
  WANT_EQ(touch(at + PAGE, 1), SIGSEGV);
  WANT_EQ(touch(at, 1), 0);
  WANT_EQ(mprotect(at + PAGE, PAGE, PROT_NONE), 0);
  WANT_EQ(touch(at + PAGE, 0), SIGSEGV);
  WANT_EQ(mprotect(at + PAGE, 1, PROT_READ | PROT_WRITE), 0);
  WANT_EQ(touch(at + PAGE, 1), 0);
  WANT_EQ(at[PAGE], 7);
  WANT_EQ(touch(at + 2 * PAGE, 1), 0);
}

CASE(mprotect_refusals, "mprotect") {
  char* at = anonymous(3);
  WANT_EQ(munmap(at + PAGE, PAGE), 0);
  WANT_ERROR(syscall(SYS_mprotect, at + 1, PAGE, PROT_READ), EINVAL);
  WANT_ERROR(syscall(SYS_mprotect, at, 3 * PAGE, PROT_READ), ENOMEM);
  WANT_ERROR(syscall(SYS_mprotect, at, PAGE, 0x100), EINVAL);
  WANT_EQ(syscall(SYS_mprotect, at, 0, PROT_READ), 0);
  const int fd = open("/proc/self/exe", O_RDONLY);
  char* file = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
  WANT_ERROR(mprotect(file, PAGE, PROT_READ | PROT_WRITE), EACCES);
}

CASE(code_runs_where_it_may, "mprotect mmap") {
  unsigned char* at = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(at, "\xb8\x2a\x00\x00\x00\xc3", 6);  // mov $42, %eax; ret
  WANT_EQ(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0);
  WANT_EQ(((int (*)(void))(uintptr_t)at)(), 42);
  WANT_EQ(mprotect(at, PAGE, PROT_READ), 0);
  signal(SIGSEGV, jump);
  if (!sigsetjmp(back, 1)) WANT(((int (*)(void))(uintptr_t)at)() == 0);
}

CASE(munmap_refusals, "munmap") {
  char* at = anonymous(1);
  WANT_ERROR(munmap(at + 1, PAGE), EINVAL);
  WANT_ERROR(munmap(at, 0), EINVAL);
  WANT_ERROR(syscall(SYS_munmap, 0x8000000000000000ul, PAGE * 4), EINVAL);
}

CASE(brk_moves_the_end_of_the_heap, "brk") {
  const uintptr_t end = syscall(SYS_brk, 0);
  WANT_EQ(syscall(SYS_brk, end + 3 * PAGE), end + 3 * PAGE);
  memset((void*)end, 7, 3 * PAGE);
  WANT_EQ(syscall(SYS_brk, end + 1), end + 1);
  WANT_EQ(syscall(SYS_brk, end + 3 * PAGE), end + 3 * PAGE);
  WANT_EQ(((char*)((end + 2 * PAGE) & ~(PAGE - 1)))[8], 0);  // fresh again
  WANT_EQ(syscall(SYS_brk, 4096), end + 3 * PAGE);           // below its beginning
  WANT_EQ(syscall(SYS_brk, 1ull << 60), end + 3 * PAGE);
}

CASE(mremap_grows_and_shrinks, "mremap") {
  char* at = anonymous(4);
  WANT_EQ(munmap(at + 2 * PAGE, 2 * PAGE), 0);
  at[0] = 1, at[PAGE] = 2;
  char* grown = mremap(at, 2 * PAGE, 4 * PAGE, 0);
  WANT(grown == at && grown[PAGE] == 2 && grown[3 * PAGE] == 0);
  WANT(mremap(at, 4 * PAGE, PAGE, 0) == at);
  WANT_EQ(touch(at + PAGE, 0), SIGSEGV);
  WANT_EQ(at[0], 1);
}

CASE(mremap_moves_where_it_must, "mremap") {
  char* at = anonymous(3);
  memset(at, 5, PAGE);
  WANT(mremap(at, PAGE, 2 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);  // its neighbour is in the way
  char* moved = mremap(at, PAGE, 8 * PAGE, MREMAP_MAYMOVE);
  WANT(moved != MAP_FAILED && moved != at);
  WANT(moved[0] == 5 && moved[PAGE - 1] == 5 && moved[PAGE] == 0);
  WANT_EQ(touch(at, 0), SIGSEGV);
}

CASE(mremap_to_a_place, "mremap") {
  char *at = anonymous(2), *target = anonymous(2);
  at[0] = 5, target[0] = 6;
  WANT(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  WANT_EQ(target[0], 5);
  WANT_EQ(touch(at, 0), SIGSEGV);
}

CASE(mremap_may_keep_the_old_place, "mremap") {
  char* at = anonymous(2);
  at[0] = 5;
  char* moved = mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */);
  WANT(moved != MAP_FAILED && moved != at);
  WANT(moved[0] == 5 && at[0] == 0);
  at[0] = 6;
  WANT_EQ(moved[0], 5);
}

CASE(mremap_of_nothing_duplicates_a_shared_map, "mremap") {
  char* at = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  at[0] = 5;
  char* other = mremap(at, 0, PAGE, MREMAP_MAYMOVE);
  WANT(other != MAP_FAILED && other != at && other[0] == 5);
  other[0] = 6;
  WANT_EQ(at[0], 6);
}

CASE(mremap_refusals, "mremap") {
  char* at = anonymous(3);
  WANT(mremap(at + 1, PAGE, PAGE, 0) == MAP_FAILED && errno == EINVAL);
  WANT(mremap(at, PAGE, 0, 0) == MAP_FAILED && errno == EINVAL);
  WANT(mremap(at, PAGE, PAGE, 8) == MAP_FAILED && errno == EINVAL);
  WANT(mremap(at, PAGE, PAGE, MREMAP_FIXED, at) == MAP_FAILED && errno == EINVAL);
  WANT(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + PAGE) == MAP_FAILED &&
       errno == EINVAL);
  WANT(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + 1) == MAP_FAILED &&
       errno == EINVAL);
  WANT_EQ(munmap(at, PAGE), 0);
  WANT(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
}

CASE(madvise_dontneed_drops, "madvise") {
  char* at = anonymous(2);
  at[0] = at[PAGE] = 5;
  WANT_EQ(madvise(at, PAGE, MADV_DONTNEED), 0);
  WANT(at[0] == 0 && at[PAGE] == 5);
  const int fd = file_of("hello", 1);
  char* file = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  file[0] = 'j';
  WANT_EQ(madvise(file, PAGE, MADV_DONTNEED), 0);
  WANT_EQ(file[0], 'h');
}

CASE(madvise_dontfork_and_wipeonfork, "madvise fork") {
  char* at = anonymous(2);
  at[0] = at[PAGE] = 5;
  WANT_EQ(madvise(at, PAGE, MADV_DONTFORK), 0);
  WANT_EQ(madvise(at + PAGE, PAGE, 18 /* MADV_WIPEONFORK */), 0);
  const pid_t child = fork();
  if (child == 0) {
    WANT_EQ(touch(at, 0), SIGSEGV);
    WANT_EQ(at[PAGE], 0);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT(at[0] == 5 && at[PAGE] == 5);
  WANT_EQ(madvise(at, PAGE, MADV_DOFORK), 0);
  WANT_EQ(madvise(at + PAGE, PAGE, 19 /* MADV_KEEPONFORK */), 0);
  const pid_t other = fork();
  if (other == 0) _exit(at[0] == 5 && at[PAGE] == 5 ? 0 : 1);
  WANT_EQ(check_wait(other), 0);
}

CASE(madvise_populate_faults_in, "madvise mincore") {
  char* at = anonymous(2 * FAR);
  madvise(at, 2 * FAR * PAGE, MADV_NOHUGEPAGE);
  unsigned char there[2 * FAR];
  WANT_EQ(mincore(at, 2 * FAR * PAGE, there), 0);
  WANT_EQ(there[0] & 1, 0);
  WANT_EQ(madvise(at, 2 * PAGE, 23 /* MADV_POPULATE_WRITE */), 0);
  WANT_EQ(mincore(at, 2 * FAR * PAGE, there), 0);
  WANT((there[0] & 1) && (there[1] & 1) && !(there[FAR] & 1));
  WANT_EQ(mprotect(at, PAGE, PROT_READ), 0);
  WANT_ERROR(madvise(at, PAGE, 23), EINVAL);
  WANT_EQ(munmap(at + 3 * PAGE, PAGE), 0);
  WANT_ERROR(syscall(SYS_madvise, at, 4 * PAGE, 22), ENOMEM);
}

CASE(madvise_refusals, "madvise") {
  char* at = anonymous(3);
  WANT_ERROR(madvise(at + 1, PAGE, MADV_NORMAL), EINVAL);
  WANT_ERROR(madvise(at, PAGE, 77), EINVAL);
  WANT_EQ(madvise(at, 0, MADV_NORMAL), 0);
  for (int advice = 0; advice <= 3; ++advice) WANT_EQ(madvise(at, PAGE, advice), 0);
  WANT_EQ(munmap(at + PAGE, PAGE), 0);
  WANT_ERROR(madvise(at, 3 * PAGE, MADV_DONTNEED), ENOMEM);
  WANT_ERROR(madvise(at, 3 * PAGE, MADV_NORMAL), ENOMEM);
  WANT_ERROR(madvise(at, PAGE, MADV_REMOVE), EINVAL);
  const int fd = file_of("hello", 1);
  char* shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  WANT_ERROR(madvise(shared, PAGE, MADV_FREE), EINVAL);
  WANT_ERROR(madvise(shared, PAGE, 18), EINVAL);
}

CASE(msync_refusals, "msync") {
  const int fd = file_of("hello", 3);
  char* at = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  WANT_EQ(msync(at, PAGE, MS_ASYNC), 0);
  WANT_EQ(msync(at, 3 * PAGE, MS_SYNC | MS_INVALIDATE), 0);
  WANT_ERROR(msync(at + 1, PAGE, MS_SYNC), EINVAL);
  WANT_ERROR(msync(at, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
  WANT_ERROR(msync(at, PAGE, 0x80), EINVAL);
  WANT_EQ(munmap(at + PAGE, PAGE), 0);
  WANT_ERROR(msync(at, 3 * PAGE, MS_ASYNC), ENOMEM);
}

CASE(mincore_tells_what_is_there, "mincore") {
  char* at = anonymous(3 * FAR);
  madvise(at, 3 * FAR * PAGE, MADV_NOHUGEPAGE);
  unsigned char there[3 * FAR];
  memset(there, 9, sizeof there);
  at[FAR * PAGE] = 1;
  WANT_EQ(mincore(at, 3 * FAR * PAGE, there), 0);
  WANT(!(there[0] & 1) && (there[FAR] & 1) && !(there[2 * FAR] & 1));
  WANT_ERROR(mincore(at + 1, PAGE, there), EINVAL);
  WANT_ERROR(mincore(at, PAGE, (unsigned char*)8), EFAULT);
  WANT_EQ(munmap(at + 2 * PAGE, PAGE), 0);
  WANT_ERROR(mincore(at, 4 * PAGE, there), ENOMEM);
}

CASE(mlock_faults_in, "mlock munlock mincore") {
  char* at = anonymous(4);
  unsigned char there[4];
  WANT_EQ(mlock(at + 1, PAGE), 0);  // both pages that it touches
  WANT_EQ(mincore(at, 4 * PAGE, there), 0);
  WANT((there[0] & 1) && (there[1] & 1) && !(there[2] & 1));
  WANT_ERROR(madvise(at, PAGE, MADV_DONTNEED), EINVAL);
  WANT_EQ(munlock(at, 2 * PAGE), 0);
  WANT_EQ(madvise(at, PAGE, MADV_DONTNEED), 0);
  WANT_EQ(munmap(at + 2 * PAGE, PAGE), 0);
  WANT_ERROR(mlock(at, 4 * PAGE), ENOMEM);
  WANT_ERROR(munlock(at, 4 * PAGE), ENOMEM);
}

CASE(mlock_is_limited, "mlock mlockall setrlimit") {
  char* at = anonymous(4);
  WANT_EQ(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){2 * PAGE, 2 * PAGE}), 0);
  WANT_EQ(mlock(at, 4 * PAGE), 0);  // root may
  WANT_EQ(munlock(at, 4 * PAGE), 0);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(mlock(at, 4 * PAGE), ENOMEM);
  WANT_EQ(mlock(at, 2 * PAGE), 0);
  WANT_EQ(mlock(at, 2 * PAGE), 0);  // counted once
  WANT_ERROR(mlock(at + 2 * PAGE, PAGE), ENOMEM);
  WANT_ERROR(mlockall(MCL_CURRENT), ENOMEM);
  WANT_EQ(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0, 0}), 0);
  WANT_ERROR(mlock(at, PAGE), EPERM);
  WANT_ERROR(mlockall(MCL_FUTURE), EPERM);
}

CASE(mlock2_on_fault_waits_for_the_touch, "mlock2 mincore") {
  char* at = anonymous(2);
  unsigned char there[2];
  WANT_EQ(syscall(SYS_mlock2, at, 2 * PAGE, 1), 0);
  WANT_EQ(mincore(at, 2 * PAGE, there), 0);
  WANT(!(there[0] & 1));
  WANT_EQ(syscall(SYS_mlock2, at, 2 * PAGE, 0), 0);
  WANT_EQ(mincore(at, 2 * PAGE, there), 0);
  WANT((there[0] & 1) && (there[1] & 1));
  WANT_ERROR(syscall(SYS_mlock2, at, PAGE, 2), EINVAL);
}

CASE(mlockall_of_what_comes, "mlockall munlockall mincore") {
  unsigned char there[2];
  WANT_ERROR(mlockall(0), EINVAL);
  WANT_ERROR(mlockall(8), EINVAL);
  WANT_ERROR(syscall(SYS_mlockall, 4), EINVAL);  // MCL_ONFAULT alone
  WANT_EQ(mlockall(MCL_FUTURE), 0);
  char* at = anonymous(2);
  WANT_EQ(mincore(at, 2 * PAGE, there), 0);
  WANT((there[0] & 1) && (there[1] & 1));
  WANT_EQ(munlockall(), 0);
  at = anonymous(2);
  WANT_EQ(mincore(at, 2 * PAGE, there), 0);
  WANT(!(there[0] & 1));
}

CASE(stack_grows_as_far_as_its_limit, "setrlimit mmap") {
  const pid_t child = fork();
  if (child == 0) {
    volatile char* at = (volatile char*)__builtin_frame_address(0);
    WANT_EQ(touch(at - (1 << 20), 1), 0);
    WANT_EQ(setrlimit(RLIMIT_STACK, &(struct rlimit){2 << 20, 2 << 20}), 0);
    static char alternate[65536];
    sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, 0);
    WANT_EQ(touch(at - (4 << 20), 1), SIGSEGV);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
}

CASE(null_page_can_not_be_had_by_users, "mmap") {
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
}

CASE(untouched_pages_read_as_zeros_cheaply, "mmap") {
  const size_t pages = 2000;
  char* at = anonymous(pages);
  madvise(at, pages * PAGE, MADV_NOHUGEPAGE);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  long sum = 0;
  for (size_t i = 0; i < pages; ++i) sum += at[i * PAGE];
  getrusage(RUSAGE_SELF, &after);
  WANT_EQ(sum, 0);
  WANT(after.ru_maxrss - before.ru_maxrss < 4000);  // KiB: they share one frame
  for (size_t i = 0; i < pages; ++i) at[i * PAGE] = (char)i;
  for (size_t i = 0; i < pages; ++i) WANT_EQ(at[i * PAGE], (char)i);
}

CASE(remap_file_pages_shows_others, "remap_file_pages") {
  const int fd = open("file", O_RDWR | O_CREAT, 0600);
  WANT_EQ(ftruncate(fd, 4 * PAGE), 0);
  for (int i = 0; i < 4; ++i) WANT_EQ(pwrite(fd, "abcd" + i, 1, i * PAGE), 1);
  char* at = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  WANT(at != MAP_FAILED);
  WANT_EQ(syscall(SYS_remap_file_pages, at, PAGE, 0, 3L, 0), 0);
  WANT_EQ(syscall(SYS_remap_file_pages, at + 3 * PAGE + 5, PAGE, 0, 0L, 0), 0);
  WANT(at[0] == 'd' && at[PAGE] == 'b' && at[2 * PAGE] == 'c' && at[3 * PAGE] == 'a');
  at[1] = 'x';
  char text[2];
  WANT_EQ(pread(fd, text, 2, 3 * PAGE), 2);
  WANT(text[0] == 'd' && text[1] == 'x');
  WANT_EQ(syscall(SYS_remap_file_pages, at, 4 * PAGE, 0, 0L, 0), 0);  // all of it, though it is in parts
  WANT(at[0] == 'a' && at[PAGE] == 'b' && at[2 * PAGE] == 'c' && at[3 * PAGE + 1] == 'x');
}

CASE(remap_file_pages_refusals, "remap_file_pages") {
  const int fd = open("file", O_RDWR | O_CREAT, 0600);
  WANT_EQ(ftruncate(fd, 2 * PAGE), 0);
  char* private = mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
  char* shared = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
  WANT(private != MAP_FAILED && shared != MAP_FAILED);
  WANT_ERROR(syscall(SYS_remap_file_pages, private, PAGE, 0, 1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_remap_file_pages, shared, PAGE, PROT_READ, 1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_remap_file_pages, shared, 0, 0, 1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_remap_file_pages, shared, PAGE, 0, -1L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_remap_file_pages, (char*)0 - PAGE, 2 * PAGE, 0, 0L, 0), EINVAL);
  WANT_EQ(munmap(shared + PAGE, PAGE), 0);
  WANT_ERROR(syscall(SYS_remap_file_pages, shared, 2 * PAGE, 0, 0L, 0), EINVAL);
  WANT_ERROR(syscall(SYS_remap_file_pages, shared + PAGE, PAGE, 0, 0L, 0), EINVAL);
}
