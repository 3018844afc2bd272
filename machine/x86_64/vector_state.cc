#include "machine/x86_64/vector_state.h"

namespace vari::machine {
namespace {

constexpr std::size_t kControlWordOffset = 0, kMxcsrOffset = 24, kMxcsrMaskOffset = 28;
constexpr std::size_t kHeaderOffset = 512, kHeaderBytes = 64;
constexpr u16 kInitialControlWord = 0x37f;
constexpr u32 kInitialMxcsr = 0x1f80, kDefaultMxcsrMask = 0xffbf;
constexpr u64 kLegacyComponents = 3;  // x87 and SSE

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

}  // namespace

void save_vectors(u8* area, const Features& features) {
  const auto low = static_cast<u32>(features.vector_components);
  if (features.xsave) {
    asm volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(0) : "memory");
  } else {
    asm volatile("fxsave64 (%0)" : : "r"(area) : "memory");
  }
}

void load_vectors(const u8* area, const Features& features) {
  const auto low = static_cast<u32>(features.vector_components);
  if (features.xsave) {
    asm volatile("xrstor64 (%0)" : : "r"(area), "a"(low), "d"(0) : "memory");
  } else {
    asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
  }
}

void reset_vectors(std::span<u8> area) {
  __builtin_memset(area.data(), 0, area.size());
  set_field<u16>(area.data(), kControlWordOffset, kInitialControlWord);
  set_field<u32>(area.data(), kMxcsrOffset, kInitialMxcsr);
  // XSTATE_BV: both legacy components are loaded from here, the others take their initial configuration.
  if (area.size() > kLegacyVectorBytes) set_field<u64>(area.data(), kHeaderOffset, kLegacyComponents);
}

Result<> adopt_vectors(std::span<u8> area, std::span<const u8> from, const Features& features) {
  const bool whole = from.size() == area.size();
  if (!whole && from.size() != kLegacyVectorBytes) return std::unexpected(Error::Malformed);
  if (field<u32>(from.data(), kMxcsrOffset) & ~features.mxcsr_mask) return std::unexpected(Error::Malformed);
  if (whole && features.xsave) {
    // XRSTOR, standard form (SDM vol. 1, 13.8): no component that XCR0 lacks; XCOMP_BV and the rest of the
    // header zero. Bytes 63:24 of the header are reserved, and refused as well.
    if (field<u64>(from.data(), kHeaderOffset) & ~features.vector_components) {
      return std::unexpected(Error::Malformed);
    }
    for (std::size_t i = 8; i < kHeaderBytes; i += 8) {
      if (field<u64>(from.data(), kHeaderOffset + i)) return std::unexpected(Error::Malformed);
    }
  }
  __builtin_memcpy(area.data(), from.data(), from.size());
  if (!whole) {
    __builtin_memset(area.data() + kLegacyVectorBytes, 0, area.size() - kLegacyVectorBytes);
    set_field<u64>(area.data(), kHeaderOffset, kLegacyComponents);
  }
  return {};
}

u32 supported_mxcsr() {
  alignas(16) u8 image[kLegacyVectorBytes] = {};
  asm volatile("fxsave64 (%0)" : : "r"(image) : "memory");
  const auto mask = field<u32>(image, kMxcsrMaskOffset);
  return mask ? mask : kDefaultMxcsrMask;
}

}  // namespace vari::machine
