// The hosted place: every kind of trap of a real guest, what it must survive, interruptions that are never
// lost, many guests at once.
#include "tests/hosted/guest.h"

namespace vari::hosted::test {
namespace {

TEST(HostedPlace, ASystemCallIsATrapWithItsArguments) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, call);
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    const Registers& r = guest.registers();
    EXPECT_EQ(r.rax, 39u);
    EXPECT_EQ(r.rdi, 0x1111111122222222u);
    EXPECT_EQ(std::vector<u64>({r.rsi, r.rdx, r.r10, r.r8, r.r9}), std::vector<u64>({2, 3, 4, 5, 6}));
    EXPECT_EQ(r.rcx, r.rip);  // as the instruction leaves them
    guest.registers().rax = 0x1234'5678'9abc;
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    EXPECT_EQ(r.rdi, 0x1234'5678'9abcu);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
  });
}

/// The host's vDSO is where guests are told, and serves them without a trap.
TEST(HostedPlace, GuestsReadTheHostsClock) {
  HostedSystem system;
  system.run([&] {
    const auto& clock = *reinterpret_cast<const UserClock*>(system.place.window(system.place.user_clock()));
    ASSERT_EQ(clock.kind, UserClock::kFunction);
    ASSERT_GE(clock.function, Domain::kUserEnd.value);
    auto guest = GUEST(system.place, clock);
    guest.add_page(Guest::kData, Access::Read | Access::Write);
    guest.registers().rbx = clock.function;
    guest.registers().rbp = Guest::kData.value;
    for (int i = 0; i < 100; ++i) {
      const Nanoseconds before = system.place.monotonic_ns();
      guest.registers().rax = 0;
      ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
      ASSERT_GE(guest.registers().rip,
                Guest::kCode.value);  // the guest's own, not one of the host's function
      ASSERT_LT(guest.registers().rip, Guest::kCode.value + kPageBytes);
      EXPECT_EQ(guest.registers().rdi, 0u);
      timespec told;
      std::memcpy(&told, guest.data(), sizeof told);
      const auto now =
          static_cast<Nanoseconds>(told.tv_sec) * kSecond + static_cast<Nanoseconds>(told.tv_nsec);
      EXPECT_GE(now, before);
      EXPECT_LE(now, system.place.monotonic_ns());
    }
  });
}

struct Expected {
  const char *begin, *end;
  u8 vector;
  u32 error;
  u64 offset;  // of rip
  u64 argument = 0;
};

void expect_exception(const Expected& expected) {
  HostedSystem system;
  system.run([&] {
    Guest guest(system.place, expected.begin, expected.end);
    guest.add_page(Guest::kData, Access::Read | Access::Write);
    guest.registers().rdi = expected.argument;
    guest.registers().r14 = Guest::kData.value;
    ASSERT_EQ(guest.context->run(), TrapKind::Exception);
    EXPECT_EQ(guest.context->trap().vector, expected.vector);
    EXPECT_EQ(guest.context->trap().error_code, expected.error);
    if (expected.offset != ~u64{0}) {
      EXPECT_EQ(guest.registers().rip, Guest::kCode.value + expected.offset);
    }
  });
}

TEST(HostedPlace, Exceptions) {
  expect_exception({guest_divide, guest_divide_end, 0, 0, 2});
  expect_exception({guest_breakpoint, guest_breakpoint_end, 3, 0, 1});
  expect_exception({guest_invalid, guest_invalid_end, 6, 0, 0});
  expect_exception({guest_single_step, guest_single_step_end, 1, 0, ~u64{0}});
  expect_exception({guest_alignment, guest_alignment_end, 17, 0, ~u64{0}});
  expect_exception({guest_non_canonical_load, guest_non_canonical_load_end, 13, 0, 0, u64{1} << 62});
}

TEST(HostedPlace, Int80IsTheSameFaultAsInAKernelWithoutThatGate) {
  expect_exception({guest_int80, guest_int80_end, 13, 0x402, 5});
}

TEST(HostedPlace, AJumpOutOfTheWorldIsSurvived) {
  HostedSystem system;
  system.run([&] {
    for (const u64 target : {u64{1} << 47, u64{1} << 62, ~u64{0} << 47}) {
      auto guest = GUEST(system.place, non_canonical_jump);
      guest.registers().rdi = target;
      const TrapKind kind = guest.context->run();
      EXPECT_TRUE(kind == TrapKind::Exception || kind == TrapKind::PageFault) << static_cast<int>(kind);
      guest.registers().rip = target;  // as a personality might put it there
      ASSERT_EQ(guest.context->run(), TrapKind::Exception);
      EXPECT_EQ(guest.context->trap().vector, 13);
    }
  });
}

