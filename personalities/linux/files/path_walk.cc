// See path_walk.h: the plain walks, and paths back to text.
#include "personalities/linux/files/path_walk.h"

#include <algorithm>

#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

LinuxResult<Path> walk(Task& task, const WalkStart& start, std::string_view path, WalkFlags flags) {
  Walker walker(task, flags);
  TRY(walker.start(start, path));
  return walker.finish();
}

LinuxResult<> walk_to_parent(Task& task, const WalkStart& start, std::string_view path, WalkFlags flags,
                             ParentWalk& result) {
  Walker walker(task, flags);
  TRY(walker.start(start, path));
  result.last = TRY(walker.to_last());
  result.directory = walker.here();
  result.trailing_slash = walker.trailing_slash();
  if (result.last == ParentWalk::Last::Name) {
    result.name_length = walker.last().size();
    std::ranges::copy(walker.last(), result.name);
  }
  return {};
}

namespace {

/// Text that grows from the end of a buffer towards its beginning.
class BackwardsText {
 public:
  explicit BackwardsText(std::span<char> storage) : storage_(storage), begin_(storage.size()) {}
  void put(std::string_view text) {
    if (text.size() > begin_) {
      overflow_ = true;
      return;
    }
    begin_ -= text.size();
    std::ranges::copy(text, storage_.begin() + static_cast<std::ptrdiff_t>(begin_));
  }
  bool overflow() const { return overflow_; }
  bool empty() const { return begin_ == storage_.size(); }
  std::string_view text() const { return {storage_.data() + begin_, storage_.size() - begin_}; }

 private:
  std::span<char> storage_;
  std::size_t begin_;
  bool overflow_ = false;
};

}  // namespace

LinuxResult<std::string_view> describe_path(Task& task, const Path& path, std::span<char> to) {
  auto& vfs = task.personality().vfs();
  BackwardsText text(to);
  char name[Dentry::kMaximumName + 1];
  if (!path.mount) {
    // A memory file looks like one of a removed name.
    const bool contents = path.inode().is(FileKind::Regular);
    if (contents) text.put(" (deleted)");
    text.put({name, path.dentry->copy_name(name)});
    if (contents) text.put("/");
    if (text.overflow()) return std::unexpected(Errno::Range);
    return text.text();
  }
  const Path root = task.file_system().root();
  Path here = path;
  // Held, so that no rename moves a part of the path while it is read.
  runtime::Guard guard(vfs.rename_mutex());
  if (here.dentry->removed()) text.put(" (deleted)");
  const bool deleted = !text.empty();
  bool named = false;
  while (!(here == root)) {
    if (here.dentry.get() == &here.mount->root()) {
      auto below = vfs.mounts().cross_up(here);
      if (!below) break;
      here = std::move(below);
      continue;
    }
    text.put({name, here.dentry->copy_name(name)});
    text.put("/");
    named = true;
    here.dentry = here.dentry->parent();
  }
  if (!named) {
    text = BackwardsText(to);
    if (deleted) text.put(" (deleted)");
    text.put("/");
  }
  if (!(here == root)) text.put("(unreachable)");
  if (text.overflow()) return std::unexpected(Errno::Range);
  return text.text();
}

}  // namespace vari::linux
