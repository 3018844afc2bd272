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

/// Two threads of the runtime, which run on two cores, and no lock.
void race() {
  struct Shared {
    u64 counter = 0;
    static void count(void* shared) {
      for (int i = 0; i < 1000; ++i) {
        ++*opaque(&static_cast<Shared*>(shared)->counter);
        runtime::Thread::yield();
      }
    }
  } shared;
  const auto other = runtime::Thread::start(&Shared::count, &shared, {.name = "racer"});
  if (!other) return;
  Shared::count(&shared);
  (*other)->join();
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
