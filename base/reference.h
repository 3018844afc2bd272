// Ref<T>: a counted reference to an object that counts its own references.
#pragma once

#include <cstddef>
#include <utility>

#include "base/assert.h"

namespace vari {

/// Holds one reference to a T; T offers acquire() and release(), release() of the last one ends it.
template <class T>
class Ref {
 public:
  constexpr Ref() = default;
  constexpr Ref(std::nullptr_t) {}
  /// Takes a further reference.
  explicit Ref(T& object) : object_(&object) { object_->acquire(); }
  /// Takes over a reference that the caller already holds (that of creation).
  static Ref adopt(T* object) {
    Ref reference;
    reference.object_ = object;
    return reference;
  }
  Ref(const Ref& other) : object_(other.object_) {
    if (object_) object_->acquire();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(const Ref<U>& other) : object_(other.get()) {
    if (object_) object_->acquire();
  }
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(Ref<U>&& other) : object_(other.leak()) {}
  ~Ref() {
    if (object_) object_->release();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  T* get() const { return object_; }
  T& operator*() const {
    ASSERT(object_);
    return *object_;
  }
  T* operator->() const {
    ASSERT(object_);
    return object_;
  }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& other) const { return object_ == other.object_; }
  /// Gives the reference up to the caller, who must release it.
  [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

}  // namespace vari
