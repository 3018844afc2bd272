// Sockets: making, naming and connecting them, their options. Messages are in socket_message_calls.cc. What
// is said here holds for every family; no family is named.
#include <algorithm>

#include "personalities/linux/calls/socket_call_helpers.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

LinuxResult<BorrowedSocket> borrow_socket(Task& task, u64 descriptor) {
  auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  Socket* socket = file->as_socket();
  if (!socket) return std::unexpected(Errno::NotSocket);
  return BorrowedSocket(std::move(file), *socket);
}

LinuxResult<> read_name(Task& task, u64 address, u64 length, SocketName& to) {
  const auto bytes = static_cast<i32>(length);
  if (bytes < 0 || static_cast<u32>(bytes) > SocketName::kMaximum) return std::unexpected(Errno::Invalid);
  to.length = static_cast<u32>(bytes);
  return task.user().copy_in(to.bytes, address, to.length);
}

LinuxResult<> write_name(Task& task, const SocketName& name, u64 address, u64 length_address) {
  const auto room = TRY(task.user().read<i32>(length_address));
  if (room < 0) return std::unexpected(Errno::Invalid);
  TRY(task.user().copy_out(address, name.bytes, std::min(static_cast<u32>(room), name.length)));
  return task.user().write(length_address, name.length);
}

namespace {

constexpr u32 kTypeMask = 0xf;

/// The type argument of socket and socketpair: a type, and flags for the descriptor.
struct TypeArgument {
  u32 type, flags;
};
LinuxResult<TypeArgument> type_argument(u64 argument) {
  const auto word = static_cast<u32>(argument), flags = word & ~kTypeMask;
  if (flags & ~(File::kNonBlock | File::kCloseOnExec)) return std::unexpected(Errno::Invalid);
  return TypeArgument{word & kTypeMask, flags};
}

LinuxResult<SocketFamily*> family_argument(Task& task, u64 number) {
  return task.personality().sockets().families().find(static_cast<u32>(number));
}

LinuxResult<u64> make_socket(Task& task, const Arguments& a) {
  const auto type = TRY(type_argument(a.a[1]));
  auto* family = TRY(family_argument(task, a.a[0]));
  if (type.type > 10) return std::unexpected(Errno::Invalid);
  auto made = TRY(family->create(task, type.type, static_cast<u32>(a.a[2]), type.flags));
  return TRY(task.files().add(std::move(made), type.flags & File::kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<> make_pair(Task& task, const Arguments& a) {
  const auto type = TRY(type_argument(a.a[1]));
  auto* family = TRY(family_argument(task, a.a[0]));
  auto pair = TRY(family->create_pair(task, type.type, static_cast<u32>(a.a[2]), type.flags));
  const auto numbers = TRY(task.files().add_two(std::move(pair.first), std::move(pair.second),
                                                type.flags & File::kCloseOnExec, descriptor_limit(task)));
  const auto told = task.user().write(a.a[3], numbers);
  if (told) return {};
  (void)task.files().close(numbers.first);
  (void)task.files().close(numbers.second);
  return told;
}

LinuxResult<> bind_socket(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  SocketName name;
  TRY(read_name(task, a.a[1], a.a[2], name));
  return socket->bind(task, name);
}

LinuxResult<> connect_socket(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  SocketName name;
  TRY(read_name(task, a.a[1], a.a[2], name));
  return socket->connect(task, name);
}

LinuxResult<> listen_socket(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  return socket->listen(task, static_cast<i32>(a.a[1]));
}

LinuxResult<u64> accept_socket(Task& task, const Arguments& a, u64 flags) {
  if (flags & ~u64{File::kNonBlock | File::kCloseOnExec}) return std::unexpected(Errno::Invalid);
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  TRY(task.files().check_room(descriptor_limit(task)));
  SocketName peer;
  auto made = TRY(socket->accept(task, static_cast<u32>(flags), peer));
  if (a.a[1]) TRY(write_name(task, peer, a.a[1], a.a[2]));
  return TRY(task.files().add(std::move(made), flags & File::kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<> name_of_socket(Task& task, const Arguments& a, bool peer) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  SocketName name;
  TRY(peer ? socket->peer_name(name) : socket->local_name(name));
  return write_name(task, name, a.a[1], a.a[2]);
}

LinuxResult<> shut_down_socket(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  const auto how = static_cast<u32>(a.a[1]);
  if (how > 2) return std::unexpected(Errno::Invalid);
  return socket->shut_down(how + 1);  // SHUT_RD, SHUT_WR, SHUT_RDWR as bits
}

constexpr u32 kMaximumOption = 256;

LinuxResult<> set_option(Task& task, const Arguments& a) {
  const auto length = static_cast<i32>(a.a[4]);
  if (length < 0) return std::unexpected(Errno::Invalid);
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  u8 value[kMaximumOption];
  const u32 bytes = std::min(static_cast<u32>(length), kMaximumOption);
  TRY(task.user().copy_in(value, a.a[3], bytes));
  return socket->set_option(task, static_cast<i32>(a.a[1]), static_cast<u32>(a.a[2]), {value, bytes});
}

LinuxResult<> get_option(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  const auto length = TRY(task.user().read<i32>(a.a[4]));
  if (length < 0) return std::unexpected(Errno::Invalid);
  u8 value[kMaximumOption];
  const u32 room = std::min(static_cast<u32>(length), kMaximumOption);
  const u32 bytes =
      TRY(socket->get_option(task, static_cast<i32>(a.a[1]), static_cast<u32>(a.a[2]), {value, room}));
  TRY(task.user().copy_out(a.a[3], value, bytes));
  return task.user().write(a.a[4], bytes);
}

}  // namespace

i64 call_socket(Task& task, const Arguments& a) {
  return to_return_value(make_socket(task, a));
}
i64 call_socketpair(Task& task, const Arguments& a) {
  return to_return_value(make_pair(task, a));
}
i64 call_bind(Task& task, const Arguments& a) {
  return to_return_value(bind_socket(task, a));
}
i64 call_connect(Task& task, const Arguments& a) {
  return to_return_value(connect_socket(task, a));
}
i64 call_listen(Task& task, const Arguments& a) {
  return to_return_value(listen_socket(task, a));
}
i64 call_accept(Task& task, const Arguments& a) {
  return to_return_value(accept_socket(task, a, 0));
}
i64 call_accept4(Task& task, const Arguments& a) {
  return to_return_value(accept_socket(task, a, static_cast<u32>(a.a[3])));
}
i64 call_getsockname(Task& task, const Arguments& a) {
  return to_return_value(name_of_socket(task, a, false));
}
i64 call_getpeername(Task& task, const Arguments& a) {
  return to_return_value(name_of_socket(task, a, true));
}
i64 call_shutdown(Task& task, const Arguments& a) {
  return to_return_value(shut_down_socket(task, a));
}
i64 call_setsockopt(Task& task, const Arguments& a) {
  return to_return_value(set_option(task, a));
}
i64 call_getsockopt(Task& task, const Arguments& a) {
  return to_return_value(get_option(task, a));
}

}  // namespace vari::linux
