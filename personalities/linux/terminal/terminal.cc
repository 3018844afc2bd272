// Reading and writing a terminal: who waits for what, and how waiting ends.
#include "personalities/linux/terminal/terminal.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/signals/signal.h"

namespace vari::linux {

namespace cc = control_character;

namespace {

constexpr std::size_t kPieceBytes = 256;
/// Output is offered to programs only where a piece surely fits: a byte can become eight (a tab).
constexpr std::size_t kExpansion = 8, kWritableRoom = 64;

}  // namespace

Terminal::Terminal(Personality& personality, std::string_view family, u32 number, u32 device_number)
    : personality_(personality), device_number_(device_number) {
  std::size_t length = 0;
  for (const char c : family.substr(0, 8)) name_text_[length++] = c;
  char digits[10];
  std::size_t count = 0;
  do digits[count++] = static_cast<char>('0' + number % 10);
  while ((number /= 10) != 0 && count < 7);
  while (count > 0) name_text_[length++] = digits[--count];
  name_ = {name_text_, length};
}

u32 Terminal::compute_state() {
  u32 state = 0;
  const u8* characters = discipline_.termios().characters;
  const std::size_t minimum =
      characters[cc::kTime] == 0 && characters[cc::kMinimum] > 0 ? characters[cc::kMinimum] : 1;
  if (discipline_.readable()) state |= kReadable;
  if (discipline_.readable(minimum)) state |= kReadableForPoll;
  if (!discipline_.stopped() && room() >= kWritableRoom) state |= kWritable;
  if (waiting_read_ == waiting_end_ && discipline_.has_input_room()) state |= kInputRoom;
  return state;
}

Terminal::Effects Terminal::settle() {
  while (waiting_read_ != waiting_end_) {
    const std::size_t begin = waiting_read_ % kWaitingBytes;
    const std::size_t count = std::min(kWaitingBytes - begin, waiting_end_ - waiting_read_);
    const std::size_t taken = discipline_.receive({waiting_ + begin, count});
    waiting_read_ += taken;
    if (taken < count) break;
  }
  const u32 before = state(), now = compute_state();
  Effects effects{.signals = discipline_.take_signals(), .risen = now & ~before};
  if (input_came_) effects.risen |= now & (kReadable | kReadableForPoll);
  input_came_ = false;
  __atomic_store_n(&state_, now, __ATOMIC_SEQ_CST);
  return effects;
}

void Terminal::apply(const Effects& effects) {
  if (effects.risen & kReadable) readers_.wake_all();
  if (effects.risen & kWritable) writers_.wake_all();
  if (effects.risen & kReadableForPoll) poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  if (effects.risen & kWritable) poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
  if (effects.risen) on_state(effects.risen);
  for (const int number : {signal::kInterrupt, signal::kQuit, signal::kTerminalStop}) {
    if (effects.signals >> number & 1) JobControl::signal_foreground(personality_, *this, number);
  }
}

std::size_t Terminal::receive(std::span<const u8> bytes) {
  return locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    input_came_ = true;
    std::size_t taken = waiting_read_ == waiting_end_ ? discipline.receive(bytes) : 0;
    while (taken < bytes.size() && waiting_end_ - waiting_read_ < kWaitingBytes) {
      waiting_[waiting_end_++ % kWaitingBytes] = bytes[taken++];
    }
    return taken;
  });
}

std::size_t Terminal::waiting_room() {
  return locked([&](LineDiscipline&)
                    REQUIRES(lock_) { return kWaitingBytes - (waiting_end_ - waiting_read_); });
}

void Terminal::receive_break() {
  locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    input_came_ = true;
    discipline.receive_break();
  });
}

/// termios(3), "canonical and noncanonical mode": the four cases of MIN and TIME.
Terminal::ReadTiming Terminal::read_timing() {
  constexpr Nanoseconds kTenth = kSecond / 10;
  ReadTiming timing;
  u32 minimum = 0, time = 0;
  const bool canonical = locked([&](LineDiscipline& discipline) {
    minimum = discipline.termios().characters[cc::kMinimum];
    time = discipline.termios().characters[cc::kTime];
    return discipline.canonical();
  });
  if (canonical) return timing;
  if (minimum > 0) {
    timing.minimum = minimum;
    timing.between = time * kTenth;
  } else {
    timing.minimum = 1;
    timing.immediate = time == 0;
    timing.deadline = personality_.place().monotonic_ns() + time * kTenth;
  }
  return timing;
}

LinuxResult<u64> Terminal::read(Task& task, Transfer& to, bool non_blocking, u32 generation) {
  if (hang_ups() != generation) return 0;
  TRY(JobControl::check_background(task, *this, signal::kTerminalInput));
  ReadTiming timing = read_timing();
  u64 total = 0;
  while (to.remaining() > 0) {
    u8 piece[kPieceBytes];
    const std::size_t wanted = std::min<u64>(sizeof piece, to.remaining());
    const auto got = locked([&](LineDiscipline& discipline) {
      auto result = discipline.read({piece, wanted});
      if (result.bytes == to.remaining() && !result.line_end) discipline.skip_end_of_file();
      return result;
    });
    if (got.bytes == 0 && !got.line_end) {
      if ((total > 0 && total >= timing.minimum) || timing.immediate || hang_ups() != generation) break;
      if (non_blocking && total > 0) break;
      if (non_blocking) return std::unexpected(Errno::Again);
      const auto arrived =
          readers_.wait_until([&] { return (state() & kReadable) || hang_ups() != generation; },
                              timing.deadline, runtime::Cancellation::Respect);
      if (arrived) continue;
      if (arrived.error() == Error::TimedOut || total > 0) break;
      return std::unexpected(Errno::RestartIfHandlerSays);
    }
    const auto moved = to.put({piece, got.bytes});
    if (got.bytes > 0 && !moved) return total > 0 ? LinuxResult<u64>(total) : moved;
    if (got.bytes > 0) total += *moved;
    if (got.line_end || (got.bytes > 0 && *moved < got.bytes)) break;
    if (got.bytes < wanted && total >= timing.minimum) break;
    if (timing.between > 0) timing.deadline = personality_.place().monotonic_ns() + timing.between;
  }
  return total;
}

