// A context of the hosted placement: a thread of the domain's process, whose signal frame is the guest's
// state.
#pragma once

#include <ucontext.h>

#include <boost/intrusive/list.hpp>
#include <optional>

#include "hosted/company.h"
#include "hosted/domain.h"
#include "hosted/host_events.h"
#include "hosted/spin.h"
#include "interfaces/place.h"
#include "runtime/port/linux/core.h"
#include "runtime/wait.h"

namespace vari::hosted {

class HostedContext;

/// Runtime threads that wait for their guests, by the core on which they began to.
class HostedCores final : public runtime::Attendant {
 public:
  HostedCores(Stubs& stubs, HostEvents& events) : stubs_(stubs), events_(events) {}
  u32& doorbell(CpuId cpu) override { return stubs_.doorbell(cpu).rung; }
  void on_doorbell(CpuId cpu) override;

 private:
  friend class HostedContext;
  struct Core;
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  Stubs& stubs_;
  HostEvents& events_;

 public:
  struct Waiting {
    Hook hook;
    Slot* slot = nullptr;
    runtime::Wait* wait = nullptr;  // null: not in a list
  };

 private:
  using List = boost::intrusive::list<Waiting, boost::intrusive::member_hook<Waiting, Hook, &Waiting::hook>,
                                      boost::intrusive::constant_time_size<false>>;
  struct Core {
    runtime::CoreLock lock;
    List waiting GUARDED_BY(lock);
  };
  Core cores_[kMaximumCpus];
};

/// The processor's vector state as the host's frames hold it (XSAVE, standard format).
struct VectorFormat {
  static constexpr std::size_t kMaximumBytes = 4096;
  std::size_t bytes = 512;
  u64 components = 3;
  u32 mxcsr_mask = 0xffbf;
  /// What this processor has.
  static VectorFormat find();
};

class HostedContext final : public vari::Context, public runtime::Allocated {
 public:
  struct Parts {
    Stubs& stubs;
    HostedCores& cores;
    Company& company;
    const VectorFormat& vectors;
  };
  static Result<Ref<vari::Context>> create(const Parts& parts, vari::Domain& domain);

  void acquire() override { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  void release() override {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) delete this;
  }
  TrapKind run() override;
  const Trap& trap() const override { return trap_; }
  Registers& registers() override { return registers_; }
  Registers& all_registers() override { return registers_; }
  void interrupt() override;
  Nanoseconds time_beside_ns() const override;
  void set_domain(vari::Domain& domain) override;
  std::size_t vector_state_bytes() const override { return parts_.vectors.bytes; }
  void save_vector_state(std::span<u8> to) override;
  Result<> restore_vector_state(std::span<const u8> from) override;
  void reset_vector_state() override;

 private:
  HostedContext(const Parts& parts, vari::Domain& domain) : parts_(parts), domain_(domain) {}
  ~HostedContext();

  HostedDomain& domain() { return HostedDomain::of(*domain_); }
  /// Gets a thread, and gives it the vector state.
  Result<> attach();
  /// The other way.
  void detach();
  /// One stay of the guest in its process: from resume to the next stop.
  void let_run();
  void resume();
  /// Whether it came while we looked.
  bool wait_for_trap();
  void park();
  void store_registers();
  void load_registers();
  /// What the stop was; nothing if the guest may just go on.
  std::optional<TrapKind> decode();
  std::optional<TrapKind> decode_page_fault();
  TrapKind deliver(const Trap& trap, TrapKind kind);
  TrapKind exception(u8 vector, u32 error_code = 0);

  /// The frame of the stopped guest; null if what the stub says of it is no sense.
  ucontext_t* frame() const;
  u8* vectors() const;

  const Parts& parts_;
  Registers registers_ = {};
  Trap trap_;
  Ref<vari::Domain> domain_;
  Slot* slot_ = nullptr;
  VirtualAddress wanted_ = {};    // where the last fault was: mapped before the guest runs again
  u64 target_ = 0;                // atomic: process and thread of the host while the guest runs; else 0
  u32 requested_ = 0;             // atomic: interrupt() was called
  Nanoseconds parked_since_ = 0;  // atomic: the thread waits for a guest that runs beside it; 0: it does not
  Nanoseconds parked_ns_ = 0;     // atomic: how long it has waited so
  u32 references_ = 1;            // atomic
  u32 failures_ = 0;              // refused mappings since the guest last got on
  SpinBudget spin_;
  Acquaintance known_;
  HostedCores::Waiting waiting_;
  alignas(64) u8 kept_vectors_[VectorFormat::kMaximumBytes];  // while there is no thread
};

}  // namespace vari::hosted
