// See system_call_filter.h. Instruction codes: linux/bpf_common.h; the rules: seccomp(2).
#include "personalities/linux/process/system_call_filter.h"

#include <array>
#include <cstring>

namespace vari::linux {

namespace {

// A code is a class, and below it a size and mode, or an operation and where its operand is.
// Class.
constexpr u16 kLoad = 0, kLoadX = 1, kStore = 2, kStoreX = 3, kCompute = 4, kJump = 5, kReturn = 6, kMove = 7;
// Mode of a load.
constexpr u16 kImmediate = 0x00, kAbsolute = 0x20, kMemory = 0x60, kLength = 0x80;
// Operation.
constexpr u16 kAdd = 0x00, kSubtract = 0x10, kMultiply = 0x20, kDivide = 0x30, kOr = 0x40, kAnd = 0x50,
              kShiftLeft = 0x60, kShiftRight = 0x70, kNegate = 0x80, kExclusiveOr = 0xa0;
// Condition of a jump.
constexpr u16 kAlways = 0x00, kEqual = 0x10, kGreater = 0x20, kGreaterOrEqual = 0x30, kAnyBit = 0x40;
constexpr u16 kOperandX = 0x08, kReturnAccumulator = 0x10, kMoveToA = 0x80;
constexpr u32 kWords = 16;

constexpr u16 class_of(u16 code) {
  return code & 7;
}

bool is_known_operation(u16 operation) {
  return operation <= kNegate || operation == kExclusiveOr;
}

/// Of the instruction at `at`, of which `rest` follow.
bool is_valid(const FilterInstruction& it, std::size_t rest) {
  const u16 code = it.code;
  switch (class_of(code)) {
    case kLoad:
      if (code == (kLoad | kAbsolute)) return it.k < sizeof(FilteredCall) && it.k % 4 == 0;
      [[fallthrough]];
    case kLoadX: {
      const u16 mode = code & ~u16{7};
      return mode == kImmediate || mode == kLength || (mode == kMemory && it.k < kWords);
    }
    case kStore:
    case kStoreX: return code <= kStoreX && it.k < kWords;
    case kCompute: {
      const u16 operation = code & 0xf0;
      if ((code & ~u16{0xff}) || !is_known_operation(operation)) return false;
      if (code & kOperandX) return operation != kNegate;
      if (operation == kDivide) return it.k != 0;
      return (operation != kShiftLeft && operation != kShiftRight) || it.k < 32;
    }
    case kJump: {
      if (code == (kJump | kAlways)) return it.k < rest;
      const u16 condition = code & ~u16{kOperandX | 7};
      return condition >= kEqual && condition <= kAnyBit && it.if_true < rest && it.if_false < rest;
    }
    case kReturn: return code == kReturn || code == (kReturn | kReturnAccumulator);
    default: return code == kMove || code == (kMove | kMoveToA);
  }
}

u32 word_at(const FilteredCall& call, u32 offset) {
  u32 word = 0;
  std::memcpy(&word, static_cast<const char*>(static_cast<const void*>(&call)) + offset, sizeof word);
  return word;
}

struct Machine {
  u32 a = 0, x = 0;
  std::array<u32, kWords> memory{};

