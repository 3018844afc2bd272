// futex(2): sleeping on a word, waking, bitsets, requeueing, inheritance of priority, robust lists.
#include "check.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static uint32_t* word;  // shared by processes
static long futex(uint32_t* address, int operation, uint32_t value, const void* timeout, uint32_t* second, uint32_t third) {
  return syscall(SYS_futex, address, operation, value, timeout, second, third);
}
static void share(void) {
  word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  WANT(word != MAP_FAILED);
}
static char state_of(pid_t pid) {
  char name[64], text[300] = "";
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  const int fd = open(name, O_RDONLY);
  if (fd < 0) return 0;
  (void)!read(fd, text, sizeof text - 1);
  close(fd);
  const char* at = strrchr(text, ')');
  return at ? at[2] : 0;
}
/// A child that waits on word[index] and exits with 0 when it is woken.
static pid_t waiter(int index, int operation, uint32_t bits) {
  const pid_t child = fork();
  if (child == 0) {
    long result;
    do {
      result = futex(&word[index], operation, word[index], 0, 0, bits);
    } while (result < 0 && errno == EINTR);
    _exit(result == 0 ? 0 : 1);
  }
  WANT_SOON(state_of(child) == 'S');
  return child;
}

CASE(futex_wait_compares, "futex") {
  uint32_t here = 5;
  WANT_ERROR(futex(&here, FUTEX_WAIT, 4, 0, 0, 0), EAGAIN);
  const struct timespec soon = {0, 20000000};
  WANT_ERROR(futex(&here, FUTEX_WAIT, 5, &soon, 0, 0), ETIMEDOUT);
  WANT_ERROR(futex(&here, FUTEX_WAIT_PRIVATE, 5, &soon, 0, 0), ETIMEDOUT);
  WANT_EQ(futex(&here, FUTEX_WAKE, 1, 0, 0, 0), 0);
}

CASE(futex_refusals, "futex") {
  uint32_t here[2] = {5};
  const struct timespec bad = {0, 2000000000};
  WANT_ERROR(futex((uint32_t*)((char*)here + 1), FUTEX_WAIT, 5, 0, 0, 0), EINVAL);
  WANT_ERROR(futex((uint32_t*)((char*)here + 1), FUTEX_WAKE, 5, 0, 0, 0), EINVAL);
  WANT_ERROR(futex(here, FUTEX_WAIT, 5, &bad, 0, 0), EINVAL);
  WANT_ERROR(futex(here, FUTEX_WAIT, 5, (void*)8, 0, 0), EFAULT);
  WANT_ERROR(futex((uint32_t*)8, FUTEX_WAIT, 5, 0, 0, 0), EFAULT);
  WANT_ERROR(futex(here, FUTEX_WAIT_BITSET, 5, 0, 0, 0), EINVAL);
  WANT_ERROR(futex(here, FUTEX_WAKE_BITSET, 5, 0, 0, 0), EINVAL);
  WANT_ERROR(futex(here, 77, 5, 0, 0, 0), ENOSYS);
}

CASE(futex_wakes_across_processes, "futex") {
  share();
  const pid_t one = waiter(0, FUTEX_WAIT, 0), two = waiter(0, FUTEX_WAIT, 0);
  WANT_EQ(futex(word, FUTEX_WAKE, 1, 0, 0, 0), 1);
  WANT_EQ(futex(word, FUTEX_WAKE, 100, 0, 0, 0), 1);
  WANT_EQ(check_wait(one), 0);
  WANT_EQ(check_wait(two), 0);
}

CASE(futex_wakes_across_maps_of_a_file, "futex mmap") {
  const int fd = open("file", O_CREAT | O_RDWR, 0600);
  WANT_EQ(ftruncate(fd, 4096), 0);
  word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  uint32_t* other = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  WANT(word != other);
  const pid_t child = waiter(3, FUTEX_WAIT, 0);
  WANT_EQ(futex(&other[3], FUTEX_WAKE, 1, 0, 0, 0), 1);
  WANT_EQ(check_wait(child), 0);
}

