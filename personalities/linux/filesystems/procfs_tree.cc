// /proc's inodes and files: how the tables of nodes become directories, texts and links.
#include <algorithm>
#include <charconv>
#include <optional>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/path_walk.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

constexpr std::size_t kFirstText = 4096, kMaximumText = 4 * kMiB;

/// Text of any length: the maker is called again with more room until all fits.
class GrownText {
 public:
  GrownText() = default;
  ~GrownText() {
    if (memory_) runtime::free(memory_, capacity_);
  }
  GrownText(const GrownText&) = delete;
  LinuxResult<> make(const ProcNode& node, const ProcSubject& subject) {
    for (std::size_t wanted = kFirstText; wanted <= kMaximumText; wanted *= 4) {
      if (wanted > capacity_) {
        if (memory_) runtime::free(memory_, capacity_);
        capacity_ = 0;
        memory_ = static_cast<char*>(runtime::allocate(wanted));
        if (!memory_) return std::unexpected(Errno::NoMemory);
        capacity_ = wanted;
      }
      TextBuffer buffer({memory_, capacity_});
      TRY(node.text(subject, buffer));
      length_ = buffer.size();
      if (!buffer.truncated()) return {};
    }
    return {};
  }
  std::string_view text() const { return {memory_, length_}; }

 private:
  char* memory_ = nullptr;
  std::size_t capacity_ = 0, length_ = 0;
};

/// Which process, task and descriptor a node is about. The process is held, so that what lies below its
/// directory is found without the table's lock; its number can't be another's before the inode has gone.
struct ProcKey {
  Ref<Process> process;
  i32 tid = 0, descriptor = 0;
  i32 pid() const { return process ? process->id() : 0; }
};

class ProcInode final : public Inode {
 public:
  ProcInode(FileSystem& file_system, u64 number, const ProcNode& node, ProcKey key,
            const Attributes& attributes)
      : Inode(file_system, number, attributes), node_(node), key_(std::move(key)) {}

  static LinuxResult<Ref<Inode>> create(FileSystem& file_system, const ProcNode& node, ProcKey key);
  ProcSubject subject(Task& reader) const {
    return {reader, reader.personality(), key_.process.get(), key_.tid, key_.descriptor};
  }
  const ProcNode& node() const { return node_; }

  LinuxResult<Ref<File>> open(const OpenRequest& request) override;
  LinuxResult<> truncate(Task&, u64) override { return {}; }
  LinuxResult<u64> read_link(Task& task, std::span<char> to) override;
  bool is_magic_link() const override { return node_.kind == ProcNode::Kind::MagicLink; }
  LinuxResult<Path> follow_magic_link(Task& task) override { return node_.path(subject(task)); }
  LinuxResult<Ref<Inode>> look_up(Task& task, std::string_view name) override;
  LinuxResult<u64> read_directory(Task& task, Dentry& directory, u64 position, DirectorySink& sink) override;
  LinuxResult<> change_attributes(const AttributeChange&) override { return std::unexpected(Errno::Perm); }

 private:
  /// The object of a number in a dynamic directory.
  LinuxResult<Ref<Inode>> look_up_number(Task& task, i32 number);
  /// The first number >= `from` in a dynamic directory, or -1.
  i32 next_number(Task& task, i32 from);

  const ProcNode& node_;
  const ProcKey key_;
};

/// Stable as long as the object means the same: programs compare them (fuser, find).
u64 number_of(const ProcNode& node, const ProcKey& key) {
  u64 hash = 0xcbf29ce484222325;
  for (const i32 part : {key.pid(), key.tid, key.descriptor})
    hash = (hash ^ static_cast<u32>(part)) * 0x100000001b3;
  for (const char character : node.name) hash = (hash ^ static_cast<u8>(character)) * 0x100000001b3;
  return (hash & 0xffff'ffff'ffff) | 0x1000;
}

