// All memory maps of a personality, so that what happens to an object reaches everybody who maps it:
// a file is cut, and no page of the rest may be seen through a mapping; a seal asks who could still write.
//
// Lock order: lock_, then a memory map's. A map enters the list before it has regions and leaves it before
// it loses them; a child of fork stands behind its parent, so that whoever goes through the list while the
// parent is copied finds in the child what the parent still had.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {

class MemoryMaps {
 public:
  void add(MemoryMap& map) EXCLUDES(lock_);
  void remove(MemoryMap& map) EXCLUDES(lock_);
  /// The object's pages [first, end) are gone: nobody has them mapped at return. `copies`: neither as a
  /// private copy (Linux: of what truncation takes away, not of a hole).
  void forget(const MemoryObject& object, u64 first, u64 end, bool copies) EXCLUDES(lock_);
  /// Somebody has a shared mapping that may be written to.
  bool is_writable_somewhere(const MemoryObject& object) EXCLUDES(lock_);

 private:
  using Maps = boost::intrusive::list<
      MemoryMap,
      boost::intrusive::member_hook<MemoryMap, boost::intrusive::list_member_hook<>, &MemoryMap::list_hook_>,
      boost::intrusive::constant_time_size<false>>;
  runtime::Mutex lock_;
  Maps maps_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
