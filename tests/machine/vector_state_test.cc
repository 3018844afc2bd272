// What bytes from a signal frame may become vector state: exactly those that the processor can load. The
// processor itself is the oracle: what adopt_vectors() accepts, load_vectors() must load without a fault.
#include "machine/x86_64/vector_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace vari::machine {
namespace {

constexpr std::size_t kHeader = 512;

/// A processor with AVX, as the area's layout goes.
Features with_avx() {
  Features features;
  features.xsave = true;
  features.vector_components = 7;
  features.vector_bytes = 832;
  features.mxcsr_mask = 0xffff;
  return features;
}

struct alignas(64) Area {
  u8 bytes[832] = {};
  std::span<u8> all() { return bytes; }
};

TEST(VectorState, InitialStateIsAccepted) {
  Area initial, area;
  reset_vectors(initial.all());
  EXPECT_TRUE(adopt_vectors(area.all(), initial.all(), with_avx()));
  EXPECT_EQ(std::memcmp(initial.bytes, area.bytes, sizeof area.bytes), 0);
}

TEST(VectorState, LegacyImageAloneLeavesTheRestInitial) {
  Area area, image;
  std::memset(area.bytes, 0xff, sizeof area.bytes);
  reset_vectors(image.all());
  ASSERT_TRUE(adopt_vectors(area.all(), {image.bytes, kHeader}, with_avx()));
  EXPECT_EQ(area.bytes[kHeader], 3);
  for (std::size_t i = kHeader + 1; i < sizeof area.bytes; ++i) EXPECT_EQ(area.bytes[i], 0) << i;
}

TEST(VectorState, WhatWouldFaultIsMalformedAndChangesNothing) {
  const auto refused = [](std::size_t offset, u8 value) {
    Area good, area;
    reset_vectors(good.all());
    reset_vectors(area.all());
    good.bytes[offset] = value;
    good.bytes[100] = 0x55;
    const bool failed = !adopt_vectors(area.all(), good.all(), with_avx());
    return failed && area.bytes[100] == 0;
  };
  EXPECT_TRUE(refused(26, 1));          // MXCSR, bit 16
  EXPECT_TRUE(refused(kHeader, 0x0f));  // a component beyond XCR0
  EXPECT_TRUE(refused(kHeader + 7, 0x80));
  for (std::size_t i = 8; i < 64; ++i) EXPECT_TRUE(refused(kHeader + i, 1)) << i;  // XCOMP_BV and reserved
}

TEST(VectorState, WrongSizesAreMalformed) {
  Area area, from;
  reset_vectors(from.all());
  for (const std::size_t size :
       {std::size_t{0}, kHeader - 1, kHeader + 1, kHeader + 64, sizeof from.bytes - 1}) {
    EXPECT_FALSE(adopt_vectors(area.all(), {from.bytes, size}, with_avx())) << size;
  }
}

// Random damage to a legacy image: whatever is accepted, the host's FXRSTOR takes.
TEST(VectorState, AcceptedImagesLoad) {
  Features features;
  features.xsave = false;
  features.mxcsr_mask = supported_mxcsr();
  std::mt19937_64 random(7);
  alignas(64) u8 saved[kHeader];
  alignas(64) u8 area[kHeader];
  u32 accepted = 0;
  for (int i = 0; i < 10'000; ++i) {
    alignas(64) u8 from[kHeader] = {};
    reset_vectors(from);
    for (int change = 0; change < 8; ++change) from[random() % kHeader] = static_cast<u8>(random());
    if (!adopt_vectors(area, from, features)) continue;
    ++accepted;
    save_vectors(saved, features);
    load_vectors(area, features);
    load_vectors(saved, features);
  }
  EXPECT_GT(accepted, 1000u);
}

}  // namespace
}  // namespace vari::machine
