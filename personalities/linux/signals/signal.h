// Signals as values: numbers, sets, what is told about one, and what a process wants done. How they are
// sent is in signals/send.h, how they reach user code in signals/deliver.h.
#pragma once

#include "base/types.h"

namespace vari::linux {

namespace signal {
inline constexpr int kHangUp = 1, kInterrupt = 2, kQuit = 3, kIllegal = 4, kTrap = 5, kAbort = 6, kBus = 7,
                     kFloatingPoint = 8, kKill = 9, kUser1 = 10, kSegmentation = 11, kUser2 = 12, kPipe = 13,
                     kAlarm = 14, kTerminate = 15, kStackFault = 16, kChild = 17, kContinue = 18, kStop = 19,
                     kTerminalStop = 20, kTerminalInput = 21, kTerminalOutput = 22, kUrgent = 23,
                     kCpuLimit = 24, kFileLimit = 25, kVirtualAlarm = 26, kProfile = 27, kWindow = 28,
                     kIo = 29, kPower = 30, kSystem = 31;
inline constexpr int kFirstRealTime = 32, kCount = 64;

constexpr bool valid(int number) {
  return number >= 1 && number <= kCount;
}
}  // namespace signal

/// Bit n-1 stands for signal n, as in sigset_t.
using SignalSet = u64;
constexpr SignalSet set_of(int number) {
  return SignalSet{1} << (number - 1);
}
template <class... Numbers>
constexpr SignalSet set_of(int first, Numbers... others) {
  return set_of(first) | set_of(others...);
}
inline constexpr SignalSet kUnblockable = set_of(signal::kKill, signal::kStop);
inline constexpr SignalSet kStopSignals =
    set_of(signal::kStop, signal::kTerminalStop, signal::kTerminalInput, signal::kTerminalOutput);
inline constexpr SignalSet kIgnoredByDefault =
    set_of(signal::kChild, signal::kContinue, signal::kUrgent, signal::kWindow);
inline constexpr SignalSet kDumpsCore = set_of(signal::kQuit, signal::kIllegal, signal::kTrap, signal::kAbort,
                                               signal::kBus, signal::kFloatingPoint, signal::kSegmentation,
                                               signal::kCpuLimit, signal::kFileLimit, signal::kSystem);
/// Raised by the instruction that runs: delivered first, since the registers still show it.
inline constexpr SignalSet kSynchronous = set_of(signal::kSegmentation, signal::kBus, signal::kIllegal,
                                                 signal::kTrap, signal::kFloatingPoint, signal::kSystem);

/// What siginfo_t says, in a compact form; encode() makes the 128 bytes that programs see.
struct SignalInfo {
  int number = 0;
  int code = 0;  // SI_USER, SI_KERNEL, CLD_EXITED, SEGV_MAPERR…
  int error = 0;
  i32 pid = 0;     // sender; or the timer's id
  u32 uid = 0;     // sender; or the timer's overrun
  i32 status = 0;  // SIGCHLD: exit status or signal
  u64 value = 0;   // sigval, or the faulting address, or SIGCHLD's times (user << 32 | system, ticks)

  static constexpr int kFilter = 1;  // SYS_SECCOMP: `value` is the instruction's address, `status` the call
  static constexpr int kUser = 0, kKernel = 0x80, kQueue = -1, kTimer = -2, kQueueNotice = -3, kThread = -6;
  static SignalInfo from_kernel(int number) { return {.number = number, .code = kKernel}; }
};

namespace child_code {
inline constexpr int kExited = 1, kKilled = 2, kDumped = 3, kTrapped = 4, kStopped = 5, kContinued = 6;
}

/// What a process wants done about a signal: the kernel's struct sigaction.
struct SignalAction {
  static constexpr u64 kDefault = 0, kIgnore = 1;
  static constexpr u64 kNoChildStop = 1, kNoChildWait = 2, kWantsInfo = 4, kHasRestorer = 0x0400'0000,
                       kOnStack = 0x0800'0000, kRestart = 0x1000'0000, kNoDefer = 0x4000'0000,
                       kResetHandler = 0x8000'0000;
  u64 handler = kDefault;
  u64 flags = 0;
  u64 restorer = 0;
  SignalSet mask = 0;
};
static_assert(sizeof(SignalAction) == 32);

}  // namespace vari::linux
