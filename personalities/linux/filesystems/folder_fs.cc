// The file system of a served folder: its table of inodes. See folder_fs.h; the inodes are in
// folder_inode.cc.
#include "personalities/linux/filesystems/folder_fs.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

FolderFileSystem::FolderFileSystem(Vfs& vfs, Folder& folder)
    : FileSystem(vfs), folder_(folder), kept_nodes_(folder.kept_nodes()) {}

FolderFileSystem::~FolderFileSystem() = default;

LinuxResult<Ref<Dentry>> FolderFileSystem::create(Vfs& vfs, Folder& folder) {
  auto file_system = TRY(runtime::make<FolderFileSystem>(vfs, folder));
  const auto entry = TRY(folder.root());
  if (entry.attributes.kind != FolderKind::Directory) return std::unexpected(Errno::NotDirectory);
  auto root = TRY(file_system->inode_of(entry));
  auto dentry = Dentry::create_root(std::move(root), "/");
  if (!dentry) file_system->on_last_unmount();
  return dentry;
}

FileSystemStatistics FolderFileSystem::statistics() {
  const auto asked = folder_.statistics();
  const auto statistics = asked ? *asked : FolderStatistics();
  return {.magic = statistics.magic,
          .block_bytes = statistics.block_bytes,
          .blocks = statistics.blocks,
          .free_blocks = statistics.free_blocks,
          .files = statistics.files,
          .free_files = statistics.free_files,
          .memory_pages = __atomic_load_n(&pages_, __ATOMIC_RELAXED)};
}

Ref<FolderInode> FolderFileSystem::find_locked(const FolderNode* node) {
  const auto found = table_.find(node);
  if (found == table_.end()) return {};
  ages_.splice(ages_.end(), ages_, ages_.iterator_to(*found));
  return Ref<FolderInode>(*found);
}

// An inode that only the table holds is found by nobody else while the table is locked.
Ref<FolderInode> FolderFileSystem::take_unused_locked() {
  constexpr int kTries = 8;
  auto at = ages_.begin();
  for (int tries = 0; tries < kTries && at != ages_.end(); ++tries, ++at) {
    auto& inode = *at;
    if (inode.references() != 1 || (inode.contents_ && !inode.contents_->is_idle())) continue;
    ages_.erase(at);
    table_.erase(table_.iterator_to(inode));
    return Ref<FolderInode>::adopt(&inode);
  }
  return {};
}

LinuxResult<Ref<FolderInode>> FolderFileSystem::inode_of(const FolderEntry& entry) {
  {
    Ref<FolderInode> found;
    {
      Guard<SpinLock> guard(lock_);
      found = find_locked(entry.node.get());
    }
    if (found) {
      found->note(entry.attributes);
      return found;
    }
  }
  auto made = TRY(runtime::make<FolderInode>(*this, entry));
  if (entry.attributes.kind == FolderKind::File)
    made->contents_ = TRY(runtime::make<FolderContents>(*this, entry.node, entry.attributes));
  Ref<FolderInode> faster, unused;
  {
    Guard<SpinLock> guard(lock_);
    faster = find_locked(entry.node.get());
    if (!faster) {
      table_.insert(*made);
      ages_.push_back(*made);
      made->acquire();
      if (ages_.size() > kept_nodes_) unused = take_unused_locked();
    }
  }
  return faster ? faster : made;
}

Ref<FolderInode> FolderFileSystem::rotate() {
  Guard<SpinLock> guard(lock_);
  if (ages_.empty()) return {};
  ages_.splice(ages_.end(), ages_, ages_.begin());
  return Ref<FolderInode>(ages_.back());
}

u64 FolderFileSystem::count() {
  Guard<SpinLock> guard(lock_);
  return ages_.size();
}

u64 FolderFileSystem::reclaim(u64 pages) {
  u64 done = 0;
  if (__atomic_load_n(&pages_, __ATOMIC_RELAXED) == 0) return 0;
  for (u64 left = count(); left != 0 && done < pages; --left) {
    const auto inode = rotate();
    if (!inode) break;
    if (inode->contents_) done += inode->contents_->reclaim();
  }
  return done;
}

bool FolderFileSystem::make_room() {
  constexpr u64 kBatch = 256;
  const auto is_short = [this] {
    const auto statistics = vfs().place().memory_statistics();
    return statistics.free_bytes < statistics.total_bytes / 16;
  };
  return !is_short() || (vfs().reclaim(kBatch) != 0 && !is_short());
}

LinuxResult<> FolderFileSystem::synchronise() {
  LinuxResult<> result;
  for (u64 left = count(); left != 0; --left) {
    const auto inode = rotate();
    if (!inode || !inode->contents_ || inode->contents_->is_clean()) continue;
    const auto done = inode->contents_->synchronise(false);
    if (result && !done) result = done;
  }
  return result;
}

void FolderFileSystem::on_last_unmount() {
  for (;;) {
    Ref<FolderInode> taken;
    Guard<SpinLock> guard(lock_);
    if (ages_.empty()) return;
    auto& inode = ages_.front();
    ages_.pop_front();
    table_.erase(table_.iterator_to(inode));
    taken = Ref<FolderInode>::adopt(&inode);
  }
}

}  // namespace vari::linux
