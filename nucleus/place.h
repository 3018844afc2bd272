// The nucleus as a place for personalities: interfaces/place.h on frames, domains, contexts and clocks.
#pragma once

#include "base/format.h"
#include "interfaces/place.h"
#include "interfaces/user_clock.h"
#include "nucleus/domain.h"
#include "nucleus/log.h"
#include "nucleus/memory.h"
#include "nucleus/random.h"

namespace vari::nucleus {

class Processors;

/// What the place needs of the machine beyond memory; the kernel composes it.
class PowerControl {
 public:
  /// Returns only if the machine doesn't obey.
  virtual void power(Place::PowerAction action) = 0;

 protected:
  ~PowerControl() = default;
};

/// What does not depend on the TLB policy.
class NucleusPlaceBase : public Place {
 public:
  struct Parts {
    Memory& memory;
    Processors& processors;
    Log& log;
    Random& random;
    PowerControl& power;
    Nanoseconds realtime_at_start_ns;  // since 1970, when the monotonic clock was 0
  };
  explicit NucleusPlaceBase(const Parts& parts);

  Result<Ref<vari::Context>> create_context(vari::Domain& domain) final;
  Result<Frame> allocate_frame() final;
  Result<Frame> allocate_frame_uncleared() final;
  void free_frame(Frame frame) final;
  u8* window(Frame frame) final;
  Nanoseconds monotonic_ns() final;
  Nanoseconds realtime_ns() final;
  Result<> set_realtime_ns(Nanoseconds since_1970) final;
  Frame user_clock() final { return user_clock_; }
  void random(std::span<u8> to) final;
  void log(std::string_view line) final;
  std::size_t read_log(u64& from, std::span<char> to) final;
  void memory_barrier() final;
  u32 cpu_count() final;
  CpuStatistics cpu_statistics(CpuId cpu) final;
  MemoryStatistics memory_statistics() final;
  std::string_view cpu_model() final;
  std::size_t describe(std::span<char> to) final;
  void power(PowerAction action) final;

 protected:
  ~NucleusPlaceBase() = default;
  Parts parts_;

 private:
  void make_user_clock();
  UserClock& clock() {
    return user_clock_ ? *static_cast<UserClock*>(static_cast<void*>(window(user_clock_))) : own_clock_;
  }
  Frame user_clock_;     // for programs to read; none where memory was short
  UserClock own_clock_;  // in its place, then
  Text<640> cpu_model_;  // name, newline, flags; never changes
};

template <class Tlb>
class NucleusPlace final : public NucleusPlaceBase {
 public:
  NucleusPlace(const Parts& parts, Tlb& tlb) : NucleusPlaceBase(parts), tlb_(tlb) {}
  Result<Ref<vari::Domain>> create_domain() override { return DomainWith<Tlb>::create(parts_.memory, tlb_); }

 private:
  Tlb& tlb_;
};

}  // namespace vari::nucleus
