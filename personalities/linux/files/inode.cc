// What all inodes share: attributes, and the opening of kinds that are the same in every file system.
#include "personalities/linux/files/inode.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/directory_file.h"
#include "personalities/linux/files/file_locks.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

Inode::Inode(FileSystem& file_system, u64 number, const Attributes& attributes)
    : file_system_(file_system), number_(number), attributes_(attributes) {
  file_system_.acquire();
  const auto now = file_system.vfs().realtime_ns();
  attributes_.accessed_ns = attributes_.modified_ns = attributes_.changed_ns = attributes_.born_ns = now;
}

Inode::~Inode() {
  FileLocks::destroy(*this);
  file_system_.release();
}

Attributes Inode::attributes() {
  runtime::Guard guard(attributes_lock_);
  return attributes_;
}

LinuxResult<> Inode::change_attributes(const AttributeChange& change) {
  const auto now = file_system_.vfs().realtime_ns();
  runtime::Guard guard(attributes_lock_);
  if (change.mode) {
    __atomic_store_n(&attributes_.mode, (attributes_.mode & kKindMask) | (*change.mode & kModeMask),
                     __ATOMIC_RELAXED);
  }
  if (change.user) __atomic_store_n(&attributes_.user, *change.user, __ATOMIC_RELAXED);
  if (change.group) __atomic_store_n(&attributes_.group, *change.group, __ATOMIC_RELAXED);
  if (change.accessed_ns) attributes_.accessed_ns = *change.accessed_ns;
  if (change.modified_ns) attributes_.modified_ns = *change.modified_ns;
  attributes_.changed_ns = now;
  return {};
}

LinuxResult<Ref<File>> Inode::open(const OpenRequest& request) {
  switch (kind()) {
    case FileKind::Directory: return DirectoryFile::create(request);
    case FileKind::Character: return file_system_.vfs().devices().open(request, device());
    case FileKind::Fifo: return Fifos::open(*this, request);
    default: return std::unexpected(Errno::NoDevice6);
  }
}

LinuxResult<u64> Inode::read_directory(Task&, Dentry& directory, u64 position, DirectorySink& sink) {
  char name[Dentry::kMaximumName + 1];
  for (;;) {
    const auto [child, at] = directory.child_at(position);
    if (!child) return position;
    const auto length = child->copy_name(name);
    const auto type = static_cast<u8>(static_cast<u32>(child->inode().kind()) >> 12);
    if (!sink.on_entry(child->inode().number(), at + 1, type, {name, length})) return position;
    position = at + 1;
  }
}

void Inode::touch(bool accessed, bool modified, bool changed) {
  const auto now = file_system_.vfs().realtime_ns();
  runtime::Guard guard(attributes_lock_);
  if (accessed) attributes_.accessed_ns = now;
  if (modified) attributes_.modified_ns = now;
  if (changed) attributes_.changed_ns = now;
}

void Inode::note_access() {
  constexpr i64 kDay = i64{24} * 3600 * kSecond;
  const auto now = file_system_.vfs().realtime_ns();
  runtime::Guard guard(attributes_lock_);
  const i64 last = attributes_.accessed_ns;
  if (last <= attributes_.modified_ns || last <= attributes_.changed_ns || now - last >= kDay)
    attributes_.accessed_ns = now;
}

void Inode::set_times(i64 modified_ns) {
  runtime::Guard guard(attributes_lock_);
  attributes_.modified_ns = attributes_.accessed_ns = modified_ns;
}

void Inode::set_attributes(const Attributes& attributes) {
  runtime::Guard guard(attributes_lock_);
  __atomic_store_n(&attributes_.mode, attributes.mode, __ATOMIC_RELAXED);
  __atomic_store_n(&attributes_.user, attributes.user, __ATOMIC_RELAXED);
  __atomic_store_n(&attributes_.group, attributes.group, __ATOMIC_RELAXED);
  __atomic_store_n(&attributes_.links, attributes.links, __ATOMIC_RELAXED);
  __atomic_store_n(&attributes_.size, attributes.size, __ATOMIC_RELAXED);
  __atomic_store_n(&attributes_.device, attributes.device, __ATOMIC_RELAXED);
  attributes_.blocks = attributes.blocks;
  attributes_.accessed_ns = attributes.accessed_ns;
  attributes_.modified_ns = attributes.modified_ns;
  attributes_.changed_ns = attributes.changed_ns;
}

void Inode::add_links(int change) {
  runtime::Guard guard(attributes_lock_);
  __atomic_store_n(&attributes_.links, attributes_.links + static_cast<u32>(change), __ATOMIC_RELAXED);
}

bool Inode::change_writers(int change) {
  i32 now = __atomic_load_n(&writers_, __ATOMIC_RELAXED);
  do {
    if (change > 0 ? now < 0 : now > 0) return false;
  } while (
      !__atomic_compare_exchange_n(&writers_, &now, now + change, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
  return true;
}

void Inode::set_size(u64 size) {
  runtime::Guard guard(attributes_lock_);
  __atomic_store_n(&attributes_.size, size, __ATOMIC_RELAXED);
}

FileSystem::FileSystem(Vfs& vfs) : vfs_(vfs), device_(make_device(0, vfs.new_device_minor())) {}

}  // namespace vari::linux
