// A place without a machine: frames are host memory, a domain is a map from page to frame, and user code
// is a list of steps. A context's rip is twice the number of the next step, so that a call's instruction
// is two bytes long, as the real one, and fork, signal handlers and restarted calls work unchanged.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "interfaces/place.h"

namespace vari::linux::test {

class FakePlace;

class FakeDomain final : public Domain {
 public:
  explicit FakeDomain(FakePlace& place) : place_(place) {}
  void acquire() override { ++references_; }
  void release() override;
  Result<Frame> map(VirtualAddress page, Frame frame, Access access) override;
  void unmap(VirtualAddress begin, u64 bytes, Visitor& removed) override;
  void protect(VirtualAddress begin, u64 bytes, Access access) override;
  void visit(VirtualAddress begin, u64 bytes, Visitor& seen) override;
  Result<Mapping> lookup(VirtualAddress page) override;
  std::size_t copy_in(void* to, VirtualAddress from, std::size_t size) override;
  std::size_t copy_out(VirtualAddress to, const void* from, std::size_t size) override;
  std::size_t clear(VirtualAddress to, std::size_t size) override;
  Result<u32> load(VirtualAddress word) override;
  Result<u32> compare_exchange(VirtualAddress word, u32 expected, u32 desired) override;

 private:
  template <class Move>
  std::size_t pieces(u64 address, std::size_t size, Access wanted, Move move);
  FakePlace& place_;
  std::atomic<int> references_{1};
  std::mutex lock_;
  std::map<u64, Mapping> pages_;
};

/// What a step of a program sees.
class FakeContext;
struct Cpu {
  FakeContext& context;
  Registers& r;
  /// Memory as the program reaches it; a fault ends the step, which is then run again.
  u64 load(u64 address);
  void store(u64 address, u64 value);
  void touch(u64 address, Access access);
  void jump(u64 step) { r.rip = step * 2; }
};
struct Faulted {
  u64 address;
  Access access;
  bool present;
};

/// The code of all programs of a test: steps, by number.
class Program {
 public:
  using Step = std::function<void(Cpu&)>;
  /// Each returns the number of the step that it made.
  u64 step(Step step);
  /// A system call; arguments are worked out when it runs.
  using Arguments = std::function<std::vector<u64>(Cpu&)>;
  u64 call(u64 number, std::initializer_list<u64> arguments);
  u64 call(u64 number) { return call(number, std::initializer_list<u64>{}); }
  u64 call(u64 number, Arguments arguments);
  /// A processor exception.
  u64 exception(u8 vector);
  u64 next() const { return steps_.size(); }

 private:
  friend class FakeContext;
  struct Entry {
    Step step;
    Arguments arguments;
    u64 number = 0;
    u8 vector = 0;
    enum class Kind { Step, Call, Exception } kind = Kind::Step;
  };
  std::vector<Entry> steps_;
};

class FakeContext final : public Context {
 public:
  FakeContext(FakePlace& place, Domain& domain) : place_(place), domain_(domain) {}
  void acquire() override { ++references_; }
  void release() override {
    if (--references_ == 0) delete this;
  }
  TrapKind run() override;
  const Trap& trap() const override { return trap_; }
  Registers& registers() override { return registers_; }
  Registers& all_registers() override { return registers_; }
  void interrupt() override { interrupted_ = true; }
  void set_domain(Domain& domain) override { domain_ = Ref<Domain>(domain); }
  std::size_t vector_state_bytes() const override { return sizeof vector_; }
  void save_vector_state(std::span<u8> to) override;
  Result<> restore_vector_state(std::span<const u8> from) override;
  void reset_vector_state() override;
  Domain& domain() { return *domain_; }
  u8* vector() { return vector_; }

 private:
  TrapKind end_program();
  FakePlace& place_;
  Ref<Domain> domain_;
  std::atomic<int> references_{1};
  std::atomic<bool> interrupted_{false};
  Registers registers_{};
  Trap trap_;
  u8 vector_[832] = {};
};

class FakePlace final : public Place {
 public:
  explicit FakePlace(u64 frames = 4096);
  ~FakePlace();
  Program program;

  Result<Ref<Domain>> create_domain() override;
  Result<Ref<Context>> create_context(Domain& domain) override;
  Result<Frame> allocate_frame() override;
  Result<Frame> allocate_frame_uncleared() override;
  void free_frame(Frame frame) override;
  u8* window(Frame frame) override { return memory_ + frame.number * kPageBytes; }
  Nanoseconds monotonic_ns() override;
  Nanoseconds realtime_ns() override { return monotonic_ns() + 1'700'000'000 * kSecond; }
  Result<> set_realtime_ns(Nanoseconds) override { return std::unexpected(Error::Unsupported); }
  void random(std::span<u8> to) override;
  void log(std::string_view line) override;
  std::size_t read_log(u64&, std::span<char>) override { return 0; }
  void memory_barrier() override { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
  u32 cpu_count() override { return 2; }
  CpuStatistics cpu_statistics(CpuId) override { return {}; }
  MemoryStatistics memory_statistics() override;
  std::string_view cpu_model() override { return "fake"; }
  void power(PowerAction) override {}

  u64 free_frames();
  std::string log_text();
  /// Once programs have taken so many steps together, each ends by exit_group(99).
  void limit_steps(u64 most) { steps_left_ = most; }
  bool take_step() { return steps_left_.load() != 0 && steps_left_.fetch_sub(1) != 0; }

 private:
  const u64 frames_;
  std::atomic<u64> steps_left_{~u64{0}};
  u8* memory_;
  std::mutex lock_;
  std::vector<u64> free_;
  std::vector<bool> allocated_;
  std::string log_;
};

}  // namespace vari::linux::test
