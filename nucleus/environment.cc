#include "nucleus/environment.h"

#include "machine/x86_64/ports.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"

namespace vari::nucleus {

void* NucleusMemoryService::allocate(std::size_t bytes, std::size_t alignment) {
  return memory_.heap().allocate(bytes, alignment);
}
void NucleusMemoryService::free(void* memory, std::size_t bytes) {
  memory_.heap().free(memory, bytes);
}
Result<void*> NucleusMemoryService::map_physical(PhysicalAddress begin, u64 bytes, bool cached) {
  return memory_.kernel().map_physical(begin, bytes, cached);
}
void NucleusMemoryService::unmap_physical(void* mapped, u64 bytes) {
  memory_.kernel().unmap_physical(mapped, bytes);
}

u8 NucleusPortService::read8(u16 port) {
  return machine::read_port8(port);
}
u16 NucleusPortService::read16(u16 port) {
  return machine::read_port16(port);
}
u32 NucleusPortService::read32(u16 port) {
  return machine::read_port32(port);
}
void NucleusPortService::write8(u16 port, u8 value) {
  machine::write_port8(port, value);
}
void NucleusPortService::write16(u16 port, u16 value) {
  machine::write_port16(port, value);
}
void NucleusPortService::write32(u16 port, u32 value) {
  machine::write_port32(port, value);
}
void NucleusPortService::write8_many(u16 port, const u8* bytes, std::size_t count) {
  machine::write_port8_many(port, bytes, count);
}

Nanoseconds NucleusClockService::monotonic_ns() {
  return runtime::port::now_ns();
}
void NucleusClockService::sleep_ns(Nanoseconds duration) {
  // Without cancellation, sleeping ends by the deadline alone.
  (void)runtime::Thread::sleep_until(runtime::port::now_ns() + duration);
}
void NucleusClockService::delay_ns(Nanoseconds duration) {
  const Nanoseconds end = runtime::port::now_ns() + duration;
  while (runtime::port::now_ns() < end) runtime::port::relax();
}

Result<> NucleusThreadService::start(const char* name, void (*entry)(void*), void* argument) {
  // The thread keeps itself alive until it ends; nobody joins it.
  TRY(runtime::Thread::start(entry, argument, {.name = name}));
  return {};
}
u64 NucleusThreadService::current_thread_id() {
  return runtime::Thread::current().id();
}

namespace {
struct SemaphoreObject : runtime::Allocated {
  explicit SemaphoreObject(u32 initial) : semaphore(initial) {}
  runtime::Semaphore semaphore;
};
}  // namespace

Result<void*> NucleusThreadService::create_semaphore(u32 initial) {
  return TRY(runtime::make_owned<SemaphoreObject>(initial)).leak();
}
void NucleusThreadService::destroy_semaphore(void* semaphore) {
  delete static_cast<SemaphoreObject*>(semaphore);
}
Result<> NucleusThreadService::wait(void* semaphore, Nanoseconds deadline) {
  return static_cast<SemaphoreObject*>(semaphore)->semaphore.wait(deadline);
}
void NucleusThreadService::signal(void* semaphore, u32 count) {
  static_cast<SemaphoreObject*>(semaphore)->semaphore.signal(count);
}

namespace {

constexpr u16 kPciAddressPort = 0xcf8, kPciDataPort = 0xcfc;
constexpr u16 kLegacyBytes = 256;

bool well_formed(u16 offset, u8 width) {
  return (width == 1 || width == 2 || width == 4) && is_aligned(offset, width);
}

u32 legacy_address(PciConfigurationService::Address address, u16 offset) {
  return 0x8000'0000u | u32{address.bus} << 16 | u32{address.device} << 11 | u32{address.function} << 8 |
         (offset & 0xfcu);
}

}  // namespace

Result<u32> NucleusPciService::read(Address address, u16 offset, u8 width) {
  if (!well_formed(offset, width)) return std::unexpected(Error::InvalidArgument);
  if (address.segment != 0 || offset >= kLegacyBytes) return std::unexpected(Error::Unsupported);
  runtime::Guard guard(lock_);
  ports_.write32(kPciAddressPort, legacy_address(address, offset));
  const u16 port = kPciDataPort + (offset & 3);
  if (width == 1) return ports_.read8(port);
  if (width == 2) return ports_.read16(port);
  return ports_.read32(port);
}

Result<> NucleusPciService::write(Address address, u16 offset, u8 width, u32 value) {
  if (!well_formed(offset, width)) return std::unexpected(Error::InvalidArgument);
  if (address.segment != 0 || offset >= kLegacyBytes) return std::unexpected(Error::Unsupported);
  runtime::Guard guard(lock_);
  ports_.write32(kPciAddressPort, legacy_address(address, offset));
  const u16 port = kPciDataPort + (offset & 3);
  if (width == 1) ports_.write8(port, static_cast<u8>(value));
  if (width == 2) ports_.write16(port, static_cast<u16>(value));
  if (width == 4) ports_.write32(port, value);
  return {};
}

void NucleusLogService::write(std::string_view text) {
  runtime::Guard guard(lock_);
  for (const char character : text) {
    if (character == '\n' || line_.size() >= 190) {
      log_.line(line_.text());
      line_.clear();
    }
    if (character != '\n') line_.put(character);
  }
}

}  // namespace vari::nucleus
