// A folder of the host behind interfaces/folder.h, by calls relative to descriptors.
//
// Nothing outside the folder can be reached: names are single components, each is opened beneath its
// directory's descriptor without following links, and "." and ".." are refused. Every node holds a
// descriptor of its object (O_PATH: no access, no permission needed), so that host renames, and removals
// while it is in use, do not make it something else.
#pragma once

#include <boost/intrusive/set.hpp>
#include <compare>

#include "interfaces/folder.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

struct stat;

namespace vari::hosted {

class HostFolder;

/// Counts references for COM-like objects made on the heap.
template <class Interface>
class HostObject : public Interface, public runtime::Allocated {
 public:
  void acquire() override { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  void release() override {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) delete this;
  }
  void* query_raw(InterfaceId wanted) override {
    return wanted == Interface::kInterface || wanted == Object::kInterface ? static_cast<Interface*>(this)
                                                                           : nullptr;
  }

 protected:
  virtual ~HostObject() = default;
  u32 references_ = 1;  // atomic
};

/// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

class HostNode final : public HostObject<FolderNode> {
 public:
  /// What makes two descriptors the same object.
  struct Identity {
    u64 device = 0, number = 0;
    auto operator<=>(const Identity&) const = default;
  };
  HostNode(HostFolder& folder, Descriptor descriptor, FolderKind kind, Identity identity);

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

 private:
  friend class HostFolder;
  ~HostNode() override;
  FolderResult<FolderEntry> create_file(const char* name, u32 mode);
  FolderResult<FolderEntry> open_child(const char* name);

  HostFolder& folder_;
  const Descriptor descriptor_;
  const FolderKind kind_;
  const Identity identity_;
  boost::intrusive::set_member_hook<> hook_;
};

class HostFolder final : public HostObject<Folder> {
 public:
  /// NotFound, NotDirectory, Denied… `path` is the host's. Outlives its nodes.
  static FolderResult<Ref<HostFolder>> create(const char* path);
  explicit HostFolder(Descriptor root) : root_(std::move(root)) {}

  FolderResult<FolderEntry> root() override;
  FolderResult<FolderStatistics> statistics() override;
  u32 kept_nodes() override;

 private:
  friend class HostNode;
  struct IdentityOf {
    using type = HostNode::Identity;
    const type& operator()(const HostNode& node) const { return node.identity_; }
  };
  using Nodes = boost::intrusive::set<
      HostNode,
      boost::intrusive::member_hook<HostNode, boost::intrusive::set_member_hook<>, &HostNode::hook_>,
      boost::intrusive::key_of_value<IdentityOf>, boost::intrusive::constant_time_size<false>>;
  Ref<HostNode> find(HostNode::Identity identity);
  /// The node of what the descriptor leads to: an old one, or a new one.
  FolderResult<FolderEntry> entry_of(Descriptor descriptor);
  void forget(HostNode& node);
  FolderAttributes attributes_of(const struct ::stat& status) const;

  const Descriptor root_;
  u64 root_device_ = 0;
  runtime::SpinLock lock_;
  Nodes nodes_ GUARDED_BY(lock_);  // no references: each takes itself out
};

}  // namespace vari::hosted
