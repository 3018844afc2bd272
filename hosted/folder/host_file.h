// Open files and directories of the host folder.
#pragma once

#include "hosted/folder/host_folder.h"

namespace vari::hosted {

class HostHandle final : public HostObject<FolderHandle> {
 public:
  static FolderResult<Ref<FolderHandle>> create(Descriptor descriptor);
  explicit HostHandle(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  FolderResult<u64> read(u64 offset, std::span<const std::span<u8>> pieces) override;
  FolderResult<u64> write(u64 offset, std::span<const std::span<const u8>> pieces) override;
  FolderResult<> truncate(u64 size) override;
  FolderResult<> sync(bool data_only) override;

 private:
  const Descriptor descriptor_;
};

class HostListing final : public HostObject<FolderListing> {
 public:
  static FolderResult<Ref<FolderListing>> create(Descriptor descriptor);
  explicit HostListing(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  FolderResult<> read(u64 position, FolderSink& sink) override;

 private:
  const Descriptor descriptor_;
  u64 position_ = 0;                 // of the first entry in the buffer that was not taken yet
  std::size_t begin_ = 0, end_ = 0;  // the part of the buffer that is still to come
  alignas(8) char buffer_[16384];
};

}  // namespace vari::hosted
