// See ipc_object.h.
#include "personalities/linux/ipc/ipc_object.h"

namespace vari::linux::ipc {

using runtime::Guard;
using runtime::SpinLock;

Object::Object(const Identity& creator, i32 key, u32 mode)
    : key_(key),
      user_(creator.effective_user),
      group_(creator.effective_group),
      creator_user_(creator.effective_user),
      creator_group_(creator.effective_group),
      mode_(mode) {}

LinuxResult<> Object::check(const Identity& identity, u32 wanted) const {
  if (identity.may(Capability::IpcOwner)) return {};
  const u32 mode = __atomic_load_n(&mode_, __ATOMIC_RELAXED);
  u32 granted = mode;
  if (identity.effective_user == user_ || identity.effective_user == creator_user_) {
    granted = mode >> 6;
  } else if (identity.in_group(group_) || identity.in_group(creator_group_)) {
    granted = mode >> 3;
  }
  if (wanted & ~granted & 7) return std::unexpected(Errno::Access);
  return {};
}

LinuxResult<> Object::check_owner(const Identity& identity) const {
  if (identity.may(Capability::Administration) || identity.effective_user == user_ ||
      identity.effective_user == creator_user_)
    return {};
  return std::unexpected(Errno::Perm);
}

Permission Object::permission() const {
  return {.key = key_,
          .user = user_,
          .group = group_,
          .creator_user = creator_user_,
          .creator_group = creator_group_,
          .mode = __atomic_load_n(&mode_, __ATOMIC_RELAXED),
          .sequence = static_cast<u16>(static_cast<u32>(id_) / TableBase::kMost),
          .padding = 0,
          .unused = {}};
}

void Object::change(const Permission& wanted) {
  __atomic_store_n(&user_, wanted.user, __ATOMIC_RELAXED);
  __atomic_store_n(&group_, wanted.group, __ATOMIC_RELAXED);
  __atomic_store_n(&mode_, (mode_ & ~u32{0777}) | (wanted.mode & 0777), __ATOMIC_RELAXED);
}

TableBase::~TableBase() = default;

LinuxResult<Ref<Object>> TableBase::find(i32 id) {
  if (id < 0) return std::unexpected(Errno::Invalid);
  Guard<SpinLock> guard(lock_);
  const auto& slot = slots_[static_cast<u32>(id) % kMost];
  if (!slot || slot->id_ != id) return std::unexpected(Errno::Invalid);
  return slot;
}

Ref<Object> TableBase::find_key(i32 key) {
  Guard<SpinLock> guard(lock_);
  for (const auto& slot : slots_) {
    if (slot && slot->key_ == key) return slot;
  }
  return {};
}

Ref<Object> TableBase::at(u32 index) {
  if (index >= kMost) return {};
  Guard<SpinLock> guard(lock_);
  return slots_[index];
}

LinuxResult<i32> TableBase::add(Object& object) {
  constexpr u16 kGenerations = 0x7fff'ffff / kMost < 0xffff ? 0x7fff'ffff / kMost : 0xffff;
  Guard<SpinLock> guard(lock_);
  u32 free = kMost;
  for (u32 i = 0; i < kMost; ++i) {
    if (!slots_[i]) {
      free = i < free ? i : free;
    } else if (object.key_ != kPrivateKey && slots_[i]->key_ == object.key_) {
      return std::unexpected(Errno::Exists);
    }
  }
  if (free == kMost) return std::unexpected(Errno::NoSpace);
  object.id_ = static_cast<i32>(free + generations_[free] * kMost);
  generations_[free] = static_cast<u16>((generations_[free] + 1) % kGenerations);
  slots_[free] = Ref<Object>(object);
  __atomic_add_fetch(&count_, 1, __ATOMIC_RELAXED);
  return object.id_;
}

void TableBase::remove(Object& object) {
  Ref<Object> gone;  // before the guard, and so after it: its end may free memory
  Guard<SpinLock> guard(lock_);
  __atomic_store_n(&object.removed_, true, __ATOMIC_RELEASE);
  if (object.id_ < 0) return;
  auto& slot = slots_[static_cast<u32>(object.id_) % kMost];
  if (slot.get() != &object) return;
  std::swap(slot, gone);
  __atomic_sub_fetch(&count_, 1, __ATOMIC_RELAXED);
}

void TableBase::hide_key(Object& object) {
  Guard<SpinLock> guard(lock_);
  object.key_ = kPrivateKey;
  __atomic_store_n(&object.removed_, true, __ATOMIC_RELEASE);
}

}  // namespace vari::linux::ipc
