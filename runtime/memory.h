// Memory for objects of the runtime and of personalities: fallible, sized, no global operator new.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "base/reference.h"
#include "base/result.h"

namespace vari::runtime {

/// From the platform's heap; null when it is exhausted. Never blocks. Any thread.
[[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = 16) noexcept;
/// `bytes` as given to allocate().
void free(void* memory, std::size_t bytes) noexcept;

/// Base of heap objects: `new (kFallible) T(...)` returns null when memory is exhausted.
struct Fallible {};
inline constexpr Fallible kFallible;

class Allocated {
 public:
  static void* operator new(std::size_t bytes, Fallible) noexcept { return allocate(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { free(memory, bytes); }
  static void operator delete(void*, Fallible) noexcept {}
};

/// An Allocated object that counts its references; made by make<T>(), ended by the last release().
class Managed : public Allocated {
 public:
  Managed() = default;
  Managed(const Managed&) = delete;
  Managed& operator=(const Managed&) = delete;
  void acquire() { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  /// Order: release by each, acquire by the last, so that the destructor sees all writes.
  void release() {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) on_last_release();
  }
  unsigned references() const { return __atomic_load_n(&references_, __ATOMIC_RELAXED); }

 protected:
  virtual ~Managed() = default;
  /// Override to keep or recycle the object; the default destroys it.
  virtual void on_last_release() { delete this; }

 private:
  unsigned references_ = 1;
};

/// Makes a Managed object.
template <class T, class... Arguments>
Result<Ref<T>> make(Arguments&&... arguments) {
  T* object = new (kFallible) T(std::forward<Arguments>(arguments)...);
  if (!object) return std::unexpected(Error::OutOfMemory);
  return Ref<T>::adopt(object);
}

/// Sole owner of an Allocated object.
template <class T>
class Owner {
 public:
  constexpr Owner() = default;
  explicit Owner(T* object) : object_(object) {}
  Owner(Owner&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  Owner(Owner<U>&& other) : object_(other.leak()) {}
  Owner& operator=(Owner other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owner() { delete object_; }
  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <class T, class... Arguments>
Result<Owner<T>> make_owned(Arguments&&... arguments) {
  T* object = new (kFallible) T(std::forward<Arguments>(arguments)...);
  if (!object) return std::unexpected(Error::OutOfMemory);
  return Owner<T>(object);
}

}  // namespace vari::runtime
