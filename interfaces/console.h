// A byte terminal: a serial line, a screen with a keyboard, a window of the host. The line discipline
// is the personality's; this is the device below it.
#pragma once

#include <span>

#include "base/types.h"
#include "interfaces/object.h"

namespace vari {

struct WindowSize {
  u16 rows = 0, columns = 0;  // 0: unknown
};

/// Takes what the device receives. Called from interrupt threads: may block briefly, one call at a
/// time for each device; never from inside Console::write(), whose caller may hold the receiver's locks.
class ConsoleReceiver {
 public:
  virtual void on_input(std::span<const u8> bytes) = 0;
  /// How many bytes on_input() has room for now. A device that can hold its sender up keeps the rest, and
  /// asks again after Console::resume_input(); another delivers them all the same.
  virtual std::size_t input_room() { return ~std::size_t{0}; }
  virtual void on_resize(WindowSize size) = 0;
  virtual void on_hangup() = 0;
  /// A serial line's break condition (the line held low for longer than a character).
  virtual void on_break() {}

 protected:
  ~ConsoleReceiver() = default;
};

class Console : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.Console");
  /// Writes all bytes; blocks while the device is slow. Any thread, calls are not interleaved.
  virtual void write(std::span<const u8> bytes) = 0;
  /// Delivers input from now on (input that came before is delivered first). Null: stops.
  virtual void set_receiver(ConsoleReceiver* receiver) = 0;
  /// The receiver has room again, after its input_room() said that there was none. May be called from
  /// inside on_input().
  virtual void resume_input() {}
  virtual WindowSize window_size() = 0;
  /// The family that programs know such devices by: "ttyS" for serial lines, "tty" for screens.
  virtual const char* family() { return "ttyS"; }

 protected:
  ~Console() = default;
};

/// What delivers input and shows nothing: a keyboard. A screen pairs with one to be a Console.
class InputSource : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.InputSource");
  /// As Console::set_receiver().
  virtual void set_receiver(ConsoleReceiver* receiver) = 0;
  /// What the terminal's program asked of its keys (DECCKM): ESC O A in place of ESC [ A.
  virtual void set_application_cursor_keys(bool on) = 0;

 protected:
  ~InputSource() = default;
};

/// Told when a ByteStream becomes readable or ends, by the thread that saw it: must not block for long.
class ByteStreamObserver {
 public:
  virtual void on_readable() = 0;

 protected:
  ~ByteStreamObserver() = default;
};

/// Plain byte streams, for what is no terminal: the host's standard input, output and error.
class ByteStream : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.ByteStream");
  /// Up to `to.size()` bytes; blocks until there is one. 0: end of stream.
  virtual std::size_t read(std::span<u8> to) = 0;
  /// True when read() would not block.
  virtual bool readable() = 0;
  virtual void write(std::span<const u8> bytes) = 0;
  /// For clients that wait with deadlines or cancellation, or poll: they wait for on_readable(), ask
  /// readable(), and then read. Null: stops; after return the old one is not called any more.
  virtual void set_observer(ByteStreamObserver*) {}

 protected:
  ~ByteStream() = default;
};

}  // namespace vari
