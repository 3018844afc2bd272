// The program that a domain's process runs: a leader, which makes threads, processes and mappings on demand,
// and guests' threads. A guest's every system call (seccomp), fault and interruption is a signal, taken here
// on a stack that the kernel's process sees; the handler hands the frame over and waits for its turn.
//
// Freestanding, built without instrumentation, without a thread pointer: it runs with the guest's.
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/auxvec.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/signal.h>

#include "base/annotations.h"
#include "hosted/stub_abi.h"

using namespace vari;
using namespace vari::hosted;

#pragma GCC visibility push(hidden)
extern "C" {
long vari_stub_call(long number, u64 a = 0, u64 b = 0, u64 c = 0, u64 d = 0, u64 e = 0, u64 f = 0);
long vari_stub_clone(u64 flags, u64 stack, u64 slot, void (*entry)(Slot*));
[[noreturn]] void vari_stub_move(u64 stack, u64 slot);
void vari_stub_return();
[[noreturn]] void vari_stub_main(const u64* stack);
void vari_stub_first_leader(Slot* slot);
void vari_stub_leader(Slot* slot);
}
#pragma GCC visibility pop

namespace {

constexpr u64 kAllSignals = ~u64{0};

[[noreturn]] void die(int status) {
  for (;;) vari_stub_call(__NR_exit_group, static_cast<u64>(status));
}

u64 address_of(const void* pointer) {
  return reinterpret_cast<u64>(pointer);
}

Slot* map_slot(u64 index) {
  const u64 address = slot_address(static_cast<u32>(index));
  const long got = vari_stub_call(__NR_mmap, address, kSlotBytes, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_FIXED, kSlotsDescriptor, index * kSlotBytes);
  if (got != static_cast<long>(address)) die(2);
  return reinterpret_cast<Slot*>(address);
}

u64 read_clock() {
  return __builtin_ia32_rdtsc();
}

void wake(u32* word) {
  vari_stub_call(__NR_futex, address_of(word), FUTEX_WAKE, 1);
}

/// The kernel's turn.
void hand_over(Slot& slot) {
  // Order: sequentially consistent, against the kernel, which says how it waits and then looks again.
  __atomic_store_n(&slot.state, kTrapped, __ATOMIC_SEQ_CST);
  switch (__atomic_load_n(&slot.kernel_waits, __ATOMIC_SEQ_CST)) {
    case kDoorbell: {
      auto* doorbells = reinterpret_cast<SharedDoorbell*>(slot_address(kDoorbellSlot));
      u32* rung = &doorbells[slot.doorbell].rung;
      if (__atomic_exchange_n(rung, 1, __ATOMIC_ACQ_REL) == 0) wake(rung);
      break;
    }
    case kOnState: wake(&slot.state); break;
    default: break;
  }
}

/// Looks for a while: not for long where the kernel has lately been late.
bool look(Slot& slot) {
  const u64 spin = ++slot.spin_tries % 32 == 0 ? slot.spin_cycles : slot.spin_now;
  for (const u64 begin = read_clock(); read_clock() - begin < spin;) {
    if (__atomic_load_n(&slot.state, __ATOMIC_ACQUIRE) == kRun) {
      slot.spin_now = slot.spin_cycles;
      return true;
    }
    __builtin_ia32_pause();
  }
  slot.spin_now /= 4;
  return false;
}

void wait_for_turn(Slot& slot) {
  if (look(slot)) return;
  for (;;) {
    __atomic_store_n(&slot.stub_sleeps, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&slot.state, __ATOMIC_SEQ_CST) == kRun) break;
    vari_stub_call(__NR_futex, address_of(&slot.state), FUTEX_WAIT, kTrapped);
  }
  __atomic_store_n(&slot.stub_sleeps, 0, __ATOMIC_RELAXED);
}

void run_thread(Slot* slot);

bool start_thread(u64 index) {
  const Slot* slot = map_slot(index);
  constexpr u64 kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  return vari_stub_clone(kFlags, address_of(slot) + kSlotBytes, address_of(slot), &run_thread) > 0;
}

/// The child shares the slots' memory and the RAM; it begins as the leader in a slot of its own.
bool start_process(u64 index) {
  const Slot* slot = map_slot(index);
  const long child = vari_stub_clone(CLONE_PARENT | u64{SIGCHLD}, address_of(slot) + kSlotBytes,
                                     address_of(slot), &vari_stub_leader);
  vari_stub_call(__NR_munmap, address_of(slot), kSlotBytes);
  return child > 0;
}

bool carry_out(const Request& request) {
  switch (request.kind) {
    case Request::Map:
      return vari_stub_call(__NR_mmap, request.address, request.bytes, request.protection,
                            MAP_SHARED | MAP_FIXED | MAP_POPULATE, kRamDescriptor,
                            request.offset) == static_cast<long>(request.address);
    case Request::Unmap: return vari_stub_call(__NR_munmap, request.address, request.bytes) == 0;
    case Request::Protect:
      return vari_stub_call(__NR_mprotect, request.address, request.bytes, request.protection) == 0;
    case Request::Thread: return start_thread(request.offset);
    case Request::Fork: return start_process(request.offset);
  }
  return false;
}

bool carry_out_all(Slot& slot) {
  bool all = true;
  for (u32 i = 0; i < slot.request_count && i < kRequests; ++i) all &= carry_out(slot.requests[i]);
  __atomic_store_n(&slot.request_count, 0, __ATOMIC_RELEASE);
  return all;
}

void note_bases(Slot& slot) {
  if (!slot.fs_gs_instructions) return;  // then a guest can't change them, either
  u64 fs, gs;
  asm volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
  slot.fs_base = fs, slot.gs_base = gs;
}

