// Editing the line that is being typed: erase, word erase, kill, reprint, literal next; and the echo
// that makes the screen agree, whatever characters were typed (tabs, ^X, UTF-8).
#include "personalities/linux/terminal/character_class.h"
#include "personalities/linux/terminal/line_discipline.h"

namespace vari::linux {

using namespace input_flag;
using namespace local_flag;
using character_class::is_control;
using character_class::is_word;
namespace cc = control_character;

void LineDiscipline::erase(u8 byte) {
  if (input_end_ == line_end_) return;
  Erasing what = Erasing::Line;
  if (is_character(byte, cc::kErase)) {
    what = Erasing::Character;
  } else if (is_character(byte, cc::kWordErase) && !is_character(byte, cc::kKill)) {
    what = Erasing::Word;
  }
  if (what == Erasing::Line) {
    const bool shows_erasing = local(kEchoKill) && local(kEchoKillErase) && local(kEchoErase);
    if (!local(kEcho) || !shows_erasing) return kill_without_erasing();
  }
  bool word_seen = false;
  while (input_end_ != line_end_) {
    std::size_t begin = input_end_;
    do --begin;
    while (is_continuation(at(begin)) && begin != line_end_);
    const u8 erased = at(begin);
    if (is_continuation(erased)) break;  // the first half of the character is not in this line
    if (what == Erasing::Word) {
      if (is_word(erased)) {
        word_seen = true;
      } else if (word_seen) {
        break;
      }
    }
    const std::size_t end = input_end_;
    input_end_ = begin;
    if (local(kEcho)) erase_echo(what, begin, end);
    if (what == Erasing::Character) break;
  }
  if (input_end_ == line_end_ && local(kEcho)) finish_erasing();
}

void LineDiscipline::kill_without_erasing() {
  input_end_ = line_end_;
  if (!local(kEcho)) return;
  finish_erasing();
  echo(termios_.characters[cc::kKill]);
  if (local(kEchoKill)) echo_raw('\n');
}

/// The character at [begin, end) has just been taken from the line's end.
void LineDiscipline::erase_echo(Erasing what, std::size_t begin, std::size_t end) {
  const u8 erased = at(begin);
  if (local(kEchoPrint)) {
    // For printers: the erased characters in reverse order between \ and /.
    if (!erasing_) echo_raw('\\');
    erasing_ = true;
    echo(erased);
    for (std::size_t i = begin + 1; i != end; ++i) {
      echo_raw(at(i));
      add_echo(EchoKind::MoveBack, 0);
    }
  } else if (what == Erasing::Character && !local(kEchoErase)) {
    echo(termios_.characters[cc::kErase]);
  } else if (erased == '\t') {
    erase_tab_echo();
  } else {
    const auto rub_out = [this] {
      for (const u8 byte : {'\b', ' ', '\b'}) echo_raw(byte);
    };
    if (is_control(erased) && local(kEchoControl)) rub_out();  // it was shown as two characters
    if (!is_control(erased) || local(kEchoControl)) rub_out();
  }
}

/// How far a tab moved the cursor depends on where it stood: the columns since the tab before or since
/// the line's beginning say it. The sum is all that the screen's side needs.
void LineDiscipline::erase_tab_echo() {
  u32 columns = 0;
  bool after_tab = false;
  for (std::size_t i = input_end_; i != line_end_ && !after_tab;) {
    const u8 byte = at(--i);
    if (byte == '\t') {
      after_tab = true;
    } else if (is_control(byte)) {
      if (local(kEchoControl)) columns += 2;
    } else if (!is_continuation(byte)) {
      ++columns;
    }
  }
  add_echo(EchoKind::EraseTab, static_cast<u8>((columns & 7) | (after_tab ? 0x80 : 0)));
}

void LineDiscipline::finish_erasing() {
  if (!erasing_) return;
  echo_raw('/');
  erasing_ = false;
}

void LineDiscipline::reprint(u8 byte) {
  finish_erasing();
  echo(byte);
  echo_raw('\n');
  for (std::size_t i = line_end_; i != input_end_; ++i) echo(at(i));
}

void LineDiscipline::begin_literal_next() {
  literal_next_ = true;
  if (!local(kEcho)) return;
  finish_erasing();
  if (!local(kEchoControl)) return;
  echo_raw('^');
  echo_raw('\b');
}

void LineDiscipline::receive_literal(u8 byte) {
  literal_next_ = false;
  if (input(kStrip)) byte &= 0x7f;
  if (input(kLowerCase) && local(kExtended)) byte = character_class::to_lower(byte);
  receive_plain(byte);
}

}  // namespace vari::linux
