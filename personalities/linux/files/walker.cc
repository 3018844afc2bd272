// See walker.h. The rules are path_resolution(7)'s and openat2(2)'s.
#include "personalities/linux/files/walker.h"

#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/name_lookup.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

Walker::~Walker() {
  if (owned_) runtime::free(owned_, owned_bytes_);
}

LinuxResult<> Walker::start(const WalkStart& start, std::string_view path) {
  if (path.empty() && !has(flags_, WalkFlags::EmptyPath)) return std::unexpected(Errno::NoEntry);
  if (path.size() >= kMaximumPath) return std::unexpected(Errno::NameTooLong);
  const bool absolute = !path.empty() && path[0] == '/';
  if (absolute && has(flags_, WalkFlags::Beneath)) return std::unexpected(Errno::CrossDevice);
  auto& context = task_.file_system();
  const bool confined = has(flags_, WalkFlags::InRoot) || has(flags_, WalkFlags::Beneath);
  if (absolute && !confined) {
    jump_to_root();
  } else {
    here_ = start.directory ? start.directory : context.current_directory();
    if (confined) root_ = here_;
  }
  rest_ = path;
  if (path.empty()) at_object_ = true;
  return {};
}

/// Few relative walks need it: those that go up, or meet an absolute link.
const Path& Walker::root() {
  if (!root_) root_ = task_.file_system().root();
  return root_;
}

void Walker::jump(Path to) {
  here_ = std::move(to);
  below_root_ = false;
}

void Walker::jump_to_root() {
  root();
  here_ = {};
  below_root_ = true;
}

const Path& Walker::here() {
  if (!here_.dentry) here_.dentry = root_.dentry;
  if (below_root_ && !here_.mount) here_.mount = root_.mount;
  below_root_ = false;
  return here_;
}

LinuxResult<> Walker::check_searchable() {
  Inode& inode = directory().inode();
  if (!inode.is(FileKind::Directory)) return std::unexpected(Errno::NotDirectory);
  return check_permission(task_.identity(), inode, kMayExecute);
}

LinuxResult<ParentWalk::Last> Walker::to_last() {
  for (;;) {
    while (!rest_.empty() && rest_[0] == '/') {
      rest_.remove_prefix(1);
      trailing_slash_ = true;
    }
    if (rest_.empty()) {
      if (at_object_ && trailing_slash_ && !directory().inode().is(FileKind::Directory))
        return std::unexpected(Errno::NotDirectory);
      return ParentWalk::Last::Root;
    }
    TRY(check_searchable());
    at_object_ = false;
    const auto name = rest_.substr(0, rest_.find('/'));
    if (name.size() > Dentry::kMaximumName) return std::unexpected(Errno::NameTooLong);
    rest_.remove_prefix(name.size());
    const auto behind = rest_.find_first_not_of('/');
    if (behind == std::string_view::npos) {
      trailing_slash_ = !rest_.empty();
      // Kept in rest_: follow() puts it behind the link's target.
      last_ = name;
      if (name == ".") return ParentWalk::Last::Dot;
      if (name == "..") return ParentWalk::Last::DotDot;
      return ParentWalk::Last::Name;
    }
    if (name == ".") continue;
    if (name == "..") {
      jump(TRY(up()));
      continue;
    }
    auto child = TRY(step(name));
    if (child.dentry->inode().is(FileKind::SymbolicLink)) {
      TRY(follow(child.dentry->inode()));
    } else {
      enter(std::move(child));
    }
  }
}

LinuxResult<Walker::Step> Walker::step(std::string_view name) {
  auto child = TRY(look_up_name(task_, directory(), name));
  if (!child->is_mount_point()) [[likely]]
    return Step{{}, std::move(child)};
  const Path found(mount(), std::move(child));
  auto crossed = task_.personality().vfs().mounts().cross_down(found);
  if (has(flags_, WalkFlags::NoCrossMount) && !(crossed == found)) return std::unexpected(Errno::CrossDevice);
  return Step{std::move(crossed.mount), std::move(crossed.dentry)};
}

