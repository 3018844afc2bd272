// Inodes of a served folder: each call is the folder's, attributes are what it says at that moment.
#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/folder_file.h"
#include "personalities/linux/filesystems/folder_fs.h"

namespace vari::linux {

namespace {

constexpr FileKind kind_of(FolderKind kind) {
  switch (kind) {
    case FolderKind::File: return FileKind::Regular;
    case FolderKind::Directory: return FileKind::Directory;
    case FolderKind::SymbolicLink: return FileKind::SymbolicLink;
    case FolderKind::CharacterDevice: return FileKind::Character;
    case FolderKind::BlockDevice: return FileKind::Block;
    case FolderKind::Fifo: return FileKind::Fifo;
    case FolderKind::Socket: return FileKind::Socket;
  }
  return FileKind::Regular;
}

constexpr FolderKind kind_of(FileKind kind) {
  switch (kind) {
    case FileKind::Regular: return FolderKind::File;
    case FileKind::Directory: return FolderKind::Directory;
    case FileKind::SymbolicLink: return FolderKind::SymbolicLink;
    case FileKind::Character: return FolderKind::CharacterDevice;
    case FileKind::Block: return FolderKind::BlockDevice;
    case FileKind::Fifo: return FolderKind::Fifo;
    case FileKind::Socket: return FolderKind::Socket;
  }
  return FolderKind::File;
}

Attributes attributes_of(const FolderAttributes& from) {
  return {.mode = static_cast<u32>(kind_of(from.kind)) | (from.mode & kModeMask),
          .user = from.user,
          .group = from.group,
          .links = from.links,
          .size = from.size,
          .blocks = from.blocks,
          .device = make_device(from.device_major, from.device_minor),
          .accessed_ns = from.accessed_ns,
          .modified_ns = from.modified_ns,
          .changed_ns = from.changed_ns,
          .born_ns = from.changed_ns};
}

FolderNode& node_of(Inode& inode) {
  return static_cast<FolderInode&>(inode).node();
}

}  // namespace

FolderInode::FolderInode(FolderFileSystem& file_system, const FolderEntry& entry)
    : Inode(file_system, entry.attributes.number, attributes_of(entry.attributes)), node_(entry.node) {
  set_attributes(attributes_of(entry.attributes));
}

FolderFileSystem& FolderInode::folder() const {
  return static_cast<FolderFileSystem&>(file_system());
}

void FolderInode::note(const FolderAttributes& attributes) {
  set_attributes(attributes_of(attributes));
}

void FolderInode::note_own_change() {
  if (contents_) contents_->note_own_change();
}

// A folder that does not answer leaves what is known of the file.
Attributes FolderInode::attributes() {
  if (contents_) {
    if (const auto now = contents_->revalidate()) note(*now);
  } else if (const auto now = node_->attributes()) {
    note(*now);
  }
  return Inode::attributes();
}

LinuxResult<> FolderInode::change_attributes(const AttributeChange& change) {
  FolderChange wanted{.mode = change.mode,
                      .user = change.user,
                      .group = change.group,
                      .accessed_ns = change.accessed_ns,
                      .modified_ns = change.modified_ns};
  note_own_change();
  TRY(node_->change(wanted));
  note(TRY(node_->attributes()));
  return {};
}

LinuxResult<> FolderInode::truncate(Task&, u64 size) {
  if (!contents_) return std::unexpected(Errno::Invalid);
  return contents_->truncate(size);
}

LinuxResult<u64> FolderInode::read_link(Task&, std::span<char> to) {
  if (!is(FileKind::SymbolicLink)) return std::unexpected(Errno::Invalid);
  return TRY(node_->read_link(to));
}

LinuxResult<Ref<FolderInode>> FolderInode::find(std::string_view name) {
  return folder().inode_of(TRY(node_->look_up(name)));
}

LinuxResult<Ref<Inode>> FolderInode::look_up(Task&, std::string_view name) {
  return TRY(find(name));
}

// The folder may make it in the name of whoever serves it. Where it can't be given away, that stays so.
LinuxResult<> FolderInode::give_to(const NewInode& description, const FolderAttributes& made) {
  if (made.user == description.user && made.group == description.group) return {};
  if (!node_->change({.user = description.user, .group = description.group})) return {};
  // A change of owner clears these.
  if (description.mode & (kSetUser | kSetGroup)) (void)node_->change({.mode = description.mode});
  note_own_change();
  note(TRY(node_->attributes()));
  return {};
}

LinuxResult<Ref<Inode>> FolderInode::create(std::string_view name, const NewInode& description) {
  const FolderCreation creation{.kind = kind_of(description.kind),
                                .mode = description.mode & kModeMask,
                                .device_major = device_major(description.device),
                                .device_minor = device_minor(description.device),
                                .link_target = description.link_target};
  auto entry = TRY(node_->create(name, creation));
  auto inode = folder().inode_of(entry);
  if (!inode) {
    (void)node_->unlink(name, description.kind == FileKind::Directory);
    return std::unexpected(inode.error());
  }
  if (entry.handle && (*inode)->contents_) (*inode)->contents_->adopt(std::move(entry.handle));
  (void)(*inode)->give_to(description, entry.attributes);
  return *inode;
}

LinuxResult<> FolderInode::link(std::string_view name, Inode& existing) {
  static_cast<FolderInode&>(existing).note_own_change();
  return TRY(node_->link(name, node_of(existing))), LinuxResult<>();
}

LinuxResult<> FolderInode::remove(std::string_view name, Inode& child) {
  static_cast<FolderInode&>(child).note_own_change();
  return TRY(node_->unlink(name, child.is(FileKind::Directory))), LinuxResult<>();
}

LinuxResult<> FolderInode::rename(const Renaming& renaming) {
  static_cast<FolderInode&>(renaming.child).note_own_change();
  if (renaming.replaced) static_cast<FolderInode&>(*renaming.replaced).note_own_change();
  const auto how = renaming.exchange ? FolderNode::Rename::Exchange : FolderNode::Rename::Replace;
  return TRY(node_->rename(renaming.name, node_of(renaming.to), renaming.to_name, how)), LinuxResult<>();
}

LinuxResult<Ref<File>> FolderInode::open(const OpenRequest& request) {
  if (is(FileKind::Directory)) return FolderDirectoryFile::create(request, *node_);
  if (contents_) return FolderFile::create(request, *contents_);
  return Inode::open(request);
}

}  // namespace vari::linux
