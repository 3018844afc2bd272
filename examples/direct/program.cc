// Counts primes on all cores: a thread of the runtime for each, no system call anywhere, no second stack of
// abstractions between the program and the machine. What it uses: runtime/thread.h, interfaces/console.h,
// interfaces/environment.h.
#include "examples/direct/program.h"

#include "base/format.h"
#include "runtime/thread.h"

namespace vari::examples {
namespace {

constexpr u32 kLimit = 60'000, kMostThreads = 16;

struct Share {
  u32 first = 0, step = 1;  // the numbers that this thread looks at
  u32 primes = 0;
};

bool is_prime(u32 number) {
  for (u32 divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return false;
  return number >= 2;
}

void count(void* argument) {
  auto& share = *static_cast<Share*>(argument);
  for (u32 number = share.first; number < kLimit; number += share.step) share.primes += is_prime(number);
}

}  // namespace

void run(const Surroundings& surroundings) {
  Share shares[kMostThreads];
  Ref<runtime::Thread> threads[kMostThreads];
  const u32 number = surroundings.cores < kMostThreads ? surroundings.cores : kMostThreads;
  u32 primes = 0;
  for (u32 i = 0; i < number; ++i) {
    shares[i] = {.first = i, .step = number};
    auto thread = runtime::Thread::start(count, &shares[i], {.name = "primes"});
    if (thread) {
      threads[i] = *thread;
    } else {
      count(&shares[i]);
    }
  }
  for (u32 i = 0; i < number; ++i) {
    if (threads[i]) threads[i]->join();
    primes += shares[i].primes;
  }
  const Text<80> line(primes, " primes below ", kLimit, ", by ", number, " threads\r\n");
  surroundings.console.write({reinterpret_cast<const u8*>(line.text().data()), line.text().size()});
}

}  // namespace vari::examples
