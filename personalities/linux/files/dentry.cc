// The tree of names. See dentry.h for the locks.
#include "personalities/linux/files/dentry.h"

#include <algorithm>

#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;

LinuxResult<Dentry::Name> Dentry::Name::create(std::string_view text) {
  if (text.size() > kMaximumName) return std::unexpected(Errno::NameTooLong);
  Name name;
  if (text.size() > kShort) {
    auto* memory = static_cast<char*>(runtime::allocate(text.size()));
    if (!memory) return std::unexpected(Errno::NoMemory);
    name.long_ = memory;
  }
  name.length_ = static_cast<u8>(text.size());
  __builtin_memcpy(name.is_long() ? name.long_ : name.short_, text.data(), text.size());
  return name;
}

Dentry::Name::Name(Name&& other) noexcept : length_(other.length_) {
  __builtin_memcpy(short_, other.short_, sizeof short_);
  other.length_ = 0;
}

Dentry::Name& Dentry::Name::operator=(Name&& other) noexcept {
  std::swap(length_, other.length_);
  std::swap_ranges(short_, short_ + sizeof short_, other.short_);
  return *this;
}

Dentry::Name::~Name() {
  if (is_long()) runtime::free(long_, length_);
}

Dentry::Dentry(Ref<Inode> inode, Name name, Ref<Dentry> parent)
    : inode_(std::move(inode)),
      name_(std::move(name)),
      parent_(parent.leak()),
      hash_(hash_of(name_.text())) {}

Dentry::~Dentry() = default;

