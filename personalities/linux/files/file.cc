// The end of an open file description.
#include "personalities/linux/files/file.h"

#include "personalities/linux/files/epoll.h"
#include "personalities/linux/files/file_locks.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

File::~File() = default;

void File::on_last_release() {
  // Order: whoever takes the last item out stores null with release after having left the file's queues.
  if (__atomic_load_n(&epoll_items_, __ATOMIC_ACQUIRE)) Epoll::forget(*this);
  if (const Path* where = path(); where && !(flags() & kPath))
    inode().file_system().vfs().personality().watches().note(
        where, can_write() ? watch_event::kCloseWrite : watch_event::kCloseNoWrite);
  FileLocks::release_file(*this);
  if (writing_) inode().end_writing(writing_);
  if (const Path* place = writing_ > 0 ? path() : nullptr; place && place->mount)
    place->mount->change_writers(-1);
  delete this;
}

}  // namespace vari::linux
