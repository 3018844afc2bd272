// Lays out a handler's frame and takes it down again. All that comes back from the program's stack is
// untrusted: each register is checked or masked, the vector state goes through the place's own check.
#include "personalities/linux/signals/frame.h"

#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/system_call_filter.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using namespace frame;

namespace {

/// CF PF AF ZF SF TF DF OF RF AC: what a program may set.
constexpr u64 kUserFlags = 0x50dd5;
constexpr u64 kRedZoneBytes = 128;
constexpr u64 kDirectionFlag = 0x400, kTrapFlag = 0x100, kResumeFlag = 0x10000;
constexpr u16 kUserCode = 0x33, kUserStack = 0x2b;

/// Bytes for a copy of the vector state; freed with the scope.
class Scratch {
 public:
  explicit Scratch(u64 bytes) : bytes_(bytes), memory_(static_cast<u8*>(runtime::allocate(bytes))) {}
  ~Scratch() {
    if (memory_) runtime::free(memory_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  explicit operator bool() const { return memory_ != nullptr; }
  u8* data() const { return memory_; }
  std::span<u8> span() const { return {memory_, bytes_}; }

 private:
  u64 bytes_;
  u8* memory_;
};

bool on_alternate_stack(const AlternateStack& stack, u64 rsp) {
  return !(stack.flags & AlternateStack::kDisabled) && !(stack.flags & AlternateStack::kAutoDisarm) &&
         rsp > stack.base && rsp - stack.base <= stack.bytes;
}

/// The vector state goes below `top`; where it lies.
LinuxResult<u64> push_vector_state(Task& task, u64 top) {
  const u64 bytes = task.context().vector_state_bytes();
  Scratch scratch(bytes + sizeof(u32));
  if (!scratch) return std::unexpected(Errno::NoMemory);
  task.context().save_vector_state({scratch.data(), bytes});
  if (bytes >= kLegacyAndHeaderBytes) {
    XsaveMarker marker{.magic1 = XsaveMarker::kMagic1,
                       .extended_bytes = static_cast<u32>(bytes + sizeof(u32)),
                       .features = 0,
                       .state_bytes = static_cast<u32>(bytes),
                       .padding = {}};
    __builtin_memcpy(&marker.features, scratch.data() + kFeaturesOffset, sizeof marker.features);
    marker.features |= 3;
    __builtin_memcpy(scratch.data() + XsaveMarker::kOffset, &marker, sizeof marker);
    __builtin_memcpy(scratch.data() + bytes, &XsaveMarker::kMagic2, sizeof(u32));
  }
  const u64 address = align_down(top - bytes - sizeof(u32), 64);
  TRY(task.user().copy_out(address, scratch.data(), bytes + sizeof(u32)));
  return address;
}

/// Takes what the frame points to; a frame without the markers holds the legacy part alone.
LinuxResult<> pop_vector_state(Task& task, u64 address) {
  auto& context = task.context();
  if (address == 0) {
    context.reset_vector_state();
    return {};
  }
  const u64 bytes = context.vector_state_bytes();
  Scratch scratch(bytes);
  if (!scratch) return std::unexpected(Errno::NoMemory);
  TRY(task.user().copy_in(scratch.data(), address, std::min(bytes, kLegacyBytes)));
  if (bytes >= kLegacyAndHeaderBytes) {
    XsaveMarker marker;
    __builtin_memcpy(&marker, scratch.data() + XsaveMarker::kOffset, sizeof marker);
    const auto end_marker = task.user().read<u32>(address + bytes);
    if (marker.magic1 == XsaveMarker::kMagic1 && marker.state_bytes == bytes && end_marker.has_value() &&
        *end_marker == XsaveMarker::kMagic2) {
      TRY(task.user().copy_in(scratch.data() + kLegacyBytes, address + kLegacyBytes, bytes - kLegacyBytes));
    } else {
      __builtin_memset(scratch.data() + kLegacyBytes, 0, bytes - kLegacyBytes);
      const u64 legacy_only = 3;
      __builtin_memcpy(scratch.data() + kFeaturesOffset, &legacy_only, sizeof legacy_only);
    }
    __builtin_memset(scratch.data() + XsaveMarker::kOffset, 0, sizeof(XsaveMarker));
  }
  TRY(context.restore_vector_state(scratch.span()));
  return {};
}

Context save_registers(const Registers& from, const Trap& trap, u64 vector_state, SignalSet mask) {
  const bool fault = trap.kind == TrapKind::PageFault || trap.kind == TrapKind::Exception;
  return {.r8 = from.r8,
          .r9 = from.r9,
          .r10 = from.r10,
          .r11 = from.r11,
          .r12 = from.r12,
          .r13 = from.r13,
          .r14 = from.r14,
          .r15 = from.r15,
          .rdi = from.rdi,
          .rsi = from.rsi,
          .rbp = from.rbp,
          .rbx = from.rbx,
          .rdx = from.rdx,
          .rax = from.rax,
          .rcx = from.rcx,
          .rsp = from.rsp,
          .rip = from.rip,
          .rflags = from.rflags,
          .cs = kUserCode,
          .gs = 0,
          .fs = 0,
          .ss = kUserStack,
          .error_code = fault ? trap.error_code : 0,
          .trap_number = trap.kind == TrapKind::PageFault ? 14u
                         : fault                          ? trap.vector
                                                          : 0u,
          .old_mask = mask,
          .cr2 = trap.kind == TrapKind::PageFault ? trap.address.value : 0,
          .vector_state = vector_state,
          .reserved = {}};
}

void load_registers(Registers& to, const Context& from) {
  to.r8 = from.r8, to.r9 = from.r9, to.r10 = from.r10, to.r11 = from.r11, to.r12 = from.r12;
  to.r13 = from.r13, to.r14 = from.r14, to.r15 = from.r15, to.rdi = from.rdi, to.rsi = from.rsi;
  to.rbp = from.rbp, to.rbx = from.rbx, to.rdx = from.rdx, to.rax = from.rax, to.rcx = from.rcx;
  to.rsp = from.rsp, to.rip = from.rip;
  to.rflags = (to.rflags & ~kUserFlags) | (from.rflags & kUserFlags);
}

}  // namespace

Info frame::encode(const SignalInfo& info) {
  Info to;
  __builtin_memset(&to, 0, sizeof to);
  to.number = info.number;
  to.error = info.error;
  to.code = info.code;
  if (info.code > 0 && info.code != SignalInfo::kKernel && info.number == signal::kChild) {
    to.child = {info.pid, info.uid, info.status, static_cast<i64>(info.value >> 32),
                static_cast<i64>(info.value & 0xffff'ffff)};
  } else if (info.number == signal::kSystem && info.code == SignalInfo::kFilter) {
    to.call = {info.value, info.status, FilteredCall::kX86_64};
  } else if (info.code > 0 && (kSynchronous & set_of(info.number))) {
    to.fault.address = info.value;
  } else {
    to.user = {info.pid, info.uid, info.value};
  }
  return to;
}

LinuxResult<> TaskInternals::push_frame(Task& task, const SignalInfo& info, const SignalAction& action) {
  auto& registers = *task.registers_;
  auto& alternate = task.alternate_stack_;
  u64 top = registers.rsp - kRedZoneBytes;
  const bool was_on_alternate = on_alternate_stack(alternate, registers.rsp);
  if ((action.flags & SignalAction::kOnStack) && !(alternate.flags & AlternateStack::kDisabled) &&
      !was_on_alternate)
    top = alternate.base + alternate.bytes;
  // A program without a restorer has no way back; Linux on x86-64 demands one, too.
  if (!(action.flags & SignalAction::kHasRestorer)) return std::unexpected(Errno::Fault);

  const SignalSet mask = task.restore_mask_ ? task.restored_mask_ : task.blocked_;
  const u64 vector_state = TRY(push_vector_state(task, top));
  const u64 at = align_down(vector_state - sizeof(Frame), 16) - 8;
  if (was_on_alternate && at < alternate.base) return std::unexpected(Errno::Fault);
  Frame made{.return_address = action.restorer,
             .user = {.flags = UserContext::kHasXsave | UserContext::kSavesStackSegment |
                               UserContext::kStrictStackSegment,
                      .link = 0,
                      .stack = {alternate.base, alternate.flags, 0, alternate.bytes},
                      .context = save_registers(registers, task.context_->trap(), vector_state, mask),
                      .mask = mask},
             .info = encode(info)};
  if (was_on_alternate) made.user.stack.flags |= AlternateStack::kOnStack;
  TRY(task.user().copy_out(at, &made, sizeof made));

  if (alternate.flags & AlternateStack::kAutoDisarm) alternate = {};
  registers.rdi = static_cast<u64>(info.number);
  registers.rsi = at + __builtin_offsetof(Frame, info);
  registers.rdx = at + __builtin_offsetof(Frame, user);
  registers.rax = 0;
  registers.rip = action.handler;
  registers.rsp = at;
  registers.rflags &= ~(kDirectionFlag | kTrapFlag | kResumeFlag);
  return {};
}

LinuxResult<> TaskInternals::pop_frame(Task& task) {
  auto& registers = *task.registers_;
  // The handler's `ret` has taken the return address.
  const auto user = TRY(task.user().read<UserContext>(registers.rsp - 8 + __builtin_offsetof(Frame, user)));
  TRY(pop_vector_state(task, user.context.vector_state));
  load_registers(registers, user.context);
  const auto& stack = user.stack;
  if (!on_alternate_stack(task.alternate_stack_, registers.rsp))
    task.alternate_stack_ = {
        stack.base, stack.flags & (AlternateStack::kDisabled | AlternateStack::kAutoDisarm), 0, stack.bytes};
  set_mask(task, user.mask);
  return {};
}

}  // namespace vari::linux
