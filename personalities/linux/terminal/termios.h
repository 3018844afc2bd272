// Linux's termios, numbers and bits (x86-64), as ioctl TCGETS and TCGETS2 exchange it.
#pragma once

#include "base/types.h"

namespace vari::linux {

inline constexpr std::size_t kControlCharacters = 19;

/// struct termios2: its first 36 bytes are struct termios.
struct Termios {
  u32 input = 0, output = 0, control = 0, local = 0;
  u8 line = 0;
  u8 characters[kControlCharacters] = {};
  u32 input_speed = 0, output_speed = 0;
};
static_assert(sizeof(Termios) == 44);
inline constexpr std::size_t kTermiosBytes = 36, kTermios2Bytes = 44;

namespace input_flag {
inline constexpr u32 kIgnoreBreak = 01, kBreakInterrupt = 02, kIgnoreParity = 04, kMarkParity = 010,
                     kCheckParity = 020, kStrip = 040, kNewlineToReturn = 0100, kIgnoreReturn = 0200,
                     kReturnToNewline = 0400, kLowerCase = 01000, kXon = 02000, kXany = 04000, kXoff = 010000,
                     kBellOnFull = 020000, kUtf8 = 040000;
}
namespace output_flag {
inline constexpr u32 kProcess = 01, kUpperCase = 02, kNewlineToBoth = 04, kReturnToNewline = 010,
                     kNoReturnAtColumn0 = 020, kNewlineReturns = 040, kTabDelay = 014000,
                     kExpandTabs = 014000;
}
namespace local_flag {
inline constexpr u32 kSignals = 01, kCanonical = 02, kEcho = 010, kEchoErase = 020, kEchoKill = 040,
                     kEchoNewline = 0100, kNoFlush = 0200, kStopBackground = 0400, kEchoControl = 01000,
                     kEchoPrint = 02000, kEchoKillErase = 04000, kExtended = 0100000, kExternal = 0200000;
}
namespace control_flag {
inline constexpr u32 kBaudMask = 0010017, kBaud38400 = 0000017, kBaud115200 = 0010002, kSize8 = 060,
                     kRead = 0200, kHangUpOnClose = 02000, kLocal = 04000;
}
namespace control_character {
inline constexpr std::size_t kInterrupt = 0, kQuit = 1, kErase = 2, kKill = 3, kEndOfFile = 4, kTime = 5,
                             kMinimum = 6, kSwitch = 7, kStart = 8, kStop = 9, kSuspend = 10, kEndOfLine = 11,
                             kReprint = 12, kDiscard = 13, kWordErase = 14, kLiteralNext = 15,
                             kEndOfLine2 = 16;
}

/// What a terminal has when it is opened first (Linux: tty_std_termios).
constexpr Termios standard_termios() {
  Termios t;
  t.input = input_flag::kReturnToNewline | input_flag::kXon;
  t.output = output_flag::kProcess | output_flag::kNewlineToBoth;
  t.control =
      control_flag::kBaud38400 | control_flag::kSize8 | control_flag::kRead | control_flag::kHangUpOnClose;
  t.local = local_flag::kSignals | local_flag::kCanonical | local_flag::kEcho | local_flag::kEchoErase |
            local_flag::kEchoKill | local_flag::kEchoControl | local_flag::kEchoKillErase |
            local_flag::kExtended;
  constexpr u8 kDefaults[kControlCharacters] = {3,  28, 127, 21, 4,  0,  1, 0, 17, 19,
                                                26, 0,  18,  15, 23, 22, 0, 0, 0};
  for (std::size_t i = 0; i < kControlCharacters; ++i) t.characters[i] = kDefaults[i];
  t.input_speed = t.output_speed = 38400;
  return t;
}

struct WindowSizeRecord {  // struct winsize
  u16 rows = 0, columns = 0, x_pixels = 0, y_pixels = 0;
};

namespace terminal_ioctl {
inline constexpr u32 kGetTermios = 0x5401, kSetTermios = 0x5402, kSetTermiosDrain = 0x5403,
                     kSetTermiosFlush = 0x5404, kSendBreak = 0x5409, kFlowControl = 0x540a, kFlush = 0x540b,
                     kExclusive = 0x540c, kNotExclusive = 0x540d, kSetControlling = 0x540e,
                     kGetGroup = 0x540f, kSetGroup = 0x5410, kOutputQueued = 0x5411, kInject = 0x5412,
                     kGetWindowSize = 0x5413, kSetWindowSize = 0x5414, kInputQueued = 0x541b,
                     kPacketMode = 0x5420, kNonBlock = 0x5421, kGiveUpControlling = 0x5422,
                     kSetDiscipline = 0x5423, kGetDiscipline = 0x5424, kSendBreakPosix = 0x5425,
                     kGetSession = 0x5429, kGetTermios2 = 0x802c542a, kSetTermios2 = 0x402c542b,
                     kSetTermios2Drain = 0x402c542c, kSetTermios2Flush = 0x402c542d,
                     kGetPtyNumber = 0x80045430, kLockPty = 0x40045431, kGetPtyLock = 0x80045439,
                     kOpenPeer = 0x5441, kSignalSlave = 0x40045436;
}

}  // namespace vari::linux
