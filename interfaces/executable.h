// Reading an executable image: what to map where. Written for hostile input.
#pragma once

#include <span>

#include "base/result.h"
#include "base/types.h"
#include "interfaces/place.h"

namespace vari {

struct ExecutableSegment {
  u64 file_offset = 0, file_bytes = 0;
  VirtualAddress address;  // relative to the load bias where the image is position-independent
  u64 memory_bytes = 0;
  Access access = Access::None;
};

struct ExecutableImage {
  static constexpr std::size_t kMaximumSegments = 32;
  ExecutableSegment segments[kMaximumSegments];
  std::size_t segment_count = 0;
  VirtualAddress entry;
  bool position_independent = false;
  bool executable_stack = false;
  u64 interpreter_offset = 0, interpreter_bytes = 0;  // file range of the interpreter's path; 0: none
  VirtualAddress program_headers;  // where they lie in memory once loaded; 0: they are not loaded
  u16 program_header_count = 0, program_header_bytes = 0;
};

/// Random access to the bytes of an image.
class ImageSource {
 public:
  virtual u64 size() = 0;
  /// Exactly `to.size()` bytes or an error.
  virtual Result<> read(u64 offset, std::span<u8> to) = 0;

 protected:
  ~ImageSource() = default;
};

class ExecutableFormat {
 public:
  /// Malformed for anything that can't be mapped as it says: truncated, overlapping or wrapping
  /// segments, addresses outside user space, absurd counts. Unsupported: another machine's.
  virtual Result<> parse(ImageSource& source, ExecutableImage& image) const = 0;

 protected:
  ~ExecutableFormat() = default;
};

}  // namespace vari
