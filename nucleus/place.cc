#include "nucleus/place.h"

#include <cstring>

#include "nucleus/context.h"
#include "nucleus/cpu_flags.h"
#include "nucleus/processor.h"
#include "runtime/port.h"

namespace vari::nucleus {

NucleusPlaceBase::NucleusPlaceBase(const Parts& parts) : parts_(parts) {
  make_user_clock();
  cpu_model_.print(parts.processors.features().model_name(), '\n');
  describe_flags(parts.processors.features(), cpu_model_);
}

/// All but the offset is settled when the cores have started and have compared their time stamp counters:
/// then programs read that counter as Clock::now() does, or, where the clock is the HPET, ask.
void NucleusPlaceBase::make_user_clock() {
  if (const auto frame = allocate_frame(); frame.has_value()) user_clock_ = *frame;
  const machine::TimeScale& scale = parts_.processors.clock().scale();
  const machine::Features& features = parts_.processors.features();
  UserClock& to = *new (&clock()) UserClock;
  to.realtime_offset_ns = parts_.realtime_at_start_ns;
  to.kind = scale.hpet_counter ? UserClock::kNone : UserClock::kTimeStampCounter;
  to.tsc_at_zero = scale.tsc_at_zero;
  to.ns_per_tsc = scale.ns_per_tsc;
  if (features.tells_processor()) to.processor = features.rdpid ? UserClock::kRdpid : UserClock::kRdtscp;
}

Result<Ref<vari::Context>> NucleusPlaceBase::create_context(vari::Domain& domain) {
  return Context::create(domain);
}

namespace {
/// A hint: the caller may have moved to another core by the time it is used.
u32 this_node() {
  return machine::this_core().node;
}
}  // namespace

Result<Frame> NucleusPlaceBase::allocate_frame() {
  return parts_.memory.allocate_frame(this_node());
}
Result<Frame> NucleusPlaceBase::allocate_frame_uncleared() {
  return parts_.memory.allocate_frame_uncleared(this_node());
}
void NucleusPlaceBase::free_frame(Frame frame) {
  parts_.memory.frames().free(frame);
}
u8* NucleusPlaceBase::window(Frame frame) {
  return parts_.memory.frames().window().at(frame);
}

Nanoseconds NucleusPlaceBase::monotonic_ns() {
  return runtime::port::now_ns();
}
Nanoseconds NucleusPlaceBase::realtime_ns() {
  return runtime::port::now_ns() + __atomic_load_n(&clock().realtime_offset_ns, __ATOMIC_RELAXED);
}
Result<> NucleusPlaceBase::set_realtime_ns(Nanoseconds since_1970) {
  // Modulo 2^64: a time of day before the machine's start is a "negative" offset.
  __atomic_store_n(&clock().realtime_offset_ns, since_1970 - runtime::port::now_ns(), __ATOMIC_RELAXED);
  return {};
}

void NucleusPlaceBase::random(std::span<u8> to) {
  parts_.random.mix(runtime::port::now_ns());
  parts_.random.fill(to);
}
void NucleusPlaceBase::log(std::string_view line) {
  parts_.log.line(line);
}
std::size_t NucleusPlaceBase::read_log(u64& from, std::span<char> to) {
  return parts_.log.read(from, to);
}

/// An interrupt is one, and so is the way back to user code.
void NucleusPlaceBase::memory_barrier() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  parts_.processors.broadcast(
      runtime::CpuSet{}, [](void*) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }, nullptr);
}

u32 NucleusPlaceBase::cpu_count() {
  return parts_.processors.count();
}

CpuStatistics NucleusPlaceBase::cpu_statistics(CpuId cpu) {
  if (cpu.value >= cpu_count()) return {};
  auto& processor = parts_.processors.at(cpu);
  const auto scheduled = processor.scheduler->statistics();
  return {.idle_ns = scheduled.idle_ns,
          .context_switches = scheduled.switches,
          .interrupts = processor.area.statistics.interrupts};
}

MemoryStatistics NucleusPlaceBase::memory_statistics() {
  auto& frames = parts_.memory.frames();
  return {.total_bytes = frames.total_frames() * kPageBytes,
          .free_bytes = (frames.free_frames() + parts_.memory.kernel().retired_frames()) * kPageBytes,
          .nucleus_bytes = parts_.memory.heap().statistics().chunk_bytes +
                           parts_.memory.kernel().table_frames() * kPageBytes + frames.metadata_bytes()};
}

std::string_view NucleusPlaceBase::cpu_model() {
  return cpu_model_.text();
}

std::size_t NucleusPlaceBase::describe(std::span<char> to) {
  TextBuffer text(to);
  auto& frames = parts_.memory.frames();
  const auto heap = parts_.memory.heap().statistics();
  text.print("frames_total ", frames.total_frames(), "\nframes_free ", frames.free_frames(),
             "\nframes_dirty ", frames.dirty_frames(), "\nframes_retired ",
             parts_.memory.kernel().retired_frames(), "\nframe_metadata_bytes ", frames.metadata_bytes(),
             "\nheap_chunk_bytes ", heap.chunk_bytes, "\nheap_free_page_bytes ", heap.free_page_bytes,
             "\nkernel_table_frames ", parts_.memory.kernel().table_frames(), "\n");
  for (u32 cpu = 0; cpu < cpu_count(); ++cpu) {
    auto& processor = parts_.processors.at({cpu});
    const auto& counted = processor.area.statistics;
    const auto scheduled = processor.scheduler->statistics();
    text.print("cpu", cpu, " traps ", counted.user_traps, " interrupts ", counted.interrupts, " timer ",
               counted.timer_interrupts, " ipis_sent ", counted.ipis_sent, " cr3_loads ",
               processor.memory.root_loads, " invlpg ", processor.memory.invalidations, " shootdowns ",
               processor.memory.shootdowns, " switches ", scheduled.switches, " preemptions ",
               scheduled.preemptions, " wakeups ", scheduled.wakeups, " cross_core ",
               scheduled.cross_core_wakeups, " steals ", scheduled.steals, " vector_saves ",
               counted.vector_saves, " vector_loads ", counted.vector_loads, " idle_ns ", scheduled.idle_ns,
               " timer_late_max_ns ", counted.timer_late_max_ns, "\n");
  }
  return text.size();
}

void NucleusPlaceBase::power(PowerAction action) {
  // What programs have left in free frames does not outlive them in a machine that stands still, or that
  // starts again without losing its memory (C24).
  while (parts_.memory.idle_work()) {
  }
  parts_.power.power(action);
}

}  // namespace vari::nucleus
