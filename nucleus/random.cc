#include "nucleus/random.h"

#include <bit>
#include <cstring>

namespace vari::nucleus {
namespace {

void quarter_round(u32& a, u32& b, u32& c, u32& d) {
  a += b, d = std::rotl(d ^ a, 16);
  c += d, b = std::rotl(b ^ c, 12);
  a += b, d = std::rotl(d ^ a, 8);
  c += d, b = std::rotl(b ^ c, 7);
}

}  // namespace

void Random::block(u32 (&output)[kBlockWords]) {
  const u32 input[kBlockWords] = {0x61707865,
                                  0x3320646e,
                                  0x79622d32,
                                  0x6b206574,
                                  key_[0],
                                  key_[1],
                                  key_[2],
                                  key_[3],
                                  key_[4],
                                  key_[5],
                                  key_[6],
                                  key_[7],
                                  static_cast<u32>(counter_),
                                  static_cast<u32>(counter_ >> 32),
                                  0,
                                  0};
  ++counter_;
  std::memcpy(output, input, sizeof input);
  u32* x = output;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
    for (int i = 0; i < 4; ++i)
      quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
  }
  for (std::size_t i = 0; i < kBlockWords; ++i) x[i] += input[i];
}

void Random::mix(std::span<const u8> entropy) {
  runtime::Guard guard(lock_);
  for (std::size_t at = 0; at < entropy.size();) {
    const std::size_t count = std::min(entropy.size() - at, sizeof key_);
    auto* bytes = reinterpret_cast<u8*>(key_);
    for (std::size_t i = 0; i < count; ++i) bytes[i] ^= entropy[at + i];
    at += count;
    // The new key depends on all of the old one and on what came in.
    u32 output[kBlockWords];
    block(output);
    std::memcpy(key_, output, sizeof key_);
  }
}

void Random::mix(u64 word) {
  mix(std::span(reinterpret_cast<const u8*>(&word), sizeof word));
}

void Random::fill(std::span<u8> to) {
  runtime::Guard guard(lock_);
  u32 output[kBlockWords];
  // The first half of a block becomes the next key at once: what was given out can't be computed later.
  block(output);
  std::memcpy(key_, output, sizeof key_);
  const auto* spare = reinterpret_cast<const u8*>(output) + sizeof key_;
  std::size_t done = std::min(to.size(), sizeof output - sizeof key_);
  std::memcpy(to.data(), spare, done);
  while (done < to.size()) {
    block(output);
    const std::size_t count = std::min(to.size() - done, sizeof output);
    std::memcpy(to.data() + done, output, count);
    done += count;
  }
}

}  // namespace vari::nucleus
