// Starting the other cores of the machine. All that are wanted get their Processor and stack first; then all
// are sent INIT, and after ten milliseconds the start-up interrupt, together. They come up in any order and
// draw their Processor in that order, so numbers are dense whoever stays away.
#include <algorithm>

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/msr.h"
#include "machine/x86_64/startup.h"
#include "nucleus/processor.h"

namespace vari::nucleus {
namespace {

constexpr Nanoseconds kAfterInit = 10 * kMillisecond;
constexpr Nanoseconds kBeforeSecondStartup = kMillisecond / 5;
constexpr Nanoseconds kPatience = 10 * kSecond;
constexpr u32 kGreatestXapicId = 254;

}  // namespace

/// One start-up: shared by the boot core and those that come.
class CoreStartup {
 public:
  CoreStartup(Processors& processors, const Topology& topology)
      : processors_(processors), topology_(topology) {}
  Result<u32> run(u32 limit);

 private:
  struct Candidate {
    CoreStartup* startup = nullptr;
    Processor* processor = nullptr;
  };

  bool wanted(const ProcessorDescription& description) const;
  Result<> prepare(u32 count);
  void wake();
  void wait(Nanoseconds duration) const;
  void discard(u32 first);
  void compare_time(u32 rounds);
  static void entry(void* candidate);

