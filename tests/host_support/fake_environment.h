// An Environment on the host: memory from malloc, semaphores and threads of the host, a clock that
// only sleeping moves, and ports and interrupts behind which tests put devices in software.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "interfaces/environment.h"

namespace vari::testing_support {

/// A device in software at some ports.
class PortDevice {
 public:
  virtual ~PortDevice() = default;
  virtual u8 read(u16 port) = 0;
  virtual void write(u16 port, u8 value) = 0;
};

class FakeMemory final : public MemoryService {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    if (fail_after == 0) return nullptr;
    if (fail_after > 0) --fail_after;
    ++live;
    return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  }
  void free(void* memory, std::size_t) override {
    std::free(memory);
    --live;  // last: a test may end, and this with it, when nothing lives any more
  }
  Result<void*> map_physical(PhysicalAddress begin, u64 bytes, bool) override {
    auto& block = physical[begin.value];
    if (block.size() < bytes) block.resize(bytes);
    return static_cast<void*>(block.data());
  }
  void unmap_physical(void*, u64) override {}

  std::atomic<int> fail_after = -1;  // so many allocations succeed; negative: all
  std::atomic<int> live = 0;
  std::map<u64, std::vector<u8>> physical;
};

class FakePorts final : public PortService {
 public:
  u8 read8(u16 port) override {
    PortDevice* device = find(port);
    return device ? device->read(port) : 0xff;
  }
  u16 read16(u16 port) override { return static_cast<u16>(read8(port) | read8(port) << 8); }
  u32 read32(u16) override { return ~0u; }
  void write8(u16 port, u8 value) override {
    if (PortDevice* device = find(port)) device->write(port, value);
  }
  void write16(u16, u16) override {}
  void write32(u16, u32) override {}
  void write8_many(u16 port, const u8* bytes, std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) write8(port, bytes[i]);
  }
  /// Before anything uses the ports.
  void place(u16 first, u16 count, PortDevice& device) { devices_.push_back({first, count, &device}); }

 private:
  struct Placed {
    u16 first, count;
    PortDevice* device;
  };
  PortDevice* find(u16 port) {
    for (auto& placed : devices_) {
      if (port >= placed.first && port < placed.first + placed.count) return placed.device;
    }
    return nullptr;
  }
  std::vector<Placed> devices_;
};

/// Handlers are called by raise(), one at a time for each line.
class FakeInterrupts final : public InterruptService {
 public:
  Result<> attach_isa(u8 irq, InterruptHandler& handler) override {
    std::lock_guard guard(mutex_);
    handlers_[irq] = &handler;
    return {};
  }
  Result<> attach_global(u32, TriggerMode, bool, InterruptHandler&) override {
    return std::unexpected(Error::Unsupported);
  }
  void detach(InterruptHandler& handler) override {
    std::lock_guard guard(mutex_);
    for (auto& [irq, attached] : handlers_) {
      if (attached == &handler) attached = nullptr;
    }
  }
  void raise(u8 irq) {
    std::lock_guard guard(mutex_);
    if (handlers_[irq]) handlers_[irq]->on_interrupt();
  }

 private:
  std::mutex mutex_;
  std::map<u8, InterruptHandler*> handlers_;
};

class FakeClock final : public ClockService {
 public:
  Nanoseconds monotonic_ns() override { return now; }
  void sleep_ns(Nanoseconds duration) override {
    now += duration;
    std::this_thread::yield();
  }
  void delay_ns(Nanoseconds duration) override { now += duration; }
  std::atomic<Nanoseconds> now = 0;
};

class FakeThreads final : public ThreadService {
 public:
  Result<> start(const char*, void (*entry)(void*), void* argument) override {
    std::thread(entry, argument).detach();
    return {};
  }
  u64 current_thread_id() override { return std::hash<std::thread::id>()(std::this_thread::get_id()); }
  Result<void*> create_semaphore(u32 initial) override {
    return static_cast<void*>(new Semaphore{{}, {}, initial});
  }
  void destroy_semaphore(void* semaphore) override { delete static_cast<Semaphore*>(semaphore); }
  Result<> wait(void* opaque, Nanoseconds deadline) override {
    auto& semaphore = *static_cast<Semaphore*>(opaque);
    std::unique_lock lock(semaphore.mutex);
    if (deadline != kForever && semaphore.count == 0) return std::unexpected(Error::TimedOut);
    semaphore.changed.wait(lock, [&] { return semaphore.count > 0; });
    --semaphore.count;
    return {};
  }
  void signal(void* opaque, u32 count) override {
    auto& semaphore = *static_cast<Semaphore*>(opaque);
    std::lock_guard lock(semaphore.mutex);
    semaphore.count += count;
    semaphore.changed.notify_all();
  }

 private:
  struct Semaphore {
    std::mutex mutex;
    std::condition_variable changed;
    u32 count;
  };
};

class FakePci final : public PciConfigurationService {
 public:
  Result<u32> read(Address, u16, u8) override { return std::unexpected(Error::NotFound); }
  Result<> write(Address, u16, u8, u32) override { return std::unexpected(Error::NotFound); }
};

class FakeLog final : public LogService {
 public:
  void write(std::string_view text) override { lines += text; }
  std::string lines;
};

/// All of it together. Lives longer than what is made in it, threads included.
struct FakeEnvironment {
  FakeMemory memory;
  FakePorts ports;
  FakeInterrupts interrupts;
  FakeClock clock;
  FakeThreads threads;
  FakePci pci;
  FakeLog log;
  Environment environment{memory, ports, interrupts, clock, threads, pci, log};
};

}  // namespace vari::testing_support
