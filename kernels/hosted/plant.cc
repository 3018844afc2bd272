#include "kernels/hosted/plant.h"

#include "runtime/memory.h"
#include "runtime/thread.h"

namespace vari::kernels {
namespace {

constexpr std::size_t kBytes = 64;

/// What the compiler can't see through.
template <class T>
[[gnu::noinline]] T* opaque(T* pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

void use_after_free() {
  auto* bytes = static_cast<u8*>(runtime::allocate(kBytes));
  if (!bytes) return;
  runtime::free(bytes, kBytes);
  *opaque(bytes) = 1;
}

void overflow() {
  auto* bytes = static_cast<u8*>(runtime::allocate(kBytes));
  if (!bytes) return;
  opaque(bytes)[kBytes] = 1;
  runtime::free(bytes, kBytes);
}

/// Two threads of the runtime on two cores, and no lock. Each round they meet, by relaxed accesses and
/// without a way into the runtime, whose locks would order what comes after behind all that the other core
/// has done; so no increment of the one happens before an increment of the other. Many rounds, for the
/// detector tells nothing where it has forgotten how the other thread got there.
void race() {
  struct Round {
    u64 counter = 0;
    u32 arrived = 0;  // atomic
    void count() {
      __atomic_fetch_add(&arrived, 1, __ATOMIC_RELAXED);
      while (__atomic_load_n(&arrived, __ATOMIC_RELAXED) < 2) __builtin_ia32_pause();
      for (int i = 0; i < 1000; ++i) ++*opaque(&counter);
    }
  };
  struct Shared {
    u32 running = 0;  // atomic
    Round rounds[64];
    static void count(void* argument) {
      auto& shared = *static_cast<Shared*>(argument);
      __atomic_fetch_add(&shared.running, 1, __ATOMIC_RELAXED);
      while (__atomic_load_n(&shared.running, __ATOMIC_RELAXED) < 2) runtime::Thread::yield();
      runtime::port::disable_preemption();
      for (auto& round : shared.rounds) round.count();
      runtime::port::enable_preemption();
    }
  } shared;
  auto& self = runtime::Thread::current();
  const auto everywhere = self.affinity();
  if (!self.set_affinity(runtime::CpuSet::only(CpuId{0}))) return;
  const auto other = runtime::Thread::start(&Shared::count, &shared,
                                            {.name = "racer", .affinity = runtime::CpuSet::only(CpuId{1})});
  if (other) {
    Shared::count(&shared);
    (*other)->join();
  }
  (void)self.set_affinity(everywhere);
}

void shift() {
  const int by = *opaque(&kBytes) == kBytes ? 40 : 0;
  int value = 1;
  *opaque(&value) <<= by;
}

}  // namespace

bool plant_bug(std::string_view kind) {
  if (kind == "use-after-free") return use_after_free(), true;
  if (kind == "overflow") return overflow(), true;
  if (kind == "race") return race(), true;
  if (kind == "shift") return shift(), true;
  return false;
}

}  // namespace vari::kernels
