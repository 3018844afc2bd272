// What a language runtime asks of the kernel beneath it, one function a mechanism, each checked. It is
// docs/port-a-runtime.md in code: static C, no library beyond libc, the same answers on every kernel.
//
//   safe_point   a timer's signal finds code at any instruction; its handler edits the saved rip, so that
//                the thread goes on at a safe point (SML/NJ's way to collect or switch threads)
//   barrier      page protection as a write barrier: a collector protects the old generation, the first
//                write to each page faults, the handler notes the page and lets the write through
//   guard        a stack that grows into its guard page: SIGSEGV on another stack, an exception, not death
//   world        stop the world: signals to all threads, which wait until the collector is done
//   quantum      a timer for each thread (timer_create with SIGEV_THREAD_ID), as preemptive schedulers tick; what
//                ran out while the signal was blocked is told as overrun
//   fork_join    threads that start and end by the thousand, kept in step by futexes
//   clock        time goes on and never back, on all processors
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id  // glibc has no name for it
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { kPage = 4096 };

static int failures;
static void check(const char* name, int good) {
  printf("%s %s\n", good ? "ok" : "FAILED", name);
  if (!good) ++failures;
}

static void on_signal(int number, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

// --- a timer's handler edits the interrupted state ---

static volatile uint64_t safe_points;
static uint64_t interrupted_at;

// Counts for ever in rbx and rcx; safe_point_reached is where the handler sends it. The red zone below
// rsp holds a value meanwhile: a handler's frame may not touch it.
__attribute__((naked)) static uint64_t spin(void) {
  __asm__(
      "push %rbx\n"
      "movq $0x5eed, -64(%rsp)\n"
      "xor %ebx, %ebx\n"
      ".globl spin_loop\nspin_loop: inc %rbx\n jmp spin_loop\n"
      ".globl spin_end\nspin_end:\n"
      ".globl safe_point_reached\nsafe_point_reached:\n"
      "cmpq $0x5eed, -64(%rsp)\n"
      "mov $0, %eax\n jne 1f\n mov %rbx, %rax\n"
      "1: pop %rbx\n ret\n");
}
extern char spin_loop[], spin_end[], safe_point_reached[];

static void on_tick(int number, siginfo_t* info, void* state) {
  (void)number, (void)info;
  greg_t* registers = ((ucontext_t*)state)->uc_mcontext.gregs;
  const uint64_t rip = (uint64_t)registers[REG_RIP];
  if (rip < (uint64_t)spin_loop || rip >= (uint64_t)spin_end) return;
  interrupted_at = rip;
  registers[REG_RIP] = (greg_t)(uint64_t)safe_point_reached;
  ++safe_points;
}

static void safe_point(void) {
  on_signal(SIGALRM, on_tick, 0);
  struct itimerval every = {{0, 5000}, {0, 5000}};
  setitimer(ITIMER_REAL, &every, NULL);
  int good = 1;
  for (int i = 0; i < 20; ++i) good &= spin() > 0;
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  check("a timer interrupts a loop and moves it to a safe point, 20 times", good && safe_points == 20 && interrupted_at);
}

// --- page protection as a write barrier ---

static uint8_t* old_generation;
static uint8_t dirty[64];

static void on_write(int number, siginfo_t* info, void* state) {
  (void)number;
  const uint64_t error = (uint64_t)((ucontext_t*)state)->uc_mcontext.gregs[REG_ERR];
  const uint64_t page = (uint64_t)((uint8_t*)info->si_addr - old_generation) / kPage;
  if (page >= 64 || info->si_code != SEGV_ACCERR || !(error & 2)) _exit(3);
  dirty[page] = 1;
  mprotect(old_generation + page * kPage, kPage, PROT_READ | PROT_WRITE);
}

static void barrier(void) {
  old_generation = mmap(NULL, 64 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(old_generation, 7, 64 * kPage);
  on_signal(SIGSEGV, on_write, 0);
  int good = 1;
  for (int round = 0; round < 10; ++round) {
    memset(dirty, 0, sizeof dirty);
    mprotect(old_generation, 64 * kPage, PROT_READ);
    for (int page = round % 3; page < 64; page += 3) {
      for (int i = 0; i < 16; ++i) old_generation[page * kPage + i * 100]++;
    }
    for (int page = 0; page < 64; ++page) good &= dirty[page] == (page % 3 == round % 3);
  }
  munmap(old_generation, 64 * kPage);
  signal(SIGSEGV, SIG_DFL);
  check("a write barrier by page protection sees each page that was written, and no other", good);
}

// --- a stack's guard page ---

static sigjmp_buf overflow;
static void on_overflow(int number, siginfo_t* info, void* state) {
  (void)number, (void)info, (void)state;
  siglongjmp(overflow, 1);
}
__attribute__((noinline)) static int deep(int n) {
  volatile char frame[512];
  frame[0] = (char)n;
  return n == 0 ? 0 : deep(n - 1) + frame[0];
}

static void* overflow_main(void* argument) {
  int* caught = argument;
  stack_t other = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  sigaltstack(&other, NULL);
  for (int i = 0; i < 3; ++i) {
    if (sigsetjmp(overflow, 1) == 0) {
      deep(100000000);
    } else {
      ++*caught;
    }
  }
  return NULL;
}

static void guard(void) {
  on_signal(SIGSEGV, on_overflow, SA_ONSTACK);
  int caught = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, overflow_main, &caught);
  pthread_join(thread, NULL);
  signal(SIGSEGV, SIG_DFL);
  check("a stack that overflows is an exception, three times on one thread", caught == 3);
}

// --- stop the world ---

enum { kMutators = 6 };
static sem_t stopped;
static volatile int resume;
static volatile int quit;
static volatile uint64_t steps[kMutators];

static void on_suspend(int number, siginfo_t* info, void* state) {
  (void)number, (void)info, (void)state;
  const int error = errno;
  sem_post(&stopped);
  sigset_t all_but;
  sigfillset(&all_but);
  sigdelset(&all_but, SIGUSR2);
  while (!resume) sigsuspend(&all_but);
  sem_post(&stopped);
  errno = error;
}
static void on_resume(int number, siginfo_t* info, void* state) { (void)number, (void)info, (void)state; }

static void* mutate(void* argument) {
  volatile uint64_t* own = argument;
  while (!quit) ++*own;
  return NULL;
}

static void world(void) {
  sem_init(&stopped, 0, 0);
  struct sigaction suspend = {.sa_sigaction = on_suspend, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigfillset(&suspend.sa_mask);
  sigaction(SIGUSR1, &suspend, NULL);
  on_signal(SIGUSR2, on_resume, 0);
  pthread_t threads[kMutators];
  for (int i = 0; i < kMutators; ++i) pthread_create(&threads[i], NULL, mutate, (void*)&steps[i]);
  int good = 1;
  for (int round = 0; round < 20; ++round) {
    usleep(2000);
    resume = 0;
    for (int i = 0; i < kMutators; ++i) pthread_kill(threads[i], SIGUSR1);
    for (int i = 0; i < kMutators; ++i) sem_wait(&stopped);
    uint64_t before[kMutators];
    for (int i = 0; i < kMutators; ++i) before[i] = steps[i];
    usleep(500);
    for (int i = 0; i < kMutators; ++i) good &= steps[i] == before[i];
    resume = 1;
    for (int i = 0; i < kMutators; ++i) pthread_kill(threads[i], SIGUSR2);
    for (int i = 0; i < kMutators; ++i) sem_wait(&stopped);
  }
  quit = 1;
  for (int i = 0; i < kMutators; ++i) pthread_join(threads[i], NULL);
  for (int i = 0; i < kMutators; ++i) good &= steps[i] > 0;
  check("the world stops, stays stopped, and goes on, 20 times with 6 threads", good);
}

// --- a timer for each thread ---

enum { kTickers = 3 };
static volatile int ticks[kTickers], strays, overruns;
static __thread int ticker = -1;

static void on_quantum(int number, siginfo_t* info, void* state) {
  (void)number, (void)state;
  if (info->si_code != SI_TIMER || info->si_value.sival_int != ticker) ++strays;
  if (ticker >= 0) ++ticks[ticker];
  overruns += info->si_overrun;
}

static void* tick(void* argument) {
  ticker = (int)(intptr_t)argument;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 3};
  event.sigev_value.sival_int = ticker;
  event.sigev_notify_thread_id = gettid();
  timer_t timer;
  struct itimerspec every = {{0, 2000000}, {0, 2000000}};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &every, NULL)) return (void*)1;
  while (ticks[ticker] < 10) {
  }
  sigset_t own, old;
  sigemptyset(&own);
  sigaddset(&own, SIGRTMIN + 3);
  pthread_sigmask(SIG_BLOCK, &own, &old);
  usleep(30000);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  struct itimerspec left;
  const int bad = timer_gettime(timer, &left) || left.it_interval.tv_nsec != 2000000 || timer_delete(timer) ||
                  timer_delete(timer) == 0;
  return (void*)(intptr_t)bad;
}