TEST(HostedPlace, AWildStackPointerIsSurvived) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, call);
    for (const u64 stack : {u64{0}, u64{1}, ~u64{0}, slot_address(5) + 100, kStubBase + 5}) {
      guest.registers().rsp = stack;
      ASSERT_EQ(guest.context->run(), TrapKind::SystemCall)
          << std::hex << stack << " vector " << u32{guest.context->trap().vector};
      EXPECT_EQ(guest.registers().rsp, stack);
    }
    // Not canonical: some processors' way back from a signal refuses it, others let it through until somebody
    // pushes. The guest's fault at most, and nobody else's.
    const u64 wild = u64{1} << 62;
    guest.registers().rsp = wild;
    if (guest.context->run() == TrapKind::SystemCall) {
      EXPECT_EQ(guest.registers().rsp, wild);
    } else {
      ASSERT_EQ(guest.context->trap().kind, TrapKind::Exception);
      EXPECT_EQ(guest.context->trap().vector, 13);
    }
    guest.registers().rsp = 0;
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
  });
}

TEST(HostedPlace, FaultsTellAddressAndAccessAndTheTreeMendsThem) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, store);
    guest.registers().rdi = Guest::kData.value + 8;
    ASSERT_EQ(guest.context->run(), TrapKind::PageFault);
    EXPECT_EQ(guest.context->trap().address.value, Guest::kData.value + 8);
    EXPECT_EQ(guest.context->trap().access, Access::Write);
    EXPECT_FALSE(guest.context->trap().present);
    guest.add_page(Guest::kData, Access::Read);
    ASSERT_EQ(guest.context->run(), TrapKind::PageFault);
    EXPECT_TRUE(guest.context->trap().present);
    guest.domain->protect(Guest::kData, kPageBytes, Access::Read | Access::Write);
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    EXPECT_EQ(guest.data()[8], 0x77);
    EXPECT_TRUE(guest.domain->lookup(Guest::kData)->dirty);
    // Taken away again: the cache must not remember it.
    guest.domain->protect(Guest::kData, kPageBytes, Access::Read);
    ASSERT_EQ(guest.context->run(), TrapKind::PageFault);
    guest.domain->protect(Guest::kData, kPageBytes, Access::None);
    ASSERT_EQ(guest.context->run(), TrapKind::PageFault);
    EXPECT_TRUE(guest.context->trap().present);
  });
}

TEST(HostedPlace, AReplacedFrameIsSeenAtOnce) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, load);
    guest.add_page(Guest::kData, Access::Read);
    guest.add_page(Guest::kData + kPageBytes, Access::Read);
    guest.registers().rdi = Guest::kData.value;
    for (u64 round = 0; round < 200; ++round) {
      const Frame fresh = *system.place.allocate_frame();
      std::memcpy(system.place.window(fresh), &round, sizeof round);
      const Frame old = *guest.domain->map(Guest::kData, fresh, Access::Read);
      guest.frames[1] = fresh;
      system.place.free_frame(old);
      ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
      ASSERT_EQ(guest.registers().rsi, round);
    }
  });
}

TEST(HostedPlace, UnmappingEverythingIsSurvived) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, call);
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    struct Count final : Domain::Visitor {
      int pages = 0;
      void visit(VirtualAddress, const Mapping&) override { ++pages; }
    } count;
    guest.domain->unmap({0}, ~u64{0}, count);
    EXPECT_EQ(count.pages, 1);
    ASSERT_EQ(guest.context->run(), TrapKind::PageFault);
    EXPECT_EQ(guest.context->trap().access, Access::Execute);
    ASSERT_TRUE(guest.domain->map(Guest::kCode, guest.frames[0], Access::Read | Access::Execute));
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
  });
}

TEST(HostedPlace, VectorRegistersAreReadAndWrittenInPlace) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, vectors);
    guest.registers().rdi = 0x0123'4567'89ab'cdef;
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    std::vector<u8> state(guest.context->vector_state_bytes());
    guest.context->save_vector_state(state);
    u64 xmm1, xmm7;
    std::memcpy(&xmm1, &state[160 + 16], 8), std::memcpy(&xmm7, &state[160 + 7 * 16], 8);
    EXPECT_EQ(xmm1, ~u64{0});
    EXPECT_EQ(xmm7, 0x0123'4567'89ab'cdefu);
    xmm7 = 42;
    std::memcpy(&state[160 + 7 * 16], &xmm7, 8);
    ASSERT_TRUE(guest.context->restore_vector_state(state));
    ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    EXPECT_EQ(guest.registers().rdi, 42u);
    // A copy for another guest, before it has ever run.
    auto other = GUEST(system.place, vectors);
    ASSERT_TRUE(other.context->restore_vector_state(state));
    other.registers().rip = guest.registers().rip - 7;  // its second half
    ASSERT_EQ(other.context->run(), TrapKind::SystemCall);
    EXPECT_EQ(other.registers().rdi, 42u);
    state[512 + 8] = 1;  // XCOMP_BV
    EXPECT_EQ(guest.context->restore_vector_state(state).error(), Error::Malformed);
  });
}

