// tmpfs: the file system and its directories. Files' contents are in tmpfs_contents.cc.
#include "personalities/linux/filesystems/tmpfs.h"

#include <algorithm>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/extended_attributes.h"
#include "personalities/linux/files/options.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

namespace {

constexpr u64 kMagic = 0x01021994;
constexpr u64 kDirectoryEntryBytes =
    20;  // what a directory counts for each name and for "." and "..", as in Linux

u64 total_bytes(Vfs& vfs) {
  return vfs.place().memory_statistics().total_bytes;
}

}  // namespace

Tmpfs::Tmpfs(Vfs& vfs, const Options& options)
    : FileSystem(vfs),
      maximum_pages_((options.maximum_bytes ? options.maximum_bytes : total_bytes(vfs) / 2) / kPageBytes),
      maximum_inodes_(options.maximum_inodes),
      reserve_pages_(std::min<u64>(total_bytes(vfs) / 32, 16 * kMiB) / kPageBytes) {}

LinuxResult<Ref<Dentry>> Tmpfs::create(Vfs& vfs, const Options& options) {
  auto tmpfs = TRY(runtime::make<Tmpfs>(vfs, options));
  auto root = TRY(TmpfsInode::create(*tmpfs, {.kind = FileKind::Directory,
                                              .mode = options.root_mode,
                                              .user = options.root_user,
                                              .group = options.root_group}));
  return Dentry::create_root(std::move(root), "/");
}

LinuxResult<Ref<Dentry>> Tmpfs::mount(Vfs& vfs, std::string_view text) {
  Options options;
  TRY(options.parse(text, total_bytes(vfs)));
  return create(vfs, options);
}

LinuxResult<> Tmpfs::check_option(std::string_view option) {
  return Options().parse(option, kGiB);
}

LinuxResult<> Tmpfs::Options::parse(std::string_view text, u64 memory_bytes) {
  while (!text.empty()) {
    const auto option = text.substr(0, text.find(','));
    text.remove_prefix(std::min(option.size() + 1, text.size()));
    const auto equals = option.find('=');
    const auto name = option.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view() : option.substr(equals + 1);
    if (name == "size") {
      maximum_bytes = TRY(parse_size(value, memory_bytes));
    } else if (name == "nr_blocks") {
      if (__builtin_mul_overflow(TRY(parse_size(value, 0)), kPageBytes, &maximum_bytes))
        return std::unexpected(Errno::Invalid);
    } else if (name == "nr_inodes") {
      maximum_inodes = TRY(parse_size(value, 0));
    } else if (name == "mode") {
      root_mode = TRY(parse_octal(value)) & kModeMask;
    } else if (name == "uid") {
      root_user = static_cast<u32>(TRY(parse_size(value, 0)));
    } else if (name == "gid") {
      root_group = static_cast<u32>(TRY(parse_size(value, 0)));
    } else if (!name.empty() && name != "huge" && name != "inode32" && name != "inode64") {
      return std::unexpected(Errno::Invalid);  // those three change nothing here
    }
  }
  return {};
}

/// A limit below what is in use would be none: Invalid, as in Linux.
LinuxResult<> Tmpfs::reconfigure(std::string_view text) {
  Options options;
  options.maximum_bytes = maximum_pages() * kPageBytes;
  options.maximum_inodes = maximum_inodes();
  TRY(options.parse(text, total_bytes(vfs())));
  const u64 pages = options.maximum_bytes / kPageBytes;
  if (pages < __atomic_load_n(&pages_, __ATOMIC_RELAXED)) return std::unexpected(Errno::Invalid);
  if (options.maximum_inodes && options.maximum_inodes < __atomic_load_n(&inodes_, __ATOMIC_RELAXED))
    return std::unexpected(Errno::Invalid);
  __atomic_store_n(&maximum_pages_, pages, __ATOMIC_RELAXED);
  __atomic_store_n(&maximum_inodes_, options.maximum_inodes, __ATOMIC_RELAXED);
  return {};
}

LinuxResult<> Tmpfs::charge_inode() {
  const u64 now = __atomic_add_fetch(&inodes_, 1, __ATOMIC_RELAXED), most = maximum_inodes();
  if (most == 0 || now <= most) return {};
  uncharge_inode();
  return std::unexpected(Errno::NoSpace);
}

FileSystemStatistics Tmpfs::statistics() {
  const u64 used = __atomic_load_n(&pages_, __ATOMIC_RELAXED), maximum = maximum_pages();
  const u64 machine = vfs().place().memory_statistics().free_bytes / kPageBytes;
  const u64 available =
      std::min(maximum - std::min(used, maximum), machine - std::min(machine, reserve_pages_));
  const u64 inodes = __atomic_load_n(&inodes_, __ATOMIC_RELAXED);
  const u64 most = maximum_inodes();
  const u64 free_inodes = most ? most - std::min(inodes, most) : available;
  return {.magic = kMagic,
          .blocks = maximum,
          .free_blocks = available,
          .files = most ? most : inodes + available,
          .free_files = free_inodes,
          .memory_pages = used};
}