void Walker::enter(Step step) {
  if (step.mount) std::swap(here_.mount, step.mount);
  std::swap(here_.dentry, step.dentry);
}

LinuxResult<Path> Walker::look_up(std::string_view name) {
  auto child = TRY(step(name));
  return Path(child.mount ? std::move(child.mount) : mount(), std::move(child.dentry));
}

LinuxResult<> Walker::follow(Inode& inode) {
  if (++links_ > kMaximumLinks || has(flags_, WalkFlags::NoSymlinks)) return std::unexpected(Errno::Loop);
  if (mount() && (mount()->flags() & Mount::kNoLinkFollow)) return std::unexpected(Errno::Loop);
  if (inode.is_magic_link()) {
    if (has(flags_, WalkFlags::NoMagicLinks)) return std::unexpected(Errno::Loop);
    if (has(flags_, WalkFlags::Beneath) || has(flags_, WalkFlags::InRoot))
      return std::unexpected(Errno::CrossDevice);
    jump(TRY(inode.follow_magic_link(task_)));
    at_object_ = true;
    return {};
  }
  // The target and what is left of the path become one new text.
  const std::size_t bytes = kMaximumPath + rest_.size();
  auto* text = static_cast<char*>(runtime::allocate(bytes));
  if (!text) return std::unexpected(Errno::NoMemory);
  const auto length = inode.read_link(task_, {text, kMaximumPath - 1});
  if (!length || *length == 0) {
    runtime::free(text, bytes);
    return std::unexpected(length ? Errno::NoEntry : length.error());
  }
  __builtin_memcpy(text + *length, rest_.data(), rest_.size());
  rest_ = {text, *length + rest_.size()};
  if (owned_) runtime::free(owned_, owned_bytes_);
  owned_ = text;
  owned_bytes_ = bytes;
  if (rest_[0] == '/') {
    if (has(flags_, WalkFlags::Beneath)) return std::unexpected(Errno::CrossDevice);
    jump_to_root();
  }
  return {};
}

LinuxResult<Path> Walker::up() {
  Path path = here();
  if (path == root()) {
    if (has(flags_, WalkFlags::Beneath)) return std::unexpected(Errno::CrossDevice);
    return path;
  }
  auto& mounts = task_.personality().vfs().mounts();
  while (path.mount && path.dentry.get() == &path.mount->root()) {
    auto below = mounts.cross_up(path);
    if (!below) return path;
    if (has(flags_, WalkFlags::NoCrossMount)) return std::unexpected(Errno::CrossDevice);
    path = std::move(below);
    if (path == root_) return path;
  }
  path.dentry = path.dentry->parent();
  return path.dentry->is_mount_point() ? mounts.cross_down(std::move(path)) : path;
}

LinuxResult<Path> Walker::special(ParentWalk::Last last) {
  if (last == ParentWalk::Last::DotDot) return up();
  return here();
}

LinuxResult<Path> Walker::finish() {
  for (;;) {
    const auto last = TRY(to_last());
    if (last != ParentWalk::Last::Name) {
      auto path = TRY(special(last));
      if (has(flags_, WalkFlags::Directory) && !path.inode().is(FileKind::Directory))
        return std::unexpected(Errno::NotDirectory);
      return path;
    }
    auto child = TRY(step(last_));
    Inode& inode = child.dentry->inode();
    if (inode.is(FileKind::SymbolicLink) && (trailing_slash_ || !has(flags_, WalkFlags::NoFollow))) {
      TRY(follow(inode));
      continue;
    }
    if ((trailing_slash_ || has(flags_, WalkFlags::Directory)) && !inode.is(FileKind::Directory))
      return std::unexpected(Errno::NotDirectory);
    auto& in = child.mount ? child.mount : mount();
    return Path(std::move(in), std::move(child.dentry));
  }
}

}  // namespace vari::linux
