// See user_memory.h. The place copies as far as pages are present; each stop is a fault to resolve.
#include "personalities/linux/memory/user_memory.h"

#include <algorithm>

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

template <class Step>
u64 UserMemory::stepwise(u64 address, u64 bytes, bool writes, Step step) {
  if (slowpath(bytes == 0)) return 0;
  const u64 done = step(VirtualAddress{address}, u64{0}, bytes);
  return fastpath(done == bytes) ? done : stepwise_from(done, address, bytes, writes, step);
}

/// Goes on from where the memory that is present ended.
template <class Step>
[[gnu::noinline]] u64 UserMemory::stepwise_from(u64 done, u64 address, u64 bytes, bool writes, Step step) {
  while (done < bytes) {
    if (!map_.resolve_fault(address + done, writes ? Access::Write : Access::Read).has_value()) break;
    done += step(VirtualAddress{address + done}, done, bytes - done);
  }
  return done;
}

u64 UserMemory::copy_in_partial(void* to, u64 from, u64 bytes) {
  return stepwise(from, bytes, false, [&domain = map_.domain(), to](VirtualAddress at, u64 done, u64 left) {
    return domain.copy_in(static_cast<u8*>(to) + done, at, left);
  });
}

u64 UserMemory::copy_out_partial(u64 to, const void* from, u64 bytes) {
  return stepwise(to, bytes, true, [&domain = map_.domain(), from](VirtualAddress at, u64 done, u64 left) {
    return domain.copy_out(at, static_cast<const u8*>(from) + done, left);
  });
}

u64 UserMemory::clear_partial(u64 to, u64 bytes) {
  return stepwise(to, bytes, true, [&domain = map_.domain()](VirtualAddress at, u64, u64 left) {
    return domain.clear(at, left);
  });
}

namespace {
LinuxResult<> all_or_fault(u64 done, u64 wanted) {
  if (fastpath(done == wanted)) return {};
  return std::unexpected(Errno::Fault);
}
}  // namespace

LinuxResult<> UserMemory::copy_in(void* to, u64 from, u64 bytes) {
  return all_or_fault(copy_in_partial(to, from, bytes), bytes);
}
LinuxResult<> UserMemory::copy_out(u64 to, const void* from, u64 bytes) {
  return all_or_fault(copy_out_partial(to, from, bytes), bytes);
}
LinuxResult<> UserMemory::clear(u64 to, u64 bytes) {
  return all_or_fault(clear_partial(to, bytes), bytes);
}

LinuxResult<std::string_view> UserMemory::string(u64 from, std::span<char> buffer) {
  std::size_t length = 0;
  while (length < buffer.size()) {
    // Not across a page at a time: the string may end just before memory that does not exist. Short
    // pieces first: most strings are.
    const u64 at = from + length;
    const u64 piece = std::min(
        {buffer.size() - length, kPageBytes - (at & (kPageBytes - 1)), length ? kPageBytes : u64{64}});
    if (!copy_in(buffer.data() + length, at, piece).has_value()) return std::unexpected(Errno::Fault);
    if (const void* end = __builtin_memchr(buffer.data() + length, 0, piece))
      return std::string_view(buffer.data(), static_cast<const char*>(end) - buffer.data());
    length += piece;
  }
  return std::unexpected(Errno::NameTooLong);
}

UserTransfer::UserTransfer(Task& task, u64 address, u64 bytes)
    : memory_(task.user()), address_(address), bytes_(std::min(bytes, kMaximumBytes)) {}

namespace {
/// Moves as much as it can; an error only if nothing could be moved.
template <class Move>
LinuxResult<u64> advance(u64& address, u64& left, u64 wanted, Move move) {
  const u64 bytes = std::min(wanted, left);
  const u64 done = move(address, bytes);
  if (done == 0 && bytes != 0) return std::unexpected(Errno::Fault);
  address += done;
  left -= done;
  return done;
}
}  // namespace

LinuxResult<u64> UserTransfer::put(std::span<const u8> bytes) {
  return advance(address_, bytes_, bytes.size(),
                 [&](u64 at, u64 count) { return memory_.copy_out_partial(at, bytes.data(), count); });
}
LinuxResult<u64> UserTransfer::take(std::span<u8> bytes) {
  return advance(address_, bytes_, bytes.size(),
                 [&](u64 at, u64 count) { return memory_.copy_in_partial(bytes.data(), at, count); });
}
LinuxResult<u64> UserTransfer::put_zeros(u64 bytes) {
  return advance(address_, bytes_, bytes,
                 [&](u64 at, u64 count) { return memory_.clear_partial(at, count); });
}

VectorTransfer::VectorTransfer(Task& task) : memory_(task.user()) {}

VectorTransfer::~VectorTransfer() {
  if (vectors_ != inline_) runtime::free(vectors_, kMaximumVectors * sizeof(IoVector));
}

LinuxResult<> VectorTransfer::load(u64 vectors, u64 count) {
  if (count > kMaximumVectors) return std::unexpected(Errno::Invalid);
  if (count > kInline) {
    auto* memory = runtime::allocate(kMaximumVectors * sizeof(IoVector));
    if (!memory) return std::unexpected(Errno::NoMemory);
    vectors_ = static_cast<IoVector*>(memory);
  }
  TRY(memory_.copy_in(vectors_, vectors, count * sizeof(IoVector)));
  count_ = static_cast<u32>(count);
  for (u32 i = 0; i < count_; ++i) {
    if (vectors_[i].bytes > static_cast<u64>(INT64_MAX)) return std::unexpected(Errno::Invalid);
    vectors_[i].bytes = std::min(vectors_[i].bytes, UserTransfer::kMaximumBytes - remaining_);
    remaining_ += vectors_[i].bytes;
  }
  return {};
}

template <class Move>
LinuxResult<u64> VectorTransfer::move(u64 bytes, Move move) {
  u64 done = 0;
  while (done < bytes && next_ < count_) {
    auto& vector = vectors_[next_];
    if (vector.bytes == 0) {
      ++next_;
      continue;
    }
    const u64 wanted = std::min(bytes - done, vector.bytes);
    const u64 moved = move(vector.base, done, wanted);
    vector.base += moved;
    vector.bytes -= moved;
    remaining_ -= moved;
    done += moved;
    if (moved < wanted) {
      if (done == 0) return std::unexpected(Errno::Fault);
      break;
    }
  }
  return done;
}

LinuxResult<u64> VectorTransfer::put(std::span<const u8> bytes) {
  return move(bytes.size(), [&](u64 at, u64 done, u64 count) {
    return memory_.copy_out_partial(at, bytes.data() + done, count);
  });
}
LinuxResult<u64> VectorTransfer::take(std::span<u8> bytes) {
  return move(bytes.size(), [&](u64 at, u64 done, u64 count) {
    return memory_.copy_in_partial(bytes.data() + done, at, count);
  });
}
LinuxResult<u64> VectorTransfer::put_zeros(u64 bytes) {
  return move(bytes, [&](u64 at, u64, u64 count) { return memory_.clear_partial(at, count); });
}

}  // namespace vari::linux
