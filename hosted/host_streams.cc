#include "hosted/host_streams.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/thread.h"

namespace vari::hosted {

void write_to_host(int descriptor, std::span<const u8> bytes) {
  // As much as a pipe takes at once whenever it says that it takes something (PIPE_BUF).
  constexpr std::size_t kPiece = 4096;
  while (!bytes.empty()) {
    pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) == 0) {
      (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
      continue;
    }
    const auto written = ::write(descriptor, bytes.data(), std::min(bytes.size(), kPiece));
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

Result<> HostInputStream::start() {
  TRY(input_.start());
  (void)TRY(runtime::Thread::start([](void* stream) { static_cast<HostInputStream*>(stream)->pump(); }, this,
                                   {.name = "input"}));
  return {};
}

void HostInputStream::pump() {
  for (;;) {
    const bool last = input_.ended();
    arrived_.wake_all();
    {
      runtime::Guard guard(observer_mutex_);
      if (observer_ && readable()) observer_->on_readable();
    }
    if (last) return;
    input_.arrived().wait();
  }
}

std::size_t HostInputStream::read(std::span<u8> to) {
  if (to.empty()) return 0;
  runtime::Guard guard(mutex_);
  (void)arrived_.wait_until([&] { return readable(); });
  return input_.take(to);
}

void HostInputStream::set_observer(ByteStreamObserver* observer) {
  runtime::Guard guard(observer_mutex_);
  observer_ = observer;
  if (observer_ && readable()) observer_->on_readable();
}

void HostOutputStream::write(std::span<const u8> bytes) {
  runtime::Guard guard(mutex_);
  write_to_host(descriptor_, bytes);
}

}  // namespace vari::hosted