TEST(HostedPlace, AnInterruptionEndsALoop) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, loop);
    bool done = false;
    auto interrupter = [&] {
      while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 2 * kMillisecond);
        guest.context->interrupt();
      }
    };
    auto thread = *runtime::start_thread(interrupter);
    u64 last = 0;
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(guest.context->run(), TrapKind::Interrupted);
      EXPECT_GE(guest.registers().rbx, last);  // perhaps it had not begun
      last = guest.registers().rbx;
    }
    __atomic_store_n(&done, true, __ATOMIC_SEQ_CST);
    thread->join();
    guest.context->interrupt();  // before it runs
    ASSERT_EQ(guest.context->run(), TrapKind::Interrupted);
  });
}

TEST(HostedPlace, NoInterruptionIsLost) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, loop);
    u32 wanted = 0, seen = 0;
    auto interrupter = [&] {
      for (int i = 0; i < 200; ++i) {
        __atomic_fetch_add(&wanted, 1, __ATOMIC_SEQ_CST);
        guest.context->interrupt();
        while (__atomic_load_n(&seen, __ATOMIC_SEQ_CST) != __atomic_load_n(&wanted, __ATOMIC_SEQ_CST))
          runtime::Thread::yield();
      }
    };
    auto thread = *runtime::start_thread(interrupter);
    while (__atomic_load_n(&seen, __ATOMIC_SEQ_CST) < 200) {
      ASSERT_EQ(guest.context->run(), TrapKind::Interrupted);
      if (__atomic_load_n(&seen, __ATOMIC_SEQ_CST) != __atomic_load_n(&wanted, __ATOMIC_SEQ_CST))
        __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST);
    }
    thread->join();
  });
}

/// Contexts of one domain, on their own threads, while another thread maps and unmaps beside them.
TEST(HostedPlace, ManyThreadsInOneDomain) {
  HostedSystem system;
  system.run(
      [&] {
        constexpr u64 kThreads = 12, kRounds = 300;
        auto guest = GUEST(system.place, count);
        guest.add_page(Guest::kData, Access::Read | Access::Write);
        struct Runner {
          Ref<Context> context;
          u64 calls = 0;
          void operator()() {
            for (;;) {
              const TrapKind kind = context->run();
              if (kind == TrapKind::SystemCall) ++calls;
              if (kind == TrapKind::Exception || kind == TrapKind::PageFault) return;
            }
          }
        };
        std::vector<Runner> runners(kThreads);
        std::vector<Ref<runtime::Thread>> threads;
        for (auto& runner : runners) {
          runner.context = *system.place.create_context(*guest.domain);
          runner.context->registers() = guest.registers();
          runner.context->registers().rdi = kRounds;
          runner.context->registers().r14 = Guest::kData.value;
          threads.push_back(*runtime::start_thread(runner));
        }
        struct Ignore final : Domain::Visitor {
          void visit(VirtualAddress, const Mapping&) override {}
        } ignore;
        for (int i = 0; i < 50; ++i) {  // the counter's page comes and goes
          guest.domain->protect(Guest::kData, kPageBytes, Access::Read | Access::Write);
          const Frame frame = *system.place.allocate_frame();
          ASSERT_TRUE(guest.domain->map(Guest::kData + 2 * kPageBytes, frame, Access::Read));
          guest.domain->unmap(Guest::kData + 2 * kPageBytes, kPageBytes, ignore);
          system.place.free_frame(frame);
          runtime::Thread::yield();
        }
        for (auto& thread : threads) thread->join();
        u64 counted;
        std::memcpy(&counted, guest.data(), 8);
        EXPECT_EQ(counted, kThreads * kRounds);
        for (auto& runner : runners) {
          EXPECT_EQ(runner.calls, kRounds);
          EXPECT_EQ(runner.context->trap().vector, 6);
        }
      },
      3);
}

TEST(HostedPlace, ManyDomainsOneAfterTheOther) {
  HostedSystem system;
  system.run([&] {
    const u64 before = system.place.memory_statistics().free_bytes;
    for (int i = 0; i < 100; ++i) {
      auto guest = GUEST(system.place, call);
      ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
    }
    std::vector<std::unique_ptr<Guest>> many;
    for (int i = 0; i < 30; ++i) {
      many.push_back(std::make_unique<Guest>(system.place, guest_call, guest_call_end));
      ASSERT_EQ(many.back()->context->run(), TrapKind::SystemCall);
    }
    for (auto& guest : many) ASSERT_EQ(guest->context->run(), TrapKind::SystemCall);
    many.clear();
    EXPECT_EQ(system.place.memory_statistics().free_bytes, before);
  });
}

TEST(HostedPlace, AChangedDomainTakesTheStateAlong) {
  HostedSystem system;
  system.run([&] {
    auto guest = GUEST(system.place, add_vectors);
    auto second = GUEST(system.place, add_vectors);
    for (int i = 1; i < 20; ++i) {
      ASSERT_EQ(guest.context->run(), TrapKind::SystemCall);
      ASSERT_EQ(guest.registers().rdi, guest.registers().rbx);
      guest.context->set_domain(i % 2 ? *second.domain : *guest.domain);
    }
    guest.context->set_domain(*guest.domain);
  });
}

}  // namespace
}  // namespace vari::hosted::test
