// Names and connections of UNIX sockets: bind, listen, connect, accept (unix(7)).
#include <algorithm>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/tree_operations.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/sockets/unix_socket.h"

namespace vari::linux {

namespace {

/// The name in an address: a path up to its zero, an abstract name as it is. Invalid: not of this family.
LinuxResult<std::string_view> name_in(const SocketName& address) {
  constexpr u32 kHead = UnixAddress::kFamilyBytes;
  if (address.length <= kHead || address.length > kHead + UnixAddress::kMaximumName ||
      address.family() != UnixAddress::kFamily)
    return std::unexpected(Errno::Invalid);
  const auto* bytes = reinterpret_cast<const char*>(address.bytes + kHead);
  const std::string_view whole(bytes, address.length - kHead);
  if (bytes[0] == 0) return whole;
  return whole.substr(0, whole.find('\0'));
}

}  // namespace

LinuxResult<> UnixSocket::name_if_needed() {
  if (!options().is_on(socket_option::kPassCredentials)) return {};
  return family_.names().bind_automatically(*end_);
}

LinuxResult<> UnixSocket::bind(Task& task, const SocketName& name) {
  const bool only_family = name.length == UnixAddress::kFamilyBytes && name.family() == UnixAddress::kFamily;
  const auto text = only_family ? std::string_view() : TRY(name_in(name));
  runtime::Guard guard(end_->naming_mutex());
  if (family_.names().address_of(*end_)) return std::unexpected(Errno::Invalid);
  if (only_family) return family_.names().bind_automatically(*end_);
  if (text[0] != 0) return bind_path(task, text);
  return family_.names().bind(*end_, TRY(runtime::make<UnixAddress>(text)), {});
}

LinuxResult<> UnixSocket::bind_path(Task& task, std::string_view path) {
  auto address = TRY(runtime::make<UnixAddress>(path));
  Walker walker(task, WalkFlags::None);
  TRY(walker.start({}, path));
  if (TRY(walker.to_last()) != ParentWalk::Last::Name) return std::unexpected(Errno::AddressInUse);
  if (walker.trailing_slash())
    return std::unexpected(walker.look_up(walker.last()) ? Errno::AddressInUse : Errno::NoEntry);
  const u32 mode = inode().mode() & kModeMask & ~task.file_system().mask();
  const auto made = create_in(task, walker.here(), walker.last(), {.kind = FileKind::Socket, .mode = mode});
  if (!made) return std::unexpected(made.error() == Errno::Exists ? Errno::AddressInUse : made.error());
  return family_.names().bind(*end_, std::move(address), Ref<Inode>(made->inode()));
}

LinuxResult<> UnixSocket::listen(Task& task, i32 backlog) {
  if (!end_->has_connections()) return std::unexpected(Errno::NotSupported);
  if (!family_.names().address_of(*end_)) return std::unexpected(Errno::Invalid);
  constexpr u32 kMaximumBacklog = 4096;  // net.core.somaxconn
  runtime::Guard guard(end_->naming_mutex());
  return end_->listen(std::min(static_cast<u32>(backlog), kMaximumBacklog), effective_credentials(task));
}

LinuxResult<Ref<UnixEndpoint>> UnixSocket::find_peer(Task& task, const SocketName& name) {
  const auto text = TRY(name_in(name));
  if (text[0] == 0) {
    auto found = family_.names().find(end_->kind(), text);
    if (!found) return std::unexpected(Errno::ConnectionRefused);
    return found;
  }
  const auto path = TRY(walk(task, {}, text));
  TRY(check_permission(task.identity(), path.inode(), kMayWrite));
  if (!path.inode().is(FileKind::Socket)) return std::unexpected(Errno::ConnectionRefused);
  auto found = family_.names().find(path.inode());
  if (!found) return std::unexpected(Errno::ConnectionRefused);
  if (found->kind() != end_->kind()) return std::unexpected(Errno::WrongProtocolType);
  return found;
}

LinuxResult<> UnixSocket::connect(Task& task, const SocketName& name) {
  if (name.length < UnixAddress::kFamilyBytes) return std::unexpected(Errno::Invalid);
  if (end_->has_connections()) return connect_stream(task, name);
  if (name.family() == 0) {
    end_->set_peer({});
    return {};
  }
  (void)TRY(name_in(name));
  TRY(name_if_needed());
  auto peer = TRY(find_peer(task, name));
  // Who is connected to somebody else would not hear us.
  const auto* peers_peer = peer->fixed_peer();
  if (peers_peer && peers_peer != end_.get()) return std::unexpected(Errno::Perm);
  end_->set_peer(std::move(peer));
  return {};
}

LinuxResult<> UnixSocket::connect_stream(Task& task, const SocketName& name) {
  (void)TRY(name_in(name));
  TRY(name_if_needed());
  const auto patience = sending(0);
  // Another thread's connect() of the same socket is waited for: it ends as ours would.
  runtime::Guard guard(end_->naming_mutex());
  // The end at the listener's side is made first: joining it can't fail for want of memory.
  auto server = TRY(runtime::make<UnixEndpoint>(family_, end_->kind()));
  server->set_wants_credentials(true);
  for (;;) {
    const auto listener = TRY(find_peer(task, name));
    if (end_->state() == UnixEndpoint::State::Connected) return std::unexpected(Errno::IsConnected);
    if (end_->state() != UnixEndpoint::State::Fresh) return std::unexpected(Errno::Invalid);
    family_.names().share_address(*server, *listener);
    const auto joined = end_->join(*listener, server, effective_credentials(task));
    if (joined || joined.error() != Errno::Again) return joined;
    TRY(listener->wait_for_backlog(patience));
  }
}

LinuxResult<Ref<Socket>> UnixSocket::accept(Task& task, u32 flags, SocketName& peer) {
  if (!end_->has_connections()) return std::unexpected(Errno::NotSupported);
  if (!listens()) return std::unexpected(Errno::Invalid);
  auto inode = TRY(make_socket_inode(task));
  auto end = TRY(end_->accept(receiving(0)));
  store_unix_name(peer, end->peer() ? family_.names().address_of(*end->peer()).get() : nullptr);
  auto made = runtime::make<UnixSocket>(family_, std::move(inode), end, protocol(), flags);
  if (!made) {
    end->close(false);
    return std::unexpected(Errno::NoMemory);
  }
  // SO_PASSCRED is inherited; until now senders told who they are in case that it would be.
  end->set_wants_credentials(options().is_on(socket_option::kPassCredentials));
  (*made)->options().switches = options().switches & (u64{1} << socket_option::kPassCredentials);
  return Ref<Socket>(std::move(*made));
}

}  // namespace vari::linux
