// The engine under path_walk.h and tree_operations.h: goes along a path, following symbolic links, and
// stops before the last component, where callers differ.
//
// References move along with the walk: a step takes one, to the child, and gives the parent's back; the
// mount's is touched only where the walk leaves it, and a walk from the root borrows the root's. For the
// counts of "/" and of its mount are every core's.
#pragma once

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/path_walk.h"

namespace vari::linux {

class Walker {
 public:
  static constexpr unsigned kMaximumLinks = 40;
  static constexpr std::size_t kMaximumPath = 4096;  // with the zero

  Walker(Task& task, WalkFlags flags) : task_(task), flags_(flags) {}
  ~Walker();
  Walker(const Walker&) = delete;

  /// `path` must outlive the walker.
  LinuxResult<> start(const WalkStart& start, std::string_view path);
  /// Goes on to the last component. Afterwards here() is the directory that it stands in.
  LinuxResult<ParentWalk::Last> to_last();
  const Path& here();
  std::string_view last() const { return last_; }
  bool trailing_slash() const { return trailing_slash_; }

  /// The child `name` of here(), with what is mounted on it. NoEntry.
  LinuxResult<Path> look_up(std::string_view name);
  /// Replaces the last component, the symbolic link `inode` in here(), by what it says. If it led to an
  /// object at once (a magic link), true: here() is that object, and to_last() gives Last::Object.
  LinuxResult<> follow(Inode& inode);
  /// ".." of here().
  LinuxResult<Path> up();
  /// To the end: `flags` decide about a symbolic link there.
  LinuxResult<Path> finish();
  /// The object of the last component when it is not a name.
  LinuxResult<Path> special(ParentWalk::Last last);

 private:
  /// A child of here(): in the same mount where `mount` is null.
  struct Step {
    Ref<Mount> mount;
    Ref<Dentry> dentry;
  };
  LinuxResult<> check_searchable();
  LinuxResult<Step> step(std::string_view name);
  void enter(Step step);
  const Path& root();
  void jump(Path to);
  void jump_to_root();
  Dentry& directory() const { return here_.dentry ? *here_.dentry : *root_.dentry; }
  Ref<Mount>& mount() { return below_root_ && !here_.mount ? root_.mount : here_.mount; }

  Task& task_;
  const WalkFlags flags_;
  Path root_;  // empty until it is asked for
  Path here_;  // with below_root_: what is empty of it is as in root_
  bool below_root_ = false;
  std::string_view rest_, last_;
  bool trailing_slash_ = false;
  bool at_object_ = false;  // a magic link led here: may be no directory
  unsigned links_ = 0;
  char* owned_ = nullptr;  // what rest_ and last_ point into once a link was followed
  std::size_t owned_bytes_ = 0;
};

}  // namespace vari::linux
