// Device interrupts. At interrupt level a device's interrupt is only recorded, in a bitmap of pending lines,
// and its line's thread is woken (K63); the handlers of components run there, at process level. Interrupts of
// a line that come before its thread has looked coalesce. A level-triggered line stays masked at the I/O APIC
// until its handlers have returned.
#pragma once

#include "base/result.h"
#include "interfaces/environment.h"
#include "interfaces/topology.h"
#include "machine/x86_64/core_area.h"
#include "machine/x86_64/io_apic.h"
#include "nucleus/memory.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"

namespace vari::nucleus {

class Processors;

class InterruptRouter final : public InterruptService {
 public:
  explicit InterruptRouter(Processors& processors) : processors_(processors) {}

  /// Masks the legacy controllers and all I/O APIC pins.
  Result<> initialise(Memory& memory, const Topology& topology);

  Result<> attach_isa(u8 irq, InterruptHandler& handler) override;
  Result<> attach_global(u32 line, TriggerMode mode, bool active_low, InterruptHandler& handler) override;
  void detach(InterruptHandler& handler) override;

  /// Interrupt level: the processor took `vector`, a device's.
  void on_vector_irq(u8 vector);

  struct LineStatistics {
    u32 global_interrupt = 0;
    u64 interrupts = 0;  // taken by the processor
    u64 rounds = 0;      // of the handlers; less where interrupts coalesced
    u64 thread_id = 0;
  };
  /// False beyond the last line.
  bool statistics(u32 index, LineStatistics& out) const;

 private:
  static constexpr u32 kMaximumLines = 64, kMaximumHandlers = 4;

  struct Line {
    InterruptRouter* router = nullptr;
    u32 index = 0;
    u32 global_interrupt = 0;
    bool used = false;
    TriggerMode mode = TriggerMode::Edge;
    bool active_low = false;
    u8 apic_id = 0;        // of the core that takes it
    runtime::Mutex mutex;  // handlers; held while they run
    InterruptHandler* handlers[kMaximumHandlers] = {};
    runtime::Semaphore pending;
    Ref<runtime::Thread> thread;
    u64 interrupts = 0, rounds = 0;
  };

  static void thread_main(void* line);
  void serve(Line& line);
  Result<Line*> open_line(u32 global_interrupt, TriggerMode mode, bool active_low) REQUIRES(mutex_);
  const machine::IoApic* controller(u32 global_interrupt) const;
  void set_masked(const Line& line, bool masked);

  Processors& processors_;
  machine::IoApic io_apics_[Topology::kMaximumIoApics];
  std::size_t io_apic_count_ = 0;
  InterruptOverride overrides_[Topology::kMaximumOverrides];
  std::size_t override_count_ = 0;
  runtime::Mutex mutex_;                // which lines are used
  runtime::IrqSpinLock register_lock_;  // the I/O APICs' index and data registers
  Line lines_[kMaximumLines];
  u64 pending_lines_ = 0;  // atomic bitmap
};

}  // namespace vari::nucleus
