// x87, SSE and AVX registers as bytes: the XSAVE area's standard format (Intel SDM vol. 1, chapter 13), or,
// on processors without XSAVE, the FXSAVE image that is its first 512 bytes. The kernel itself never uses
// these registers; this file and its .cc are the only place that names the instructions.
#pragma once

#include <span>

#include "base/result.h"
#include "base/types.h"
#include "machine/x86_64/features.h"

namespace vari::machine {

inline constexpr std::size_t kVectorAlignment = 64;
inline constexpr std::size_t kLegacyVectorBytes = 512;

/// CR0.TS is clear; `area` is aligned and has features.vector_bytes.
void save_vectors(u8* area, const Features& features);
/// `area` must have been made by save_vectors(), reset_vectors() or adopt_vectors().
void load_vectors(const u8* area, const Features& features);
/// The state that programs start with: x87 control word 0x37f, MXCSR 0x1f80, all else zero.
void reset_vectors(std::span<u8> area);
/// Copies untrusted bytes to `area` if loading them can't fault, else Malformed and `area` is unchanged.
/// Takes a whole area, or an FXSAVE image alone.
Result<> adopt_vectors(std::span<u8> area, std::span<const u8> from, const Features& features);
/// The bits of MXCSR that may be set (SDM vol. 1, 11.6.6). CR0.TS is clear.
u32 supported_mxcsr();

}  // namespace vari::machine
