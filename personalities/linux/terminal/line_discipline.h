// The N_TTY line discipline: what lies between a terminal's keys and a program's read(), and between
// write() and the screen. Knows no processes, no locks and no devices, so that it can be compared with
// Linux byte for byte (tests/linux_terminal). Its owner serialises all calls.
//
// Semantics: termios(3), and Linux's n_tty where termios(3) is silent.
#pragma once

#include <array>
#include <span>

#include "personalities/linux/terminal/termios.h"

namespace vari::linux {

/// Where a discipline's output goes: the device, or the master's buffer of a pseudo-terminal.
class TerminalOutput {
 public:
  /// How many bytes transmit() takes now.
  virtual std::size_t room() = 0;
  /// Never more than room() bytes.
  virtual void transmit(std::span<const u8> bytes) = 0;
  /// Discards what was transmitted and has not left yet, as far as the device can.
  virtual void discard() = 0;

 protected:
  ~TerminalOutput() = default;
};

class LineDiscipline {
 public:
  static constexpr std::size_t kInputBytes = 4096;

  explicit LineDiscipline(TerminalOutput& output) : output_(output) { compute_special(); }

  // From the device.
  /// Takes input as far as there is room; the count taken.
  /// In canonical mode a line that is too long loses its end, so that a newline always gets through.
  std::size_t receive(std::span<const u8> bytes);
  /// False: the next receive() takes nothing.
  bool has_input_room() const {
    return input_end_ - read_ < kInputBytes - 1 || (local(local_flag::kCanonical) && line_end_ == read_);
  }
  void receive_break();
  /// The device has room again: echoes that waited go out.
  void flush_echoes();

  // To and from the program.
  /// True when read() has something: a line, or in raw mode at least `minimum` bytes.
  bool readable(std::size_t minimum = 1) const;
  struct ReadResult {
    std::size_t bytes = 0;
    bool line_end = false;  // canonical mode: a line or an end-of-file mark was consumed
  };
  /// Takes up to `to.size()` bytes of a line, or of what is there in raw mode.
  ReadResult read(std::span<u8> to);
  /// After a read that filled the program's buffer: an end-of-file mark that is next goes with it.
  void skip_end_of_file();
  /// Processes output as far as the device has room and output is not stopped; the count consumed.
  std::size_t write(std::span<const u8> bytes);

  // Control.
  const Termios& termios() const { return termios_; }
  void change_termios(const Termios& termios);
  bool canonical() const { return local(local_flag::kCanonical) && !local(local_flag::kExternal); }
  bool stopped() const { return stopped_; }
  /// As Ctrl-S and Ctrl-Q do; tcflow().
  void stop() { stopped_ = true; }
  void start();
  void flush_input();
  /// Forgets echo that waits, and what the device has not sent yet.
  void discard_output() {
    echo_read_ = echo_end_;
    output_.discard();
  }
  /// Bytes that read() could give now (FIONREAD).
  std::size_t input_queued() const;

  /// Signals that input asked for since the last call, a bit each (1 << number): SIGINT 2, SIGQUIT 3,
  /// SIGTSTP 20.
  u32 take_signals();

 private:
  enum class EchoKind : u8 { Plain, Control, EraseTab, SetLineColumn, MoveBack };
  struct EchoEntry {
    EchoKind kind;
    u8 value;
  };
  static constexpr std::size_t kEchoEntries = 2048;
  static constexpr std::size_t kStagingBytes = 256;

  bool input(u32 flag) const { return termios_.input & flag; }
  bool output(u32 flag) const { return termios_.output & flag; }
  bool local(u32 flag) const { return termios_.local & flag; }
  /// 0 in the settings switches a control character off.
  bool is_character(u8 byte, std::size_t which) const {
    return byte != 0 && termios_.characters[which] == byte;
  }
  bool is_special(u8 byte) const { return special_[byte / 64] >> (byte % 64) & 1; }
  bool is_continuation(u8 byte) const { return input(input_flag::kUtf8) && (byte & 0xc0) == 0x80; }

  // line_discipline.cc: input and reading
  void compute_special();
  void receive_byte(u8 byte);
  void receive_plain(u8 byte);
  void receive_special(u8 byte);
  bool receive_flow_control(u8 byte);
  bool receive_signal(u8 byte);
  bool receive_canonical(u8 byte);
  void send_signal(u32 number);
  void end_line(u8 byte);
  void echo_typed(u8 byte);
  void store(u8 byte) { at(input_end_++) = byte; }
  u8& at(std::size_t position) { return buffer_[position % kInputBytes]; }
  u8 at(std::size_t position) const { return buffer_[position % kInputBytes]; }
  bool marked(std::size_t position) const {
    return marks_[position % kInputBytes / 64] >> (position % 64) & 1;
  }
  bool is_end_of_file(std::size_t position) const { return marked(position) && at(position) == 0; }
  void set_mark(std::size_t position, bool on);

  // line_editing.cc: erase, kill, reprint, literal next
  enum class Erasing : u8 { Character, Word, Line };
  void erase(u8 byte);
  void kill_without_erasing();
  void erase_echo(Erasing what, std::size_t begin, std::size_t end);
  void erase_tab_echo();
  void finish_erasing();
  void reprint(u8 byte);
  void begin_literal_next();
  void receive_literal(u8 byte);

  // output_processing.cc: echo and output
  void echo(u8 byte);
  void echo_raw(u8 byte) { add_echo(EchoKind::Plain, byte); }
  void add_echo(EchoKind kind, u8 value);
  bool perform_echo(EchoEntry entry);
  bool perform_erase_tab(u8 value);
  bool put_processed(u8 byte);
  bool put_newline();
  bool put_return();
  bool put_tab();
  bool put(std::span<const u8> bytes);
  bool put(u8 byte) { return put({&byte, 1}); }
  void begin_output();
  void end_output();

  TerminalOutput& output_;
  Termios termios_ = standard_termios();
  u64 special_[4] = {};  // input bytes that need more than to be stored and echoed
  bool raw_ = false;     // none does, and nothing is echoed
  // Invariant: read_ <= line_end_ <= input_end_ <= read_ + kInputBytes in canonical mode; in raw mode
  // line_end_ has no meaning. Positions count up from 0 and do not wrap in any machine's life.
  // Canonical mode: [read_, line_end_) holds whole lines, [line_end_, input_end_) the one being edited.
  std::size_t read_ = 0, line_end_ = 0, input_end_ = 0;
  std::array<u8, kInputBytes> buffer_{};
  std::array<u64, kInputBytes / 64> marks_{};  // a line ends with this byte; a 0 here is an end of file
  std::array<EchoEntry, kEchoEntries> echoes_{};
  std::size_t echo_read_ = 0, echo_end_ = 0;
  std::array<u8, kStagingBytes> staging_{};  // output on its way to one transmit()
  std::size_t staged_ = 0, staging_limit_ = 0;
  u32 column_ = 0, line_column_ = 0;  // of the cursor, and where the edited line began
  u32 signals_ = 0;
  bool stopped_ = false;
  bool literal_next_ = false;  // VLNEXT was typed
  bool erasing_ = false;       // ECHOPRT: inside \.../
};

}  // namespace vari::linux
