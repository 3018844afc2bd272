// Input: from the device's bytes to lines that a program can read. Most bytes are plain: stored, and
// echoed. Which ones are special depends on the settings alone, so a bitmap is made when they change.
#include "personalities/linux/terminal/line_discipline.h"

#include <algorithm>

#include "personalities/linux/terminal/character_class.h"

namespace vari::linux {

using namespace input_flag;
using namespace local_flag;
namespace cc = control_character;

namespace {
constexpr u32 kSignalInterrupt = 2, kSignalQuit = 3, kSignalTerminalStop = 20;
}

void LineDiscipline::compute_special() {
  for (u64& word : special_) word = 0;
  const auto mark = [&](u8 byte) { special_[byte / 64] |= u64{1} << (byte % 64); };
  const auto mark_character = [&](std::size_t which) { mark(termios_.characters[which]); };
  if (input(kIgnoreReturn | kReturnToNewline)) mark('\r');
  if (input(kNewlineToReturn)) mark('\n');
  if (local(kCanonical)) {
    mark('\n');
    for (const auto which : {cc::kErase, cc::kKill, cc::kEndOfFile, cc::kEndOfLine}) mark_character(which);
    if (local(kExtended)) {
      for (const auto which : {cc::kWordErase, cc::kLiteralNext, cc::kEndOfLine2}) mark_character(which);
      if (local(kEcho)) mark_character(cc::kReprint);
    }
  }
  if (input(kXon)) {
    mark_character(cc::kStart);
    mark_character(cc::kStop);
  }
  if (local(local_flag::kSignals)) {
    for (const auto which : {cc::kInterrupt, cc::kQuit, cc::kSuspend}) mark_character(which);
  }
  special_[0] &= ~u64{1};  // 0 stands for "no such character"
  raw_ = !input(kStrip | kLowerCase | kIgnoreReturn | kReturnToNewline | kNewlineToReturn | kXon |
                kMarkParity) &&
         !local(kCanonical | local_flag::kSignals | kEcho);
}

void LineDiscipline::change_termios(const Termios& termios) {
  const Termios old = termios_;
  termios_ = termios;
  compute_special();
  if ((old.local ^ termios.local) & (kCanonical | kExternal)) {
    // Input that is there becomes readable as it is: one line without an end in canonical mode.
    marks_.fill(0);
    line_end_ = read_;
    if (local(kCanonical) && input_end_ != read_) {
      set_mark(input_end_ - 1, true);
      line_end_ = input_end_;
    }
    erasing_ = literal_next_ = false;
  }
  if ((old.input & kXon) && !input(kXon)) start();
}

void LineDiscipline::set_mark(std::size_t position, bool on) {
  const u64 bit = u64{1} << (position % 64);
  u64& word = marks_[position % kInputBytes / 64];
  word = on ? word | bit : word & ~bit;
}

std::size_t LineDiscipline::receive(std::span<const u8> bytes) {
  std::size_t taken = 0;
  for (const u8 byte : bytes) {
    const std::size_t used = input_end_ - read_;
    if (used >= kInputBytes - 1) {
      // Full. A line without an end goes on: its last byte is replaced by each new one.
      if (!has_input_room()) break;
      if (used == kInputBytes) --input_end_;
    }
    receive_byte(byte);
    ++taken;
  }
  flush_echoes();
  return taken;
}

void LineDiscipline::receive_byte(u8 byte) {
  if (raw_) return store(byte);
  if (literal_next_) return receive_literal(byte);
  if (input(kStrip)) byte &= 0x7f;
  if (input(kLowerCase) && local(kExtended)) byte = character_class::to_lower(byte);
  if (local(kExternal)) return store(byte);
  if (is_special(byte)) return receive_special(byte);
  receive_plain(byte);
}

/// Any key starts output again where IXANY says so.
void LineDiscipline::receive_plain(u8 byte) {
  if (stopped_ && input(kXon) && input(kXany)) start();
  if (local(kEcho)) echo_typed(byte);
  if (byte == 0xff && input(kMarkParity)) store(byte);
  store(byte);
}

void LineDiscipline::echo_typed(u8 byte) {
  finish_erasing();
  if (line_end_ == input_end_) add_echo(EchoKind::SetLineColumn, 0);
  echo(byte);
}

void LineDiscipline::receive_special(u8 byte) {
  if (input(kXon) && receive_flow_control(byte)) return;
  if (local(local_flag::kSignals) && receive_signal(byte)) return;
  if (stopped_ && input(kXon) && input(kXany)) start();
  if (byte == '\r') {
    if (input(kIgnoreReturn)) return;
    if (input(kReturnToNewline)) byte = '\n';
  } else if (byte == '\n' && input(kNewlineToReturn)) {
    byte = '\r';
  }
  if (local(kCanonical) && receive_canonical(byte)) return;
  if (local(kEcho)) {
    if (byte == '\n') {
      finish_erasing();
      echo_raw('\n');
    } else {
      echo_typed(byte);
    }
  }
  if (byte == 0xff && input(kMarkParity)) store(byte);
  store(byte);
}

bool LineDiscipline::receive_flow_control(u8 byte) {
  if (is_character(byte, cc::kStart)) {
    start();
    return true;
  }
  if (is_character(byte, cc::kStop)) {
    stop();
    return true;
  }
  return false;
}

void LineDiscipline::start() {
  stopped_ = false;
  flush_echoes();
}

bool LineDiscipline::receive_signal(u8 byte) {
  if (is_character(byte, cc::kInterrupt)) {
    send_signal(kSignalInterrupt);
  } else if (is_character(byte, cc::kQuit)) {
    send_signal(kSignalQuit);
  } else if (is_character(byte, cc::kSuspend)) {
    send_signal(kSignalTerminalStop);
  } else {
    return false;
  }
  if (input(kXon)) start();
  if (local(kEcho)) echo(byte);
  return true;
}

void LineDiscipline::send_signal(u32 number) {
  signals_ |= u32{1} << number;
  if (local(kNoFlush)) return;
  discard_output();
  flush_input();
}

u32 LineDiscipline::take_signals() {
  const u32 taken = signals_;
  signals_ = 0;
  return taken;
}

bool LineDiscipline::receive_canonical(u8 byte) {
  const bool extended = local(kExtended);
  if (is_character(byte, cc::kErase) || is_character(byte, cc::kKill) ||
      (extended && is_character(byte, cc::kWordErase))) {
    erase(byte);
    return true;
  }
  if (extended && is_character(byte, cc::kLiteralNext)) {
    begin_literal_next();
    return true;
  }
  if (extended && local(kEcho) && is_character(byte, cc::kReprint)) {
    reprint(byte);
    return true;
  }
  if (byte == '\n') {
    if (local(kEcho | kEchoNewline)) echo_raw('\n');
    end_line(byte);
    return true;
  }
  if (is_character(byte, cc::kEndOfFile)) {
    end_line(0);
    return true;
  }
  if (is_character(byte, cc::kEndOfLine) || (extended && is_character(byte, cc::kEndOfLine2))) {
    if (local(kEcho)) {
      if (line_end_ == input_end_) add_echo(EchoKind::SetLineColumn, 0);
      echo(byte);
    }
    if (byte == 0xff && input(kMarkParity)) store(byte);
    end_line(byte);
    return true;
  }
  return false;
}

void LineDiscipline::end_line(u8 byte) {
  set_mark(input_end_, true);
  store(byte);
  line_end_ = input_end_;
}

void LineDiscipline::receive_break() {
  if (input(kIgnoreBreak)) return;
  if (input(kBreakInterrupt)) {
    send_signal(kSignalInterrupt);
    return;
  }
  const std::size_t wanted = input(kMarkParity) ? 3 : 1;
  if (kInputBytes - (input_end_ - read_) <= wanted) return;
  if (input(kMarkParity)) {
    store(0xff);
    store(0);
  }
  store(0);
}

void LineDiscipline::flush_input() {
  read_ = line_end_ = input_end_;
  marks_.fill(0);
  erasing_ = literal_next_ = false;
}

bool LineDiscipline::readable(std::size_t minimum) const {
  if (canonical()) return line_end_ != read_;
  return input_end_ - read_ >= minimum;
}

std::size_t LineDiscipline::input_queued() const {
  if (!canonical()) return input_end_ - read_;
  std::size_t count = 0;
  for (std::size_t i = read_; i != line_end_; ++i) count += is_end_of_file(i) ? 0 : 1;
  return count;
}

LineDiscipline::ReadResult LineDiscipline::read(std::span<u8> to) {
  ReadResult result;
  if (!canonical()) {
    result.bytes = std::min(to.size(), input_end_ - read_);
    for (std::size_t i = 0; i < result.bytes; ++i) to[i] = at(read_++);
    if (line_end_ < read_) line_end_ = read_;
    return result;
  }
  while (read_ != line_end_ && result.bytes < to.size()) {
    const bool ends = marked(read_), end_of_file = is_end_of_file(read_);
    if (ends) set_mark(read_, false);
    const u8 byte = at(read_++);
    if (!end_of_file) to[result.bytes++] = byte;
    if (ends) {
      result.line_end = true;
      break;
    }
  }
  return result;
}

void LineDiscipline::skip_end_of_file() {
  if (!canonical() || read_ == line_end_ || !is_end_of_file(read_)) return;
  set_mark(read_, false);
  ++read_;
}

}  // namespace vari::linux
