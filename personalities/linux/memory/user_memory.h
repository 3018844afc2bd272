// A program's memory as system calls reach it: copies that resolve faults on the way, words, strings.
// Every byte is read once; an address that can't be resolved is Errno::Fault.
#pragma once

#include <span>
#include <string_view>
#include <type_traits>

#include "base/types.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/transfer.h"

namespace vari::linux {

class MemoryMap;
class Task;

/// A view of one memory map; cheap to make. May fault pages in: never under a spinlock.
class UserMemory {
 public:
  explicit UserMemory(MemoryMap& map) : map_(map) {}

  LinuxResult<> copy_in(void* to, u64 from, u64 bytes);
  LinuxResult<> copy_out(u64 to, const void* from, u64 bytes);
  LinuxResult<> clear(u64 to, u64 bytes);
  /// How many bytes could be moved before the first that could not.
  u64 copy_in_partial(void* to, u64 from, u64 bytes);
  u64 copy_out_partial(u64 to, const void* from, u64 bytes);
  u64 clear_partial(u64 to, u64 bytes);

  template <class T>
  LinuxResult<T> read(u64 from) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    TRY(copy_in(&value, from, sizeof value));
    return value;
  }
  template <class T>
  LinuxResult<> write(u64 to, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return copy_out(to, &value, sizeof value);
  }

  /// A zero-terminated string: its characters without the zero, in `buffer`, where a zero follows them.
  /// NameTooLong if the buffer can't hold string and zero.
  LinuxResult<std::string_view> string(u64 from, std::span<char> buffer);

 private:
  template <class Step>
  u64 stepwise(u64 address, u64 bytes, bool writes, Step step);
  template <class Step>
  u64 stepwise_from(u64 done, u64 address, u64 bytes, bool writes, Step step);
  MemoryMap& map_;
};

/// The kernel's struct iovec.
struct IoVector {
  u64 base = 0;
  u64 bytes = 0;
};

/// A Transfer over one buffer of a program.
class UserTransfer final : public Transfer {
 public:
  UserTransfer(Task& task, u64 address, u64 bytes);
  u64 remaining() const override { return bytes_; }
  LinuxResult<u64> put(std::span<const u8> bytes) override;
  LinuxResult<u64> take(std::span<u8> bytes) override;
  LinuxResult<u64> put_zeros(u64 bytes) override;

  /// No call moves more, as in Linux.
  static constexpr u64 kMaximumBytes = 0x7fff'f000;

 private:
  UserMemory memory_;
  u64 address_, bytes_;
};

/// A Transfer over an iovec, which is checked and read once.
class VectorTransfer final : public Transfer {
 public:
  static constexpr u32 kMaximumVectors = 1024;
  explicit VectorTransfer(Task& task);
  ~VectorTransfer();
  VectorTransfer(const VectorTransfer&) = delete;
  /// Invalid: too many vectors or bytes; Fault; NoMemory. Call it once, before anything else.
  LinuxResult<> load(u64 vectors, u64 count);

  u64 remaining() const override { return remaining_; }
  LinuxResult<u64> put(std::span<const u8> bytes) override;
  LinuxResult<u64> take(std::span<u8> bytes) override;
  LinuxResult<u64> put_zeros(u64 bytes) override;

 private:
  template <class Move>
  LinuxResult<u64> move(u64 bytes, Move move);
  static constexpr u32 kInline = 8;
  UserMemory memory_;
  IoVector inline_[kInline];
  IoVector* vectors_ = inline_;
  u32 count_ = 0, next_ = 0;
  u64 remaining_ = 0;
};

}  // namespace vari::linux