CASE(futex_bits_choose, "futex") {
  share();
  const pid_t one = waiter(0, FUTEX_WAIT_BITSET, 1), two = waiter(0, FUTEX_WAIT_BITSET, 2);
  WANT_EQ(futex(word, FUTEX_WAKE_BITSET, 9, 0, 0, 4), 0);
  WANT_EQ(futex(word, FUTEX_WAKE_BITSET, 9, 0, 0, 2), 1);
  WANT_EQ(check_wait(two), 0);
  WANT_EQ(futex(word, FUTEX_WAKE, 9, 0, 0, 0), 1);
  WANT_EQ(check_wait(one), 0);
}

CASE(futex_bitset_times_are_absolute, "futex") {
  uint32_t here = 0;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  WANT_ERROR(futex(&here, FUTEX_WAIT_BITSET, 0, &now, 0, ~0u), ETIMEDOUT);
  clock_gettime(CLOCK_REALTIME, &now);
  WANT_ERROR(futex(&here, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &now, 0, ~0u), ETIMEDOUT);
}

CASE(futex_requeue_moves_waiters, "futex") {
  share();
  const pid_t a = waiter(0, FUTEX_WAIT, 0), b = waiter(0, FUTEX_WAIT, 0), c = waiter(0, FUTEX_WAIT, 0);
  WANT_ERROR(futex(word, FUTEX_CMP_REQUEUE, 1, (void*)1, &word[8], 99), EAGAIN);
  WANT_EQ(futex(word, FUTEX_CMP_REQUEUE, 1, (void*)1, &word[8], 0), 2);
  WANT_EQ(futex(word, FUTEX_REQUEUE, 0, (void*)5, &word[8], 0), 1);
  WANT_EQ(futex(word, FUTEX_WAKE, 5, 0, 0, 0), 0);
  WANT_EQ(futex(&word[8], FUTEX_WAKE, 5, 0, 0, 0), 2);
  WANT_EQ(check_wait(a), 0);
  WANT_EQ(check_wait(b), 0);
  WANT_EQ(check_wait(c), 0);
  WANT_ERROR(futex(word, FUTEX_CMP_REQUEUE, -1, (void*)1, &word[8], 0), EINVAL);
}

CASE(futex_wake_op_changes_and_wakes, "futex") {
  share();
  const pid_t a = waiter(0, FUTEX_WAIT, 0), b = waiter(1, FUTEX_WAIT, 0);
  // word[1] = 7; and the waiters of word[1] are woken if it was 0
  WANT_EQ(futex(word, FUTEX_WAKE_OP, 1, (void*)1, &word[1], FUTEX_OP(FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 0)), 2);
  WANT_EQ(word[1], 7);
  WANT_EQ(check_wait(a), 0);
  WANT_EQ(check_wait(b), 0);
  WANT_EQ(futex(word, FUTEX_WAKE_OP, 1, (void*)1, &word[1], FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 100)), 0);
  WANT_EQ(word[1], 10);
  futex(word, FUTEX_WAKE_OP, 1, (void*)1, &word[1], FUTEX_OP(FUTEX_OP_OR, 5, FUTEX_OP_CMP_NE, 0));
  WANT_EQ(word[1], 15);
  futex(word, FUTEX_WAKE_OP, 1, (void*)1, &word[1], FUTEX_OP(FUTEX_OP_ANDN, 1, FUTEX_OP_CMP_LT, 0));
  WANT_EQ(word[1], 14);
  futex(word, FUTEX_WAKE_OP, 1, (void*)1, &word[1], FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 1, FUTEX_OP_CMP_LE, 0));
  WANT_EQ(word[1], 12);
  WANT_ERROR(futex(word, FUTEX_WAKE_OP, 1, (void*)1, (uint32_t*)8, 0), EFAULT);
}

