// What programs set at level SOL_SOCKET (socket(7)). Written by a call, read by others of the same socket
// without a lock: single words.
#pragma once

#include "base/types.h"

namespace vari::linux {

namespace socket_option {
inline constexpr u32 kLevel = 1;  // SOL_SOCKET
inline constexpr u32 kDebug = 1, kReuseAddress = 2, kType = 3, kError = 4, kDontRoute = 5, kBroadcast = 6,
                     kSendBuffer = 7, kReceiveBuffer = 8, kKeepAlive = 9, kOutOfBandInline = 10,
                     kNoCheck = 11, kPriority = 12, kLinger = 13, kReusePort = 15, kPassCredentials = 16,
                     kPeerCredentials = 17, kReceiveLow = 18, kSendLow = 19, kReceiveTimeout = 20,
                     kSendTimeout = 21, kPeerName = 28, kTimestamp = 29, kAcceptsConnections = 30,
                     kSendBufferForce = 32, kReceiveBufferForce = 33, kPassSecurity = 34, kMark = 36,
                     kProtocol = 38, kDomain = 39, kPeerGroups = 59;
}  // namespace socket_option

struct SocketOptions {
  static constexpr u32 kDefaultBuffer = 212992, kLargestBuffer = 212992, kSmallestSend = 4608,
                       kSmallestReceive = 2304;
  u32 send_buffer = kDefaultBuffer, receive_buffer = kDefaultBuffer;  // bytes
  u64 switches = 0;                                                   // bit n: option n is on
  u64 receive_timeout_ns = 0, send_timeout_ns = 0;                    // 0: none
  u32 receive_low = 1;
  u32 priority = 0, mark = 0;
  struct Linger {
    i32 on = 0, seconds = 0;
  } linger;

  bool is_on(u32 option) const { return switches >> option & 1; }
};

}  // namespace vari::linux