LinuxResult<> Tmpfs::charge(u64 pages) {
  const u64 now = __atomic_add_fetch(&pages_, pages, __ATOMIC_RELAXED);
  // The machine's state costs more to ask than a page to make: every 16th page does.
  const auto short_of_memory = [&] {
    return vfs().place().memory_statistics().free_bytes / kPageBytes < reserve_pages_;
  };
  const bool exhausted = now > maximum_pages() || (now % 16 < pages && short_of_memory() &&
                                                   (vfs().reclaim(64) == 0 || short_of_memory()));
  if (!exhausted) return {};
  uncharge(pages);
  return std::unexpected(Errno::NoSpace);
}

void Tmpfs::uncharge(u64 pages) {
  __atomic_fetch_sub(&pages_, pages, __ATOMIC_RELAXED);
}

TmpfsInode::TmpfsInode(Tmpfs& tmpfs, const NewInode& description)
    : Inode(tmpfs, tmpfs.new_inode_number(),
            {.mode = static_cast<u32>(description.kind) | description.mode,
             .user = description.user,
             .group = description.group,
             .links = description.kind == FileKind::Directory ? 2u : 1u,
             .size = description.kind == FileKind::Directory ? 2 * kDirectoryEntryBytes
                                                             : description.link_target.size(),
             .device = description.device}) {}

TmpfsInode::~TmpfsInode() {
  delete extended_;
  if (target_) runtime::free(target_, Inode::size());
  tmpfs().uncharge_inode();
}

Attributes TmpfsInode::attributes() {
  auto attributes = Inode::attributes();
  if (contents_) {
    attributes.size = contents_->size();
    attributes.blocks = contents_->page_count() * (kPageBytes / 512);
  }
  return attributes;
}

LinuxResult<Ref<Inode>> TmpfsInode::create(Tmpfs& tmpfs, const NewInode& description) {
  if (description.kind == FileKind::SymbolicLink && description.link_target.empty())
    return std::unexpected(Errno::NoEntry);
  TRY(tmpfs.charge_inode());
  auto made = runtime::make<TmpfsInode>(tmpfs, description);
  if (!made) {
    tmpfs.uncharge_inode();
    return std::unexpected(to_errno(made.error()));
  }
  auto inode = std::move(*made);
  if (description.kind == FileKind::Regular) inode->contents_ = TRY(runtime::make<TmpfsContents>(tmpfs));
  if (description.kind == FileKind::SymbolicLink) {
    inode->target_ = static_cast<char*>(runtime::allocate(description.link_target.size()));
    if (!inode->target_) {
      inode->set_size(0);
      return std::unexpected(Errno::NoMemory);
    }
    std::ranges::copy(description.link_target, inode->target_);
  }
  return inode;
}

LinuxResult<u64> TmpfsInode::read_link(Task&, std::span<char> to) {
  if (!target_) return std::unexpected(Errno::Invalid);
  const auto count = std::min<u64>(Inode::size(), to.size());
  std::copy_n(target_, count, to.data());
  return count;
}

LinuxResult<Ref<Inode>> TmpfsInode::create(std::string_view, const NewInode& description) {
  auto inode = TRY(create(tmpfs(), description));
  if (description.kind == FileKind::Directory) add_links(1);
  set_size(size() + kDirectoryEntryBytes);
  return inode;
}

LinuxResult<Ref<Inode>> TmpfsInode::create_nameless(const NewInode& description) {
  auto inode = TRY(create(tmpfs(), description));
  inode->add_links(-1);
  return inode;
}

LinuxResult<> TmpfsInode::link(std::string_view, Inode& existing) {
  if (!existing.may_be_linked()) return std::unexpected(Errno::NoEntry);
  existing.add_links(1);
  existing.touch(false, false, true);
  set_size(size() + kDirectoryEntryBytes);
  return {};
}

LinuxResult<> TmpfsInode::remove(std::string_view, Inode& child) {
  if (child.is(FileKind::Directory)) {
    add_links(-1);
    child.add_links(-1);
  }
  child.add_links(-1);
  set_size(size() - kDirectoryEntryBytes);
  return {};
}

LinuxResult<ExtendedAttributes*> TmpfsInode::extended_attributes(bool make) {
  auto* there = __atomic_load_n(&extended_, __ATOMIC_ACQUIRE);
  if (there || !make) return there;
  auto* made = new (runtime::kFallible) ExtendedAttributes();
  if (!made) return std::unexpected(Errno::NoMemory);
  if (__atomic_compare_exchange_n(&extended_, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  delete made;
  return there;
}

void TmpfsInode::count_move(Inode& child, TmpfsInode& to) {
  set_size(size() - kDirectoryEntryBytes);
  to.set_size(to.size() + kDirectoryEntryBytes);
  if (child.is(FileKind::Directory) && this != &to) {
    add_links(-1);
    to.add_links(1);
  }
}

LinuxResult<> TmpfsInode::rename(const Renaming& renaming) {
  auto& to = static_cast<TmpfsInode&>(renaming.to);
  if (renaming.exchange) {
    to.count_move(*renaming.replaced, *this);
  } else if (renaming.replaced) {
    TRY(to.remove(renaming.to_name, *renaming.replaced));
  }
  count_move(renaming.child, to);
  return {};
}

}  // namespace vari::linux