static void* lock_inheriting(void* argument) {
  (void)argument;
  const long result = futex(word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0);
  if (result != 0) return (void*)1;
  if ((*word & FUTEX_TID_MASK) != (uint32_t)syscall(SYS_gettid)) return (void*)2;
  return (void*)futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0);
}
CASE(futex_pi_hands_the_lock_over, "futex") {
  share();
  WANT_EQ(futex(word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
  WANT_EQ(*word, getpid());
  WANT_ERROR(futex(word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), EDEADLK);
  WANT_ERROR(futex(word, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0), EDEADLK);
  pthread_t thread;
  WANT_EQ(pthread_create(&thread, 0, lock_inheriting, 0), 0);
  WANT_SOON(__atomic_load_n(word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS);
  WANT_EQ(futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
  void* result;
  pthread_join(thread, &result);
  WANT_EQ((long)result, 0);
  WANT_EQ(*word, 0);
  WANT_ERROR(futex(word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), EPERM);
  *word = 0x3fffff;  // of nobody
  WANT_ERROR(futex(word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), ESRCH);
}

CASE(futex_pi_times_out, "futex") {
  share();
  const pid_t child = fork();
  if (child == 0) {
    if (futex(word, FUTEX_LOCK_PI, 0, 0, 0, 0) != 0) _exit(1);
    word[1] = 1;
    for (;;) pause();
  }
  WANT_SOON(__atomic_load_n(&word[1], __ATOMIC_SEQ_CST) == 1);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  WANT_ERROR(futex(word, FUTEX_LOCK_PI, 0, &now, 0, 0), ETIMEDOUT);
  clock_gettime(CLOCK_MONOTONIC, &now);
  WANT_ERROR(futex(word, FUTEX_LOCK_PI2, 0, &now, 0, 0), ETIMEDOUT);
  WANT_ERROR(futex(word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0), EAGAIN);
}

static pthread_mutex_t inheriting;
static int passed;
static void* add(void* argument) {
  (void)argument;
  for (int i = 0; i < 2000; ++i) {
    pthread_mutex_lock(&inheriting);
    ++passed;
    pthread_mutex_unlock(&inheriting);
  }
  return 0;
}
CASE(pi_mutexes_exclude, "futex") {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  WANT_EQ(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), 0);
  WANT_EQ(pthread_mutex_init(&inheriting, &attributes), 0);
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) WANT_EQ(pthread_create(&threads[i], 0, add, 0), 0);
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], 0);
  WANT_EQ(passed, 6000);
}

/// An owner that unlocks and ends while another looks for it is not an owner that died.
CASE(pi_mutexes_of_threads_that_end, "futex") {
  enum { ROUNDS = 12 };
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  WANT_EQ(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), 0);
  WANT_EQ(pthread_mutex_init(&inheriting, &attributes), 0);
  for (int round = 0; round < ROUNDS; ++round) {
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) WANT_EQ(pthread_create(&threads[i], 0, add, 0), 0);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], 0);
  }
  WANT_EQ(passed, ROUNDS * 4 * 2000);
}

static void* wait_requeue(void* argument) {
  (void)argument;
  const long result = futex(&word[0], FUTEX_WAIT_REQUEUE_PI, 0, 0, &word[1], 0);
  if (result != 0) return (void*)(long)errno;
  if ((word[1] & FUTEX_TID_MASK) != (uint32_t)syscall(SYS_gettid)) return (void*)1000;
  return (void*)futex(&word[1], FUTEX_UNLOCK_PI, 0, 0, 0, 0);
}
CASE(futex_requeue_pi_gives_the_lock, "futex") {
  share();
  pthread_t thread;
  WANT_EQ(pthread_create(&thread, 0, wait_requeue, 0), 0);
  while (futex(&word[0], FUTEX_CMP_REQUEUE_PI, 1, (void*)10, &word[1], 0) == 0) sched_yield();
  void* result;
  pthread_join(thread, &result);
  WANT_EQ((long)result, 0);
  WANT_ERROR(futex(&word[0], FUTEX_CMP_REQUEUE_PI, 2, (void*)10, &word[1], 0), EINVAL);
  WANT_ERROR(futex(&word[0], FUTEX_WAIT_REQUEUE_PI, 0, 0, &word[0], 0), EINVAL);
}

