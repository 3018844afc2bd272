// All that a component gets from its client (OSKit: osenv). A component is blind to its place: it
// reaches memory, time, interrupts, ports and the log through these references and nothing else.
//
// Two execution models. *Process level*: ordinary thread code, may block; this is where interrupt
// handlers of components run, too (an interrupt thread calls them). *Interrupt level*: inside the
// nucleus only; no component code runs there. A component is single-threaded unless its README says
// otherwise: its client serialises calls at its border.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace vari {

class MemoryService {
 public:
  /// `alignment` is a power of two up to a page. Null: out of memory.
  virtual void* allocate(std::size_t bytes, std::size_t alignment) = 0;
  virtual void free(void* memory, std::size_t bytes) = 0;
  /// Maps device registers (uncached) or firmware tables (cached) for the kernel, at any alignment.
  virtual Result<void*> map_physical(PhysicalAddress begin, u64 bytes, bool cached) = 0;
  virtual void unmap_physical(void* mapped, u64 bytes) = 0;

 protected:
  ~MemoryService() = default;
};

class PortService {
 public:
  virtual u8 read8(u16 port) = 0;
  virtual u16 read16(u16 port) = 0;
  virtual u32 read32(u16 port) = 0;
  virtual void write8(u16 port, u8 value) = 0;
  virtual void write16(u16 port, u16 value) = 0;
  virtual void write32(u16 port, u32 value) = 0;
  /// Many bytes to one port (rep outsb where the machine has it).
  virtual void write8_many(u16 port, const u8* bytes, std::size_t count) = 0;

 protected:
  ~PortService() = default;
};

/// Called in an interrupt thread, at process level. Returns after the device no longer asks.
class InterruptHandler {
 public:
  virtual void on_interrupt() = 0;

 protected:
  ~InterruptHandler() = default;
};

enum class TriggerMode : u8 { Edge, Level };

class InterruptService {
 public:
  /// Attaches to an ISA interrupt (0–15) or a global system interrupt; overrides from the MADT are
  /// applied. Several handlers may share a level-triggered line.
  virtual Result<> attach_isa(u8 irq, InterruptHandler& handler) = 0;
  virtual Result<> attach_global(u32 line, TriggerMode mode, bool active_low, InterruptHandler& handler) = 0;
  /// After return the handler is not running and will not be called again.
  virtual void detach(InterruptHandler& handler) = 0;

 protected:
  ~InterruptService() = default;
};

class ClockService {
 public:
  virtual Nanoseconds monotonic_ns() = 0;
  /// Blocks the calling thread.
  virtual void sleep_ns(Nanoseconds duration) = 0;
  /// Spins; for hardware that wants microseconds.
  virtual void delay_ns(Nanoseconds duration) = 0;

 protected:
  ~ClockService() = default;
};

/// What components of donor code need to block with: made and destroyed as objects.
class ThreadService {
 public:
  /// Starts a thread; `entry(argument)` may block.
  virtual Result<> start(const char* name, void (*entry)(void*), void* argument) = 0;
  virtual u64 current_thread_id() = 0;
  /// Counting semaphores, opaque to the component.
  virtual Result<void*> create_semaphore(u32 initial) = 0;
  virtual void destroy_semaphore(void* semaphore) = 0;
  virtual Result<> wait(void* semaphore, Nanoseconds deadline) = 0;
  virtual void signal(void* semaphore, u32 count) = 0;

 protected:
  ~ThreadService() = default;
};

class PciConfigurationService {
 public:
  struct Address {
    u16 segment;
    u8 bus, device, function;
  };
  /// `width` is 1, 2 or 4 bytes.
  virtual Result<u32> read(Address address, u16 offset, u8 width) = 0;
  virtual Result<> write(Address address, u16 offset, u8 width, u32 value) = 0;

 protected:
  ~PciConfigurationService() = default;
};

class LogService {
 public:
  /// A piece of text, not necessarily a whole line.
  virtual void write(std::string_view text) = 0;

 protected:
  ~LogService() = default;
};

struct Environment {
  MemoryService& memory;
  PortService& ports;
  InterruptService& interrupts;
  ClockService& clock;
  ThreadService& threads;
  PciConfigurationService& pci;
  LogService& log;
};

}  // namespace vari
