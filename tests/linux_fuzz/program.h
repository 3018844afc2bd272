// A program as the fuzzer sees it: a header and records of sixteen bytes, a system call each. Every string
// of bytes is a program, and a record keeps its meaning wherever it stands. As text, a record is a line:
//
//     openat >2 00.00 00.05 41.02 00.ff
//
// the call, the register that takes the result, and two bytes an argument: which choice, and which of it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "calls.h"

namespace vari::linux::fuzz {

struct Choice {
  u8 selector = 0, value = 0;
};

struct Record {
  u16 call = 0;  // modulo the count of calls()
  u8 slot = 0;   // the register for the result; at and above kSlots: none
  u8 unused = 0;
  Choice arguments[6] = {};

  const Call& what() const { return calls()[call % calls().size()]; }
};
static_assert(sizeof(Record) == 16);

/// Registers that keep results: they survive calls, forks and handlers.
inline constexpr u8 kSlots = 6;

struct Header {
  u16 seed = 0;       // of the machine's preemptions
  u16 failing = 0;    // which allocation fails, counted from the program's start; 0: none
  u8 few_frames = 0;  // nonzero: memory is so many times 16 frames
  u8 unused[11] = {};
};
static_assert(sizeof(Header) == 16);

struct Input {
  static constexpr std::size_t kMaximumRecords = 48;
  Header header;
  std::vector<Record> records;
};

Input decode(std::span<const u8> bytes);
std::vector<u8> encode(const Input& input);

/// The text of a program, and a program from its text; an empty `trouble` says that it was read.
std::string to_text(const Input& input);
Input from_text(std::string_view text, std::string& trouble);

}  // namespace vari::linux::fuzz