  u32 loaded(const FilterInstruction& it, const FilteredCall& call) const {
    switch (it.code & ~u16{7}) {
      case kAbsolute: return word_at(call, it.k);
      case kMemory: return memory[it.k];
      case kLength: return sizeof call;
      default: return it.k;
    }
  }
  u32 computed(u16 operation, u32 operand) const {
    switch (operation) {
      case kAdd: return a + operand;
      case kSubtract: return a - operand;
      case kMultiply: return a * operand;
      case kDivide: return a / operand;
      case kOr: return a | operand;
      case kAnd: return a & operand;
      case kShiftLeft: return a << (operand & 31);
      case kShiftRight: return a >> (operand & 31);
      case kExclusiveOr: return a ^ operand;
      default: return -a;
    }
  }
  u32 skipped(const FilterInstruction& it) const {
    const u32 operand = it.code & kOperandX ? x : it.k;
    bool holds = false;
    switch (it.code & 0xf0) {
      case kAlways: return it.k;
      case kEqual: holds = a == operand; break;
      case kGreater: holds = a > operand; break;
      case kGreaterOrEqual: holds = a >= operand; break;
      default: holds = (a & operand) != 0; break;
    }
    return holds ? it.if_true : it.if_false;
  }
};

}  // namespace

LinuxResult<Ref<SystemCallFilter>> SystemCallFilter::create(u32 count) {
  auto* memory = static_cast<FilterInstruction*>(runtime::allocate(count * sizeof(FilterInstruction)));
  if (!memory) return std::unexpected(Errno::NoMemory);
  auto made = runtime::make<SystemCallFilter>(std::span(memory, count));
  if (made) return std::move(*made);
  runtime::free(memory, count * sizeof(FilterInstruction));
  return std::unexpected(Errno::NoMemory);
}

LinuxResult<> SystemCallFilter::follow(Ref<SystemCallFilter> previous) {
  constexpr u32 kPenalty = 4;
  if (!previous) return {};
  if (previous->total_ + kPenalty + total_ > kMostOfAll) return std::unexpected(Errno::NoMemory);
  total_ += previous->total_ + kPenalty;
  depth_ = previous->depth_ + 1;
  previous_ = std::move(previous);
  return {};
}

/// One after the other those that nobody else has: thousands may hang on this one, and a stack is short.
SystemCallFilter::~SystemCallFilter() {
  runtime::free(instructions_.data(), instructions_.size_bytes());
  auto next = std::move(previous_);
  while (next && next->references() == 1) {
    auto after = std::move(next->previous_);
    next = std::move(after);
  }
}

/// Jumps lead forward and the last instruction returns, so each run ends. Words that are read before they
/// were written hold zeros here, so nothing has to be proved of them.
LinuxResult<> SystemCallFilter::check() const {
  const auto count = instructions_.size();
  for (std::size_t at = 0; at < count; ++at)
    if (!is_valid(instructions_[at], count - at - 1)) return std::unexpected(Errno::Invalid);
  if (class_of(instructions_.back().code) != kReturn) return std::unexpected(Errno::Invalid);
  return {};
}

u32 SystemCallFilter::run(const FilteredCall& call) const {
  Machine machine;
  for (std::size_t at = 0; at < instructions_.size(); ++at) {
    const auto& it = instructions_[at];
    switch (class_of(it.code)) {
      case kLoad: machine.a = machine.loaded(it, call); break;
      case kLoadX: machine.x = machine.loaded(it, call); break;
      case kStore: machine.memory[it.k] = machine.a; break;
      case kStoreX: machine.memory[it.k] = machine.x; break;
      case kCompute: {
        const u32 operand = it.code & kOperandX ? machine.x : it.k;
        if ((it.code & 0xf0) == kDivide && operand == 0) return filter_action::kKillThread;
        machine.a = machine.computed(it.code & 0xf0, operand);
        break;
      }
      case kJump: at += machine.skipped(it); break;
      case kReturn: return it.code & kReturnAccumulator ? machine.a : it.k;
      default: (it.code & kMoveToA ? machine.a : machine.x) = it.code & kMoveToA ? machine.x : machine.a;
    }
  }
  return filter_action::kKillProcess;  // not reached: check()
}

u32 SystemCallFilter::judge(const FilteredCall& call) const {
  const auto rank = [](u32 verdict) { return static_cast<i32>(verdict & filter_action::kMask); };
  u32 strictest = filter_action::kAllow;
  for (const auto* filter = this; filter; filter = filter->previous_.get()) {
    const u32 verdict = filter->run(call);
    if (rank(verdict) < rank(strictest)) strictest = verdict;
  }
  return strictest;
}

bool SystemCallFilter::descends_from(const SystemCallFilter* other) const {
  for (const auto* filter = this; filter; filter = filter->previous_.get())
    if (filter == other) return true;
  return other == nullptr;
}

}  // namespace vari::linux
