// Stage 2 on a machine of the test's own: a namespace with \_S5 and \_PTS, PM1 registers, an SCI, threads
// of the host. One program, because ACPICA's state is global and is started once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "tests/components_acpi/firmware.h"

namespace vari::test {
namespace {

constexpr u16 kPm1Event = 0x600, kPm1Control = 0x604, kPmTimer = 0x608, kDebugPort = 0x700;
constexpr u16 kPowerButtonStatus = 1 << 8, kWakeStatus = 1 << 15, kSciEnable = 1, kSleepEnable = 1 << 13;
constexpr u16 kSleepType = 5;

/// Firmware tables as the machine's memory, with as many mappings at once as are wanted.
class HostMemory final : public MemoryService {
 public:
  explicit HostMemory(Firmware& firmware) : firmware_(firmware) {}
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    outstanding += bytes;
    return std::aligned_alloc(alignment, align_up(bytes, alignment));
  }
  void free(void* memory, std::size_t bytes) override {
    outstanding -= bytes;
    std::free(memory);
  }
  Result<void*> map_physical(PhysicalAddress begin, u64 bytes, bool) override {
    std::lock_guard guard(mutex_);
    if (auto* mapped = firmware_.map_writable(begin.value, bytes)) return mapped;
    return std::unexpected(Error::InvalidArgument);
  }
  void unmap_physical(void* mapped, u64 bytes) override {
    std::lock_guard guard(mutex_);
    firmware_.unmap(mapped, bytes);
  }
  std::atomic<std::size_t> outstanding = 0;

 private:
  Firmware& firmware_;
  std::mutex mutex_;
};

class Ports final : public PortService {
 public:
  u8 read8(u16 port) override { return static_cast<u8>(read16(port)); }
  u16 read16(u16 port) override {
    std::lock_guard guard(mutex_);
    if (port == kPm1Event) return status;
    if (port == kPm1Event + 2) return enable;
    if (port == kPm1Control) return control | kSciEnable;
    return 0;
  }
  u32 read32(u16 port) override { return read16(port); }
  void write8(u16 port, u8 value) override { write16(port, value); }
  void write16(u16 port, u16 value) override {
    std::lock_guard guard(mutex_);
    if (port == kPm1Event) status &= static_cast<u16>(~value);  // written ones clear
    if (port == kPm1Event + 2) enable = value;
    if (port == kPm1Control) control = value;
    if (port == kPm1Control && value & kSleepEnable) {
      if (slept_with < 0) slept_with = value >> 10 & 7;  // ACPICA tries again, with less
      status |= kWakeStatus;                             // the test's machine wakes again
    }
    if (port == kDebugPort) prepared_for = value;
    if (port == 0xcf9) reset_writes.push_back(static_cast<u8>(value));
  }
  void write32(u16 port, u32 value) override { write16(port, static_cast<u16>(value)); }
  void write8_many(u16 port, const u8* bytes, std::size_t count) override {
    while (count--) write8(port, *bytes++);
  }
  void press_power_button() {
    std::lock_guard guard(mutex_);
    status |= kPowerButtonStatus;
  }

  int slept_with = -1, prepared_for = -1;
  std::vector<u8> reset_writes;

 private:
  std::mutex mutex_;
  u16 status = 0, enable = 0, control = 0;
};

class Interrupts final : public InterruptService {
 public:
  Result<> attach_isa(u8 irq, InterruptHandler& handler) override {
    line = irq;
    handler_ = &handler;
    return {};
  }
  Result<> attach_global(u32, TriggerMode, bool, InterruptHandler&) override {
    return std::unexpected(Error::Unsupported);
  }
  void detach(InterruptHandler&) override { handler_ = nullptr; }
  void raise() {
    if (handler_) handler_->on_interrupt();
  }
  int line = -1;

 private:
  InterruptHandler* handler_ = nullptr;
};

class Clock final : public ClockService {
 public:
  Nanoseconds monotonic_ns() override { return now += 1000; }
  void sleep_ns(Nanoseconds duration) override { now += duration; }
  void delay_ns(Nanoseconds duration) override { now += duration; }
  std::atomic<Nanoseconds> now = 0;
};

class Threads final : public ThreadService {
 public:
  ~Threads() { join(); }
  Result<> start(const char*, void (*entry)(void*), void* argument) override {
    std::lock_guard guard(mutex_);
    threads_.emplace_back(entry, argument);
    return {};
  }
  u64 current_thread_id() override { return std::hash<std::thread::id>()(std::this_thread::get_id()) >> 8; }
  Result<void*> create_semaphore(u32 initial) override { return new HostSemaphore{{}, {}, initial}; }
  void destroy_semaphore(void* semaphore) override { delete static_cast<HostSemaphore*>(semaphore); }
  Result<> wait(void* handle, Nanoseconds deadline) override {
    auto& semaphore = *static_cast<HostSemaphore*>(handle);
    std::unique_lock guard(semaphore.mutex);
    const auto available = [&] { return semaphore.count > 0; };
    if (deadline == kForever) semaphore.changed.wait(guard, available);
    if (!available()) return std::unexpected(Error::TimedOut);
    --semaphore.count;
    return {};
  }
  void signal(void* handle, u32 count) override {
    auto& semaphore = *static_cast<HostSemaphore*>(handle);
    std::lock_guard guard(semaphore.mutex);
    semaphore.count += count;
    semaphore.changed.notify_all();
  }
  void join() {
    for (auto& thread : std::exchange(threads_, {})) thread.join();
  }