void load_bases(Slot& slot) {
  if (!slot.set_bases) return;
  slot.set_bases = 0;
  if (slot.fs_gs_instructions) {
    asm volatile("wrfsbase %0; wrgsbase %1" ::"r"(slot.fs_base), "r"(slot.gs_base));
    return;
  }
  vari_stub_call(__NR_arch_prctl, ARCH_SET_FS, slot.fs_base);
  vari_stub_call(__NR_arch_prctl, ARCH_SET_GS, slot.gs_base);
}

/// Every signal of a guest's thread. The frame lies at the top of the slot.
void on_signal(int signal, siginfo_t* information, void* context) {
  Slot& slot = *reinterpret_cast<Slot*>(align_down(address_of(context), kSlotBytes));
  slot.signal = static_cast<u32>(signal);
  slot.frame = address_of(context);
  if (signal == SIGSYS) slot.architecture = information->_sifields._sigsys._arch;
  note_bases(slot);
  for (;;) {
    hand_over(slot);
    wait_for_turn(slot);
    if (fastpath(slot.request_count == 0) || carry_out_all(slot)) break;
    slot.signal = kRequestsFailed;
  }
  load_bases(slot);
}

void handle_signals() {
  constexpr int kTaken[] = {SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR2};
  const struct {  // the kernel's struct sigaction
    void (*handler)(int, siginfo_t*, void*);
    u64 flags;
    void (*restorer)();
    u64 mask;
  } action = {&on_signal, SA_SIGINFO | SA_ONSTACK | SA_RESTORER, &vari_stub_return, kAllSignals};
  for (const int signal : kTaken)
    if (vari_stub_call(__NR_rt_sigaction, static_cast<u64>(signal), address_of(&action), 0, 8) != 0) die(3);
}

/// Every system call that is not made from the stub's own text traps.
void filter_calls() {
  constexpr u32 kHigh = kStubBase >> 32, kLow = static_cast<u32>(kStubBase);
  static_assert(kLow == 0, "the filter compares the low half with an end alone");
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(seccomp_data, instruction_pointer) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kHigh, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(seccomp_data, instruction_pointer)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, static_cast<u32>(kStubBytes), 2, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {sizeof filter / sizeof *filter, filter};
  vari_stub_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1);
  if (vari_stub_call(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address_of(&program)) != 0) die(4);
}

/// What lies around the vDSO's first page and belongs to it: the host's data before, more code behind.
constexpr u64 kVdsoMargin = 16 * kPageBytes;

/// Where the host's exec put its vDSO: an entry of the auxiliary vector, behind arguments and environment on
/// the first stack. 0: none, or where a guest's pages go.
u64 find_vdso(const u64* stack) {
  const u64* word = stack + 1 + stack[0] + 1;
  while (*word != 0) ++word;
  for (++word; word[0] != AT_NULL; word += 2)
    if (word[0] == AT_SYSINFO_EHDR) return word[1] >= kSlotsEnd + kVdsoMargin ? word[1] : 0;
  return 0;
}

/// What the host's exec put into the process beside the stub, such as its stack; the vDSO stays, for guests
/// to read the host's clock.
void unmap_the_rest(u64 vdso) {
  const u64 begin = vdso ? vdso - kVdsoMargin : kRegionEnd;
  const u64 end = vdso && vdso + kVdsoMargin < kRegionEnd ? vdso + kVdsoMargin : kRegionEnd;
  vari_stub_call(__NR_munmap, 0, kStubBase);
  vari_stub_call(__NR_munmap, kStubBase + kStubBytes, kSlotsBase - kStubBase - kStubBytes);
  vari_stub_call(__NR_munmap, kSlotsEnd, begin - kSlotsEnd);
  if (end < kRegionEnd) vari_stub_call(__NR_munmap, end, kRegionEnd - end);
}

/// A guest's thread: its first trap is made here, so that there is a frame for the guest's registers.
void run_thread(Slot* slot) {
  slot->process = static_cast<u32>(vari_stub_call(__NR_getpid));
  slot->thread = static_cast<u32>(vari_stub_call(__NR_gettid));
  stack_t stack = {};
  stack.ss_sp = reinterpret_cast<char*>(slot) + kPageBytes;
  stack.ss_flags = static_cast<int>(SS_AUTODISARM);  // wherever a guest's stack pointer points
  stack.ss_size = kSlotBytes - kPageBytes;
  if (vari_stub_call(__NR_sigaltstack, address_of(&stack)) != 0) die(5);
  const u64 none = 0;
  vari_stub_call(__NR_rt_sigprocmask, SIG_SETMASK, address_of(&none), 0, 8);
  __builtin_trap();
}

}  // namespace

void vari_stub_main(const u64* stack) {
  map_slot(kDoorbellSlot);
  Slot* slot = map_slot(kFirstLeader);
  slot->vdso = find_vdso(stack);
  handle_signals();
  const u64 mask = kAllSignals;
  vari_stub_call(__NR_rt_sigprocmask, SIG_SETMASK, address_of(&mask), 0, 8);
  filter_calls();
  vari_stub_move(address_of(slot) + kSlotBytes - 64, address_of(slot));
}

/// On its slot's stack: the process's first one goes. Later leaders are copies of this process.
void vari_stub_first_leader(Slot* slot) {
  unmap_the_rest(slot->vdso);
  vari_stub_leader(slot);
}

/// The leader takes no signals but that of its parent's death.
void vari_stub_leader(Slot* slot) {
  vari_stub_call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
  slot->process = slot->thread = static_cast<u32>(vari_stub_call(__NR_getpid));
  slot->signal = 0;
  for (;;) {
    hand_over(*slot);
    wait_for_turn(*slot);
    slot->signal = carry_out_all(*slot) ? 0 : kRequestsFailed;
  }
}
