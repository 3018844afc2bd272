// Memory that processes share without a file (MAP_SHARED | MAP_ANONYMOUS): pages on demand, kept until
// the last map lets go.
#pragma once

#include "personalities/linux/files/file.h"
#include "personalities/linux/memory/frame_references.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class AnonymousObject final : public MemoryObject {
 public:
  static LinuxResult<Ref<MemoryObject>> create(FrameReferences& frames, u64 bytes);
  AnonymousObject(FrameReferences& frames, u64 pages) : frames_(frames), pages_(pages) {}
  LinuxResult<Frame> page(u64 index, bool for_write) override;
  std::string_view name() const override { return "/dev/zero (deleted)"; }

 private:
  ~AnonymousObject() override;
  // 512 pages a chunk, so that a sparse object costs little.
  static constexpr u64 kChunkPages = 512;
  struct Chunk : runtime::Allocated {
    Frame frames[kChunkPages] = {};
  };
  u64 chunk_count() const { return (pages_ + kChunkPages - 1) / kChunkPages; }
  LinuxResult<> make_chunk(u64 index);

  FrameReferences& frames_;
  const u64 pages_;
  runtime::SpinLock lock_;
  Chunk** chunks_ GUARDED_BY(lock_) = nullptr;
};

}  // namespace vari::linux
