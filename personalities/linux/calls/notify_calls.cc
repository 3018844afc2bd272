// inotify: instances and watches.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/notify_file.h"
#include "personalities/linux/files/permissions.h"

namespace vari::linux {

namespace {

LinuxResult<u64> make_instance(Task& task, u64 flags) {
  if (flags & ~u64{File::kNonBlock | File::kCloseOnExec}) return std::unexpected(Errno::Invalid);
  return TRY(task.files().add(TRY(NotifyFile::create(task, static_cast<u32>(flags))),
                              flags & File::kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<i32> add_watch(Task& task, const Arguments& a) {
  using namespace watch_event;
  const auto mask = static_cast<u32>(a.a[2]);
  if (!(mask & kAll)) return std::unexpected(Errno::Invalid);
  const auto file = TRY(task.files().get(descriptor_of(a.a[0])));
  if ((mask & kMaskAdd) && (mask & kMaskCreate)) return std::unexpected(Errno::Invalid);
  NotifyFile* instance = NotifyFile::from(*file);
  if (!instance) return std::unexpected(Errno::Invalid);
  auto walk_flags = WalkFlags::None;
  if (mask & kDontFollow) walk_flags = walk_flags | WalkFlags::NoFollow;
  if (mask & kOnlyDirectory) walk_flags = walk_flags | WalkFlags::Directory;
  const auto path = TRY(walk_user_path(task, static_cast<u64>(kCurrentDirectory), a.a[1], walk_flags));
  TRY(check_permission(task.identity(), path.inode(), kMayRead));
  return instance->watches().add(*instance, path.inode(), mask);
}

LinuxResult<> remove_watch(Task& task, const Arguments& a) {
  const auto file = TRY(task.files().get(descriptor_of(a.a[0])));
  NotifyFile* instance = NotifyFile::from(*file);
  if (!instance) return std::unexpected(Errno::Invalid);
  return instance->watches().remove(*instance, static_cast<i32>(a.a[1]));
}

}  // namespace

i64 call_inotify_init(Task& task, const Arguments&) {
  return to_return_value(make_instance(task, 0));
}
i64 call_inotify_init1(Task& task, const Arguments& a) {
  return to_return_value(make_instance(task, static_cast<u32>(a.a[0])));
}
i64 call_inotify_add_watch(Task& task, const Arguments& a) {
  return to_return_value(add_watch(task, a));
}
i64 call_inotify_rm_watch(Task& task, const Arguments& a) {
  return to_return_value(remove_watch(task, a));
}

}  // namespace vari::linux
