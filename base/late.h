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
  constexpr Late() : empty_{} {}
  constexpr ~Late() {}  // a kernel's objects live until the machine stops
  Late(const Late&) = delete;
  Late& operator=(const Late&) = delete;

  template <class... Arguments>
  T& make(Arguments&&... arguments) {
    ASSERT(!made_);
    made_ = true;
    return *new (static_cast<void*>(&value_)) T(std::forward<Arguments>(arguments)...);
  }
  T& operator*() {
    ASSERT(made_);
    return value_;
  }
  T* operator->() { return &**this; }
  bool made() const { return made_; }

 private:
  union {
    char empty_;
    T value_;
  };
  bool made_ = false;
};

}  // namespace vari
