// A place, cores, and a guest made of a few instructions (guest_code.S), for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "hosted/place.h"
#include "runtime/port/linux/machine.h"
#include "runtime/thread.h"

/// Guests' code; each is copied to Guest::kCode and begins there.
#define GUEST_CODE(name) extern "C" const char guest_##name[], guest_##name##_end[];
GUEST_CODE(call)
GUEST_CODE(int80)
GUEST_CODE(loop)
GUEST_CODE(divide)
GUEST_CODE(breakpoint)
GUEST_CODE(invalid)
GUEST_CODE(single_step)
GUEST_CODE(store)
GUEST_CODE(load)
GUEST_CODE(non_canonical_jump)
GUEST_CODE(non_canonical_load)
GUEST_CODE(vectors)
GUEST_CODE(add_vectors)
GUEST_CODE(count)
GUEST_CODE(alignment)
GUEST_CODE(clock)
#undef GUEST_CODE

namespace vari::hosted::test {

class Silent final : public Surroundings {
 public:
  void log(std::string_view) override {}
  std::size_t read_log(u64&, std::span<char>) override { return 0; }
  void power(Place::PowerAction) override {}
};

struct HostedSystem {
  Silent silent;
  HostedPlace place;

  /// Runs the test as a thread of the runtime.
  void run(std::function<void()> test, u32 cores = 2, u64 ram_bytes = 64 * kMiB) {
    ASSERT_TRUE(place.start(ram_bytes, silent).has_value());
    runtime::LinuxMachine machine(cores, {}, &place.attendant());
    place.set_group(machine.group());
    machine.run(test);
  }
};

/// One context in a domain of its own.
struct Guest {
  static constexpr VirtualAddress kCode{0x40'0000}, kData{0x50'0000};
  HostedPlace& place;
  Ref<Domain> domain;
  Ref<Context> context;
  std::vector<Frame> frames;

  Guest(HostedPlace& place_in, const char* begin, const char* end) : place(place_in) {
    domain = *place.create_domain();
    context = *place.create_context(*domain);
    add_page(kCode, Access::Read | Access::Execute);
    std::memcpy(place.window(frames[0]), begin, static_cast<std::size_t>(end - begin));
    registers().rip = kCode.value;
    registers().rsp = kData.value + kPageBytes;
  }
  ~Guest() {
    struct Ignore final : Domain::Visitor {
      void visit(VirtualAddress, const Mapping&) override {}
    } ignore;
    domain->unmap(Domain::kUserBegin, Domain::kUserEnd - Domain::kUserBegin, ignore);
    for (const Frame frame : frames) place.free_frame(frame);
  }
  Registers& registers() { return context->registers(); }
  void add_page(VirtualAddress at, Access access) {
    frames.push_back(*place.allocate_frame());
    ASSERT_TRUE(domain->map(at, frames.back(), access).has_value());
  }
  u8* data(std::size_t page = 1) { return place.window(frames[page]); }
};
#define GUEST(place, name) ::vari::hosted::test::Guest((place), guest_##name, guest_##name##_end)

}  // namespace vari::hosted::test
