// An ordinary Linux process as a place for personalities: interfaces/place.h on system calls of the host.
#pragma once

#include "base/format.h"
#include "hosted/context.h"
#include "hosted/domain.h"
#include "hosted/memory.h"
#include "hosted/stubs.h"
#include "interfaces/user_clock.h"
#include "runtime/scheduler_group.h"

namespace vari::hosted {

/// What the place needs of the kernel that is made of it.
class Surroundings {
 public:
  virtual void log(std::string_view line) = 0;
  virtual std::size_t read_log(u64& from, std::span<char> to) = 0;
  virtual void power(Place::PowerAction action) = 0;

 protected:
  ~Surroundings() = default;
};

class HostedPlace final : public Place {
 public:
  HostedPlace() = default;

  /// Makes RAM and the first stub. Before any thread of the runtime, by one that outlives them.
  Result<> start(u64 ram_bytes, Surroundings& surroundings);
  /// To be told of doorbells: for runtime::LinuxMachine.
  runtime::Attendant& attendant() { return cores_; }
  /// What the host tells besides.
  HostEvents& events() { return events_; }
  /// The cores that run the personality, for statistics.
  void set_group(const runtime::SchedulerGroup& group) { group_ = &group; }

  Result<Ref<Domain>> create_domain() override { return HostedDomain::create(memory_, stubs_); }
  Result<Ref<Context>> create_context(Domain& domain) override {
    return HostedContext::create(parts_, domain);
  }
  Result<Frame> allocate_frame() override { return memory_.allocate(); }
  Result<Frame> allocate_frame_uncleared() override { return memory_.allocate_uncleared(); }
  void free_frame(Frame frame) override { memory_.free(frame); }
  u8* window(Frame frame) override { return memory_.window(frame); }
  Nanoseconds monotonic_ns() override;
  Nanoseconds realtime_ns() override;
  Result<> set_realtime_ns(Nanoseconds since_1970) override;
  Frame user_clock() override { return user_clock_; }
  void random(std::span<u8> to) override;
  void log(std::string_view line) override { surroundings_->log(line); }
  std::size_t read_log(u64& from, std::span<char> to) override { return surroundings_->read_log(from, to); }
  void memory_barrier() override;
  u64 pages_a_fault() override { return 32; }
  u32 cpu_count() override { return group_ ? group_->limit() : 1; }
  CpuStatistics cpu_statistics(CpuId cpu) override;
  MemoryStatistics memory_statistics() override;
  std::string_view cpu_model() override { return cpu_model_.text(); }
  std::size_t describe(std::span<char> to) override;
  void power(PowerAction action) override { surroundings_->power(action); }

 private:
  void read_cpu_model();
  Result<> make_user_clock();

  HostedMemory memory_;
  Stubs stubs_{memory_};
  HostEvents events_{stubs_};
  HostedCores cores_{stubs_, events_};
  Company company_;
  VectorFormat vectors_;
  const HostedContext::Parts parts_{stubs_, cores_, company_, vectors_};
  Surroundings* surroundings_ = nullptr;
  const runtime::SchedulerGroup* group_ = nullptr;
  Frame user_clock_;                // for guests to read
  u64* realtime_offset_ = nullptr;  // atomic, in that frame: what programs have added to the host's time
  Text<4096> cpu_model_;            // name, newline, flags
};

}  // namespace vari::hosted
