// Running a guest: its registers go into the frame of its thread's signal, the stub returns from the signal,
// and the next signal brings it back. The thread of the runtime looks for a moment, then parks.
#include "hosted/context.h"

#include <linux/audit.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "hosted/host_futex.h"
#include "hosted/spin.h"
#include "runtime/scheduler.h"

namespace vari::hosted {
namespace {

constexpr u64 kNonCanonical = u64{1} << 47;
/// How often in a row a guest tries to go on whose mappings the host refuses.
constexpr u32 kFailures = 3;
constexpr u8 kGeneralProtection = 13, kPageFault = 14;
/// CS and SS of 64-bit user code on Linux, as a frame holds them.
constexpr u64 kSegments = 0x002b'0000'0000'0033;
constexpr u64 kCodeSegment = kSegments & 0xffff;
/// Error code of `int 0x80` where the gate is not for user code (SDM vol. 3, 6.13).
constexpr u32 kGate80 = 0x80 << 3 | 2;

bool trapped(const Slot& slot) {
  return __atomic_load_n(&slot.state, __ATOMIC_SEQ_CST) == kTrapped;
}

/// Stores only what differs: an untouched line stays with the guest's processor.
void store(greg_t& to, u64 value) {
  if (static_cast<u64>(to) != value) to = static_cast<greg_t>(value);
}

/// Values that the processor would refuse become 0.
u64 loadable_base(u64 base) {
  return base < kNonCanonical || base >= ~(kNonCanonical - 1) ? base : 0;
}

}  // namespace

Result<Ref<vari::Context>> HostedContext::create(const Parts& parts, vari::Domain& domain) {
  auto* context = new (runtime::kFallible) HostedContext(parts, domain);
  if (!context) return std::unexpected(Error::OutOfMemory);
  context->reset_vector_state();
  return Ref<vari::Context>::adopt(context);
}

HostedContext::~HostedContext() {
  if (slot_) domain().detach(*slot_);
}

Result<> HostedContext::attach() {
  slot_ = TRY(domain().attach());
  if (!frame() || !vectors()) {
    domain().detach(*slot_);
    slot_ = nullptr;
    return std::unexpected(Error::DeviceError);
  }
  // The segment bases are the former guest's.
  slot_->fs_base = ~registers_.fs_base;
  if (auto restored = restore_vector_state({kept_vectors_, parts_.vectors.bytes}); !restored) return restored;
  return {};
}

void HostedContext::detach() {
  if (!slot_) return;
  save_vector_state({kept_vectors_, parts_.vectors.bytes});
  domain().detach(*slot_);
  slot_ = nullptr;
}

void HostedContext::set_domain(vari::Domain& domain) {
  detach();
  domain_ = Ref<vari::Domain>(domain);
  wanted_ = {};
}

ucontext_t* HostedContext::frame() const {
  return reinterpret_cast<ucontext_t*>(parts_.stubs.view(*slot_, slot_->frame, sizeof(ucontext_t)));
}

TrapKind HostedContext::run() {
  for (;;) {
    // Checked here and not by the host, whose complaint would look like the stub's fault.
    if (__atomic_load_n(&requested_, __ATOMIC_SEQ_CST)) {
      __atomic_store_n(&requested_, 0, __ATOMIC_RELAXED);
      return deliver({}, TrapKind::Interrupted);
    }
    if (registers_.rip >= kNonCanonical) return exception(kGeneralProtection);
    if (!slot_ && !attach()) return exception(kGeneralProtection);
    let_run();
    if (const auto kind = decode()) return *kind;
  }
}

void HostedContext::let_run() {
  store_registers();
  domain().enter(*slot_, wanted_);
  wanted_ = {};
  parts_.company.before_resume(runtime::port::this_scheduler().cpu(), *slot_, known_);
  resume();
  // Order: sequentially consistent, against interrupt(): either it sees where the guest runs, or the request
  // is seen here. The signal may come at any time: the guest is then interrupted once more, for nothing.
  __atomic_store_n(&target_, u64{slot_->process} << 32 | slot_->thread, __ATOMIC_SEQ_CST);
  if (slowpath(__atomic_load_n(&requested_, __ATOMIC_SEQ_CST)))
    ::syscall(SYS_tgkill, slot_->process, slot_->thread, SIGUSR2);
  const bool in_time = wait_for_trap();
  __atomic_store_n(&target_, 0, __ATOMIC_SEQ_CST);
  domain().leave(*slot_);
  const bool was_apart = known_.apart;
  parts_.company.after_stop(known_, in_time);
  if (known_.apart && !was_apart) spin_ = {};
}

void HostedContext::interrupt() {
  __atomic_store_n(&requested_, 1, __ATOMIC_SEQ_CST);
  const u64 target = __atomic_load_n(&target_, __ATOMIC_SEQ_CST);
  if (target != 0) ::syscall(SYS_tgkill, target >> 32, target & 0xffff'ffff, SIGUSR2);
}

/// Preemption is disabled.
void HostedContext::resume() {
  slot_->doorbell = runtime::port::this_scheduler().cpu().value;
  __atomic_store_n(&slot_->kernel_waits, kAwake, __ATOMIC_RELAXED);
  // Order: against the stub, which says that it sleeps and then looks again.
  __atomic_store_n(&slot_->state, kRun, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&slot_->stub_sleeps, __ATOMIC_SEQ_CST)) host_futex_wake(slot_->state);
}

/// Looks for a moment, if the guest has a processor of its own and the core nothing better to do; then the
/// doorbell tells.
bool HostedContext::wait_for_trap() {
  runtime::Scheduler& scheduler = runtime::port::this_scheduler();
  const u32& rung = parts_.stubs.doorbell(scheduler.cpu()).rung;
  const auto something = [&] { return trapped(*slot_) || __atomic_load_n(&rung, __ATOMIC_RELAXED); };
  const u32 budget = known_.apart && scheduler.ready_count() == 0 ? spin_.next() : 0;
  const bool stopped = budget && spin_until(something, budget) && trapped(*slot_);
  if (budget) spin_.note(stopped);
  if (stopped) {
    runtime::port::enable_preemption();
  } else {
    park();
  }
  return stopped;
}

void HostedContext::park() {
  HostedCores::Core& core = parts_.cores.cores_[slot_->doorbell];
  runtime::Wait wait;
  waiting_.slot = slot_;
  waiting_.wait = &wait;
  bool early = false;
  {
    runtime::InterruptsOff off;
    runtime::Guard guard(core.lock);
    core.waiting.push_back(waiting_);
    // Order: against the stub, which hands over and then looks how we wait.
    __atomic_store_n(&slot_->kernel_waits, kDoorbell, __ATOMIC_SEQ_CST);
    if (trapped(*slot_)) {
      core.waiting.erase(core.waiting.iterator_to(waiting_));
      early = true;
    }
  }
  runtime::port::enable_preemption();
  if (early) return;
  // As long as it takes: the host tells no more, cheaply, and a guest that waits in here is one that runs.
  const Nanoseconds begin = runtime::port::now_ns();
  __atomic_store_n(&parked_since_, begin, __ATOMIC_RELAXED);
  wait.block();
  __atomic_store_n(&parked_since_, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&parked_ns_, parked_ns_ + (runtime::port::now_ns() - begin), __ATOMIC_RELAXED);
}

Nanoseconds HostedContext::time_beside_ns() const {
  const Nanoseconds since = __atomic_load_n(&parked_since_, __ATOMIC_RELAXED);
  const Nanoseconds now = runtime::port::now_ns();
  return __atomic_load_n(&parked_ns_, __ATOMIC_RELAXED) + (since && now > since ? now - since : 0);
}

void HostedCores::on_doorbell(CpuId cpu) {
  if (cpu.value == 0) events_.deliver();
  Core& core = cores_[cpu.value];
  for (;;) {
    runtime::Wait* wait = nullptr;
    {
      runtime::Guard guard(core.lock);
      for (auto& waiting : core.waiting) {
        if (!trapped(*waiting.slot)) continue;
        wait = waiting.wait;
        core.waiting.erase(core.waiting.iterator_to(waiting));
        break;
      }
    }
    if (!wait) return;
    wait->win(runtime::Wait::Outcome::Signalled);
  }
}

void HostedContext::store_registers() {
  ucontext_t* context = frame();
  ASSERT(context);  // looked at when it stopped
  auto& g = context->uc_mcontext.gregs;
  const Registers& r = registers_;
  store(g[REG_RAX], r.rax), store(g[REG_RBX], r.rbx), store(g[REG_RCX], r.rcx), store(g[REG_RDX], r.rdx);
  store(g[REG_RSI], r.rsi), store(g[REG_RDI], r.rdi), store(g[REG_RBP], r.rbp), store(g[REG_RSP], r.rsp);
  store(g[REG_R8], r.r8), store(g[REG_R9], r.r9), store(g[REG_R10], r.r10), store(g[REG_R11], r.r11);
  store(g[REG_R12], r.r12), store(g[REG_R13], r.r13), store(g[REG_R14], r.r14), store(g[REG_R15], r.r15);
  store(g[REG_RIP], r.rip), store(g[REG_EFL], r.rflags);
  store(g[REG_CSGSFS], kSegments);
  const u64 fs = loadable_base(r.fs_base), gs = loadable_base(r.gs_base);
  if (slot_->fs_base != fs || slot_->gs_base != gs) {
    slot_->fs_base = fs, slot_->gs_base = gs;
    slot_->set_bases = 1;
  }
}

void HostedContext::load_registers() {
  const auto& g = frame()->uc_mcontext.gregs;
  const auto get = [&](int which) { return static_cast<u64>(g[which]); };
  registers_ = {.rax = get(REG_RAX),
                .rbx = get(REG_RBX),
                .rcx = get(REG_RCX),
                .rdx = get(REG_RDX),
                .rsi = get(REG_RSI),
                .rdi = get(REG_RDI),
                .rbp = get(REG_RBP),
                .r8 = get(REG_R8),
                .r9 = get(REG_R9),
                .r10 = get(REG_R10),
                .r11 = get(REG_R11),
                .r12 = get(REG_R12),
                .r13 = get(REG_R13),
                .r14 = get(REG_R14),
                .r15 = get(REG_R15),
                .rip = get(REG_RIP),
                .rflags = get(REG_EFL),
                .rsp = get(REG_RSP),
                .fs_base = slot_->fs_base,
                .gs_base = slot_->gs_base};
}

std::optional<TrapKind> HostedContext::decode() {
  const u32 signal = slot_->signal;
  if (signal == kStubDied || !frame()) {
    // Nothing runs there any longer; a new thread could not, either.
    return exception(kGeneralProtection);
  }
  if (signal == kRequestsFailed) {
    if (++failures_ > kFailures) return exception(kGeneralProtection);  // the host will never map it
    domain().drop_cache();
    wanted_ = {registers_.rip};  // whatever is needed faults in again
    return {};
  }
  load_registers();
  failures_ = 0;
  const auto& g = frame()->uc_mcontext.gregs;
  const bool in_64_bit_code = (static_cast<u64>(g[REG_CSGSFS]) & 0xffff) == kCodeSegment;
  if (signal == SIGUSR2) return {};  // requested_ says whether it still matters
  if (!in_64_bit_code) return exception(kGeneralProtection);
  if (signal == SIGSYS) {
    if (slot_->architecture == AUDIT_ARCH_X86_64) return deliver({}, TrapKind::SystemCall);
    registers_.rip -= 2;  // int 0x80: a call on Linux, a fault in a kernel that has no such gate
    return exception(kGeneralProtection, kGate80);
  }
  if (g[REG_TRAPNO] == kPageFault) return decode_page_fault();
  return exception(static_cast<u8>(g[REG_TRAPNO]), static_cast<u32>(g[REG_ERR]));
}

std::optional<TrapKind> HostedContext::decode_page_fault() {
  constexpr u32 kPresent = 1, kWrite = 2, kFetch = 16;
  const auto& g = frame()->uc_mcontext.gregs;
  const auto error = static_cast<u32>(g[REG_ERR]);
  const VirtualAddress address{static_cast<u64>(g[REG_CR2])};
  const Access access = error & kFetch ? Access::Execute : error & kWrite ? Access::Write : Access::Read;
  wanted_ = address < Domain::kUserEnd ? address : VirtualAddress{};
  if (domain().allowed(address, access)) return {};  // the host's mappings only lagged behind
  const bool present = domain().lookup(address).has_value();
  return deliver({.vector = kPageFault,
                  .access = access,
                  .present = present,
                  .error_code = (error & ~kPresent) | (present ? kPresent : 0),
                  .address = address},
                 TrapKind::PageFault);
}

TrapKind HostedContext::deliver(const Trap& trap, TrapKind kind) {
  trap_ = trap;
  return trap_.kind = kind;
}

TrapKind HostedContext::exception(u8 vector, u32 error_code) {
  return deliver({.vector = vector, .error_code = error_code}, TrapKind::Exception);
}

}  // namespace vari::hosted