 private:
  struct HostSemaphore {
    std::mutex mutex;
    std::condition_variable changed;
    u32 count;
  };
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

class Pci final : public PciConfigurationService {
 public:
  Result<u32> read(Address, u16, u8 width) override { return width == 4 ? ~u32{0} : (1u << 8 * width) - 1; }
  Result<> write(Address, u16, u8, u32) override { return {}; }
};

class Log final : public LogService {
 public:
  void write(std::string_view piece) override { text.append(piece); }
  std::string text;
};

/// OperationRegion (DBGR, SystemIO, 0x700, 1); Field with PREP, 8 bits; Method (_PTS, 1) { PREP = Arg0 };
/// Name (_S5, Package { 5, 5, 0, 0 }).
Bytes namespace_code() {
  Bytes code{0x5b, 0x80, 'D', 'B', 'G', 'R', 0x01, 0x0b, 0x00, 0x07, 0x01};
  for (u8 byte : {0x5b, 0x81, 0x0b, int{'D'}, int{'B'}, int{'G'}, int{'R'}, 0x01, int{'P'}, int{'R'},
                  int{'E'}, int{'P'}, 0x08})
    code.push_back(byte);
  for (u8 byte : {0x14, 0x0c, int{'_'}, int{'P'}, int{'T'}, int{'S'}, 0x01, 0x70, 0x68, int{'P'}, int{'R'},
                  int{'E'}, int{'P'}})
    code.push_back(byte);
  for (u8 byte : {0x08, int{'_'}, int{'S'}, int{'5'}, int{'_'}, 0x12, 0x08, 0x04, 0x0a, int{kSleepType}, 0x0a,
                  int{kSleepType}, 0x00, 0x00})
    code.push_back(byte);
  return code;
}

void add_machine(Firmware& firmware) {
  auto madt = madt_start();
  add_apic(madt, 0);
  firmware.add(table("APIC", madt));
  firmware.add(table("DSDT", namespace_code(), 2), false);
  const auto dsdt = firmware.last();
  Bytes facs{'F', 'A', 'C', 'S', 64, 0, 0, 0};
  facs.resize(64);
  firmware.add(facs, false);
  Bytes fixed(268 - 36);
  const auto field = [&](std::size_t offset, u64 value, unsigned bytes) {
    set(fixed, offset - 36, value, bytes);
  };
  field(36, firmware.last(), 4);
  field(40, dsdt, 4);
  field(46, 9, 2);  // SCI
  field(56, kPm1Event, 4);
  field(64, kPm1Control, 4);
  field(76, kPmTimer, 4);
  field(88, 4, 1), field(89, 2, 1), field(91, 4, 1);
  field(112, 1 << 10, 4);              // there is a reset register:
  field(116, 1, 1), field(117, 8, 1);  // a port of 8 bits,
  field(120, 0xcf9, 8), field(128, 0xe, 1);
  firmware.add(table("FACP", fixed, 5));
  firmware.finish();
}

struct Listener final : components::acpi::PowerButtonListener {
  void on_power_button() override { ++presses; }
  std::atomic<int> presses = 0;
};

TEST(Power, OffResetAndButton) {
  Firmware firmware;
  add_machine(firmware);
  Topology topology;
  ASSERT_TRUE(components::acpi::read_topology({Firmware::kRsdp}, firmware, topology));
  EXPECT_EQ(topology.pm_timer_port, kPmTimer);

  HostMemory memory(firmware);
  Ports ports;
  Interrupts interrupts;
  Clock clock;
  Threads threads;
  Pci pci;
  Log log;
  Environment environment{memory, ports, interrupts, clock, threads, pci, log};
  auto made = components::acpi::Acpi::create(environment, {Firmware::kRsdp});
  ASSERT_TRUE(made);
  auto& acpi = **made;
  EXPECT_EQ(components::acpi::Acpi::create(environment, {}).error(), Error::Busy);

  // Without start(): the FADT's own value first, then the chipset's.
  EXPECT_EQ(acpi.reset().error(), Error::DeviceError);
  EXPECT_EQ(ports.reset_writes, (std::vector<u8>{0xe, 2, 6}));

  // Two threads start it at once; one does it.
  std::thread other([&] { EXPECT_TRUE(acpi.start()); });
  EXPECT_TRUE(acpi.start()) << log.text;
  other.join();
  EXPECT_EQ(interrupts.line, 9);

  Listener listener;
  ASSERT_TRUE(acpi.watch_power_button(listener)) << log.text;
  ports.press_power_button();
  interrupts.raise();
  threads.join();
  EXPECT_EQ(listener.presses, 1);

  std::thread any([&] { EXPECT_EQ(acpi.power_off().error(), Error::DeviceError); });
  any.join();
  EXPECT_EQ(ports.prepared_for, 5) << log.text;
  EXPECT_EQ(ports.slept_with, kSleepType) << log.text;
  EXPECT_EQ(log.text.find("Error"), std::string::npos) << log.text;
}

}  // namespace
}  // namespace vari::test
