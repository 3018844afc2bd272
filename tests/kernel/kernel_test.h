// Tests that run inside a kernel, in a thread of their own, with all cores started. Each prints one line;
// the kernel kernels/kernel_tests runs all that are linked into it.
//
//   KERNEL_TEST(frames_come_back) {
//     EXPECT(test.memory().frames().free_frames() == before);
//   }
#pragma once

#include "interfaces/boot_information.h"
#include "interfaces/topology.h"
#include "nucleus/interrupts.h"
#include "nucleus/log.h"
#include "nucleus/memory.h"
#include "nucleus/processor.h"
#include "nucleus/tlb.h"

namespace vari::kernel_tests {

/// What a test may use, and where it reports.
class Test {
 public:
  Test(nucleus::Memory& memory, nucleus::Processors& processors, nucleus::InterruptRouter& interrupts,
       nucleus::SynchronousTlb& tlb, Environment& environment, const Topology& topology,
       const BootInformation& boot)
      : memory_(memory),
        processors_(processors),
        interrupts_(interrupts),
        tlb_(tlb),
        environment_(environment),
        topology_(topology),
        boot_(boot) {}
  nucleus::Memory& memory() { return memory_; }
  nucleus::Processors& processors() { return processors_; }
  nucleus::InterruptRouter& interrupts() { return interrupts_; }
  nucleus::SynchronousTlb& tlb() { return tlb_; }
  Environment& environment() { return environment_; }
  const Topology& topology() { return topology_; }
  const BootInformation& boot() { return boot_; }

  /// Records a failure; the first one's text is printed.
  void fail(const char* expression, const char* file, int line) {
    if (failures_++ == 0) first_ = {expression, file, line};
  }
  /// A figure for the report: "figure NAME VALUE".
  void figure(std::string_view name, u64 value);
  /// A line for the suite to read: "NAME TEXT", of any length.
  void tell(std::string_view name, std::string_view text);

  struct Failure {
    const char* expression = "";
    const char* file = "";
    int line = 0;
  };
  u32 failures() const { return failures_; }
  const Failure& first() const { return first_; }
  void reset() { failures_ = 0; }

 private:
  nucleus::Memory& memory_;
  nucleus::Processors& processors_;
  nucleus::InterruptRouter& interrupts_;
  nucleus::SynchronousTlb& tlb_;
  Environment& environment_;
  const Topology& topology_;
  const BootInformation& boot_;
  u32 failures_ = 0;
  Failure first_;
};

struct Registration {
  const char* name;
  void (*run)(Test&);
};

}  // namespace vari::kernel_tests

#define KERNEL_TEST(test_name)                                                                           \
  static void test_name(::vari::kernel_tests::Test& test);                                               \
  [[gnu::section(".kernel_tests"), gnu::used,                                                            \
    gnu::retain]] static constinit const ::vari::kernel_tests::Registration registration_of_##test_name{ \
      #test_name, &test_name};                                                                           \
  static void test_name([[maybe_unused]] ::vari::kernel_tests::Test& test)

#define EXPECT(condition) \
  ((condition) ? static_cast<void>(0) : test.fail(#condition, __FILE_NAME__, __LINE__))