FileKind kind_of(ProcNode::Kind kind) {
  switch (kind) {
    case ProcNode::Kind::Directory: return FileKind::Directory;
    case ProcNode::Kind::Link:
    case ProcNode::Kind::MagicLink: return FileKind::SymbolicLink;
    default: return FileKind::Regular;
  }
}

LinuxResult<Ref<Inode>> ProcInode::create(FileSystem& file_system, const ProcNode& node, ProcKey key) {
  const auto kind = kind_of(node.kind);
  const bool link = kind == FileKind::SymbolicLink;
  Attributes attributes{.mode = static_cast<u32>(kind) | (link ? 0777 : node.mode),
                        .links = kind == FileKind::Directory ? 2u : 1u};
  if (key.process) {
    if (key.process->is_reaped()) return std::unexpected(Errno::NoEntry);
    const auto owner = key.process->identity();
    attributes.user = owner.effective_user;
    attributes.group = owner.effective_group;
  }
  const u64 number = number_of(node, key);
  return TRY(runtime::make<ProcInode>(file_system, number, node, std::move(key), attributes));
}

class ProcFile final : public RegularFile {
 public:
  explicit ProcFile(const OpenRequest& request) : RegularFile(request) {}
  LinuxResult<u64> read_at(Task& task, Transfer& to, u64 offset) override {
    runtime::Guard guard(mutex_);
    auto& inode = static_cast<ProcInode&>(this->inode());
    // Made anew when it is read from its beginning, so that one reading sees one moment.
    if (offset == 0 || !made_) {
      TRY(text_.make(inode.node(), inode.subject(task)));
      made_ = true;
    }
    const auto text = text_.text();
    if (offset >= text.size()) return 0;
    return to.put_text(text.substr(offset));
  }
  LinuxResult<u64> write_from(Task& task, Transfer& from, u64, bool, u64& end) override {
    auto& inode = static_cast<ProcInode&>(this->inode());
    if (!inode.node().write) return std::unexpected(Errno::Io);
    char text[256];
    const u64 count = TRY(from.take({reinterpret_cast<u8*>(text), sizeof text}));
    TRY(inode.node().write(inode.subject(task), {text, count}));
    end += count;
    return count;
  }

 private:
  runtime::Mutex mutex_;
  GrownText text_ GUARDED_BY(mutex_);
  bool made_ GUARDED_BY(mutex_) = false;
};

LinuxResult<Ref<File>> ProcInode::open(const OpenRequest& request) {
  if (node_.open) return node_.open(subject(request.task), request);
  if (is(FileKind::Regular)) return TRY(runtime::make<ProcFile>(request));
  return Inode::open(request);
}

LinuxResult<u64> ProcInode::read_link(Task& task, std::span<char> to) {
  if (node_.kind == ProcNode::Kind::MagicLink) {
    const auto path = TRY(node_.path(subject(task)));
    char* memory = static_cast<char*>(runtime::allocate(4096));
    if (!memory) return std::unexpected(Errno::NoMemory);
    LinuxResult<u64> result = u64{0};
    if (const auto text = describe_path(task, path, {memory, 4096})) {
      result = std::min<u64>(text->size(), to.size());
      std::copy_n(text->data(), *result, to.data());
    } else {
      result = std::unexpected(text.error());
    }
    runtime::free(memory, 4096);
    return result;
  }
  if (node_.kind != ProcNode::Kind::Link) return std::unexpected(Errno::Invalid);
  TextBuffer buffer(to);
  TRY(node_.text(subject(task), buffer));
  return buffer.size();
}

std::optional<i32> parse_id(std::string_view name) {
  i32 id = 0;
  const auto end = std::from_chars(name.data(), name.data() + name.size(), id);
  if (end.ec != std::errc() || end.ptr != name.data() + name.size() || id < 0 ||
      (name.size() > 1 && name[0] == '0'))
    return std::nullopt;
  return id;
}

using Kind = ProcNode::Kind;
using Dynamic = ProcNode::Dynamic;