bool Dentry::acquire_if_living() {
  u32 now = __atomic_load_n(&references_, __ATOMIC_RELAXED);
  while (now != 0) {
    if (__atomic_compare_exchange_n(&references_, &now, now + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return true;
  }
  return false;
}

// Nobody finds it any more: find() takes no reference from zero. So its parent is no longer changed.
/// With the last name's last user an object without names is no more, as far as its watches go.
void Dentry::note_end(Dentry& dying) {
  if (!dying.inode_ || !dying.removed() || dying.inode_->links() != 0) return;
  dying.inode_->file_system().vfs().personality().watches().note_gone(*dying.inode_);
}

void Dentry::destroy_upwards(Dentry* dying) {
  while (dying) {
    Dentry* parent = dying->parent_;
    if (parent) {
      Guard guard(parent->lock_);
      if (dying->weak_) parent->detach_locked(*dying);
    }
    note_end(*dying);
    delete dying;
    dying = parent && parent->drop() ? parent : nullptr;
  }
}

LinuxResult<Ref<Dentry>> Dentry::create_root(Ref<Inode> inode, std::string_view name) {
  return TRY(runtime::make<Dentry>(std::move(inode), TRY(Name::create(name)), Ref<Dentry>()));
}

LinuxResult<Ref<Dentry>> Dentry::create(Dentry& parent, Ref<Inode> inode, std::string_view name) {
  return TRY(runtime::make<Dentry>(std::move(inode), TRY(Name::create(name)), Ref<Dentry>(parent)));
}

void Dentry::tear_down(Dentry& root) {
  Ref<Dentry> here(root);
  for (;;) {
    auto child = here->child_at(0).child;
    if (child) {
      // Leaves first: so no chain of destructors is longer than one.
      if (child->has_children()) {
        here = std::move(child);
      } else {
        here->detach(*child);
      }
    } else if (here.get() == &root) {
      return;
    } else {
      here = here->parent();
    }
  }
}

u32 Dentry::hash_of(std::string_view name) {
  u32 hash = 2166136261;
  for (const char character : name) hash = (hash ^ static_cast<u8>(character)) * 16777619;
  return hash;
}

bool Dentry::ByName::operator()(const Dentry& a, const Dentry& b) const {
  return a.hash_ != b.hash_ ? a.hash_ < b.hash_ : a.name_.text() < b.name_.text();
}
bool Dentry::KeyCompare::operator()(const Key& key, const Dentry& dentry) const {
  return key.hash != dentry.hash_ ? key.hash < dentry.hash_ : key.name < dentry.name_.text();
}
bool Dentry::KeyCompare::operator()(const Dentry& dentry, const Key& key) const {
  return key.hash != dentry.hash_ ? dentry.hash_ < key.hash : dentry.name_.text() < key.name;
}

Ref<Dentry> Dentry::parent() {
  Guard guard(lock_);
  return parent_ ? Ref<Dentry>(*parent_) : Ref<Dentry>(*this);
}

bool Dentry::is_gone() const {
  return removed() && inode_->file_system().names() != NamePolicy::Revalidated;
}

std::size_t Dentry::copy_name(std::span<char, kMaximumName + 1> to) {
  Guard guard(lock_);
  const auto name = name_.text();
  __builtin_memcpy(to.data(), name.data(), name.size());
  to[name.size()] = 0;
  return name.size();
}

Ref<Dentry> Dentry::find(std::string_view name) {
  // Directories that keep no names (procfs) are passed by all at once: no lock for nothing.
  if (__atomic_load_n(&child_count_, __ATOMIC_ACQUIRE) == 0) return {};
  const Key key{hash_of(name), name};
  Guard guard(lock_);
  const auto found = by_name_.find(key, KeyCompare());
  if (found == by_name_.end() || !found->acquire_if_living()) return {};
  return Ref<Dentry>::adopt(&*found);
}

bool Dentry::has_children() {
  Guard guard(lock_);
  return !by_name_.empty();
}

Dentry::Positioned Dentry::child_at(u64 position) {
  struct Compare {
    bool operator()(u64 wanted, const Dentry& dentry) const { return wanted < dentry.position_; }
    bool operator()(const Dentry& dentry, u64 wanted) const { return dentry.position_ < wanted; }
  };
  Guard guard(lock_);
  auto found = by_position_.lower_bound(position, Compare());
  while (found != by_position_.end() && !found->acquire_if_living()) ++found;
  if (found == by_position_.end()) return {};
  return {Ref<Dentry>::adopt(&*found), found->position_};
}

Ref<Dentry> Dentry::child_after(const Dentry& child) {
  u64 position = 0;
  {
    Guard guard(lock_);
    position = child.position_;
  }
  return child_at(position + 1).child;
}

// A loop, since a program can make the tree as deep as it likes.
Ref<Dentry> Dentry::find_number(u64 number) {
  Ref<Dentry> here(*this), next(*this);
  for (;;) {
    if (next && next->inode().number() == number) return next;
    if (next && next->has_children()) {
      here = std::move(next);
      next = here->child_at(0).child;
    } else if (next && next.get() != this) {
      next = here->child_after(*next);
    } else if (here.get() == this) {
      return {};
    } else {
      auto above = here->parent();
      next = above->child_after(*here);
      here = std::move(above);
    }
  }
}

void Dentry::attach_locked(Dentry& child) {
  const auto namesake = by_name_.find(child);
  if (namesake != by_name_.end()) detach_locked(*namesake);  // it is dying, see destroy_upwards()
  by_name_.insert(child);
  by_position_.insert(child);
  __atomic_store_n(&child_count_, child_count_ + 1, __ATOMIC_RELEASE);
}

void Dentry::detach_locked(Dentry& child) {
  child.weak_ = false;
  by_name_.erase(by_name_.iterator_to(child));
  by_position_.erase(by_position_.iterator_to(child));
  __atomic_store_n(&child_count_, child_count_ - 1, __ATOMIC_RELEASE);
}

void Dentry::attach(Ref<Dentry> child) {
  const bool weak = inode_->file_system().names() == NamePolicy::Revalidated;
  Guard guard(lock_);
  child->position_ = ++last_position_;
  attach_locked(*child);
  child->weak_ = weak;
  if (!weak) (void)child.leak();
}

void Dentry::detach(Dentry& child) {
  bool held = false;
  {
    Guard guard(lock_);
    held = !child.weak_;
    detach_locked(child);
    __atomic_store_n(&child.removed_, true, __ATOMIC_RELEASE);
  }
  if (held) child.release();
}

void Dentry::lock_both(Dentry& a, Dentry& b) {
  if (&a == &b) return a.lock_.lock();
  (&a < &b ? a : b).lock_.lock();
  (&a < &b ? b : a).lock_.lock();
}

void Dentry::unlock_both(Dentry& a, Dentry& b) {
  a.lock_.unlock();
  if (&a != &b) b.lock_.unlock();
}

// The mutexes of both directories are held, so that no other call locks these two in another order
// together with the child: who locks a dentry below its parent holds the parent's mutex.
void Dentry::move(Dentry& child, Dentry& to, Name&& name, Dentry* replaced) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& from = *child.parent_;
  lock_both(from, to);
  const bool weak = child.weak_, held = replaced && !replaced->weak_;
  if (replaced) {
    to.detach_locked(*replaced);
    __atomic_store_n(&replaced->removed_, true, __ATOMIC_RELEASE);
  }
  from.detach_locked(child);
  {
    Guard guard(child.lock_);
    child.name_ = std::move(name);
    child.hash_ = hash_of(child.name_.text());
    if (&from != &to) {
      to.acquire();
      child.parent_ = &to;
      child.position_ = ++to.last_position_;
    }
  }
  to.attach_locked(child);
  child.weak_ = weak;
  unlock_both(from, to);
  if (&from != &to) from.release();
  if (held) replaced->release();
}

void Dentry::exchange(Dentry& a, Dentry& b) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& parent_a = *a.parent_;
  Dentry& parent_b = *b.parent_;
  lock_both(parent_a, parent_b);
  const bool weak = a.weak_;  // one file system: the same for both
  parent_a.detach_locked(a);
  parent_b.detach_locked(b);
  lock_both(a, b);
  std::swap(a.name_, b.name_);
  std::swap(a.hash_, b.hash_);
  std::swap(a.parent_, b.parent_);
  std::swap(a.position_, b.position_);
  unlock_both(a, b);
  parent_b.attach_locked(a);
  parent_a.attach_locked(b);
  a.weak_ = b.weak_ = weak;
  unlock_both(parent_a, parent_b);
}

}  // namespace vari::linux