static void quantum(void) {
  on_signal(SIGRTMIN + 3, on_quantum, SA_RESTART);
  pthread_t threads[kTickers];
  int good = 1;
  for (int i = 0; i < kTickers; ++i) pthread_create(&threads[i], NULL, tick, (void*)(intptr_t)i);
  for (int i = 0; i < kTickers; ++i) {
    void* bad;
    pthread_join(threads[i], &bad);
    good &= bad == NULL && ticks[i] >= 10;
  }
  timer_t none = (timer_t)77;
  struct itimerspec left;
  good &= timer_gettime(none, &left) == -1;
  check("each thread has a timer of its own; what was missed is told", good && strays == 0 && overruns >= 3 * 5);
}

// --- many short threads ---

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ended;
static void* count_one(void* argument) {
  (void)argument;
  pthread_mutex_lock(&lock);
  ++ended;
  pthread_mutex_unlock(&lock);
  return NULL;
}

static void fork_join(void) {
  int good = 1;
  for (int round = 0; round < 40; ++round) {
    pthread_t threads[25];
    for (int i = 0; i < 25; ++i) good &= pthread_create(&threads[i], NULL, count_one, NULL) == 0;
    for (int i = 0; i < 25; ++i) pthread_join(threads[i], NULL);
  }
  check("a thousand threads start and end", good && ended == 1000);
}

// --- time ---

static void* watch_clock(void* argument) {
  int* good = argument;
  struct timespec last, now;
  clock_gettime(CLOCK_MONOTONIC, &last);
  for (int i = 0; i < 20000; ++i) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec)) *good = 0;
    last = now;
  }
  return NULL;
}

static void clocks(void) {
  int good[4] = {1, 1, 1, 1};
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, watch_clock, &good[i]);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  check("the clock never goes back", good[0] && good[1] && good[2] && good[3]);
}

// --- a program that is replaced keeps no timer ---

static void restart(char* program) {
  timer_t timer;
  struct itimerspec soon = {{0, 0}, {0, 30000000}};
  if (timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0)
    execl(program, program, "again", NULL);
  check("exec", 0);
}

int main(int count, char** words) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count > 1) {  // SIGALRM would end us
    usleep(60000);
    check("exec leaves no timer behind", 1);
    return 0;
  }
  safe_point();
  barrier();
  guard();
  world();
  quantum();
  fork_join();
  clocks();
  if (failures == 0) restart(words[0]);
  return 1;
}
