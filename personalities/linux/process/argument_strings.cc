// See argument_strings.h.
#include "personalities/linux/process/argument_strings.h"

#include <algorithm>

#include "runtime/memory.h"

namespace vari::linux {

ArgumentStrings::~ArgumentStrings() {
  if (!frames_) return;
  for (u32 i = 0; i < kFrames && frames_[i]; ++i) place_.free_frame(frames_[i]);
  runtime::free(frames_, kFrames * sizeof(Frame));
}

/// What is left of the page at the end; a fresh one where nothing is.
LinuxResult<std::span<u8>> ArgumentStrings::room() {
  if (bytes_ >= limit_) return std::unexpected(Errno::TooBig);
  if (!frames_) {
    auto* memory = runtime::allocate(kFrames * sizeof(Frame));
    if (!memory) return std::unexpected(Errno::NoMemory);
    frames_ = static_cast<Frame*>(memory);
    std::fill_n(frames_, kFrames, Frame{});
  }
  auto& frame = frames_[bytes_ / kPageBytes];
  if (!frame) frame = TRY(place_.allocate_frame());
  const u64 used = bytes_ % kPageBytes;
  return std::span<u8>(place_.window(frame) + used, kPageBytes - used);
}

LinuxResult<> ArgumentStrings::add(std::string_view text) {
  // The zero comes with the fresh page, or is written after the last piece.
  for (bool zero = false; !zero;) {
    const auto to = TRY(room());
    const u64 piece = std::min<u64>(text.size(), to.size());
    __builtin_memcpy(to.data(), text.data(), piece);
    text.remove_prefix(piece);
    bytes_ += piece;
    if (text.empty() && piece < to.size()) {
      to[piece] = 0;
      ++bytes_;
      zero = true;
    }
  }
  ++count_;
  return {};
}

LinuxResult<> ArgumentStrings::add_from(UserMemory memory, u64 address) {
  for (u64 length = 0;;) {
    const auto to = TRY(room());
    // Up to the end of the program's page: the string may end just before memory that is not there.
    const u64 at = address + length;
    const u64 piece =
        std::min<u64>({to.size(), kPageBytes - (at & (kPageBytes - 1)), length ? kPageBytes : 256});
    TRY(memory.copy_in(to.data(), at, piece));
    if (const void* end = __builtin_memchr(to.data(), 0, piece)) {
      bytes_ += static_cast<const u8*>(end) - to.data() + 1;
      break;
    }
    bytes_ += piece;
    length += piece;
    if (length >= kMaximumString) return std::unexpected(Errno::TooBig);
  }
  ++count_;
  return {};
}

LinuxResult<> ArgumentStrings::add_all(UserMemory memory, u64 pointers) {
  if (pointers == 0) return {};
  for (;; pointers += sizeof(u64)) {
    const u64 address = TRY(memory.read<u64>(pointers));
    if (address == 0) return {};
    // Each pointer takes room on the new stack, too.
    if (bytes_ + (count_ + 1) * sizeof(u64) >= limit_) return std::unexpected(Errno::TooBig);
    TRY(add_from(memory, address));
  }
}

LinuxResult<u64> ArgumentStrings::copy_out(UserMemory memory, u64 address, u64 from) const {
  const u64 begin = from;
  while (from < bytes_) {
    const u64 used = from % kPageBytes;
    const u64 piece = std::min(kPageBytes - used, bytes_ - from);
    TRY(memory.copy_out(address + (from - begin), place_.window(frames_[from / kPageBytes]) + used, piece));
    from += piece;
  }
  return bytes_ - begin;
}

u64 ArgumentStrings::end_of_string(u64 offset) const {
  while (offset < bytes_) {
    const u64 used = offset % kPageBytes;
    const u64 piece = std::min(kPageBytes - used, bytes_ - offset);
    const u8* begin = place_.window(frames_[offset / kPageBytes]) + used;
    if (const void* end = __builtin_memchr(begin, 0, piece))
      return offset + (static_cast<const u8*>(end) - begin) + 1;
    offset += piece;
  }
  return bytes_;
}

}  // namespace vari::linux
