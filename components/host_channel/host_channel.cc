// The channel at work: a thread that reads the line and never waits for a program, three streams, and
// one lock around each frame that goes out.
#include "components/host_channel/host_channel.h"

#include <algorithm>
#include <cstring>

#include "components/host_channel/protocol.h"

namespace vari::components::host_channel {
namespace {

constexpr std::size_t kInputBytes = 16 * kKiB;
/// Credit goes back in portions worth a frame.
constexpr std::size_t kCreditStep = 4 * kKiB;

class Channel;

/// One standard stream. It is a part of the channel and shares its references.
class Stream final : public ByteStream {
 public:
  Stream(Channel& channel, Kind kind) : channel_(channel), kind_(kind) {}
  virtual ~Stream() = default;
  void* query_raw(InterfaceId wanted) override {
    return wanted == kInterface ? static_cast<ByteStream*>(this) : nullptr;
  }
  void acquire() override;
  void release() override;
  std::size_t read(std::span<u8> to) override;
  bool readable() override;
  void write(std::span<const u8> bytes) override;
  void set_observer(ByteStreamObserver* observer) override;

 private:
  Channel& channel_;
  const Kind kind_;
};

class Channel final : public Component<HostChannel> {
 public:
  explicit Channel(Ref<ByteStream> line) : line_(std::move(line)) {}
  Result<> open(Environment& environment);

  void set_listener(Listener* listener) override;
  Ref<ByteStream> standard_input() override { return Ref<ByteStream>(input_stream_); }
  Ref<ByteStream> standard_output() override { return Ref<ByteStream>(output_stream_); }
  Ref<ByteStream> standard_error() override { return Ref<ByteStream>(error_stream_); }
  void send_message(std::string_view text) override {
    send_all(Kind::Message, {static_cast<const u8*>(static_cast<const void*>(text.data())), text.size()});
  }
  void send_report(std::string_view text) override {
    send_all(Kind::Report, {static_cast<const u8*>(static_cast<const void*>(text.data())), text.size()});
  }
  void send_exit_status(u8 status) override;

  void send_all(Kind kind, std::span<const u8> bytes);
  std::size_t read_input(std::span<u8> to);
  bool input_readable();
  void set_input_observer(ByteStreamObserver* observer);

 protected:
  ~Channel() override = default;

 private:
  static void read_line(void* channel);
  void send(Kind kind, std::span<const u8> payload) REQUIRES(send_lock_);
  void grant(u32 bytes);
  void handle(FrameDecoder::Frame frame);
  void take_input(std::span<const u8> bytes, bool end);

  const Ref<ByteStream> line_;
  Stream input_stream_{*this, Kind::StandardInput};
  Stream output_stream_{*this, Kind::StandardOutput};
  Stream error_stream_{*this, Kind::StandardError};

  ComponentLock send_lock_;
  bool ended_ GUARDED_BY(send_lock_) = false;

  ComponentLock input_lock_;
  ComponentSemaphore input_arrived_;
  std::array<u8, kInputBytes> input_ GUARDED_BY(input_lock_);
  std::size_t input_read_ GUARDED_BY(input_lock_) = 0, input_end_ GUARDED_BY(input_lock_) = 0;
  std::size_t ungranted_ GUARDED_BY(input_lock_) = 0;  // room whose credit the host has not got yet
  std::size_t granted_ GUARDED_BY(input_lock_) = 0;    // credit that the host has not used yet
  u32 readers_waiting_ GUARDED_BY(input_lock_) = 0;
  bool input_ended_ GUARDED_BY(input_lock_) = false;

  ComponentLock listener_lock_;  // the listener is called under it; taken before the others
  Listener* listener_ GUARDED_BY(listener_lock_) = nullptr;
  ByteStreamObserver* observer_ GUARDED_BY(listener_lock_) = nullptr;
  WindowSize size_ GUARDED_BY(listener_lock_);
};

void Stream::acquire() {
  channel_.acquire();
}
void Stream::release() {
  channel_.release();
}
std::size_t Stream::read(std::span<u8> to) {
  return kind_ == Kind::StandardInput ? channel_.read_input(to) : 0;
}
bool Stream::readable() {
  return kind_ != Kind::StandardInput || channel_.input_readable();
}
void Stream::write(std::span<const u8> bytes) {
  if (kind_ != Kind::StandardInput) channel_.send_all(kind_, bytes);
}
void Stream::set_observer(ByteStreamObserver* observer) {
  if (kind_ == Kind::StandardInput) channel_.set_input_observer(observer);
}

Result<> Channel::open(Environment& environment) {
  TRY(send_lock_.open(environment.threads));
  TRY(input_lock_.open(environment.threads));
  TRY(listener_lock_.open(environment.threads));
  TRY(input_arrived_.open(environment.threads, 0));
  {
    ComponentGuard guard(input_lock_);
    granted_ = kInputBytes;
  }
  acquire();  // the thread's own reference
  if (auto started = environment.threads.start("host channel", read_line, this); !started) {
    release();
    return started;
  }
  {
    ComponentGuard guard(send_lock_);
    send(Kind::Ready, {&kProtocolVersion, 1});
  }
  grant(kInputBytes);
  return {};
}

void Channel::send(Kind kind, std::span<const u8> payload) {
  if (ended_) return;
  const u8 header[kHeaderBytes] = {static_cast<u8>(kind), static_cast<u8>(payload.size()),
                                   static_cast<u8>(payload.size() >> 8)};
  line_->write(header);
  line_->write(payload);
}

void Channel::send_all(Kind kind, std::span<const u8> bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), FrameDecoder::kMaximumPayload));
    bytes = bytes.subspan(piece.size());
    ComponentGuard guard(send_lock_);
    send(kind, piece);
  }
}