std::span<const ProcNode> task_nodes() {
  // As the process's, less the last entry, "task" itself.
  return proc_process_nodes().first(proc_process_nodes().size() - 1);
}

LinuxResult<Path> descriptor_path(const ProcSubject& subject) {
  auto table = TRY(subject.task())->files_of_other();
  if (!table) return std::unexpected(Errno::NoEntry);
  const auto file = table->get(subject.descriptor);
  if (!file) return std::unexpected(Errno::NoEntry);
  if (const Path* path = (*file)->path()) return *path;
  // Without a name: one is made up, which leads to the same object.
  Text<64> name((*file)->kind_name());
  if (!name.text().starts_with("anon_inode")) name.print(":[", (*file)->inode().number(), "]");
  return Path({}, TRY(Dentry::create_root(Ref<Inode>((*file)->inode()), name.text())));
}

LinuxResult<> descriptor_details(const ProcSubject& subject, TextBuffer& to) {
  auto table = TRY(subject.task())->files_of_other();
  if (!table) return std::unexpected(Errno::NoEntry);
  const auto file = TRY(table->get(subject.descriptor));
  const bool close_on_exec = table->get_close_on_exec(subject.descriptor).value_or(false);
  const u32 flags = file->flags() | (close_on_exec ? File::kCloseOnExec : 0);
  const Path* path = file->path();
  char octal[16];
  const auto end = std::to_chars(octal, octal + sizeof octal, flags, 8).ptr;
  to.print("pos:\t", file->position(), "\nflags:\t0", std::string_view(octal, end), "\nmnt_id:\t",
           path && path->mount ? path->mount->id() : 0, "\nino:\t", file->inode().number(), "\n");
  return {};
}

constexpr ProcNode kProcessNode{
    .name = "process", .kind = Kind::Directory, .mode = 0555, .children = &proc_process_nodes};
constexpr ProcNode kTaskNode{
    .name = "thread", .kind = Kind::Directory, .mode = 0555, .children = &task_nodes};
constexpr ProcNode kDescriptorNode{.name = "descriptor", .kind = Kind::MagicLink, .path = &descriptor_path};
constexpr ProcNode kDetailsNode{.name = "details", .mode = 0444, .text = &descriptor_details};
constexpr ProcNode kRootNode{.name = "proc",
                             .kind = Kind::Directory,
                             .mode = 0555,
                             .children = &proc_system_nodes,
                             .dynamic = Dynamic::Processes};

std::span<const ProcNode> children_of(const ProcNode& node) {
  return node.children ? node.children() : std::span<const ProcNode>();
}

LinuxResult<Ref<Inode>> ProcInode::look_up_number(Task& task, i32 number) {
  auto& file_system = this->file_system();
  switch (node_.dynamic) {
    case Dynamic::Processes: {
      // A thread's number serves, too, though it is not listed.
      auto& processes = task.personality().processes();
      auto process = processes.find(number);
      if (!process) {
        if (const auto thread = processes.find_task(number)) process = Ref<Process>(thread->process());
      }
      if (!process) return std::unexpected(Errno::NoEntry);
      return create(file_system, kProcessNode, {std::move(process), 0, 0});
    }
    case Dynamic::Tasks: {
      const auto found = task.personality().processes().find_task(number);
      if (!found || &found->process() != key_.process.get()) return std::unexpected(Errno::NoEntry);
      return create(file_system, kTaskNode, {key_.process, number, 0});
    }
    case Dynamic::Descriptors:
    case Dynamic::DescriptorDetails: {
      if (next_number(task, number) != number) return std::unexpected(Errno::NoEntry);
      const auto& node = node_.dynamic == Dynamic::Descriptors ? kDescriptorNode : kDetailsNode;
      return create(file_system, node, {key_.process, key_.tid, number});
    }
    case Dynamic::No: break;
  }
  return std::unexpected(Errno::NoEntry);
}

