#include "nucleus/context.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/program_mode.h"
#include "machine/x86_64/vector_state.h"
#include "nucleus/domain.h"
#include "nucleus/panic.h"
#include "nucleus/preemption.h"
#include "nucleus/processor.h"
#include "nucleus/this_core.h"
#include "nucleus/thread_space.h"

namespace vari::nucleus {

using machine::CoreArea;
using machine::Vector;

namespace {

constexpr i32 kResume = -1;
constexpr u64 kFirstInterrupt = 32;
constexpr u64 kUserLimit = u64{1} << 47;

// Error code of a page fault (SDM vol. 3, 4.7).
constexpr u32 kPresent = 1, kWrite = 2, kByProgram = 4, kReservedBit = 8, kFetch = 16;

Heap& heap() {
  return this_processor().processors->memory()->heap();
}
const machine::Features& features() {
  return *machine::this_core().features;
}

/// Values that the processor would refuse become 0.
u64 loadable_base(u64 base) {
  return machine::is_canonical(base) ? base : 0;
}

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
struct ContextLayout {
  static_assert(CONTEXT_RAX == 8 && CONTEXT_RIP == CONTEXT_RAX + 15 * 8 && CONTEXT_RSP == CONTEXT_RIP + 16);
  static_assert(__builtin_offsetof(Context, registers_) == CONTEXT_RAX);
  static_assert(__builtin_offsetof(Context, requested_) == CONTEXT_REQUESTED);
  static_assert(__builtin_offsetof(Registers, r15) == CONTEXT_R15 - CONTEXT_RAX);
  static_assert(__builtin_offsetof(Registers, rflags) == CONTEXT_RFLAGS - CONTEXT_RAX);
};
#pragma GCC diagnostic pop

Result<Ref<vari::Context>> Context::create(vari::Domain& domain) {
  const std::size_t bytes = features().vector_bytes;
  auto* vectors = static_cast<u8*>(heap().allocate(bytes, machine::kVectorAlignment));
  if (!vectors) return std::unexpected(Error::OutOfMemory);
  machine::reset_vectors({vectors, bytes});
  auto* context = new (runtime::kFallible) Context(domain, vectors);
  if (!context) {
    heap().free(vectors, bytes, machine::kVectorAlignment);
    return std::unexpected(Error::OutOfMemory);
  }
  return Ref<vari::Context>::adopt(context);
}

Context::Context(vari::Domain& domain, u8* vectors) : domain_(domain), vectors_(vectors) {}

Context::~Context() {
  leave_core();
  // The owning thread may have ended, but not left its core yet: it does not run the context again, but
  // the core still holds it.
  PreemptionGuard guard;
  const u32 core = __atomic_load_n(&running_on_, __ATOMIC_SEQ_CST);
  if (core != kNowhere) {
    broadcast(
        runtime::CpuSet::only(CpuId{core}),
        [](void* context) { static_cast<Context*>(context)->leave_core(); }, this);
  }
  ASSERT(__atomic_load_n(&running_on_, __ATOMIC_SEQ_CST) == kNowhere);
  heap().free(vectors_, features().vector_bytes, machine::kVectorAlignment);
}

// Loading and putting away. Invariant: while core.context is this, the core's FS and GS base are newer than
// registers_, its page tables are the domain's, and running_on_ is that core. Everything is put away when the
// owning thread leaves the core, so a context's state is always either in memory or in one core.

void Context::load(CoreArea& core) {
  if (core.context) core.context->put_away(core);
  AddressSpace& space = NucleusDomain::of(*domain_).space();
  space.activate();
  note_space(*core.thread, space);
  const u64 fs = loadable_base(registers_.fs_base), gs = loadable_base(registers_.gs_base);
  if (core.features->fs_gs_base) {
    machine::write_fs_base(fs);
    machine::write_user_gs_base(gs);
  } else {
    machine::write_msr(machine::Msr::FsBase, fs);
    machine::write_msr(machine::Msr::KernelGsBase, gs);
  }
  core.statistics.base_writes += 2;
  ++core.statistics.context_loads;
  core.fact_table = facts_.offsets;
  core.fact_count = facts_.count;
  core.facts = static_cast<const u8*>(facts_.facts);
  core.context = this;
  // Order: sequentially consistent, against interrupt(): either it sees where we run, or we see its request.
  __atomic_store_n(&running_on_, core.id.value, __ATOMIC_SEQ_CST);
}

void Context::put_away(CoreArea& core) {
  if (core.features->fs_gs_base) {
    // Without this feature user code can't change them but by loading a null selector, which is not kept.
    registers_.fs_base = machine::read_fs_base();
    registers_.gs_base = machine::read_user_gs_base();
  }
  if (core.vectors_live) {
    machine::save_vectors(vectors_, *core.features);
    machine::set_task_switched();
    core.vectors_live = false;
    ++core.statistics.vector_saves;
  }
  core.context = nullptr;
  __atomic_store_n(&running_on_, kNowhere, __ATOMIC_SEQ_CST);
}

void Context::leave_core() {
  InterruptGuard guard;
  CoreArea& core = machine::this_core();
  if (core.context == this) put_away(core);
}

void Context::load_vectors(CoreArea& core) {
  machine::clear_task_switched();
  // Nobody in between: the registers still hold what was saved.
  if (core.vector_owner != this || vectors_on_ != core.id.value) {
    machine::load_vectors(vectors_, *core.features);
    ++core.statistics.vector_loads;
    core.vector_owner = this;
    vectors_on_ = core.id.value;
  }
  core.vectors_live = true;
}

i32 Context::prepare() {
  CoreArea& core = machine::this_core();
  if (core.context != this) load(core);
  if (__atomic_load_n(&requested_, __ATOMIC_SEQ_CST)) {
    __atomic_store_n(&requested_, 0, __ATOMIC_RELAXED);
    return deliver({}, TrapKind::Interrupted);
  }
  // Checked here and not by IRETQ, which would fault in the kernel.
  if (registers_.rip >= kUserLimit && !machine::kProgramMode.in_gate(registers_.rip)) {
    return deliver({.vector = static_cast<u8>(Vector::GeneralProtection)}, TrapKind::Exception);
  }
  return kResume;
}

i32 Context::on_trap() {
  CoreArea& core = machine::this_core();
  const auto vector = static_cast<Vector>(core.trap_vector);
  const auto error = static_cast<u32>(core.trap_error);

  if (core.trap_vector >= kFirstInterrupt) {
    ++core.preemption_count;
    core.processor->processors->on_interrupt(*core.processor, static_cast<u8>(core.trap_vector));
    --core.preemption_count;
    if (core.scheduler->preemption_pending()) core.scheduler->preempt();
    return prepare();  // perhaps on another core
  }
  ++core.statistics.user_traps;
  switch (vector) {
    case Vector::PageFault: {
      if (error & kReservedBit) panic("a page table holds a malformed entry");
      const Access access = error & kFetch ? Access::Execute : error & kWrite ? Access::Write : Access::Read;
      return deliver({.vector = 14,
                      .access = access,
                      .present = (error & kPresent) != 0,
                      .error_code = error | kByProgram,  // whatever its ring
                      .address = {core.fault_address}},
                     TrapKind::PageFault);
    }
    case Vector::DeviceNotAvailable: load_vectors(core); return kResume;
    case Vector::Nmi:
      if (core.processor->processors->panic_state().first == PanicState::kNobody) return kResume;
      report_and_halt(frame_of_user_code());
    case Vector::DoubleFault:
    case Vector::MachineCheck: panic("machine check or double fault in user mode");
    case Vector::Debug: machine::clear_debug_status(); break;
    default: break;
  }
  return deliver({.vector = static_cast<u8>(vector), .error_code = error}, TrapKind::Exception);
}

machine::TrapFrame Context::frame_of_user_code() const {
  const Registers& r = registers_;
  return {.r15 = r.r15,
          .r14 = r.r14,
          .r13 = r.r13,
          .r12 = r.r12,
          .r11 = r.r11,
          .r10 = r.r10,
          .r9 = r.r9,
          .r8 = r.r8,
          .rbp = r.rbp,
          .rdi = r.rdi,
          .rsi = r.rsi,
          .rdx = r.rdx,
          .rcx = r.rcx,
          .rbx = r.rbx,
          .rax = r.rax,
          .vector = machine::this_core().trap_vector,
          .error = machine::this_core().trap_error,
          .rip = r.rip,
          .cs = machine::kProgramMode.code_selector,
          .rflags = r.rflags,
          .rsp = r.rsp,
          .ss = machine::kProgramMode.data_selector};
}

i32 Context::deliver(const Trap& trap, TrapKind kind) {
  trap_ = trap;
  trap_.kind = kind;
  return static_cast<i32>(kind);
}

Registers& Context::all_registers() {
  leave_core();
  return registers_;
}

void Context::set_fact_calls(const FactCalls& calls) {
  leave_core();
  facts_ = calls;
}

void Context::interrupt() {
  // Order: see load().
  __atomic_store_n(&requested_, 1, __ATOMIC_SEQ_CST);
  PreemptionGuard guard;
  const u32 core = __atomic_load_n(&running_on_, __ATOMIC_SEQ_CST);
  if (core == kNowhere || core == machine::this_core().id.value) return;
  this_processor().processors->send(CpuId{core}, Vector::Attention);
}

void Context::set_domain(vari::Domain& domain) {
  Ref<vari::Domain> previous(domain);
  leave_core();
  std::swap(domain_, previous);
}

// Vector state. It is brought to memory first; registers that were loaded before a change count no longer.

std::size_t Context::vector_state_bytes() const {
  return features().vector_bytes;
}

void Context::save_live_vectors() {
  InterruptGuard guard;
  CoreArea& core = machine::this_core();
  if (core.context == this && core.vectors_live) put_away(core);
}

void Context::save_vector_state(std::span<u8> to) {
  save_live_vectors();
  const std::size_t bytes = std::min<std::size_t>(to.size(), features().vector_bytes);
  __builtin_memcpy(to.data(), vectors_, bytes);
}

Result<> Context::restore_vector_state(std::span<const u8> from) {
  save_live_vectors();
  TRY(machine::adopt_vectors({vectors_, features().vector_bytes}, from, features()));
  vectors_on_ = kNowhere;
  return {};
}

void Context::reset_vector_state() {
  save_live_vectors();
  machine::reset_vectors({vectors_, features().vector_bytes});
  vectors_on_ = kNowhere;
}

}  // namespace vari::nucleus
