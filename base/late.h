// Storage for an object that the boot sequence makes: no constructor runs before kmain, and none by
// accident. Only kernels/NAME/main.cc holds such objects; everything else gets references.
#pragma once

#include <new>
#include <utility>

#include "base/assert.h"

namespace vari {

template <class T>
class Late {
 public:
  constexpr Late() = default;
  // Trivially destructible, or compilers would register a destructor to be run at exit: a kernel's
  // objects live until the machine stops.
  Late(const Late&) = delete;
  Late& operator=(const Late&) = delete;

  template <class... Arguments>
  T& make(Arguments&&... arguments) {
    ASSERT(!made_);
    made_ = true;
    return *new (static_cast<void*>(storage_)) T(std::forward<Arguments>(arguments)...);
  }
  T& operator*() {
    ASSERT(made_);
    return *std::launder(reinterpret_cast<T*>(storage_));
  }
  T* operator->() { return &**this; }
  bool made() const { return made_; }

 private:
  alignas(T) unsigned char storage_[sizeof(T)] = {};
  bool made_ = false;
};

}  // namespace vari
