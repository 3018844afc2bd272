// See fake_folder.h.
#include "fake_folder.h"

#include <algorithm>
#include <cstring>

namespace vari::linux::test {

using Lock = std::lock_guard<std::recursive_mutex>;

#define FAULT(name) \
  if (const auto fault_ = folder.ask(name)) return std::unexpected(*fault_)

namespace {

class FakeHandle final : public FolderHandle {
 public:
  explicit FakeHandle(FakeNode& node) : node_(node), folder(node.folder) { ++folder.handles; }
  void* query_raw(InterfaceId) override { return nullptr; }
  void acquire() override { ++references_; }
  void release() override {
    if (--references_ != 0) return;
    --folder.handles;
    delete this;
  }
  FolderResult<u64> read(u64 offset, std::span<const std::span<u8>> pieces) override {
    Lock guard(folder.lock);
    FAULT("read");
    ++folder.reads;
    u64 done = 0;
    for (const auto piece : pieces) {
      if (offset + done >= node_.bytes.size() || done == folder.most_bytes) break;
      const u64 count =
          std::min({u64{piece.size()}, node_.bytes.size() - offset - done, folder.most_bytes - done});
      std::memcpy(piece.data(), node_.bytes.data() + offset + done, count);
      done += count;
      if (count < piece.size()) break;
    }
    return done;
  }
  FolderResult<u64> write(u64 offset, std::span<const std::span<const u8>> pieces) override {
    Lock guard(folder.lock);
    FAULT("write");
    ++folder.writes;
    u64 done = 0;
    for (const auto piece : pieces) {
      u64 count = std::min(u64{piece.size()}, folder.most_bytes - done);
      const u64 end = offset + done + count;
      const u64 growth = end > node_.bytes.size() ? end - node_.bytes.size() : 0;
      if (growth > folder.room) count -= std::min(count, growth - folder.room);
      if (count == 0) break;
      folder.room -= std::min(growth, folder.room);
      if (offset + done + count > node_.bytes.size()) node_.bytes.resize(offset + done + count);
      std::memcpy(node_.bytes.data() + offset + done, piece.data(), count);
      done += count;
      if (count < piece.size()) break;
    }
    node_.touch();
    if (done == 0) return std::unexpected(FolderError::NoSpace);
    return done;
  }
  FolderResult<> truncate(u64 size) override { return node_.change({.size = size}); }
  FolderResult<> sync(bool) override {
    FAULT("sync");
    return {};
  }

 private:
  std::atomic<int> references_{1};
  FakeNode& node_;
  FakeFolder& folder;
};

/// A snapshot: fair to the interface's promise.
class FakeListing final : public FolderListing {
 public:
  struct Entry {
    std::string name;
    u64 number;
    FolderKind kind;
  };
  FakeListing(FakeFolder& folder, std::vector<Entry> entries)
      : folder_(folder), entries_(std::move(entries)) {
    ++folder_.handles;
  }
  void* query_raw(InterfaceId) override { return nullptr; }
  void acquire() override { ++references_; }
  void release() override {
    if (--references_ != 0) return;
    --folder_.handles;
    delete this;
  }
  FolderResult<> read(u64 position, FolderSink& sink) override {
    for (; position < entries_.size(); ++position) {
      const auto& entry = entries_[position];
      if (!sink.on_entry(entry.name, entry.number, entry.kind, position + 1)) break;
    }
    return {};
  }

