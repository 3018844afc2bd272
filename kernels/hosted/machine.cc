#include "kernels/hosted/machine.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "personalities/linux/signals/send.h"

namespace vari::kernels {
namespace {
/// ./vari's status of a machine that failed.
constexpr int kFailed = 125;
}  // namespace

bool HostedMachine::prepare() {
  // A standard stream that was closed is /dev/null: else the next file would take its place.
  int opened;
  do opened = ::open("/dev/null", O_RDWR);
  while (opened >= 0 && opened <= 2);
  ::close(opened);
  if (!read_root()) return false;
  // Taken by one thread that waits for them; all others inherit the mask.
  ::signal(SIGPIPE, SIG_IGN);
  ::sigemptyset(&taken_);
  for (const int signal : {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT}) ::sigaddset(&taken_, signal);
  ::pthread_sigmask(SIG_BLOCK, &taken_, nullptr);
  if (const auto started = place_.start(options_.memory_bytes, *this); !started) {
    std::fprintf(stderr, "vari: the place can't be made: %s\n", name_of(started.error()));
    return false;
  }
  place_.events().add(signalled_);
  if (options_.command) {
    input_.make(place_.events());
  } else {
    const auto leave = [](void* machine) { static_cast<HostedMachine*>(machine)->end(0); };
    consoles_[0] = &terminal_.make(place_.events(), leave, this);
  }
  return true;
}

bool HostedMachine::read_root() {
  if (options_.root.empty()) return true;
  struct stat status{};
  if (::stat(options_.root.data(), &status) == 0 && S_ISDIR(status.st_mode)) return open_folder();
  const int file = ::open(options_.root.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || ::fstat(file, &status) != 0) {
    std::fprintf(stderr, "vari: %s: %s\n", options_.root.data(), std::strerror(errno));
    return false;
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  const void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  if (mapped == MAP_FAILED) {
    std::fprintf(stderr, "vari: %s: not an archive\n", options_.root.data());
    return false;
  }
  root_ = {static_cast<const u8*>(mapped), bytes};
  return true;
}

bool HostedMachine::open_folder() {
  auto made = hosted::HostFolder::create(options_.root.data());
  if (!made) {
    std::fprintf(stderr, "vari: %s: can't be opened as a folder: %s\n", options_.root.data(),
                 std::strerror(errno));
    return false;
  }
  folder_ = std::move(*made);
  return true;
}

Result<> HostedMachine::start_streams() {
  pthread_t thread;
  if (::pthread_create(&thread, nullptr, &await_signals, this) != 0)
    return std::unexpected(Error::OutOfMemory);
  ::pthread_detach(thread);
  return options_.command ? input_->start() : terminal_->start();
}

void* HostedMachine::await_signals(void* argument) {
  auto& machine = *static_cast<HostedMachine*>(argument);
  for (;;) {
    int signal = 0;
    if (::sigwait(&machine.taken_, &signal) != 0) continue;
    // The host wants our end, whatever our threads are at.
    if (signal == SIGTERM || signal == SIGHUP) machine.end(128 + signal);
    __atomic_fetch_or(&machine.signals_, u64{1} << signal, __ATOMIC_SEQ_CST);
    machine.place_.events().raise(machine.signalled_);
  }
}

void HostedMachine::attend() {
  for (;;) {
    signalled_.wait();
    const u64 signals = __atomic_exchange_n(&signals_, 0, __ATOMIC_SEQ_CST);
    for (int signal = 1; signal < 64; ++signal)
      if (signals >> signal & 1) on_host_signal(signal);
  }
}

void HostedMachine::on_host_signal(int signal) {
  if (signal == SIGWINCH) {
    if (!options_.command) terminal_->note_resize();
    return;
  }
  // The first program leads the process group of its own number.
  linux::signal_group(*personality_, linux::kFirstProgramId,
                      linux::SignalInfo::from_kernel(static_cast<u8>(signal)));
}

void HostedMachine::end(int status) {
  if (!options_.command) terminal_->restore();
  ::_exit(status);
}

void HostedMachine::fail(std::string_view why) {
  if (!options_.command) terminal_->restore();
  std::fprintf(stderr, "vari: %.*s\n", static_cast<int>(why.size()), why.data());
  ::_exit(kFailed);
}

void HostedMachine::power(Place::PowerAction) {
  end(status_);
}

}  // namespace vari::kernels