  Processors& processors_;
  const Topology& topology_;
  u32 count_ = 0;    // cores to be started
  u32 arrived_ = 0;  // atomic
  runtime::CoreLock time_lock_;
  u64 last_tsc_ GUARDED_BY(time_lock_) = 0;
  bool tsc_went_back_ GUARDED_BY(time_lock_) = false;
  machine::StartupSlot slots_[kMaximumCpus] = {};
  Candidate candidates_[kMaximumCpus] = {};
};

Result<u32> Processors::start_others(const Topology& topology, u32 limit) {
  // Large, and needed only now.
  void* memory = memory_->heap().allocate(sizeof(CoreStartup));
  if (!memory) return std::unexpected(Error::OutOfMemory);
  auto* startup = new (memory) CoreStartup(*this, topology);
  const auto result = startup->run(limit);
  // Cores that may still come would find their slots gone; those stay.
  if (result) memory_->heap().free(memory, sizeof(CoreStartup));
  return result;
}

bool CoreStartup::wanted(const ProcessorDescription& description) const {
  if (description.apic_id == processors_.at(CpuId{0}).area.apic_id) return false;
  return description.apic_id <= kGreatestXapicId || processors_.features().x2apic;
}

Result<u32> CoreStartup::run(u32 limit) {
  u32 others = 0;
  for (std::size_t i = 0; i < topology_.processor_count; ++i) others += wanted(topology_.processors[i]);
  others = std::min(others, std::min(limit, kMaximumCpus) - 1);
  if (others == 0) return processors_.count();

  auto& kernel = processors_.memory()->kernel();
  const PhysicalAddress root = TRY(kernel.make_startup_root());
  const auto prepared = prepare(others);
  if (count_ == 0) {
    kernel.free_startup_root(root);
    return std::unexpected(prepared.error());
  }
  const auto window = kernel.frames().window();
  machine::place_trampoline(window.at(PhysicalAddress{machine::kTrampolineAddress}),
                            {.root_table = root.value,
                             .efer = machine::read_msr(machine::Msr::Efer) & ~u64{1 << 10},
                             .entry = &CoreStartup::entry,
                             .slots = slots_,
                             .slot_count = count_,
                             .ticket = 0});
  wake();
  const Nanoseconds deadline = runtime::port::now_ns() + kPatience;
  while (__atomic_load_n(&arrived_, __ATOMIC_ACQUIRE) < count_ && runtime::port::now_ns() < deadline) {
    compare_time(1);
    processors_.serve_calls(this_processor());  // of cores that run already
  }
  // Whoever has not drawn a ticket by now comes too late.
  auto* ticket =
      window.at<u32>(PhysicalAddress{machine::kTrampolineAddress + machine::kStartupParametersOffset +
                                     offsetof(machine::StartupParameters, ticket)});
  const u32 drawn = std::min(__atomic_exchange_n(ticket, kMaximumCpus, __ATOMIC_ACQ_REL), count_);
  while (__atomic_load_n(&arrived_, __ATOMIC_ACQUIRE) < drawn) processors_.serve_calls(this_processor());
  bool distrust = false;
  time_lock_.lock();
  distrust = tsc_went_back_;
  time_lock_.unlock();
  if (distrust) processors_.clock_.distrust_tsc();
  discard(drawn);
  kernel.free_startup_root(root);
  return processors_.count();
}

Result<> CoreStartup::prepare(u32 count) {
  Heap& heap = processors_.memory()->heap();
  auto& kernel = processors_.memory()->kernel();
  for (; count_ < count; ++count_) {
    void* memory = heap.allocate(sizeof(Processor), alignof(Processor));
    if (!memory) return std::unexpected(Error::OutOfMemory);
    const auto stack = kernel.allocate_stack();
    if (!stack) {
      heap.free(memory, sizeof(Processor), alignof(Processor));
      return std::unexpected(stack.error());
    }
    auto* processor = new (memory) Processor;
    processor->idle_stack = *stack;
    candidates_[count_] = {this, processor};
    slots_[count_] = {stack->top(), &candidates_[count_]};
    processors_.processors_[count_ + 1] = processor;
  }
  // Before the first comes, since they come in any order.
  __atomic_store_n(&processors_.limit_, count_ + 1, __ATOMIC_RELEASE);
  return {};
}

void CoreStartup::wake() {
  const auto& apic = processors_.apic();
  constexpr u8 kPage = machine::kTrampolineAddress >> kPageShift;
  const auto each = [&](auto send) {
    u32 sent = 0;
    for (std::size_t i = 0; i < topology_.processor_count && sent < count_; ++i) {
      if (!wanted(topology_.processors[i])) continue;
      send(topology_.processors[i].apic_id);
      ++sent;
    }
  };
  each([&](u32 id) { apic.send_init(id); });
  wait(kAfterInit);
  each([&](u32 id) { apic.send_startup(id, kPage); });
  wait(kBeforeSecondStartup);
  if (__atomic_load_n(&arrived_, __ATOMIC_ACQUIRE) == count_) return;
  // A core that runs already ignores the second one.
  each([&](u32 id) { apic.send_startup(id, kPage); });
}

void CoreStartup::wait(Nanoseconds duration) const {
  const Nanoseconds end = runtime::port::now_ns() + duration;
  while (runtime::port::now_ns() < end) machine::pause();
}

void CoreStartup::discard(u32 first) {
  for (u32 i = first; i < count_; ++i) {
    Processor* processor = candidates_[i].processor;
    processors_.processors_[i + 1] = nullptr;
    processors_.memory()->kernel().free_stack(processor->idle_stack);
    processor->~Processor();
    processors_.memory()->heap().free(processor, sizeof(Processor), alignof(Processor));
  }
}

/// All cores that are about read the counter in turn; it must never go back.
void CoreStartup::compare_time(u32 rounds) {
  for (u32 i = 0; i < rounds; ++i) {
    time_lock_.lock();
    const u64 now = machine::read_tsc();
    if (now < last_tsc_) tsc_went_back_ = true;
    last_tsc_ = now;
    time_lock_.unlock();
    machine::pause();
  }
}

/// A started core, on its idle stack, on the start-up root table.
void CoreStartup::entry(void* argument) {
  auto& candidate = *static_cast<Candidate*>(argument);
  CoreStartup& startup = *candidate.startup;
  Processors& processors = startup.processors_;
  Processor& processor = *candidate.processor;
  const auto index = static_cast<u32>(&candidate - startup.candidates_);
  processors.adopt(processor, CpuId{index + 1});
  processors.memory()->kernel().load();
  processors.apic().enable();
  const u32 apic_id = processors.apic().id();
  for (std::size_t i = 0; i < startup.topology_.processor_count; ++i) {
    const auto& description = startup.topology_.processors[i];
    if (description.apic_id == apic_id) processor.memory.node = processor.area.node = description.node;
  }
  constexpr u32 kTimeRounds = 50;
  startup.compare_time(kTimeRounds);
  processors.join(processor);
  __atomic_fetch_add(&processors.count_, 1, __ATOMIC_ACQ_REL);
  // The start-up's own memory may be gone after this.
  __atomic_fetch_add(&startup.arrived_, 1, __ATOMIC_ACQ_REL);
  processor.area.preemption_count = 0;
  processor.scheduler->run_idle_loop();
  UNREACHABLE();
}

}  // namespace vari::nucleus