void Channel::send_exit_status(u8 status) {
  ComponentGuard guard(send_lock_);
  send(Kind::ExitStatus, {&status, 1});
  ended_ = true;
}

void Channel::grant(u32 bytes) {
  const u8 payload[4] = {static_cast<u8>(bytes), static_cast<u8>(bytes >> 8), static_cast<u8>(bytes >> 16),
                         static_cast<u8>(bytes >> 24)};
  ComponentGuard guard(send_lock_);
  send(Kind::Credit, payload);
}

std::size_t Channel::read_input(std::span<u8> to) {
  if (to.empty()) return 0;
  for (;;) {
    std::size_t count = 0, credit = 0;
    {
      ComponentGuard guard(input_lock_);
      while (count < to.size() && input_read_ != input_end_)
        to[count++] = input_[input_read_++ % kInputBytes];
      if (count == 0 && input_ended_) return 0;
      if (count == 0) ++readers_waiting_;
      ungranted_ += count;
      if (ungranted_ >= kCreditStep && !input_ended_) {
        credit = std::exchange(ungranted_, 0);
        granted_ += credit;
      }
    }
    if (credit > 0) grant(static_cast<u32>(credit));
    if (count > 0) return count;
    (void)input_arrived_.wait();
  }
}

bool Channel::input_readable() {
  ComponentGuard guard(input_lock_);
  return input_read_ != input_end_ || input_ended_;
}

void Channel::take_input(std::span<const u8> bytes, bool end) {
  {
    ComponentGuard guard(input_lock_);
    // Invariant: granted_ + what is in the ring <= kInputBytes, so credit is all the room there is to check.
    const std::size_t taken = input_ended_ ? 0 : std::min(bytes.size(), granted_);
    granted_ -= taken;
    for (std::size_t i = 0; i < taken; ++i) input_[input_end_++ % kInputBytes] = bytes[i];
    if (end) input_ended_ = true;
    if (readers_waiting_ > 0) input_arrived_.signal(std::exchange(readers_waiting_, 0));
  }
  ComponentGuard guard(listener_lock_);
  if (observer_) observer_->on_readable();
}

void Channel::handle(FrameDecoder::Frame frame) {
  const auto payload = frame.payload;
  switch (static_cast<Kind>(frame.kind)) {
    case Kind::StandardInput: take_input(payload, false); break;
    case Kind::StandardInputEnd:
      if (payload.empty()) take_input({}, true);
      break;
    case Kind::WindowSize: {
      if (payload.size() != 4) break;
      ComponentGuard guard(listener_lock_);
      size_ = {.rows = static_cast<u16>(payload[0] | payload[1] << 8),
               .columns = static_cast<u16>(payload[2] | payload[3] << 8)};
      if (listener_) listener_->on_window_size(size_);
      break;
    }
    case Kind::Signal: {
      if (payload.size() != 1 || payload[0] < 1 || payload[0] > 64) break;
      ComponentGuard guard(listener_lock_);
      if (listener_) listener_->on_signal(payload[0]);
      break;
    }
    default: break;
  }
}

void Channel::set_listener(Listener* listener) {
  ComponentGuard guard(listener_lock_);
  listener_ = listener;
  if (listener && size_.rows != 0) listener->on_window_size(size_);
}

void Channel::set_input_observer(ByteStreamObserver* observer) {
  ComponentGuard guard(listener_lock_);
  observer_ = observer;
}

void Channel::read_line(void* argument) {
  auto channel = Ref<Channel>::adopt(static_cast<Channel*>(argument));
  FrameDecoder decoder;
  for (;;) {
    u8 bytes[256];
    const std::size_t count = channel->line_->read(bytes);
    if (count == 0) break;  // the line has ended, and with it our standard input
    for (std::size_t i = 0; i < count; ++i) {
      if (decoder.push(bytes[i])) channel->handle(decoder.frame());
    }
  }
  channel->take_input({}, true);
}

}  // namespace

Result<Ref<HostChannel>> HostChannel::create(Environment& environment, Ref<ByteStream> line) {
  auto channel = TRY(make_component<Channel>(environment.memory, std::move(line)));
  TRY(channel->open(environment));
  return Ref<HostChannel>(std::move(channel));
}

}  // namespace vari::components::host_channel