i32 ProcInode::next_number(Task& task, i32 from) {
  const auto subject = this->subject(task);
  switch (node_.dynamic) {
    case Dynamic::Processes: {
      const auto process = subject.personality.processes().next(from - 1);
      return process ? process->id() : -1;
    }
    case Dynamic::Tasks: {
      const auto process = subject.process();
      const auto found = process ? (*process)->next_task(from - 1) : Ref<Task>();
      return found ? found->id() : -1;
    }
    case Dynamic::Descriptors:
    case Dynamic::DescriptorDetails: {
      const auto owner = subject.task();
      const auto table = owner ? (*owner)->files_of_other() : Ref<FileTable>();
      return table ? static_cast<i32>(table->next(static_cast<u64>(from))) : -1;
    }
    case Dynamic::No: break;
  }
  return -1;
}

LinuxResult<Ref<Inode>> ProcInode::look_up(Task& task, std::string_view name) {
  for (const auto& child : children_of(node_))
    if (child.name == name) return create(file_system(), child, key_);
  if (const auto number = parse_id(name)) return look_up_number(task, *number);
  return std::unexpected(Errno::NoEntry);
}

// Positions: 2… are the fixed names, kNumbers + n the number n.
LinuxResult<u64> ProcInode::read_directory(Task& task, Dentry&, u64 position, DirectorySink& sink) {
  constexpr u64 kNumbers = 0x10000;
  const auto children = children_of(node_);
  for (; position - 2 < children.size(); ++position) {
    const auto& child = children[position - 2];
    const auto type = static_cast<u8>(static_cast<u32>(kind_of(child.kind)) >> 12);
    if (!sink.on_entry(number_of(child, key_), position + 1, type, child.name)) return position;
  }
  if (node_.dynamic == Dynamic::No) return position;
  const bool links = node_.dynamic == Dynamic::Descriptors,
             texts = node_.dynamic == Dynamic::DescriptorDetails;
  const auto kind = links ? FileKind::SymbolicLink : texts ? FileKind::Regular : FileKind::Directory;
  i32 number = position < kNumbers ? 0 : static_cast<i32>(std::min<u64>(position - kNumbers, 0x7fff'ffff));
  while ((number = next_number(task, number)) >= 0) {
    const u64 next = kNumbers + static_cast<u64>(number) + 1;
    const auto type = static_cast<u8>(static_cast<u32>(kind) >> 12);
    if (!sink.on_entry(next, next, type, Text<16>(number).text())) return next - 1;
    position = next;
    ++number;
  }
  return position;
}

}  // namespace

LinuxResult<Ref<Process>> ProcSubject::process() const {
  if (owner && !owner->is_reaped()) return Ref<Process>(*owner);
  return std::unexpected(Errno::NoProcess);
}

LinuxResult<Ref<Task>> ProcSubject::task() const {
  if (tid) {
    if (auto found = personality.processes().find_task(tid)) return found;
    return std::unexpected(Errno::NoProcess);
  }
  if (auto found = TRY(process())->any_task()) return found;
  return std::unexpected(Errno::NoProcess);
}

/// Those that Linux knows; they hide nothing here.
LinuxResult<> Procfs::check_option(std::string_view option) {
  for (const std::string_view known : {"hidepid=", "gid=", "subset="}) {
    if (option.starts_with(known)) return {};
  }
  return std::unexpected(Errno::Invalid);
}

LinuxResult<Ref<Dentry>> Procfs::mount(Vfs& vfs, std::string_view) {
  auto procfs = TRY(runtime::make<Procfs>(vfs));
  const Attributes attributes{.mode = static_cast<u32>(FileKind::Directory) | 0555, .links = 2};
  Ref<Inode> root = TRY(runtime::make<ProcInode>(*procfs, u64{1}, kRootNode, ProcKey(), attributes));
  return Dentry::create_root(std::move(root), "/");
}

}  // namespace vari::linux
