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
  if (has(flags_, WalkFlags::InRoot) || has(flags_, WalkFlags::Beneath)) {
    root_ = start.directory ? start.directory : context.current_directory();
  } else {
    root_ = context.root();
  }
  if (absolute) {
    here_ = root_;
  } else {
    here_ = start.directory ? start.directory : context.current_directory();
  }
  rest_ = path;
  if (path.empty()) at_object_ = true;
  return {};
}

LinuxResult<> Walker::check_searchable() {
  Inode& inode = here_.inode();
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
      if (at_object_ && trailing_slash_ && !here_.inode().is(FileKind::Directory))
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
      here_ = TRY(up());
      continue;
    }
    auto child = TRY(look_up(name));
    if (child.inode().is(FileKind::SymbolicLink)) {
      TRY(follow(child));
    } else {
      here_ = std::move(child);
    }
  }
}

LinuxResult<Path> Walker::look_up(std::string_view name) {
  Path found(here_.mount, TRY(look_up_name(task_, *here_.dentry, name)));
  if (!found.dentry->is_mount_point()) return found;
  auto crossed = task_.personality().vfs().mounts().cross_down(found);
  if (has(flags_, WalkFlags::NoCrossMount) && !(crossed == found)) return std::unexpected(Errno::CrossDevice);
  return crossed;
}

LinuxResult<> Walker::follow(const Path& link) {
  if (++links_ > kMaximumLinks || has(flags_, WalkFlags::NoSymlinks)) return std::unexpected(Errno::Loop);
  Inode& inode = link.inode();
  if (inode.is_magic_link()) {
    if (has(flags_, WalkFlags::NoMagicLinks)) return std::unexpected(Errno::Loop);
    if (has(flags_, WalkFlags::Beneath) || has(flags_, WalkFlags::InRoot))
      return std::unexpected(Errno::CrossDevice);
    here_ = TRY(inode.follow_magic_link(task_));
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
    here_ = root_;
  }
  return {};
}

LinuxResult<Path> Walker::up() {
  Path path = here_;
  if (path == root_) {
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
  return here_;
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
    auto child = TRY(look_up(last_));
    if (child.inode().is(FileKind::SymbolicLink) && (trailing_slash_ || !has(flags_, WalkFlags::NoFollow))) {
      TRY(follow(child));
      continue;
    }
    if ((trailing_slash_ || has(flags_, WalkFlags::Directory)) && !child.inode().is(FileKind::Directory))
      return std::unexpected(Errno::NotDirectory);
    return child;
  }
}

}  // namespace vari::linux
