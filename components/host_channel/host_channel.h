// The guest's side of the channel to ./vari on the host: standard streams, exit status, window size.
// The protocol stands in README.md.
#pragma once

#include <array>
#include <string_view>

#include "interfaces/component.h"
#include "interfaces/console.h"
#include "interfaces/environment.h"

namespace vari::components::host_channel {

/// Told of what the host asks, by the channel's reading thread: may block briefly.
class Listener {
 public:
  virtual void on_window_size(WindowSize size) = 0;
  /// Linux's number, 1 to 64.
  virtual void on_signal(u8 number) = 0;

 protected:
  ~Listener() = default;
};

/// Cuts a byte stream into frames; apart, so that it can be fed with garbage in tests.
class FrameDecoder {
 public:
  static constexpr std::size_t kMaximumPayload = 1024;
  struct Frame {
    u8 kind;
    std::span<const u8> payload;  // valid until the next push()
  };
  /// True: the byte completed a frame, see frame().
  bool push(u8 byte);
  Frame frame() const { return {buffer_[0], std::span(buffer_).subspan(3, length_)}; }

 private:
  bool header_valid() const;
  std::array<u8, 3 + kMaximumPayload> buffer_{};
  std::size_t filled_ = 0, length_ = 0;
  bool complete_ = false;
};

class HostChannel : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.HostChannel");
  /// Starts the reading thread and says "ready"; the object lives as long as the machine does.
  static Result<Ref<HostChannel>> create(Environment& environment, Ref<ByteStream> line);

  /// Null: stops. A window size that came before is delivered at once.
  virtual void set_listener(Listener* listener) = 0;
  virtual Ref<ByteStream> standard_input() = 0;
  virtual Ref<ByteStream> standard_output() = 0;
  virtual Ref<ByteStream> standard_error() = 0;
  /// Tells the host why the first program could not be started.
  virtual void send_message(std::string_view text) = 0;
  /// A piece of what ./vari asked to be told (the command line's vari.report).
  virtual void send_report(std::string_view text) = 0;
  /// The last frame; later output is dropped. Whoever powers off drains the line first.
  virtual void send_exit_status(u8 status) = 0;

 protected:
  ~HostChannel() = default;
};

}  // namespace vari::components::host_channel
