// Linux's error numbers, and the border where Vari's errors become them.
#pragma once

#include "base/result.h"

namespace vari::linux {

// clang-format off
enum class Errno : int {
  Perm = 1, NoEntry = 2, NoProcess = 3, Interrupted = 4, Io = 5, NoDevice6 = 6, TooBig = 7,
  NoExec = 8, BadFile = 9, NoChild = 10, Again = 11, NoMemory = 12, Access = 13, Fault = 14,
  NotBlock = 15, Busy = 16, Exists = 17, CrossDevice = 18, NoDevice = 19, NotDirectory = 20,
  IsDirectory = 21, Invalid = 22, FileTable = 23, TooManyFiles = 24, NotTerminal = 25,
  TextBusy = 26, FileTooBig = 27, NoSpace = 28, IllegalSeek = 29, ReadOnly = 30, TooManyLinks = 31,
  Pipe = 32, Domain = 33, Range = 34, Deadlock = 35, NameTooLong = 36, NoLocks = 37, NoSys = 38,
  NotEmpty = 39, Loop = 40, NoMessage = 42, IdRemoved = 43, NoData = 61, TimerExpired = 62,
  Overflow = 75, NotSocket = 88,
  DestinationRequired = 89, MessageTooLong = 90, WrongProtocolType = 91, NoProtocolOption = 92,
  ProtocolUnsupported = 93, SocketTypeUnsupported = 94, NotSupported = 95, AddressFamily = 97,
  AddressInUse = 98, AddressNotAvailable = 99, ConnectionAborted = 103, ConnectionReset = 104,
  NoBuffers = 105, IsConnected = 106, NotConnected = 107, TooManyReferences = 109, TimedOut = 110,
  ConnectionRefused = 111, Already = 114, InProgress = 115, Stale = 116, Cancelled = 125,
  // Never seen by programs: the call is to be restarted, see signals/.
  RestartIfHandlerSays = 512,   // ERESTARTSYS: again if SA_RESTART, else EINTR
  RestartAlways = 513,          // ERESTARTNOINTR: again, whatever ran meanwhile
  RestartUnlessHandler = 514,   // ERESTARTNOHAND: again if no handler ran, else EINTR
  RestartBlock = 516,           // ERESTART_RESTARTBLOCK: by restart_syscall
};
// clang-format on

template <class T = void>
using LinuxResult = std::expected<T, Errno>;

constexpr Errno to_errno(Error error) {
  switch (error) {
    case Error::OutOfMemory: return Errno::NoMemory;
    case Error::InvalidArgument: return Errno::Invalid;
    case Error::NotFound: return Errno::NoEntry;
    case Error::AlreadyExists: return Errno::Exists;
    case Error::PermissionDenied: return Errno::Access;
    case Error::Fault: return Errno::Fault;
    case Error::Interrupted: return Errno::RestartIfHandlerSays;
    case Error::TimedOut: return Errno::TimedOut;
    case Error::WouldBlock: return Errno::Again;
    case Error::Unsupported: return Errno::NotSupported;
    case Error::Busy: return Errno::Busy;
    case Error::OutOfRange: return Errno::Invalid;
    case Error::Malformed: return Errno::NoExec;
    case Error::NoSpace: return Errno::NoSpace;
    case Error::DeviceError: return Errno::Io;
    case Error::Closed: return Errno::Pipe;
    case Error::LimitReached: return Errno::Again;
  }
  return Errno::Io;
}

/// Found by TRY where a function that returns LinuxResult uses one that returns Result.
constexpr Errno convert_error(Error error, const Errno*) {
  return to_errno(error);
}

}  // namespace vari::linux