struct entry {
  struct entry* next;
  uint32_t lock;
};
CASE(robust_list_marks_the_dead_owners_locks, "set_robust_list futex") {
  share();
  const pid_t child = fork();
  if (child == 0) {
    struct entry* one = (struct entry*)&word[16];
    static struct robust_list_head head;
    head.list.next = (struct robust_list*)one;
    head.futex_offset = offsetof(struct entry, lock);
    one->next = (struct entry*)&head;
    one->lock = syscall(SYS_gettid) | FUTEX_WAITERS;
    WANT_EQ(syscall(SYS_set_robust_list, &head, sizeof head), 0);
    _exit(0);
  }
  WANT_EQ(check_wait(child), 0);
  WANT_EQ(((struct entry*)&word[16])->lock, FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

CASE(robust_list_is_told, "set_robust_list get_robust_list") {
  static struct robust_list_head head;
  struct robust_list_head* got = 0;
  size_t size = 0;
  WANT_ERROR(syscall(SYS_set_robust_list, &head, 23), EINVAL);
  WANT_EQ(syscall(SYS_set_robust_list, &head, sizeof head), 0);
  WANT_EQ(syscall(SYS_get_robust_list, 0, &got, &size), 0);
  WANT(got == &head && size == sizeof head);
  got = 0;
  WANT_EQ(syscall(SYS_get_robust_list, getpid(), &got, &size), 0);
  WANT(got == &head);
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  WANT_EQ(syscall(SYS_get_robust_list, child, &got, &size), 0);
  WANT_ERROR(syscall(SYS_get_robust_list, 0x3ffffff, &got, &size), ESRCH);
  WANT_ERROR(syscall(SYS_get_robust_list, 0, 8, &size), EFAULT);
  WANT_ERROR(syscall(SYS_get_robust_list, 0, &got, 8), EFAULT);
  WANT_EQ(setuid(1000), 0);
  WANT_ERROR(syscall(SYS_get_robust_list, child, &got, &size), EPERM);
}

static void nothing(int number) {
  (void)number;
}
CASE(futex_wait_is_interrupted, "futex") {
  uint32_t here = 0;
  signal(SIGALRM, nothing);
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGALRM, &action, 0);
  alarm(1);
  WANT_ERROR(futex(&here, FUTEX_WAIT, 0, 0, 0, 0), EINTR);
}

struct waitv {
  uint64_t value, address;
  uint32_t flags, reserved;
};
CASE(futex_waitv_waits_for_any, "futex_waitv") {
  share();
  struct waitv two[2] = {{0, (uintptr_t)&word[0], 2, 0}, {0, (uintptr_t)&word[1], 2, 0}};
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_futex_waitv, two, 2, 0, 0, CLOCK_MONOTONIC) == 1 ? 0 : 1);
  WANT_SOON(state_of(child) == 'S');
  WANT_EQ(futex(&word[1], FUTEX_WAKE, 1, 0, 0, 0), 1);
  WANT_EQ(check_wait(child), 0);
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  WANT_ERROR(syscall(SYS_futex_waitv, two, 2, 0, &now, CLOCK_MONOTONIC), ETIMEDOUT);
  two[1].value = 9;
  WANT_ERROR(syscall(SYS_futex_waitv, two, 2, 0, 0, CLOCK_MONOTONIC), EAGAIN);
}

CASE(futex_waitv_refusals, "futex_waitv") {
  share();
  struct waitv one = {0, (uintptr_t)word, 2, 0};
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 0, 0, 0, CLOCK_MONOTONIC), EINVAL);
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 129, 0, 0, CLOCK_MONOTONIC), EINVAL);
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 1, 1, 0, CLOCK_MONOTONIC), EINVAL);
  WANT_ERROR(syscall(SYS_futex_waitv, 8, 1, 0, 0, CLOCK_MONOTONIC), EFAULT);
  struct timespec now = {0, 0};
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 1, 0, &now, CLOCK_BOOTTIME), EINVAL);
  one.reserved = 1;
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 1, 0, 0, CLOCK_MONOTONIC), EINVAL);
  one.reserved = 0, one.flags = 1;
  WANT_ERROR(syscall(SYS_futex_waitv, &one, 1, 0, 0, CLOCK_MONOTONIC), EINVAL);
}
