// See fake_place.h.
#include "fake_place.h"

#include <cstdlib>
#include <cstring>

#include "runtime/port.h"

namespace vari::linux::test {

void FakeDomain::release() {
  if (--references_ == 0) delete this;
}

Result<Frame> FakeDomain::map(VirtualAddress page, Frame frame, Access access) {
  if (page < kUserBegin || page >= kUserEnd) return std::unexpected(Error::InvalidArgument);
  std::lock_guard guard(lock_);
  auto& entry = pages_[page.value];
  const Frame old = entry.frame;
  entry = {.frame = frame, .access = access};
  return old;
}

void FakeDomain::unmap(VirtualAddress begin, u64 bytes, Visitor& removed) {
  std::vector<std::pair<u64, Mapping>> taken;
  {
    std::lock_guard guard(lock_);
    const auto first = pages_.lower_bound(begin.value), last = pages_.lower_bound(begin.value + bytes);
    taken.assign(first, last);
    pages_.erase(first, last);
  }
  for (const auto& [page, mapping] : taken) removed.visit({page}, mapping);
}

void FakeDomain::protect(VirtualAddress begin, u64 bytes, Access access) {
  std::lock_guard guard(lock_);
  for (auto at = pages_.lower_bound(begin.value); at != pages_.end() && at->first < begin.value + bytes; ++at)
    at->second.access = access;
}

void FakeDomain::visit(VirtualAddress begin, u64 bytes, Visitor& seen) {
  std::vector<std::pair<u64, Mapping>> found;
  {
    std::lock_guard guard(lock_);
    found.assign(pages_.lower_bound(begin.value), pages_.lower_bound(begin.value + bytes));
  }
  for (const auto& [page, mapping] : found) seen.visit({page}, mapping);
}

Result<Mapping> FakeDomain::lookup(VirtualAddress page) {
  std::lock_guard guard(lock_);
  const auto found = pages_.find(page.page().value);
  if (found == pages_.end()) return std::unexpected(Error::NotFound);
  return found->second;
}

template <class Move>
std::size_t FakeDomain::pieces(u64 address, std::size_t size, Access wanted, Move move) {
  std::lock_guard guard(lock_);
  std::size_t done = 0;
  while (done < size) {
    const u64 at = address + done;
    const auto found = pages_.find(align_down(at, kPageBytes));
    if (found == pages_.end() || !allows(found->second.access, wanted)) break;
    const std::size_t piece = std::min<std::size_t>(size - done, kPageBytes - at % kPageBytes);
    move(place_.window(found->second.frame) + at % kPageBytes, done, piece);
    done += piece;
  }
  return done;
}

std::size_t FakeDomain::copy_in(void* to, VirtualAddress from, std::size_t size) {
  return pieces(from.value, size, Access::Read, [&](u8* memory, std::size_t done, std::size_t piece) {
    std::memcpy(static_cast<u8*>(to) + done, memory, piece);
  });
}
std::size_t FakeDomain::copy_out(VirtualAddress to, const void* from, std::size_t size) {
  return pieces(to.value, size, Access::Write, [&](u8* memory, std::size_t done, std::size_t piece) {
    std::memcpy(memory, static_cast<const u8*>(from) + done, piece);
  });
}
std::size_t FakeDomain::clear(VirtualAddress to, std::size_t size) {
  return pieces(to.value, size, Access::Write,
                [&](u8* memory, std::size_t, std::size_t piece) { std::memset(memory, 0, piece); });
}
Result<u32> FakeDomain::load(VirtualAddress word) {
  u32 value = 0;
  if (copy_in(&value, word, sizeof value) != sizeof value) return std::unexpected(Error::Fault);
  return value;
}
Result<u32> FakeDomain::compare_exchange(VirtualAddress word, u32 expected, u32 desired) {
  u32 found = 0;
  const auto done =
      pieces(word.value, sizeof found, Access::Write, [&](u8* memory, std::size_t, std::size_t) {
        std::memcpy(&found, memory, sizeof found);
        if (found == expected) std::memcpy(memory, &desired, sizeof desired);
      });
  if (done != sizeof found) return std::unexpected(Error::Fault);
  return found;
}

void Cpu::touch(u64 address, Access access) {
  const auto mapping = context.domain().lookup({address});
  if (!mapping.has_value()) throw Faulted{address, access, false};
  if (!allows(mapping->access, access)) throw Faulted{address, access, true};
}
u64 Cpu::load(u64 address) {
  touch(address, Access::Read);
  u64 value = 0;
  context.domain().copy_in(&value, {address}, sizeof value);
  return value;
}
void Cpu::store(u64 address, u64 value) {
  touch(address, Access::Write);
  context.domain().copy_out({address}, &value, sizeof value);
}

u64 Program::step(Step step) {
  steps_.push_back({std::move(step), {}});
  return steps_.size() - 1;
}
u64 Program::call(u64 number, std::initializer_list<u64> given) {
  return call(number, [arguments = std::vector<u64>(given)](Cpu&) { return arguments; });
}
u64 Program::call(u64 number, Arguments arguments) {
  steps_.push_back({{}, std::move(arguments), number, 0, Entry::Kind::Call});
  return steps_.size() - 1;
}
u64 Program::exception(u8 vector) {
  steps_.push_back({{}, {}, 0, vector, Entry::Kind::Exception});
  return steps_.size() - 1;
}

TrapKind FakeContext::run() {
  trap_ = {};
  for (;;) {
    if (interrupted_.exchange(false)) return trap_.kind = TrapKind::Interrupted;
    if (!place_.take_step()) return trap_.kind = end_program();
    const u64 number = registers_.rip / 2;
    if (registers_.rip % 2 || number >= place_.program.steps_.size()) {
      trap_ = {.kind = TrapKind::PageFault, .access = Access::Execute, .address = {registers_.rip}};
      return trap_.kind;
    }
    const auto& entry = place_.program.steps_[number];
    Cpu cpu{*this, registers_};
    try {
      switch (entry.kind) {
        case Program::Entry::Kind::Step:
          registers_.rip += 2;
          entry.step(cpu);
          continue;
        case Program::Entry::Kind::Exception:
          trap_ = {.kind = TrapKind::Exception, .vector = entry.vector};
          return trap_.kind;
        case Program::Entry::Kind::Call: {
          auto arguments = entry.arguments(cpu);
          arguments.resize(6);
          registers_.rax = entry.number;
          registers_.rdi = arguments[0], registers_.rsi = arguments[1], registers_.rdx = arguments[2];
          registers_.r10 = arguments[3], registers_.r8 = arguments[4], registers_.r9 = arguments[5];
          registers_.rip += 2;
          return trap_.kind = TrapKind::SystemCall;
        }
      }
    } catch (const Faulted& fault) {
      registers_.rip = number * 2;
      trap_ = {.kind = TrapKind::PageFault,
               .access = fault.access,
               .present = fault.present,
               .address = {fault.address}};
      return trap_.kind;
    }
  }
}

TrapKind FakeContext::end_program() {
  constexpr u64 kExitGroup = 231, kOutOfSteps = 99;
  registers_.rax = kExitGroup;
  registers_.rdi = kOutOfSteps;
  return TrapKind::SystemCall;
}

void FakeContext::save_vector_state(std::span<u8> to) {
  std::memcpy(to.data(), vector_, sizeof vector_);
}
Result<> FakeContext::restore_vector_state(std::span<const u8> from) {
  if (from.size() != sizeof vector_) return std::unexpected(Error::Malformed);
  std::memcpy(vector_, from.data(), sizeof vector_);
  return {};
}
void FakeContext::reset_vector_state() {
  std::memset(vector_, 0, sizeof vector_);
}

FakePlace::FakePlace(u64 frames)
    : frames_(frames),
      memory_(static_cast<u8*>(std::aligned_alloc(kPageBytes, (frames + 1) * kPageBytes))),
      allocated_(frames + 1) {
  for (u64 i = frames; i >= 1; --i) free_.push_back(i);
}
FakePlace::~FakePlace() {
  std::free(memory_);
}

Result<Ref<Domain>> FakePlace::create_domain() {
  return Ref<Domain>::adopt(new FakeDomain(*this));
}
Result<Ref<Context>> FakePlace::create_context(Domain& domain) {
  return Ref<Context>::adopt(new FakeContext(*this, domain));
}
Result<Frame> FakePlace::allocate_frame() {
  auto frame = allocate_frame_uncleared();
  if (frame.has_value()) std::memset(window(*frame), 0, kPageBytes);
  return frame;
}
Result<Frame> FakePlace::allocate_frame_uncleared() {
  std::lock_guard guard(lock_);
  if (free_.empty()) return std::unexpected(Error::OutOfMemory);
  const u64 number = free_.back();
  free_.pop_back();
  allocated_[number] = true;
  return Frame{number};
}
void FakePlace::free_frame(Frame frame) {
  std::lock_guard guard(lock_);
  if (frame.number == 0 || frame.number > frames_ || !allocated_[frame.number]) {
    std::fprintf(stderr, "frame %lu was not allocated\n", static_cast<unsigned long>(frame.number));
    std::abort();
  }
  allocated_[frame.number] = false;
  std::memset(window(frame), 0xdd, kPageBytes);
  free_.push_back(frame.number);
}
Nanoseconds FakePlace::monotonic_ns() {
  return runtime::port::now_ns();
}
void FakePlace::random(std::span<u8> to) {
  for (auto& byte : to) byte = static_cast<u8>(std::rand());
}
void FakePlace::log(std::string_view line) {
  std::lock_guard guard(lock_);
  log_.append(line).push_back('\n');
}
MemoryStatistics FakePlace::memory_statistics() {
  return {.total_bytes = frames_ * kPageBytes, .free_bytes = free_frames() * kPageBytes};
}
u64 FakePlace::free_frames() {
  std::lock_guard guard(lock_);
  return free_.size();
}
std::string FakePlace::log_text() {
  std::lock_guard guard(lock_);
  return log_;
}

}  // namespace vari::linux::test
