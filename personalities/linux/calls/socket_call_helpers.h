// What the calls on sockets share.
#pragma once

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/sockets/socket.h"

namespace vari::linux {

/// A socket during one call.
class BorrowedSocket {
 public:
  BorrowedSocket(BorrowedFile file, Socket& socket) : file_(std::move(file)), socket_(socket) {}
  Socket* operator->() const { return &socket_; }
  Socket& operator*() const { return socket_; }

 private:
  BorrowedFile file_;
  Socket& socket_;
};

/// BadFile, NotSocket.
LinuxResult<BorrowedSocket> borrow_socket(Task& task, u64 descriptor);
/// An address argument and its length. Invalid: longer than any address is.
LinuxResult<> read_name(Task& task, u64 address, u64 length, SocketName& to);
/// Stores as much as there is room for, and the whole length.
LinuxResult<> write_name(Task& task, const SocketName& name, u64 address, u64 length_address);

/// struct msghdr as sendmsg and recvmsg carry it; for io_uring, too.
struct MessageHeader {
  u64 name = 0;
  u32 name_bytes = 0, padding = 0;
  u64 vectors = 0, vector_count = 0;
  u64 control = 0, control_bytes = 0;
  u32 flags = 0, padding_too = 0;
};
static_assert(sizeof(MessageHeader) == 56);

LinuxResult<u64> send_message(Task& task, Socket& socket, u64 header_address, u32 flags);
/// `flags_found` gets the message's flags where it is not null.
LinuxResult<u64> receive_message(Task& task, Socket& socket, u64 header_address, u32 flags);

}  // namespace vari::linux