LinuxResult<> Terminal::wait_writable(bool non_blocking, u32 generation) {
  const auto ready = [&] { return (state() & kWritable) || hang_ups() != generation; };
  if (!ready()) {
    if (non_blocking) return std::unexpected(Errno::Again);
    TRY(writers_.wait_until(ready, kForever, runtime::Cancellation::Respect));
  }
  if (hang_ups() != generation) return std::unexpected(Errno::Io);
  return {};
}

/// With write_lock_ held.
LinuxResult<u64> Terminal::write_pieces(Transfer& from, bool non_blocking, u32 generation) {
  u64 total = 0;
  while (from.remaining() > 0) {
    if (auto ready = wait_writable(non_blocking, generation); !ready) {
      if (total > 0) return total;
      return std::unexpected(ready.error());
    }
    u8 piece[kPieceBytes];
    const std::size_t limit =
        locked([&](LineDiscipline&) { return std::min(kPieceBytes, room() / kExpansion); });
    if (limit == 0) continue;
    const auto taken = from.take({piece, limit});
    if (!taken) return total > 0 ? LinuxResult<u64>(total) : taken;
    if (*taken == 0) break;
    std::span<const u8> rest(piece, *taken);
    while (!rest.empty()) {
      // Echo may have come in between and left no room: then even a non-blocking writer waits, since
      // these bytes are already taken.
      const std::size_t done = locked([&](LineDiscipline& discipline) { return discipline.write(rest); });
      rest = rest.subspan(done);
      if (rest.empty()) break;
      if (auto ready = wait_writable(false, generation); !ready) {
        total += *taken - rest.size();
        if (total > 0) return total;
        return std::unexpected(ready.error());
      }
    }
    total += *taken;
  }
  return total;
}

LinuxResult<u64> Terminal::write(Task& task, Transfer& from, bool non_blocking,
                                 u32 generation) NO_THREAD_SAFETY_ANALYSIS {
  if (hang_ups() != generation) return std::unexpected(Errno::Io);
  const bool stops_background = locked([](LineDiscipline& discipline) {
    return (discipline.termios().local & local_flag::kStopBackground) != 0;
  });
  if (stops_background) TRY(JobControl::check_background(task, *this, signal::kTerminalOutput));
  if (non_blocking) {
    if (!write_lock_.try_lock()) return std::unexpected(Errno::Again);
  } else {
    TRY(write_lock_.lock_until(kForever, runtime::Cancellation::Respect));
  }
  const auto result = write_pieces(from, non_blocking, generation);
  write_lock_.unlock();
  return result;
}

u32 Terminal::poll(PollTable* table, u32 generation) {
  using namespace poll_event;
  if (table) table->watch(poll_queue_);
  if (hang_ups() != generation) return kIn | kReadNormal | kOut | kWriteNormal | kError | kHangUp;
  const u32 now = state();
  return (now & kReadableForPoll ? kIn | kReadNormal : 0) | (now & kWritable ? kOut | kWriteNormal : 0);
}

WindowSizeRecord Terminal::size() {
  return locked([this](LineDiscipline&) REQUIRES(lock_) { return size_; });
}

void Terminal::resize(WindowSizeRecord size) {
  const bool changed = locked([&](LineDiscipline&) REQUIRES(lock_) {
    const bool differs = size.rows != size_.rows || size.columns != size_.columns ||
                         size.x_pixels != size_.x_pixels || size.y_pixels != size_.y_pixels;
    size_ = size;
    return differs;
  });
  if (changed) JobControl::signal_foreground(personality_, *this, signal::kWindow);
}

void Terminal::hang_up() {
  locked([&](LineDiscipline& discipline) REQUIRES(lock_) {
    discipline.flush_input();
    discipline.start();
    discipline.change_termios(standard_termios());
    waiting_read_ = waiting_end_;
    __atomic_add_fetch(&hang_ups_, 1, __ATOMIC_ACQ_REL);
  });
  JobControl::hang_up(personality_, *this);
  readers_.wake_all();
  writers_.wake_all();
  poll_queue_.wake();
}

ConsoleTerminal::ConsoleTerminal(Personality& personality, Console& device, u32 number, u32 device_number)
    : Terminal(personality, device.family(), number, device_number), device_(device) {
  const WindowSize size = device.window_size();
  locked([](LineDiscipline&) {});  // publishes the first state
  if (size.rows != 0) resize({size.rows, size.columns, 0, 0});
  device.set_receiver(this);
}

ConsoleTerminal::~ConsoleTerminal() {
  device_->set_receiver(nullptr);
}

}  // namespace vari::linux
