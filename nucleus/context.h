// Contexts of the nucleus: interfaces/place.h's Context as a 64-bit user thread of this machine. run() is the
// return to user mode and the way back in; there is no other kernel entry for programs. The way through
// run() and back is assembly (machine/x86_64/ring3/user_entry.S); this is what it falls back on.
#pragma once

#include "base/result.h"
#include "interfaces/place.h"
#include "machine/x86_64/core_area.h"
#include "machine/x86_64/trap_frame.h"
#include "runtime/memory.h"

namespace vari::nucleus {

class NucleusDomain;

class Context final : public vari::Context, public runtime::Allocated {
 public:
  /// All registers zero, vector state in its initial configuration. OutOfMemory.
  static Result<Ref<vari::Context>> create(vari::Domain& domain);

  void acquire() override { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  void release() override {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) delete this;
  }

  void interrupt() override;  // the first that is defined in C++: the compiler puts the vtable beside it
  TrapKind run() override __asm__("vari_context_run");
  const Trap& trap() const override { return trap_; }
  Registers& registers() override { return registers_; }
  Registers& all_registers() override;
  void set_domain(vari::Domain& domain) override;
  void set_fact_calls(const FactCalls& calls) override;

  std::size_t vector_state_bytes() const override;
  void save_vector_state(std::span<u8> to) override;
  Result<> restore_vector_state(std::span<const u8> from) override;
  void reset_vector_state() override;

  /// What run() does before it enters user mode when its guards fail. Interrupts are disabled. At least 0:
  /// a TrapKind to return at once.
  i32 prepare();
  /// After a trap other than a system call. Interrupts are disabled. At least 0: the TrapKind for the
  /// personality; else the context, loaded on this core, goes on.
  i32 on_trap();
  /// The thread that runs this context leaves its core, or another context is to be loaded there.
  /// Interrupts are disabled.
  void put_away(machine::CoreArea& core);

 private:
  friend struct ContextLayout;
  Context(vari::Domain& domain, u8* vectors);
  ~Context();
  void load(machine::CoreArea& core);
  void load_vectors(machine::CoreArea& core);
  void leave_core();
  void save_live_vectors();
  machine::TrapFrame frame_of_user_code() const;
  i32 deliver(const Trap& trap, TrapKind kind);

  static constexpr u32 kNowhere = ~u32{0};

  // Known to assembly: registers_ is the first member, requested_ next but one (core_area_offsets.h).
  Registers registers_ = {};
  u32 requested_ = 0;          // atomic: interrupt() was called
  u32 running_on_ = kNowhere;  // atomic: core that has loaded the context
  Trap trap_;
  FactCalls facts_;
  Ref<vari::Domain> domain_;
  u8* vectors_;                // save area, 64-byte aligned
  u32 vectors_on_ = kNowhere;  // core whose registers equal vectors_, if it has not loaded others since
  u32 references_ = 1;         // atomic
};

}  // namespace vari::nucleus
