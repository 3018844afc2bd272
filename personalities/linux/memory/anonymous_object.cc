// See anonymous_object.h.
#include "personalities/linux/memory/anonymous_object.h"

#include <algorithm>

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<Ref<MemoryObject>> AnonymousObject::create(FrameReferences& frames, u64 bytes) {
  auto object = TRY(runtime::make<AnonymousObject>(frames, bytes >> kPageShift));
  const u64 size = object->chunk_count() * sizeof(Chunk*);
  auto* memory = static_cast<Chunk**>(runtime::allocate(size));
  if (!memory) return std::unexpected(Errno::NoMemory);
  std::fill_n(memory, object->chunk_count(), nullptr);
  Guard<SpinLock> guard(object->lock_);
  object->chunks_ = memory;
  return Ref<MemoryObject>(object);
}

AnonymousObject::~AnonymousObject() {
  Guard<SpinLock> guard(lock_);
  if (!chunks_) return;
  for (u64 i = 0; i < chunk_count(); ++i) {
    if (!chunks_[i]) continue;
    for (const Frame frame : chunks_[i]->frames) {
      if (frame) frames_.drop(frame);
    }
    delete chunks_[i];
  }
  runtime::free(static_cast<void*>(chunks_), chunk_count() * sizeof(Chunk*));
}

LinuxResult<> AnonymousObject::make_chunk(u64 index) {
  auto* made = new (runtime::kFallible) Chunk;
  if (!made) return std::unexpected(Errno::NoMemory);
  {
    Guard<SpinLock> guard(lock_);
    if (!chunks_[index]) made = std::exchange(chunks_[index], made);
  }
  delete made;
  return {};
}

LinuxResult<Frame> AnonymousObject::page(u64 index, bool) {
  if (index >= pages_) return std::unexpected(Errno::BadFile);
  Frame fresh;
  for (;;) {
    bool chunk_missing = false;
    {
      Guard<SpinLock> guard(lock_);
      auto* chunk = chunks_[index / kChunkPages];
      if (!chunk) {
        chunk_missing = true;
      } else {
        auto& frame = chunk->frames[index % kChunkPages];
        if (!frame && fresh) frame = std::exchange(fresh, Frame{});
        if (frame) {
          const auto added = frames_.add(frame);
          const Frame unused = fresh;
          if (unused) frames_.place().free_frame(unused);
          if (!added.has_value()) return std::unexpected(Errno::NoMemory);
          return frame;
        }
      }
    }
    if (chunk_missing) {
      TRY(make_chunk(index / kChunkPages));
    } else {
      fresh = TRY(frames_.place().allocate_frame());
    }
  }
}

}  // namespace vari::linux
