#include "hosted/host_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "hosted/host_streams.h"
#include "runtime/thread.h"

namespace vari::hosted {
namespace {
constexpr u8 kPrefix = 0x01, kEndOfFile = 0x04;
constexpr Nanoseconds kSilence = 300 * kMillisecond;
}  // namespace

Result<> HostTerminal::start() {
  if (::isatty(0) && ::tcgetattr(0, &saved_) == 0) {
    termios raw = saved_;
    ::cfmakeraw(&raw);
    __atomic_store_n(&raw_, true, __ATOMIC_SEQ_CST);
    ::tcsetattr(0, TCSADRAIN, &raw);
  }
  TRY(input_.start());
  (void)TRY(runtime::Thread::start([](void* terminal) { static_cast<HostTerminal*>(terminal)->pump(); }, this,
                                   {.name = "terminal"}));
  return {};
}

void HostTerminal::restore() {
  if (__atomic_exchange_n(&raw_, false, __ATOMIC_SEQ_CST)) ::tcsetattr(0, TCSADRAIN, &saved_);
}

void HostTerminal::note_resize() {
  runtime::Guard guard(mutex_);
  if (receiver_) receiver_->on_resize(window_size());
}

WindowSize HostTerminal::window_size() {
  winsize size{};
  for (const int descriptor : {0, 1, 2})
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0) return {size.ws_row, size.ws_col};
  return {};
}

void HostTerminal::write(std::span<const u8> bytes) {
  runtime::Guard guard(write_mutex_);
  write_to_host(1, bytes);
  __atomic_store_n(&spoke_, runtime::port::now_ns(), __ATOMIC_RELAXED);
}

void HostTerminal::set_receiver(ConsoleReceiver* receiver) {
  {
    runtime::Guard guard(mutex_);
    receiver_ = receiver;
  }
  input_.arrived().signal();
}

void HostTerminal::wait_for_silence() {
  if (__atomic_load_n(&raw_, __ATOMIC_RELAXED)) return;
  for (;;) {
    const Nanoseconds spoke = __atomic_load_n(&spoke_, __ATOMIC_RELAXED), now = runtime::port::now_ns();
    if (spoke != 0 && now - spoke > kSilence) return;
    (void)runtime::Thread::sleep_until(now + kSilence / 6);
  }
}

void HostTerminal::pump() {
  u8 typed[256], keys[2 * sizeof typed];
  bool told_end = false;
  for (;;) {
    input_.arrived().wait();
    for (;;) {
      const bool ended = input_.ended();
      if (!ended && input_.available() == 0) break;
      wait_for_silence();
      runtime::Guard guard(mutex_);
      if (!receiver_) break;
      // Each key may be two: see filter().
      const std::size_t room = std::min(sizeof typed, receiver_->input_room() / 2);
      if (room == 0) break;
      std::size_t count = filter({typed, input_.take({typed, room})}, keys);
      if (count == 0 && ended && input_.available() == 0) {
        // The end of a piped input is what a person would type.
        if (std::exchange(told_end, true)) break;
        keys[count++] = kEndOfFile;
      }
      if (count) receiver_->on_input({keys, count});
    }
  }
}

std::size_t HostTerminal::filter(std::span<const u8> typed, u8* keys) {
  std::size_t kept = 0;
  for (const u8 key : typed) {
    if (std::exchange(prefix_, false)) {
      if (key == 'x' || key == 'X' || key == 0x18) leave_(argument_);
      if (key != kPrefix) keys[kept++] = kPrefix;
    } else if (key == kPrefix && __atomic_load_n(&raw_, __ATOMIC_RELAXED)) {
      prefix_ = true;
      continue;
    }
    keys[kept++] = key;
  }
  return kept;
}

}  // namespace vari::hosted
