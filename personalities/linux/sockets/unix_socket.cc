#include "personalities/linux/sockets/unix_socket.h"

#include <algorithm>

#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {
constexpr u32 kBytesReceivable = 0x541b, kBytesSent = 0x5411;  // SIOCINQ, SIOCOUTQ
}

UnixSocket::UnixSocket(UnixFamily& family, Ref<Inode> inode, Ref<UnixEndpoint> end, u32 protocol, u32 flags)
    : Socket(std::move(inode), flags, UnixFamily::kNumber, end->kind(), protocol),
      family_(family),
      end_(std::move(end)) {
  end_->set_inode_number(this->inode().number());
}

UnixSocket::~UnixSocket() {
  end_->close(true);
  family_.flights().collect();
}

SocketCredentials effective_credentials(Task& task) {
  return {task.process().id(), task.identity().effective_user, task.identity().effective_group};
}

SocketCredentials real_credentials(Task& task) {
  return {task.process().id(), task.identity().user, task.identity().group};
}

void store_unix_name(SocketName& to, const UnixAddress* address) {
  to.bytes[0] = UnixAddress::kFamily;
  to.bytes[1] = 0;
  to.length = UnixAddress::kFamilyBytes;
  if (!address) return;
  const auto name = address->stored_name();
  __builtin_memcpy(to.bytes + to.length, name.data(), name.size());
  to.length += static_cast<u32>(name.size());
}

LinuxResult<> UnixSocket::local_name(SocketName& to) {
  store_unix_name(to, family_.names().address_of(*end_).get());
  return {};
}

LinuxResult<> UnixSocket::peer_name(SocketName& to) {
  const auto peer = end_->peer();
  if (!peer) return std::unexpected(Errno::NotConnected);
  store_unix_name(to, family_.names().address_of(*peer).get());
  return {};
}

LinuxResult<> UnixSocket::set_option(Task& task, i32 level, u32 name, std::span<const u8> value) {
  TRY(Socket::set_option(task, level, name, value));
  if (name == socket_option::kPassCredentials) end_->set_wants_credentials(options().is_on(name));
  return {};
}

LinuxResult<u32> UnixSocket::get_option(Task& task, i32 level, u32 name, std::span<u8> to) {
  if (level == static_cast<i32>(socket_option::kLevel) && name == socket_option::kPeerCredentials) {
    const auto credentials = end_->peer_credentials();
    const auto bytes = std::min(to.size(), sizeof credentials);
    __builtin_memcpy(to.data(), &credentials, bytes);
    return static_cast<u32>(bytes);
  }
  if (level == static_cast<i32>(socket_option::kLevel) && name == socket_option::kPeerName) {
    SocketName peer;
    TRY(peer_name(peer));
    const auto bytes = std::min<std::size_t>(to.size(), peer.length);
    __builtin_memcpy(to.data(), peer.bytes, bytes);
    return static_cast<u32>(bytes);
  }
  return Socket::get_option(task, level, name, to);
}

LinuxResult<u64> UnixSocket::ioctl(Task& task, u32 request, u64 argument) {
  u64 bytes = 0;
  switch (request) {
    case kBytesReceivable:
      if (listens()) return std::unexpected(Errno::Invalid);
      bytes = end_->is_stream()         ? end_->stream().used()
              : end_->has_connections() ? end_->messages().total_bytes()
                                        : end_->messages().first_bytes();
      break;
    case kBytesSent: {
      const auto peer = end_->is_stream() ? end_->peer() : Ref<UnixEndpoint>();
      bytes = peer ? peer->stream().used() : end_->charged();
      break;
    }
    default: return std::unexpected(Errno::NotTerminal);
  }
  TRY(task.user().write(argument, static_cast<i32>(std::min<u64>(bytes, INT32_MAX))));
  return 0;
}

LinuxResult<Ref<Socket>> UnixFamily::create(Task& task, u32 type, u32 protocol, u32 flags) {
  if (protocol != 0 && protocol != kNumber) return std::unexpected(Errno::ProtocolUnsupported);
  auto kind = static_cast<SocketType>(type);
  if (kind == SocketType::Raw) kind = SocketType::Datagram;  // as in Linux, for old BSD programs
  if (kind != SocketType::Stream && kind != SocketType::Datagram && kind != SocketType::SequencedPacket)
    return std::unexpected(Errno::SocketTypeUnsupported);
  auto inode = TRY(make_socket_inode(task));
  auto end = TRY(runtime::make<UnixEndpoint>(*this, kind));
  return Ref<Socket>(
      TRY(runtime::make<UnixSocket>(*this, std::move(inode), std::move(end), protocol, flags)));
}

LinuxResult<SocketFamily::Pair> UnixFamily::create_pair(Task& task, u32 type, u32 protocol, u32 flags) {
  Pair pair{TRY(create(task, type, protocol, flags)), TRY(create(task, type, protocol, flags))};
  UnixEndpoint::connect_pair(static_cast<UnixSocket&>(*pair.first).end(),
                             static_cast<UnixSocket&>(*pair.second).end(), effective_credentials(task));
  return pair;
}

}  // namespace vari::linux
