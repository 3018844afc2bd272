// See company.h. Affinities are advice: where the host refuses one, everything only takes longer.
#include "hosted/company.h"

#include <signal.h>
#include <time.h>

#include <utility>

#include "base/annotations.h"
#include "hosted/host_futex.h"

namespace vari::hosted {
namespace {

/// A guest that is back so soon has done nothing worth a switch of processors.
constexpr u64 kQuickCycles = 25'000;
/// Every so many returns a guest apart is judged: at most so many of them may have been late.
constexpr u32 kJudged = 64, kMayBeLate = 6;

constexpr Nanoseconds kWatchPeriod = 10 * kMillisecond, kLongestSleep = 60 * kSecond;

cpu_set_t only(i32 processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(processor), &set);
  return set;
}

void move(u32 thread, const cpu_set_t& set) {
  (void)::sched_setaffinity(static_cast<pid_t>(thread), sizeof set, &set);
}

}  // namespace

Company::Company() {
  if (::sched_getaffinity(0, sizeof allowed_, &allowed_) == 0)
    processors_ = static_cast<u32>(CPU_COUNT(&allowed_));
  if (processors_ <= 1) return;
  // Signals are for the thread that the kernel gives them to: the watch, made before any other, takes none.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  watching_ = ::pthread_create(&watch_, nullptr, &watch, this) == 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Company::~Company() {
  if (!watching_) return;
  __atomic_store_n(&stopping_, true, __ATOMIC_SEQ_CST);
  __atomic_store_n(&stirred_, 1, __ATOMIC_SEQ_CST);
  host_futex_wake(stirred_);
  ::pthread_join(watch_, nullptr);
}

/// The core's thread stays where the host has put it; after a while the host may choose anew, at the next
/// wait.
void Company::settle_down(Core& core) {
  const u64 now = __builtin_ia32_rdtsc();
  if (core.processor == kNowhere) {
    const i32 here = ::sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE || !CPU_ISSET(static_cast<unsigned>(here), &allowed_)) return;
    move(0, only(here));
    core.processor = here;
    core.since = now;
  } else if (now - core.since > kStayCycles) {
    move(0, allowed_);
    core.processor = kNowhere;
  }
}

void Company::before_resume(CpuId cpu, Slot& slot, Acquaintance& known) {
  if (!watching_) return;
  Core& core = cores_[cpu.value];
  __atomic_store_n(&core.resumes, core.resumes + 1, __ATOMIC_SEQ_CST);
  if (slowpath(!__atomic_load_n(&stirred_, __ATOMIC_SEQ_CST)) &&
      !__atomic_exchange_n(&stirred_, 1, __ATOMIC_SEQ_CST))
    host_futex_wake(stirred_);
  settle_down(core);
  // One guest keeps a core company; another that still runs is not held up by what the core does now.
  Slot* former = __atomic_exchange_n(&core.companion, &slot, __ATOMIC_ACQ_REL);
  if (former && former != &slot && __atomic_load_n(&former->state, __ATOMIC_RELAXED) == kRun)
    set_free(*former);
  if (slot.spin_cycles != spin_cycles(known)) slot.spin_cycles = slot.spin_now = spin_cycles(known);
  const u32 wanted = known.apart || core.processor == kNowhere ? 0 : static_cast<u32>(core.processor) + 1;
  if (core.processor != kNowhere && __atomic_load_n(&slot.beside, __ATOMIC_RELAXED) != wanted) {
    __atomic_store_n(&slot.beside, wanted, __ATOMIC_RELAXED);
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<unsigned>(core.processor), &others);
    move(slot.thread, known.apart ? others : only(core.processor));
  }
  known.resumed_at = __builtin_ia32_rdtsc();
}

void Company::after_stop(Acquaintance& known, bool in_time) {
  if (!watching_) return;
  if (!known.apart) {
    const bool soon = __builtin_ia32_rdtsc() - known.resumed_at < kQuickCycles;
    known.quick = soon ? known.quick + 1 : 0;
    if (known.quick < known.needed) return;
    known.apart = true;
    known.quick = known.late = 0;
    return;
  }
  ++(in_time ? known.quick : known.late);
  if (known.quick + known.late < kJudged) return;
  if (known.late > kMayBeLate) {
    known.apart = false;
    if (known.needed < Acquaintance::kMostQuickRuns) known.needed *= 4;
  } else {
    known.needed = Acquaintance::kQuickRuns;
  }
  known.quick = known.late = 0;
}

void Company::set_free(Slot& slot) const {
  if (__atomic_exchange_n(&slot.beside, 0, __ATOMIC_RELAXED) != 0) move(slot.thread, allowed_);
}

void* Company::watch(void* argument) {
  auto& company = *static_cast<Company*>(argument);
  while (!__atomic_load_n(&company.stopping_, __ATOMIC_SEQ_CST)) {
    const timespec period{.tv_sec = 0, .tv_nsec = kWatchPeriod};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &period, nullptr);
    if (company.look_around()) continue;
    // Order: first say that we sleep, then look once more; a core resumes first and then looks whether we
    // sleep, and who stops us says so first.
    __atomic_store_n(&company.stirred_, 0, __ATOMIC_SEQ_CST);
    const bool stopping = __atomic_load_n(&company.stopping_, __ATOMIC_SEQ_CST);
    if (!stopping && !company.look_around()) host_futex_wait(company.stirred_, 0, kLongestSleep);
    __atomic_store_n(&company.stirred_, 1, __ATOMIC_SEQ_CST);
  }
  return nullptr;
}

/// Whether a core has resumed anybody since the last look.
bool Company::look_around() {
  bool any = false;
  for (auto& core : cores_) {
    const u64 resumes = __atomic_load_n(&core.resumes, __ATOMIC_SEQ_CST);
    if (resumes != std::exchange(core.seen_resumes, resumes)) {
      any = true;
      continue;
    }
    Slot* companion = __atomic_load_n(&core.companion, __ATOMIC_ACQUIRE);
    if (companion && __atomic_load_n(&companion->state, __ATOMIC_RELAXED) == kRun) set_free(*companion);
  }
  return any;
}

}  // namespace vari::hosted
