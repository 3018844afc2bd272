// What root may do, in parts: capabilities(7). The sets belong to a task's credentials (credentials.h); a
// check asks for one bit of the effective set.
#pragma once

#include "base/types.h"

namespace vari::linux {

/// Those that something here asks for, by Linux's numbers; programs may hold and drop all up to kLast.
enum class Capability : u8 {
  ChangeOwner = 0,      // CAP_CHOWN
  OverrideAccess = 1,   // CAP_DAC_OVERRIDE
  ReadAndSearch = 2,    // CAP_DAC_READ_SEARCH
  Owner = 3,            // CAP_FOWNER
  KeepSetIdBits = 4,    // CAP_FSETID
  Kill = 5,             // CAP_KILL
  SetGroup = 6,         // CAP_SETGID
  SetUser = 7,          // CAP_SETUID
  SetCapabilities = 8,  // CAP_SETPCAP
  NetAdministration = 12,
  IpcLock = 14,
  IpcOwner = 15,
  ChangeRoot = 18,  // CAP_SYS_CHROOT
  Trace = 19,       // CAP_SYS_PTRACE
  Administration = 21,
  Boot = 22,
  Nice = 23,
  Resources = 24,
  Time = 25,
  TerminalSetUp = 26,  // CAP_SYS_TTY_CONFIG
  MakeNodes = 27,      // CAP_MKNOD
  Lease = 28,
  FileCapabilities = 31,  // CAP_SETFCAP
  SystemLog = 34,
};

struct Capabilities {
  static constexpr u32 kLast = 40;
  static constexpr u64 kAll = (u64{1} << (kLast + 1)) - 1;
  static constexpr u64 bit(Capability one) { return u64{1} << static_cast<u32>(one); }

  /// SECBIT_…; each has a lock, the next bit.
  static constexpr u32 kNoRoot = 1, kNoUserFixUp = 4, kKeep = 16, kKeepLocked = 32, kNoAmbientRaise = 64,
                       kSecureBits = 0x55, kSecureLocks = 0xaa;

  u64 permitted = kAll, effective = kAll, inheritable = 0, bounding = kAll, ambient = 0;
  u32 secure_bits = 0;

  bool has(Capability one) const { return effective & bit(one); }
};

struct Identity;
/// "Effect of user ID changes on capabilities": of all ids but the file system's, and of that one.
Capabilities after_user_change(const Identity& before, const Identity& after);
Capabilities after_file_user_change(const Identity& before, const Identity& after);
/// "Transformation of capabilities during execve()", of files that have none themselves. Not `may_gain`:
/// nothing is permitted afterwards that was not before.
Capabilities after_execution(const Identity& before, const Identity& after, bool may_gain);

}  // namespace vari::linux
