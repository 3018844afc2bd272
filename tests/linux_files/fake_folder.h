// A served folder in memory, with faults on demand: errors of single calls, short reads and writes, a limit
// of room. Tests change it behind the personality's back as a host would.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "interfaces/folder.h"

namespace vari::linux::test {

class FakeFolder;

class FakeNode final : public FolderNode {
 public:
  FakeNode(FakeFolder& folder, FolderKind kind, u32 mode, u64 number);
  void* query_raw(InterfaceId) override { return nullptr; }
  void acquire() override { ++references; }
  void release() override { --references; }
  FolderResult<FolderAttributes> attributes() override;
  FolderResult<> change(const FolderChange& change) override;
  FolderResult<FolderEntry> look_up(std::string_view name) override;
  FolderResult<FolderEntry> create(std::string_view name, const FolderCreation& creation) override;
  FolderResult<> link(std::string_view name, FolderNode& existing) override;
  FolderResult<> unlink(std::string_view name, bool directory) override;
  FolderResult<> rename(std::string_view name, FolderNode& to, std::string_view to_name, Rename how) override;
  FolderResult<Ref<FolderListing>> list() override;
  FolderResult<u64> read_link(std::span<char> to) override;
  FolderResult<Ref<FolderHandle>> open(FolderAccess access) override;

  FakeFolder& folder;
  std::atomic<int> references{0};
  // Guarded by the folder's lock.
  FolderAttributes state;
  std::string bytes;  // a file's contents, or a link's target
  std::map<std::string, FakeNode*> children;
  FolderAttributes attributes_locked() const;
  void touch();
};

class FakeFolder final : public Folder {
 public:
  FakeFolder();
  ~FakeFolder();
  void* query_raw(InterfaceId) override { return nullptr; }
  void acquire() override {}
  void release() override {}
  FolderResult<FolderEntry> root() override;
  FolderResult<FolderStatistics> statistics() override { return FolderStatistics{.magic = 0xfa4e}; }
  u32 kept_nodes() override { return kept; }

  // The other side's view. Paths without a leading "/".
  void put(const std::string& path, const std::string& contents, u32 mode = 0644);
  std::string get(const std::string& path);
  bool has(const std::string& path);
  void remove(const std::string& path);
  /// How many references to nodes and handles its client holds.
  int held();

  // Faults. The function is asked at each call by its name ("read", "write", "create"…).
  std::function<std::optional<FolderError>(std::string_view call)> fault;
  u64 most_bytes = ~u64{0};  // that one read or write moves
  u64 room = ~u64{0};        // bytes that still fit
  u32 kept = 100;
  std::atomic<u64> reads{0}, writes{0};
  std::atomic<int> handles{0};

  std::optional<FolderError> ask(std::string_view call) { return fault ? fault(call) : std::nullopt; }
  FakeNode* make(FolderKind kind, u32 mode);
  FakeNode* find(const std::string& path);
  i64 tick() { return ++clock_; }
  std::recursive_mutex lock;

 private:
  std::vector<std::unique_ptr<FakeNode>> nodes_;
  i64 clock_ = 1'000'000'000;
};

}  // namespace vari::linux::test
