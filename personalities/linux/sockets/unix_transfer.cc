// Sending and receiving on UNIX sockets.
#include <algorithm>

#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"
#include "personalities/linux/sockets/unix_socket.h"

namespace vari::linux {

using namespace message_flag;
using State = UnixEndpoint::State;

LinuxResult<u64> UnixSocket::read(Task& task, Transfer& to) {
  ReceiveRequest request{.to = to};
  return end_->is_stream() ? receive_stream(task, request) : receive(task, request);
}

LinuxResult<u64> UnixSocket::write(Task& task, Transfer& from) {
  SendRequest request{.from = from};
  UnixEndpoint* peer = end_->fixed_peer();
  if (!end_->is_stream() || !peer || end_->wants_credentials() || peer->wants_credentials()) [[unlikely]]
    return send(task, request);
  const u64 wanted = from.remaining();
  const u64 done = peer->stream().send_at_once(from, end_->status(), options().send_buffer);
  if (done == 0) [[unlikely]]
    return send_stream(task, request);
  peer->poll_queue().wake(poll_event::kIn | poll_event::kReadNormal);
  if (done == wanted) [[likely]]
    return done;
  request.flags = kNoSignal;
  return done + send_stream(task, request).value_or(0);
}

LinuxResult<u64> UnixSocket::send(Task& task, SendRequest& request) {
  if (request.flags & kOutOfBand) return std::unexpected(Errno::NotSupported);
  if (end_->is_stream()) return send_stream(task, request);
  if (end_->has_connections()) {
    TRY(end_->status().check_error());
    if (end_->state() != State::Connected) return std::unexpected(Errno::NotConnected);
    request.to = nullptr;  // as in Linux: ignored
  }
  return send_message(task, request);
}

LinuxResult<u64> UnixSocket::send_stream(Task& task, SendRequest& request) {
  UnixEndpoint* peer = end_->fixed_peer();
  if (request.to) return std::unexpected(peer ? Errno::IsConnected : Errno::NotSupported);
  if (!peer) return std::unexpected(Errno::NotConnected);
  StreamSend sending_now{.from = request.from,
                         .sender = end_->status(),
                         .patience = sending(request.flags),
                         .limit = options().send_buffer,
                         .files = std::move(request.files)};
  SocketCredentials credentials;
  if (request.credentials || end_->wants_credentials() || peer->wants_credentials()) [[unlikely]] {
    credentials = request.credentials ? *request.credentials : real_credentials(task);
    sending_now.credentials = &credentials;
  }
  auto done = peer->stream().send(sending_now);
  if (done) [[likely]] {
    peer->poll_queue().wake(poll_event::kIn | poll_event::kReadNormal);
  } else if (done.error() == Errno::Pipe && !(request.flags & kNoSignal)) {
    raise_pipe_signal(task);
  }
  return done;
}

LinuxResult<u64> UnixSocket::receive(Task& task, ReceiveRequest& request) {
  if (request.flags & kOutOfBand)
    return std::unexpected(end_->is_stream() ? Errno::Invalid : Errno::NotSupported);
  if (request.flags & kErrorQueue)
    return std::unexpected(end_->is_stream() ? Errno::Again : Errno::NotSupported);
  if (end_->is_stream()) return receive_stream(task, request);
  if (end_->has_connections() && end_->state() != State::Connected)
    return std::unexpected(Errno::NotConnected);
  return receive_message(request);
}

LinuxResult<u64> UnixSocket::receive_stream(Task&, ReceiveRequest& request) {
  UnixEndpoint* peer = end_->fixed_peer();
  if (!peer) [[unlikely]]
    return std::unexpected(Errno::Invalid);
  StreamReceive now{.to = request.to,
                    .receiver = end_->status(),
                    .patience = receiving(request.flags),
                    .peek = (request.flags & kPeek) != 0,
                    .by_sender = options().is_on(socket_option::kPassCredentials)};
  now.minimum = request.flags & kWaitAll ? request.to.remaining()
                                         : std::min<u64>(options().receive_low, request.to.remaining());
  const auto done = end_->stream().receive(now);
  if (now.made_room) peer->poll_queue().wake(poll_event::kOut | poll_event::kWriteNormal);
  if (request.wants_name && done) {
    const auto address = family_.names().address_of(*peer);
    if (address) store_unix_name(request.from, address.get());
  }
  if (now.files || now.by_sender) [[unlikely]] {
    if (done && *done) give_control(request, now.credentials, std::move(now.files));
  }
  return done;
}

void UnixSocket::give_control(ReceiveRequest& request, const SocketCredentials& credentials,
                              Attachments files) {
  if (options().is_on(socket_option::kPassCredentials)) {
    if (request.control) {
      request.control->put(socket_option::kLevel, 2,
                           {reinterpret_cast<const u8*>(&credentials), sizeof credentials});
    } else {
      request.result_flags |= kControlTruncated;
    }
  }
  if (!files) return;
  if (request.control) {
    request.control->put_files(std::move(files));
  } else {
    request.result_flags |= kControlTruncated;
  }
}

/// What it means that `target` takes nothing any more.
Errno UnixSocket::gone(UnixEndpoint& target, bool named) {
  if (target.state() != State::Closed) return Errno::Pipe;
  if (end_->has_connections()) return Errno::Pipe;
  if (!named) (void)end_->drop_peer(target);
  return Errno::ConnectionRefused;
}

LinuxResult<u64> UnixSocket::send_message(Task& task, SendRequest& request) {
  const u64 size = request.from.remaining();
  const u32 limit = options().send_buffer;
  auto target = request.to ? TRY(find_peer(task, *request.to)) : end_->peer();
  if (!target) return std::unexpected(Errno::NotConnected);
  if (size > limit - 32) return std::unexpected(Errno::MessageTooLong);
  TRY(name_if_needed());
  const auto patience = sending(request.flags);
  auto message = TRY(UnixMessage::create(size));
  TRY(end_->charge(message->charge(), limit, patience));
  message->sender = Ref<UnixEndpoint>(*end_);
  if (size && TRY(request.from.take(message->bytes())) < size) return std::unexpected(Errno::Fault);
  message->from = family_.names().address_of(*end_);
  message->credentials = request.credentials ? *request.credentials : real_credentials(task);
  message->files = std::move(request.files);
  TRY(deliver(std::move(message), target, request.to != nullptr, patience));
  return size;
}

LinuxResult<> UnixSocket::deliver(Ref<UnixMessage> message, const Ref<UnixEndpoint>& target, bool named,
                                  const Patience& patience) {
  for (;;) {
    TRY(end_->status().check_error());
    if (!end_->status().sends()) return std::unexpected(Errno::Pipe);
    if (!target->status().receives()) return std::unexpected(gone(*target, named));
    const auto* targets_peer = target->fixed_peer();
    if (targets_peer && targets_peer != end_.get()) return std::unexpected(Errno::Perm);
    const bool bounded = targets_peer != end_.get();
    if (target->messages().push(message, bounded)) break;
    TRY(target->messages().wait_for_room(end_->status(), target->status(), patience));
  }
  // A receiver that closed meanwhile may have emptied its queue before this.
  if (target->state() == State::Closed) (void)target->messages().empty();
  target->poll_queue().wake(poll_event::kIn | poll_event::kReadNormal);
  return {};
}

LinuxResult<u64> UnixSocket::receive_message(ReceiveRequest& request) {
  const bool peek = request.flags & kPeek;
  auto got = end_->messages().receive(end_->status(), receiving(request.flags), peek);
  if (!got && got.error() == Errno::Again && end_->has_connections() && !end_->status().receives()) return 0;
  auto message = TRY(std::move(got));
  if (!message) return 0;
  if (!peek) end_->tell_senders();
  auto files = TRY(end_->messages().files_of(*message, peek));
  store_unix_name(request.from, message->from.get());
  if (!message->from) request.from.length = 0;
  const auto bytes = message->bytes();
  const u64 wanted = std::min<u64>(request.to.remaining(), bytes.size());
  if (wanted && TRY(request.to.put(bytes.first(wanted))) != wanted) return std::unexpected(Errno::Fault);
  if (wanted < bytes.size()) request.result_flags |= kTruncated;
  give_control(request, message->credentials, std::move(files));
  return request.flags & kTruncated ? bytes.size() : wanted;
}

}  // namespace vari::linux