 private:
  std::atomic<int> references_{1};
  FakeFolder& folder_;
  const std::vector<Entry> entries_;
};

FolderEntry entry_of(FakeNode* node) {
  return {Ref<FolderNode>(*node), node->attributes_locked()};
}

}  // namespace

FakeNode::FakeNode(FakeFolder& owner, FolderKind kind, u32 mode, u64 number) : folder(owner) {
  state.kind = kind;
  state.mode = mode;
  state.number = number;
  touch();
}

void FakeNode::touch() {
  state.modified_ns = state.changed_ns = folder.tick();
}

FolderAttributes FakeNode::attributes_locked() const {
  auto result = state;
  result.size = bytes.size();
  return result;
}

FolderResult<FolderAttributes> FakeNode::attributes() {
  Lock guard(folder.lock);
  FAULT("attributes");
  return attributes_locked();
}

FolderResult<> FakeNode::change(const FolderChange& change) {
  Lock guard(folder.lock);
  FAULT("change");
  if (change.mode) state.mode = *change.mode;
  if (change.user) state.user = *change.user;
  if (change.group) state.group = *change.group;
  if (change.size) bytes.resize(*change.size);
  touch();
  if (change.accessed_ns) state.accessed_ns = *change.accessed_ns;
  if (change.modified_ns) state.modified_ns = *change.modified_ns;
  return {};
}

FolderResult<FolderEntry> FakeNode::look_up(std::string_view name) {
  Lock guard(folder.lock);
  FAULT("look_up");
  const auto found = children.find(std::string(name));
  if (found == children.end()) return std::unexpected(FolderError::NotFound);
  return entry_of(found->second);
}

FolderResult<FolderEntry> FakeNode::create(std::string_view name, const FolderCreation& creation) {
  Lock guard(folder.lock);
  FAULT("create");
  auto& slot = children[std::string(name)];
  if (slot) return std::unexpected(FolderError::Exists);
  slot = folder.make(creation.kind, creation.mode);
  slot->bytes = creation.link_target;
  touch();
  auto entry = entry_of(slot);
  if (creation.kind == FolderKind::File) entry.handle = Ref<FolderHandle>::adopt(new FakeHandle(*slot));
  return entry;
}

FolderResult<> FakeNode::link(std::string_view name, FolderNode& existing) {
  Lock guard(folder.lock);
  FAULT("link");
  auto& node = static_cast<FakeNode&>(existing);
  if (!children.emplace(name, &node).second) return std::unexpected(FolderError::Exists);
  ++node.state.links;
  node.touch();
  return {};
}

FolderResult<> FakeNode::unlink(std::string_view name, bool directory) {
  Lock guard(folder.lock);
  FAULT("unlink");
  const auto found = children.find(std::string(name));
  if (found == children.end()) return std::unexpected(FolderError::NotFound);
  if (directory && !found->second->children.empty()) return std::unexpected(FolderError::NotEmpty);
  --found->second->state.links;
  found->second->touch();
  children.erase(found);
  return {};
}

FolderResult<> FakeNode::rename(std::string_view name, FolderNode& to, std::string_view to_name, Rename how) {
  Lock guard(folder.lock);
  FAULT("rename");
  auto& target = static_cast<FakeNode&>(to);
  const auto found = children.find(std::string(name));
  if (found == children.end()) return std::unexpected(FolderError::NotFound);
  FakeNode* moved = found->second;
  const auto there = target.children.find(std::string(to_name));
  if (how == Rename::Exchange) {
    if (there == target.children.end()) return std::unexpected(FolderError::NotFound);
    std::swap(found->second, there->second);
    return {};
  }
  if (there != target.children.end()) {
    if (how == Rename::NoReplace) return std::unexpected(FolderError::Exists);
    if (!there->second->children.empty()) return std::unexpected(FolderError::NotEmpty);
    --there->second->state.links;
    target.children.erase(there);
  }
  children.erase(std::string(name));
  target.children[std::string(to_name)] = moved;
  moved->touch();
  return {};
}

FolderResult<Ref<FolderListing>> FakeNode::list() {
  Lock guard(folder.lock);
  FAULT("list");
  std::vector<FakeListing::Entry> entries;
  for (const auto& [name, node] : children) entries.push_back({name, node->state.number, node->state.kind});
  return Ref<FolderListing>::adopt(new FakeListing(folder, std::move(entries)));
}

FolderResult<u64> FakeNode::read_link(std::span<char> to) {
  Lock guard(folder.lock);
  FAULT("read_link");
  return bytes.copy(to.data(), to.size());
}

FolderResult<Ref<FolderHandle>> FakeNode::open(FolderAccess) {
  Lock guard(folder.lock);
  FAULT("open");
  return Ref<FolderHandle>::adopt(new FakeHandle(*this));
}

FakeFolder::FakeFolder() {
  make(FolderKind::Directory, 0755);
}
FakeFolder::~FakeFolder() = default;

FakeNode* FakeFolder::make(FolderKind kind, u32 mode) {
  nodes_.push_back(std::make_unique<FakeNode>(*this, kind, mode, nodes_.size() + 1));
  return nodes_.back().get();
}

FolderResult<FolderEntry> FakeFolder::root() {
  Lock guard(lock);
  return entry_of(nodes_.front().get());
}

FakeNode* FakeFolder::find(const std::string& path) {
  FakeNode* node = nodes_.front().get();
  for (std::size_t at = 0; node && at < path.size();) {
    const auto slash = std::min(path.find('/', at), path.size());
    const auto found = node->children.find(path.substr(at, slash - at));
    node = found == node->children.end() ? nullptr : found->second;
    at = slash + 1;
  }
  return node;
}

void FakeFolder::put(const std::string& path, const std::string& contents, u32 mode) {
  Lock guard(lock);
  const auto slash = path.rfind('/');
  FakeNode* parent = slash == path.npos ? nodes_.front().get() : find(path.substr(0, slash));
  FakeNode*& node = parent->children[slash == path.npos ? path : path.substr(slash + 1)];
  if (!node) node = make(FolderKind::File, mode);
  node->bytes = contents;
  node->touch();
}

std::string FakeFolder::get(const std::string& path) {
  Lock guard(lock);
  const auto* node = find(path);
  return node ? node->bytes : "no such file";
}

bool FakeFolder::has(const std::string& path) {
  Lock guard(lock);
  return find(path) != nullptr;
}

void FakeFolder::remove(const std::string& path) {
  Lock guard(lock);
  const auto slash = path.rfind('/');
  FakeNode* parent = slash == path.npos ? nodes_.front().get() : find(path.substr(0, slash));
  parent->children.erase(slash == path.npos ? path : path.substr(slash + 1));
}

int FakeFolder::held() {
  int sum = handles;
  for (const auto& node : nodes_) sum += node->references;
  return sum;
}

}  // namespace vari::linux::test
