// Putting the personality together; see personality.h.
#include "personalities/linux/personality.h"

#include <algorithm>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/signal_file.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/ipc/system_v.h"
#include "personalities/linux/process/init.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/sockets/unix_family.h"
#include "personalities/linux/terminal/pty.h"
#include "personalities/linux/terminal/terminals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

LinuxResult<> unpack(Vfs& vfs, const PersonalityParts& parts) {
  if (parts.root_archive.empty() || parts.root_file_system) return {};
  for (const auto* reader : parts.archives) {
    if (reader->recognises(parts.root_archive)) return vfs.unpack_root(parts.root_archive, *reader);
  }
  parts.place.log("the root archive is of no known kind");
  return std::unexpected(Errno::Invalid);
}

template <std::size_t kBytes>
void set_text(char (&to)[kBytes], std::string_view text) {
  const auto length = std::min(text.size(), kBytes - 1);
  __builtin_memcpy(to, text.data(), length);
  to[length] = 0;
}

}  // namespace

LinuxResult<runtime::Owner<Personality>> Personality::create(const PersonalityParts& parts) {
  runtime::Owner<Personality> made(new (runtime::kFallible) Personality(parts));
  if (!made) return std::unexpected(Errno::NoMemory);
  made->sockets_ = new (runtime::kFallible) Sockets(parts.place);
  made->watches_ = new (runtime::kFallible) FileWatches;
  made->signal_arrivals_ = new (runtime::kFallible) SignalArrivals;
  made->vfs_ = new (runtime::kFallible) Vfs(*made, parts.place, made->frames_);
  made->terminals_ = new (runtime::kFallible) Terminals(*made);
  made->system_v_ = new (runtime::kFallible) ipc::SystemV;
  if (!made->watches_ || !made->signal_arrivals_ || !made->sockets_ || !made->vfs_ || !made->terminals_ ||
      !made->system_v_)
    return std::unexpected(Errno::NoMemory);
  TRY(made->vdso_.start());
  TRY(made->vfs_->start(parts.root_file_system));
  TRY(unpack(*made->vfs_, parts));
  TRY(made->vfs_->mount_standard());
  TRY(made->terminals_->start(parts.consoles));
  TRY(made->timers_.start());
  return made;
}

Personality::~Personality() {
  delete first_;
  delete system_v_;
  delete terminals_;
  delete vfs_;
  delete sockets_;
  delete signal_arrivals_;
  delete watches_;
}

LinuxResult<> Personality::start(const FirstProgram& program, FirstExitObserver& observer) {
  if (first_ || program.path.size() >= ProgramImage::kMaximumPath) return std::unexpected(Errno::Invalid);
  runtime::Owner<FirstStart> first(new (runtime::kFallible) FirstStart(program, observer, place()));
  if (!first || !first->image) return std::unexpected(Errno::NoMemory);
  auto& image = *first->image;
  __builtin_memcpy(image.path, program.path.data(), program.path.size());
  image.path_length = static_cast<u32>(program.path.size());
  image.path[image.path_length] = 0;
  for (const auto text : program.arguments) TRY(image.arguments.add(text));
  for (const auto text : program.environment) TRY(image.environment.add(text));
  first_ = first.leak();
  return TaskInternals::start_init(*this);
}

void Personality::stop() {
  TaskInternals::stop_init(*this);
  timers_.stop();
}

void Personality::copy_host_name(char (&to)[65]) {
  Guard<SpinLock> guard(names_lock_);
  __builtin_memcpy(to, host_name_, sizeof to);
}
void Personality::set_host_name(std::string_view name) {
  Guard<SpinLock> guard(names_lock_);
  set_text(host_name_, name);
}
void Personality::copy_domain_name(char (&to)[65]) {
  Guard<SpinLock> guard(names_lock_);
  __builtin_memcpy(to, domain_name_, sizeof to);
}
void Personality::set_domain_name(std::string_view name) {
  Guard<SpinLock> guard(names_lock_);
  set_text(domain_name_, name);
}

}  // namespace vari::linux
