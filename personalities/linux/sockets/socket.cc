// What sockets of all families share: reading and writing as files, and the options of SOL_SOCKET.
#include "personalities/linux/sockets/socket.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using namespace socket_option;

LinuxResult<Ref<Inode>> make_socket_inode(Task& task) {
  return TRY(runtime::make<AnonymousInode>(task.personality().vfs().anonymous(), FileKind::Socket, u32{0777},
                                           task.identity().file_user, task.identity().file_group));
}

Patience Socket::patience(u32 message_flags, u64 timeout_ns) const {
  Patience patience;
  patience.waits = !(message_flags & message_flag::kDontWait) && !(flags() & kNonBlock);
  if (timeout_ns && patience.waits) patience.deadline = runtime::port::now_ns() + timeout_ns;
  return patience;
}

LinuxResult<u64> Socket::read(Task& task, Transfer& to) {
  ReceiveRequest request{.to = to};
  return receive(task, request);
}

LinuxResult<u64> Socket::write(Task& task, Transfer& from) {
  SendRequest request{.from = from};
  return send(task, request);
}

namespace {

constexpr u64 bit(u32 option) {
  return u64{1} << option;
}
/// On or off, and nothing else to them here.
constexpr u64 kSwitches = bit(kDebug) | bit(kReuseAddress) | bit(kDontRoute) | bit(kBroadcast) |
                          bit(kKeepAlive) | bit(kOutOfBandInline) | bit(kNoCheck) | bit(kReusePort) |
                          bit(kPassCredentials) | bit(kTimestamp) | bit(kPassSecurity);

struct TimeValue {
  i64 seconds, microseconds;
};

template <class T>
LinuxResult<T> read_value(std::span<const u8> value) {
  if (value.size() < sizeof(T)) return std::unexpected(Errno::Invalid);
  T result;
  __builtin_memcpy(&result, value.data(), sizeof result);
  return result;
}

LinuxResult<u64> read_timeout(std::span<const u8> value) {
  const auto time = TRY(read_value<TimeValue>(value));
  if (time.microseconds < 0 || time.microseconds >= 1'000'000) return std::unexpected(Errno::Domain);
  if (time.seconds < 0) return 1;  // over at once, as in Linux
  constexpr i64 kMost = i64{1} << 32;
  return static_cast<u64>(std::min(time.seconds, kMost)) * kSecond +
         static_cast<u64>(time.microseconds) * 1000;
}

/// Linux doubles what is asked for, to pay for its own book-keeping, and programs see that.
u32 buffer_size(u32 wanted, u32 smallest, bool forced) {
  const u32 most = forced ? u32{0x3fff'ffff} : SocketOptions::kLargestBuffer;
  return std::max(std::min(wanted, most) * 2, smallest);
}

}  // namespace

LinuxResult<> Socket::set_option(Task& task, i32 level, u32 name, std::span<const u8> value) {
  if (level != static_cast<i32>(kLevel)) return std::unexpected(Errno::NotSupported);
  const auto number = TRY(read_value<i32>(value));
  const auto word = static_cast<u32>(number);
  auto& options = options_;
  if (name < 64 && (kSwitches >> name & 1)) {
    if (name == kDebug && number && !task.may(Capability::NetAdministration))
      return std::unexpected(Errno::Access);
    options.switches = number ? options.switches | bit(name) : options.switches & ~bit(name);
    return {};
  }
  switch (name) {
    case kSendBufferForce:
    case kReceiveBufferForce:
      if (!task.may(Capability::NetAdministration)) return std::unexpected(Errno::Perm);
      [[fallthrough]];
    case kSendBuffer:
    case kReceiveBuffer: {
      const bool sends = name == kSendBuffer || name == kSendBufferForce;
      const bool forced = name == kSendBufferForce || name == kReceiveBufferForce;
      (sends ? options.send_buffer : options.receive_buffer) =
          buffer_size(word, sends ? SocketOptions::kSmallestSend : SocketOptions::kSmallestReceive, forced);
      return {};
    }
    case kReceiveTimeout: options.receive_timeout_ns = TRY(read_timeout(value)); return {};
    case kSendTimeout: options.send_timeout_ns = TRY(read_timeout(value)); return {};
    case kReceiveLow: options.receive_low = number < 0 ? INT32_MAX : std::max(number, 1); return {};
    case kLinger: options.linger = TRY(read_value<SocketOptions::Linger>(value)); return {};
    case kPriority:
      if ((number < 0 || number > 6) && !task.may(Capability::NetAdministration))
        return std::unexpected(Errno::Perm);
      options.priority = word;
      return {};
    case kMark:
      if (!task.may(Capability::NetAdministration)) return std::unexpected(Errno::Perm);
      options.mark = word;
      return {};
    default: return std::unexpected(Errno::NoProtocolOption);
  }
}

namespace {

template <class T>
u32 write_value(std::span<u8> to, const T& value) {
  const auto bytes = std::min(to.size(), sizeof value);
  __builtin_memcpy(to.data(), &value, bytes);
  return static_cast<u32>(bytes);
}

u32 write_timeout(std::span<u8> to, u64 ns) {
  return write_value(to, TimeValue{static_cast<i64>(ns / kSecond), static_cast<i64>(ns % kSecond / 1000)});
}

}  // namespace

LinuxResult<u32> Socket::get_option(Task&, i32 level, u32 name, std::span<u8> to) {
  if (level != static_cast<i32>(kLevel)) return std::unexpected(Errno::NotSupported);
  const auto& options = options_;
  if (name < 64 && (kSwitches >> name & 1)) return write_value(to, i32{options.is_on(name)});
  switch (name) {
    case kType: return write_value(to, static_cast<u32>(type_));
    case kDomain: return write_value(to, family_);
    case kProtocol: return write_value(to, protocol_);
    case kError: return write_value(to, i32{take_error()});
    case kAcceptsConnections: return write_value(to, i32{listens()});
    case kSendBuffer: return write_value(to, options.send_buffer);
    case kReceiveBuffer: return write_value(to, options.receive_buffer);
    case kReceiveTimeout: return write_timeout(to, options.receive_timeout_ns);
    case kSendTimeout: return write_timeout(to, options.send_timeout_ns);
    case kReceiveLow: return write_value(to, options.receive_low);
    case kSendLow: return write_value(to, u32{1});
    case kLinger: return write_value(to, options.linger);
    case kPriority: return write_value(to, options.priority);
    case kMark: return write_value(to, options.mark);
    default: return std::unexpected(Errno::NoProtocolOption);
  }
}

}  // namespace vari::linux
