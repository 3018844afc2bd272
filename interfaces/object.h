// The object model of components: COM-like. An interface is an abstract class with an id; an object
// counts its references and tells by query() which further interfaces it offers. No RTTI.
#pragma once

#include "base/reference.h"
#include "base/types.h"

namespace vari {

/// A 64-bit interface id: FNV-1a of the interface's name, made at compile time.
struct InterfaceId {
  u64 value = 0;
  constexpr bool operator==(const InterfaceId&) const = default;
};
constexpr InterfaceId interface_id(const char* name) {
  u64 hash = 0xcbf29ce484222325;
  for (; *name; ++name) hash = (hash ^ static_cast<u8>(*name)) * 0x100000001b3;
  return {hash};
}

/// Root of all component interfaces.
class Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.Object");
  /// A pointer to the wanted interface of this object, or null. Takes no reference.
  virtual void* query_raw(InterfaceId wanted) = 0;
  virtual void acquire() = 0;
  virtual void release() = 0;

 protected:
  ~Object() = default;
};

/// Safe narrowing: a reference to the wanted interface, or an empty one.
template <class Interface>
Ref<Interface> query(Object& object) {
  auto* found = static_cast<Interface*>(object.query_raw(Interface::kInterface));
  return found ? Ref<Interface>(*found) : Ref<Interface>();
}

}  // namespace vari
