// Finds frames in a byte stream that may begin, or be interrupted by, anything. After garbage the
// decoder skips one byte and tries again with those that it has kept, so no frame behind it is lost.
#include "components/host_channel/host_channel.h"
#include "components/host_channel/protocol.h"

namespace vari::components::host_channel {

bool FrameDecoder::header_valid() const {
  if (filled_ >= 1 && !from_host(buffer_[0])) return false;
  if (filled_ >= kHeaderBytes && (buffer_[1] | buffer_[2] << 8) > static_cast<int>(kMaximumPayload))
    return false;
  return true;
}

bool FrameDecoder::push(u8 byte) {
  if (complete_) {
    complete_ = false;
    filled_ = 0;
  }
  buffer_[filled_++] = byte;
  while (filled_ > 0 && filled_ <= kHeaderBytes && !header_valid()) {
    // Only a header is ever judged, so at most its three bytes move.
    --filled_;
    for (std::size_t i = 0; i < filled_; ++i) buffer_[i] = buffer_[i + 1];
  }
  if (filled_ < kHeaderBytes) return false;
  length_ = static_cast<std::size_t>(buffer_[1] | buffer_[2] << 8);
  complete_ = filled_ == kHeaderBytes + length_;
  return complete_;
}

}  // namespace vari::components::host_channel
