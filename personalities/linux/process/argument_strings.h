// The argument and environment strings of an exec on their way from the old memory to the new: copied
// once into frames of their own, so that neither memory's owner can change them between check and use.
#pragma once

#include <array>
#include <string_view>

#include "interfaces/place.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/memory/user_memory.h"

namespace vari::linux {

/// Strings one after the other, each with its zero.
class ArgumentStrings {
 public:
  /// Of one string, and of all, as in Linux.
  static constexpr u64 kMaximumString = 128 * kKiB, kMaximumBytes = 2 * kMiB;

  explicit ArgumentStrings(Place& place) : place_(place) {}
  ~ArgumentStrings();
  ArgumentStrings(const ArgumentStrings&) = delete;

  void set_limit(u64 bytes) { limit_ = bytes < kMaximumBytes ? bytes : kMaximumBytes; }
  /// All strings of a program's null-terminated array of pointers (0: none). TooBig, Fault, NoMemory.
  LinuxResult<> add_all(UserMemory memory, u64 pointers);
  LinuxResult<> add(std::string_view text);

  u32 count() const { return count_; }
  u64 bytes() const { return bytes_; }
  /// Copies all but the first `skipped` strings to `address`; returns how many bytes that were.
  LinuxResult<u64> copy_out(UserMemory memory, u64 address, u64 from) const;
  /// The offset behind the string that begins at `offset`.
  u64 end_of_string(u64 offset) const;

 private:
  static constexpr u32 kFrames = kMaximumBytes / kPageBytes;
  LinuxResult<> add_from(UserMemory memory, u64 address);
  LinuxResult<std::span<u8>> room();

  Place& place_;
  u64 limit_ = kMaximumBytes;
  u64 bytes_ = 0;
  u32 count_ = 0;
  Frame* frames_ = nullptr;  // kFrames of them, made with the first string
};

}  // namespace vari::linux
