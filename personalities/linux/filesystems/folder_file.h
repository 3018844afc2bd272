// Open files and directories of a served folder.
#pragma once

#include "interfaces/folder.h"
#include "personalities/linux/files/directory_file.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/filesystems/folder_contents.h"

namespace vari::linux {

class FolderFile final : public RegularFile {
 public:
  static LinuxResult<Ref<File>> create(const OpenRequest& request, FolderContents& contents);
  explicit FolderFile(const OpenRequest& request, FolderContents& contents)
      : RegularFile(request), contents_(contents) {}

  LinuxResult<u64> read_at(Task&, Transfer& to, u64 offset) override;
  LinuxResult<u64> write_from(Task& task, Transfer& from, u64 offset, bool append, u64& end) override;
  LinuxResult<> synchronise(bool data_only) override { return contents_->synchronise(data_only); }
  LinuxResult<Ref<MemoryObject>> memory_object() override { return Ref<MemoryObject>(contents_); }

 protected:
  ~FolderFile() override;
  /// SEEK_END means the end that the file has now.
  u64 current_size() override;

 private:
  Ref<FolderContents> contents_;
  bool opened_ = false;  // contents_ counts us
};

class FolderDirectoryFile final : public DirectoryFile {
 public:
  static LinuxResult<Ref<File>> create(const OpenRequest& request, FolderNode& node);
  FolderDirectoryFile(const OpenRequest& request, Ref<FolderListing> listing)
      : DirectoryFile(request), listing_(std::move(listing)) {}
  LinuxResult<> synchronise(bool) override { return {}; }

 protected:
  LinuxResult<u64> read_entries(Task& task, u64 position, DirectorySink& sink) override;

 private:
  const Ref<FolderListing> listing_;
};

}  // namespace vari::linux
