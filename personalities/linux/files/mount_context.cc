// See mount_context.h and Linux's fs_context: the phases, and which call may come in which.
#include "personalities/linux/files/mount_context.h"

#include <algorithm>
#include <utility>

#include "personalities/linux/files/vfs.h"

namespace vari::linux {

using runtime::Guard;

MountContext::MountContext(Ref<Inode> inode, Vfs& vfs, const FileSystemType& type, Ref<Dentry> root)
    : AnonymousFile(std::move(inode), kReadWrite),
      vfs_(vfs),
      type_(type),
      phase_(root ? Phase::Reconfiguring : Phase::Parameters),
      root_(std::move(root)) {}

// What was made and never mounted: its names hold each other, so somebody must end them.
MountContext::~MountContext() {
  Guard guard(mutex_);
  if (phase_ == Phase::Made && root_->inode().file_system().ends_with_last_mount()) Dentry::tear_down(*root_);
}

LinuxResult<Ref<MountContext>> MountContext::create(Task& task, const FileSystemType& type) {
  auto inode = TRY(make_anonymous_inode(task, FileKind::Regular));
  auto& vfs = inode->file_system().vfs();
  return TRY(runtime::make<MountContext>(std::move(inode), vfs, type, nullptr));
}

LinuxResult<Ref<MountContext>> MountContext::pick(Task& task, const FileSystemType& type,
                                                  const Path& mounted) {
  auto inode = TRY(make_anonymous_inode(task, FileKind::Regular));
  auto& vfs = inode->file_system().vfs();
  return TRY(runtime::make<MountContext>(std::move(inode), vfs, type, Ref<Dentry>(mounted.dentry)));
}

LinuxResult<> MountContext::refuse(std::string_view what, std::string_view name) {
  if (message_count_ == messages_.size()) {
    ++first_message_;
    --message_count_;
  }
  auto& message = messages_[(first_message_ + message_count_++) % messages_.size()];
  message = Message();
  message.add("e ").add(type_.name).add(": ").add(what).add(" '").add(name).add("'");
  return std::unexpected(Errno::Invalid);
}

LinuxResult<> MountContext::fail(Errno error) {
  phase_ = Phase::Failed;
  return std::unexpected(error);
}

bool MountContext::takes_parameters() {
  // What has been mounted can be changed, as if it had been picked.
  if (phase_ == Phase::Mounted) phase_ = Phase::Reconfiguring;
  return phase_ == Phase::Parameters || phase_ == Phase::Reconfiguring;
}

bool MountContext::set_common(std::string_view name) {
  static constexpr std::string_view kNone[] = {"async",      "dirsync", "lazytime", "mand",
                                               "nolazytime", "nomand",  "sync"};
  if (name == "ro" || name == "rw") {
    read_only_ = name == "ro";
    return true;
  }
  return std::ranges::find(kNone, name) != std::end(kNone);
}

LinuxResult<> MountContext::set_source(const Parameter& parameter) {
  if (parameter.kind != Parameter::Kind::Text) return refuse("Not a text:", parameter.name);
  if (!source_.text().empty()) return refuse("A second", parameter.name);
  source_.add(parameter.value);
  return {};
}

LinuxResult<> MountContext::add_option(const Parameter& parameter) {
  TextBuffer<2 * kMaximumText> option;
  option.add(parameter.name);
  if (parameter.kind == Parameter::Kind::Text) option.add("=").add(parameter.value);
  const auto text = option.text();
  const bool known = parameter.kind != Parameter::Kind::Other && !parameter.name.empty() &&
                     text.find(',') == text.npos && type_.check_option && type_.check_option(text);
  if (!known) return refuse("Unknown parameter or bad value", parameter.name);
  if (options_.text().size() + 1 + text.size() > kMaximumOptions)
    return refuse("No room for", parameter.name);
  if (!options_.text().empty()) options_.add(",");
  options_.add(text);
  return {};
}

LinuxResult<> MountContext::set(const Parameter& parameter) {
  Guard guard(mutex_);
  if (!takes_parameters()) return std::unexpected(Errno::Busy);
  if (set_common(parameter.name)) return {};
  if (parameter.name == "source") return set_source(parameter);
  return add_option(parameter);
}

LinuxResult<> MountContext::make_file_system() {
  Guard guard(mutex_);
  if (phase_ != Phase::Parameters) return std::unexpected(Errno::Busy);
  auto made = type_.mount(vfs_, options_.text());
  if (!made) return fail(made.error());
  root_ = std::move(*made);
  auto& file_system = root_->inode().file_system();
  if (read_only_ && file_system.ends_with_last_mount()) file_system.set_read_only(*read_only_);
  phase_ = Phase::Made;
  return {};
}

LinuxResult<> MountContext::reconfigure() {
  Guard guard(mutex_);
  if (!takes_parameters() || phase_ != Phase::Reconfiguring) return std::unexpected(Errno::Busy);
  auto& file_system = root_->inode().file_system();
  if (const auto done = file_system.reconfigure(options_.text()); !done) return fail(done.error());
  if (read_only_ && file_system.ends_with_last_mount()) {
    if (const auto done = vfs_.mounts().set_read_only(file_system, *read_only_); !done)
      return fail(done.error());
  }
  options_ = {};
  read_only_ = {};
  phase_ = Phase::Mounted;
  return {};
}

LinuxResult<Ref<Mount>> MountContext::mount(u32 flags) {
  Guard guard(mutex_);
  if (!root_) return std::unexpected(Errno::Invalid);
  if (phase_ != Phase::Made) return std::unexpected(Errno::Busy);
  const auto source = source_.text();
  // Ended by its mount, or by make_detached() where it fails.
  phase_ = Phase::Mounted;
  auto mount = vfs_.mounts().make_detached(root_, flags, source.empty() ? "none" : source);
  options_ = {};
  read_only_ = {};
  source_ = {};
  return mount;
}

LinuxResult<u64> MountContext::read(Task&, Transfer& to) {
  Message message;
  {
    Guard guard(mutex_);
    if (message_count_ == 0) return std::unexpected(Errno::NoData);
    message = messages_[first_message_ % messages_.size()];
    if (message.text().size() > to.remaining()) return std::unexpected(Errno::MessageTooLong);
    ++first_message_;
    --message_count_;
  }
  return to.put_text(message.text());
}

}  // namespace vari::linux
