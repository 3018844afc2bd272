// The frame that a handler finds on its stack: Linux's x86-64 layout, which programs and libraries know.
#pragma once

#include "base/types.h"
#include "personalities/linux/signals/signal.h"

namespace vari::linux::frame {

/// struct sigcontext_64.
struct Context {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
  u16 cs, gs, fs, ss;
  u64 error_code, trap_number, old_mask, cr2;
  u64 vector_state;  // address, or 0
  u64 reserved[8];
};
static_assert(sizeof(Context) == 256);

struct Stack {
  u64 base;
  u32 flags, padding;
  u64 bytes;
};

/// struct ucontext.
struct UserContext {
  static constexpr u64 kHasXsave = 1, kSavesStackSegment = 2, kStrictStackSegment = 4;
  u64 flags;
  u64 link;
  Stack stack;
  Context context;
  SignalSet mask;
};
static_assert(sizeof(UserContext) == 304);

/// siginfo_t.
struct Info {
  i32 number, error, code, padding;
  union {
    struct {
      i32 pid;
      u32 uid;
      u64 value;
    } user;  // kill, sigqueue; timers: id, overrun, value
    struct {
      i32 pid;
      u32 uid;
      i32 status;
      i64 user_ticks, system_ticks;
    } child;
    struct {
      u64 address;
    } fault;
    struct {
      u64 address;
      i32 number;
      u32 architecture;
    } call;  // SIGSYS of a filter
    u8 bytes[112];
  };
};
static_assert(sizeof(Info) == 128);
Info encode(const SignalInfo& info);

/// struct rt_sigframe. Lies at 16n+8, as if the handler had been called.
struct Frame {
  u64 return_address;
  UserContext user;
  Info info;
};

/// What Linux writes into bytes 464–511 of the legacy area, so that a reader knows what follows.
struct XsaveMarker {
  static constexpr u32 kMagic1 = 0x46505853, kMagic2 = 0x46505845;
  static constexpr u64 kOffset = 464;
  u32 magic1, extended_bytes;
  u64 features;
  u32 state_bytes;
  u32 padding[7];
};
static_assert(sizeof(XsaveMarker) == 48);
inline constexpr u64 kLegacyBytes = 512, kFeaturesOffset = 512, kLegacyAndHeaderBytes = 576;

}  // namespace vari::linux::frame
