// What every component would else write for itself on top of the interfaces: counted references with
// the object's memory from its Environment, and a lock out of a ThreadService semaphore. Header-only,
// so that components still include nothing but interfaces and base.
#pragma once

#include <new>
#include <utility>

#include "base/annotations.h"
#include "base/reference.h"
#include "base/result.h"
#include "interfaces/environment.h"
#include "interfaces/object.h"

namespace vari {

/// Implements Object for a class that offers `Interfaces`; made by make_component().
template <class... Interfaces>
class Component : public Interfaces... {
 public:
  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;

  void* query_raw(InterfaceId wanted) override {
    void* found = nullptr;
    ((wanted == Interfaces::kInterface ? void(found = static_cast<Interfaces*>(this)) : void()), ...);
    return found;
  }
  void acquire() override { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  /// Order: release by each, acquire by the last, so that the destructor sees all writes.
  void release() override {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) != 1) return;
    MemoryService* memory = memory_;
    void* block = block_;
    const std::size_t bytes = block_bytes_;
    this->~Component();
    if (memory) memory->free(block, bytes);
  }

 protected:
  virtual ~Component() = default;

 private:
  template <class T, class... Arguments>
  friend Result<Ref<T>> make_component(MemoryService& memory, Arguments&&... arguments);

  unsigned references_ = 1;
  MemoryService* memory_ = nullptr;
  void* block_ = nullptr;
  std::size_t block_bytes_ = 0;
};

/// Makes a T (derived from Component<...>) in the environment's memory; the last release() frees it.
template <class T, class... Arguments>
Result<Ref<T>> make_component(MemoryService& memory, Arguments&&... arguments) {
  void* block = memory.allocate(sizeof(T), alignof(T));
  if (!block) return std::unexpected(Error::OutOfMemory);
  T* object = ::new (block) T(std::forward<Arguments>(arguments)...);
  object->memory_ = &memory;
  object->block_ = block;
  object->block_bytes_ = sizeof(T);
  return Ref<T>::adopt(object);
}

/// A counting semaphore of the environment, destroyed with its holder.
class ComponentSemaphore {
 public:
  ComponentSemaphore() = default;
  ComponentSemaphore(const ComponentSemaphore&) = delete;
  ComponentSemaphore& operator=(const ComponentSemaphore&) = delete;
  ~ComponentSemaphore() {
    if (semaphore_) threads_->destroy_semaphore(semaphore_);
  }
  /// Once, before any other call. OutOfMemory.
  Result<> open(ThreadService& threads, u32 initial) {
    threads_ = &threads;
    semaphore_ = TRY(threads.create_semaphore(initial));
    return {};
  }
  Result<> wait(Nanoseconds deadline = kForever) { return threads_->wait(semaphore_, deadline); }
  void signal(u32 count = 1) { threads_->signal(semaphore_, count); }

 private:
  ThreadService* threads_ = nullptr;
  void* semaphore_ = nullptr;
};

/// Mutual exclusion between a component's callers and its interrupt threads. May block.
class CAPABILITY("ComponentLock") ComponentLock {
 public:
  Result<> open(ThreadService& threads) { return semaphore_.open(threads, 1); }
  void lock() ACQUIRE() {
    while (!semaphore_.wait()) {
    }
  }
  void unlock() RELEASE() { semaphore_.signal(); }

 private:
  ComponentSemaphore semaphore_;
};

class SCOPED_CAPABILITY ComponentGuard {
 public:
  explicit ComponentGuard(ComponentLock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~ComponentGuard() RELEASE() { lock_.unlock(); }
  ComponentGuard(const ComponentGuard&) = delete;
  ComponentGuard& operator=(const ComponentGuard&) = delete;

 private:
  ComponentLock& lock_;
};

}  // namespace vari
