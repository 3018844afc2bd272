// Vector state in the frame that the host's kernel wrote, and will read again when the guest goes on: XSAVE's
// standard format, with the host's own words in the legacy area's last 48 bytes and behind the whole.
#include <cpuid.h>
#include <ucontext.h>

#include "hosted/context.h"

namespace vari::hosted {
namespace {

constexpr std::size_t kMxcsrOffset = 24, kMxcsrMaskOffset = 28, kHostWords = 464, kHeader = 512;
constexpr std::size_t kHeaderEnd = 576, kLegacyBytes = 512;
constexpr u16 kInitialControlWord = 0x37f;
constexpr u32 kInitialMxcsr = 0x1f80;
constexpr u64 kLegacyComponents = 3;
/// Tiles: the host grants them on request only, and nobody requests them.
constexpr u64 kNeverGranted = u64{3} << 17;

template <class T>
T field(const u8* bytes, std::size_t offset) {
  T value;
  __builtin_memcpy(&value, bytes + offset, sizeof value);
  return value;
}
template <class T>
void set_field(u8* bytes, std::size_t offset, T value) {
  __builtin_memcpy(bytes + offset, &value, sizeof value);
}

/// Everything but the host's own words.
void copy_state(u8* to, const u8* from, std::size_t bytes) {
  __builtin_memcpy(to, from, kHostWords);
  __builtin_memcpy(to + kHeader, from + kHeader, bytes - kHeader);
}

}  // namespace

VectorFormat VectorFormat::find() {
  VectorFormat format;
  u32 a, b, c, d;
  if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d)) return format;
  u32 low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  format.components = (u64{high} << 32 | low) & ~kNeverGranted;
  format.bytes = kHeaderEnd;
  for (unsigned i = 2; i < 63; ++i) {
    if (!(format.components >> i & 1) || !__get_cpuid_count(0xd, i, &a, &b, &c, &d)) continue;
    if (a + b > format.bytes) format.bytes = a + b;
  }
  ASSERT(format.bytes <= kMaximumBytes);
  alignas(64) u8 area[kLegacyBytes] = {};
  asm volatile("fxsave64 %0" : "=m"(area));
  if (const u32 mask = field<u32>(area, kMxcsrMaskOffset)) format.mxcsr_mask = mask;
  return format;
}

u8* HostedContext::vectors() const {
  const ucontext_t* context = frame();
  return parts_.stubs.view(*slot_, reinterpret_cast<u64>(context->uc_mcontext.fpregs), parts_.vectors.bytes);
}

void HostedContext::save_vector_state(std::span<u8> to) {
  const std::size_t bytes = std::min(to.size(), parts_.vectors.bytes);
  const u8* from = slot_ ? vectors() : kept_vectors_;
  if (!from) from = kept_vectors_;
  __builtin_memcpy(to.data(), from, bytes);
  if (bytes >= kHeader) __builtin_memset(to.data() + kHostWords, 0, kHeader - kHostWords);
}

Result<> HostedContext::restore_vector_state(std::span<const u8> from) {
  const VectorFormat& format = parts_.vectors;
  const bool whole = from.size() == format.bytes;
  if (!whole && from.size() != kLegacyBytes) return std::unexpected(Error::Malformed);
  if (field<u32>(from.data(), kMxcsrOffset) & ~format.mxcsr_mask) return std::unexpected(Error::Malformed);
  if (whole) {
    // As XRSTOR judges it (SDM vol. 1, 13.8).
    if (field<u64>(from.data(), kHeader) & ~format.components) return std::unexpected(Error::Malformed);
    for (std::size_t at = kHeader + 8; at < kHeaderEnd; at += 8)
      if (field<u64>(from.data(), at)) return std::unexpected(Error::Malformed);
  }
  u8* to = slot_ ? vectors() : kept_vectors_;
  if (!to) return std::unexpected(Error::DeviceError);
  if (whole) {
    copy_state(to, from.data(), format.bytes);
  } else {
    __builtin_memcpy(to, from.data(), kHostWords);
    __builtin_memset(to + kHeader, 0, format.bytes - kHeader);
    set_field<u64>(to, kHeader, kLegacyComponents);
  }
  return {};
}

void HostedContext::reset_vector_state() {
  alignas(64) u8 initial[VectorFormat::kMaximumBytes] = {};
  set_field<u16>(initial, 0, kInitialControlWord);
  set_field<u32>(initial, kMxcsrOffset, kInitialMxcsr);
  set_field<u64>(initial, kHeader, kLegacyComponents);
  (void)restore_vector_state({initial, parts_.vectors.bytes});
}

}  // namespace vari::hosted
