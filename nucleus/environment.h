// The nucleus's Environment for components: each service of interfaces/environment.h on what the nucleus has.
// Components are handed the Environment and never learn that a nucleus is behind it.
#pragma once

#include "interfaces/environment.h"
#include "nucleus/log.h"
#include "nucleus/memory.h"

namespace vari::nucleus {

class NucleusMemoryService final : public MemoryService {
 public:
  explicit NucleusMemoryService(Memory& memory) : memory_(memory) {}
  void* allocate(std::size_t bytes, std::size_t alignment) override;
  void free(void* memory, std::size_t bytes) override;
  Result<void*> map_physical(PhysicalAddress begin, u64 bytes, bool cached) override;
  void unmap_physical(void* mapped, u64 bytes) override;

 private:
  Memory& memory_;
};

class NucleusPortService final : public PortService {
 public:
  u8 read8(u16 port) override;
  u16 read16(u16 port) override;
  u32 read32(u16 port) override;
  void write8(u16 port, u8 value) override;
  void write16(u16 port, u16 value) override;
  void write32(u16 port, u32 value) override;
  void write8_many(u16 port, const u8* bytes, std::size_t count) override;
};

class NucleusClockService final : public ClockService {
 public:
  Nanoseconds monotonic_ns() override;
  void sleep_ns(Nanoseconds duration) override;
  void delay_ns(Nanoseconds duration) override;
};

class NucleusThreadService final : public ThreadService {
 public:
  Result<> start(const char* name, void (*entry)(void*), void* argument) override;
  u64 current_thread_id() override;
  Result<void*> create_semaphore(u32 initial) override;
  void destroy_semaphore(void* semaphore) override;
  Result<> wait(void* semaphore, Nanoseconds deadline) override;
  void signal(void* semaphore, u32 count) override;
};

/// Configuration space by the legacy mechanism #1 (PCI 3.0, 3.2.2.3.2): 256 bytes a function, segment 0.
/// What lies beyond is Error::Unsupported.
class NucleusPciService final : public PciConfigurationService {
 public:
  explicit NucleusPciService(NucleusPortService& ports) : ports_(ports) {}
  Result<u32> read(Address address, u16 offset, u8 width) override;
  Result<> write(Address address, u16 offset, u8 width, u32 value) override;

 private:
  NucleusPortService& ports_;
  runtime::IrqSpinLock lock_;  // address and data port belong together
};

class NucleusLogService final : public LogService {
 public:
  explicit NucleusLogService(Log& log) : log_(log) {}
  /// Pieces are collected to lines.
  void write(std::string_view text) override;

 private:
  Log& log_;
  runtime::SpinLock lock_;
  Text<200> line_ GUARDED_BY(lock_);
};

/// All services of one nucleus, but for interrupts, which the interrupt router offers itself.
class NucleusEnvironment {
 public:
  NucleusEnvironment(Memory& memory, Log& log, InterruptService& interrupts)
      : memory_(memory), pci_(ports_), log_(log), environment_{memory_,  ports_, interrupts, clock_,
                                                               threads_, pci_,   log_} {}
  Environment& get() { return environment_; }

 private:
  NucleusMemoryService memory_;
  NucleusPortService ports_;
  NucleusClockService clock_;
  NucleusThreadService threads_;
  NucleusPciService pci_;
  NucleusLogService log_;
  Environment environment_;
};

}  // namespace vari::nucleus
