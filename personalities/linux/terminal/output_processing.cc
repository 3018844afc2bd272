// Output: a program's bytes and the echo of typed ones, both processed by the same rules (c_oflag), with
// the cursor's column followed, since tabs and their erasure depend on it. Echo that finds no room, or
// output stopped, waits in a queue of its own as it was meant, not as it will look: the column may
// change before its turn comes.
#include <algorithm>

#include "personalities/linux/terminal/character_class.h"
#include "personalities/linux/terminal/line_discipline.h"

namespace vari::linux {

using namespace output_flag;
using character_class::is_control;

namespace {
/// Linux's echo uses this byte as its escape, and so shows it as it is in every mode.
constexpr u8 kNeverProcessed = 0xff;
}  // namespace

void LineDiscipline::begin_output() {
  staged_ = 0;
  staging_limit_ = stopped_ ? 0 : std::min(output_.room(), kStagingBytes);
}

void LineDiscipline::end_output() {
  if (staged_ > 0) output_.transmit(std::span(staging_).first(staged_));
  staged_ = 0;
}

/// All of them or none: false where there is no room for all.
bool LineDiscipline::put(std::span<const u8> bytes) {
  if (bytes.size() > staging_limit_ - staged_) return false;
  for (const u8 byte : bytes) staging_[staged_++] = byte;
  return true;
}

bool LineDiscipline::put_newline() {
  if (output(kNewlineToBoth)) {
    constexpr u8 kBoth[] = {'\r', '\n'};
    if (!put(kBoth)) return false;
    line_column_ = column_ = 0;
    return true;
  }
  if (!put('\n')) return false;
  if (output(kNewlineReturns)) column_ = 0;
  line_column_ = column_;
  return true;
}

bool LineDiscipline::put_return() {
  if (output(kNoReturnAtColumn0) && column_ == 0) return true;
  if (output(output_flag::kReturnToNewline)) {
    if (!put('\n')) return false;
    if (output(kNewlineReturns)) line_column_ = column_ = 0;
    return true;
  }
  if (!put('\r')) return false;
  line_column_ = column_ = 0;
  return true;
}

bool LineDiscipline::put_tab() {
  constexpr u8 kSpaces[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
  const u32 width = 8 - column_ % 8;
  const bool done =
      (termios_.output & kTabDelay) == kExpandTabs ? put(std::span(kSpaces).first(width)) : put('\t');
  if (done) column_ += width;
  return done;
}

/// One byte with output processing; false: no room, and nothing has changed.
bool LineDiscipline::put_processed(u8 byte) {
  switch (byte) {
    case '\n': return put_newline();
    case '\r': return put_return();
    case '\t': return put_tab();
    case '\b':
      if (!put(byte)) return false;
      if (column_ > 0) --column_;
      return true;
    default:
      if (!put(output(kUpperCase) && !is_control(byte) ? character_class::to_upper(byte) : byte))
        return false;
      if (!is_control(byte) && !is_continuation(byte)) ++column_;
      return true;
  }
}

std::size_t LineDiscipline::write(std::span<const u8> bytes) {
  flush_echoes();
  std::size_t done = 0;
  bool progress = true;
  while (done < bytes.size() && progress) {
    const std::size_t before = done;
    begin_output();
    if (output(kProcess)) {
      while (done < bytes.size() && put_processed(bytes[done])) ++done;
    } else {
      const auto piece = bytes.subspan(done, std::min(bytes.size() - done, staging_limit_));
      if (put(piece)) done += piece.size();
    }
    end_output();
    progress = done > before;
  }
  return done;
}

void LineDiscipline::echo(u8 byte) {
  const bool as_control = local(local_flag::kEchoControl) && is_control(byte) && byte != '\t';
  add_echo(as_control ? EchoKind::Control : EchoKind::Plain, byte);
}

/// A full queue loses echo, never input.
void LineDiscipline::add_echo(EchoKind kind, u8 value) {
  if (echo_end_ - echo_read_ == kEchoEntries) flush_echoes();
  if (echo_end_ - echo_read_ == kEchoEntries) return;
  echoes_[echo_end_++ % kEchoEntries] = {kind, value};
}

void LineDiscipline::flush_echoes() {
  bool progress = true;
  while (echo_read_ != echo_end_ && progress && !stopped_) {
    const std::size_t before = echo_read_;
    begin_output();
    while (echo_read_ != echo_end_ && perform_echo(echoes_[echo_read_ % kEchoEntries])) ++echo_read_;
    end_output();
    progress = echo_read_ > before;
  }
}

bool LineDiscipline::perform_echo(EchoEntry entry) {
  switch (entry.kind) {
    case EchoKind::Plain:
      if (entry.value == kNeverProcessed) {
        if (!put(entry.value)) return false;
        ++column_;
        return true;
      }
      return output(kProcess) ? put_processed(entry.value) : put(entry.value);
    case EchoKind::Control: {
      const u8 shown[] = {'^', static_cast<u8>(entry.value ^ 0x40)};
      if (!put(shown)) return false;
      column_ += 2;
      return true;
    }
    case EchoKind::EraseTab: return perform_erase_tab(entry.value);
    case EchoKind::SetLineColumn: line_column_ = column_; return true;
    case EchoKind::MoveBack:
      if (column_ > 0) --column_;
      return true;
  }
  return true;
}

bool LineDiscipline::perform_erase_tab(u8 value) {
  constexpr u8 kBack[8] = {'\b', '\b', '\b', '\b', '\b', '\b', '\b', '\b'};
  const u32 from = value & 0x80 ? value & 7 : value + line_column_;
  const u32 width = 8 - from % 8;
  if (!put(std::span(kBack).first(width))) return false;
  column_ = column_ > width ? column_ - width : 0;
  return true;
}

}  // namespace vari::linux
