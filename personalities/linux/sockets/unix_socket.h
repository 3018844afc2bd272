// The open file of a UNIX socket.
#pragma once

#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

class UnixSocket final : public Socket, public InFlightNode {
 public:
  UnixSocket(UnixFamily& family, Ref<Inode> inode, Ref<UnixEndpoint> end, u32 protocol, u32 flags);
  ~UnixSocket() override;

  LinuxResult<> bind(Task& task, const SocketName& name) override;
  LinuxResult<> connect(Task& task, const SocketName& name) override;
  LinuxResult<> listen(Task& task, i32 backlog) override;
  LinuxResult<Ref<Socket>> accept(Task& task, u32 flags, SocketName& peer) override;
  LinuxResult<> shut_down(u32 directions) override { return end_->shut_down(directions); }
  LinuxResult<> local_name(SocketName& to) override;
  LinuxResult<> peer_name(SocketName& to) override;
  LinuxResult<u64> send(Task& task, SendRequest& request) override;
  LinuxResult<u64> receive(Task& task, ReceiveRequest& request) override;
  LinuxResult<> set_option(Task& task, i32 level, u32 name, std::span<const u8> value) override;
  LinuxResult<u32> get_option(Task& task, i32 level, u32 name, std::span<u8> to) override;
  bool listens() const override { return end_->state() == UnixEndpoint::State::Listening; }
  int take_error() override { return end_->status().take_error(); }

  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> write(Task& task, Transfer& from) override;
  u32 poll(PollTable* table) override { return end_->poll(table, options().send_buffer); }
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override;

  InFlightNode* in_flight_node() override { return this; }
  void visit_attachments(Visitor& visitor) override { end_->visit_attachments(visitor); }
  File& flying_file() override { return *this; }

  UnixEndpoint& end() { return *end_; }

 private:
  // unix_connect.cc
  LinuxResult<Ref<UnixEndpoint>> find_peer(Task& task, const SocketName& name);
  LinuxResult<> connect_stream(Task& task, const SocketName& name);
  LinuxResult<> bind_path(Task& task, std::string_view path);
  LinuxResult<> name_if_needed();
  // unix_transfer.cc
  LinuxResult<u64> send_stream(Task& task, SendRequest& request);
  LinuxResult<u64> send_message(Task& task, SendRequest& request);
  LinuxResult<> deliver(Ref<UnixMessage> message, const Ref<UnixEndpoint>& target, bool named,
                        const Patience& patience);
  LinuxResult<u64> receive_stream(Task& task, ReceiveRequest& request);
  LinuxResult<u64> receive_message(ReceiveRequest& request);
  void give_control(ReceiveRequest& request, const SocketCredentials& credentials, Attachments files);
  Errno gone(UnixEndpoint& target, bool named);

  UnixFamily& family_;
  const Ref<UnixEndpoint> end_;
};

/// Who the task is to those that it speaks to.
SocketCredentials effective_credentials(Task& task);
SocketCredentials real_credentials(Task& task);
void store_unix_name(SocketName& to, const UnixAddress* address);

}  // namespace vari::linux
