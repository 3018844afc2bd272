// A file system that is being made, or changed, step by step: what fsopen(2) and fspick(2) give. Parameters
// come one at a time and are checked at once; what was wrong with them is told by read(2).
#pragma once

#include <array>

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system_type.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/text.h"

namespace vari::linux {

class MountContext final : public AnonymousFile {
 public:
  static LinuxResult<Ref<MountContext>> create(Task& task, const FileSystemType& type);
  /// For the file system that is there, at the root of a mount.
  static LinuxResult<Ref<MountContext>> pick(Task& task, const FileSystemType& type, const Path& mounted);
  MountContext(Ref<Inode> inode, Vfs& vfs, const FileSystemType& type, Ref<Dentry> root);
  ~MountContext() override;

  struct Parameter {
    enum class Kind : u8 { Flag, Text, Other };
    Kind kind;
    std::string_view name, value;
  };
  /// Invalid, with a message; Busy once it is made.
  LinuxResult<> set(const Parameter& parameter) EXCLUDES(mutex_);
  LinuxResult<> make_file_system() EXCLUDES(mutex_);
  LinuxResult<> reconfigure() EXCLUDES(mutex_);
  /// The mount of what was made, in no place yet. Once.
  LinuxResult<Ref<Mount>> mount(u32 flags) EXCLUDES(mutex_);

  /// One message a read: NoData if there is none, MessageTooLong where it does not fit.
  LinuxResult<u64> read(Task&, Transfer& to) override;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable*) override { return 0x145; }  // as Linux says of files without a poll
  static constexpr char kKindName[] = "anon_inode:[fscontext]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

  /// What a parameter's text may take, with its zero.
  static constexpr std::size_t kMaximumText = 256, kMaximumOptions = 512;

 private:
  enum class Phase : u8 { Parameters, Made, Mounted, Reconfiguring, Failed };
  using Message = TextBuffer<96>;
  LinuxResult<> refuse(std::string_view what, std::string_view name) REQUIRES(mutex_);
  LinuxResult<> set_source(const Parameter& parameter) REQUIRES(mutex_);
  LinuxResult<> add_option(const Parameter& parameter) REQUIRES(mutex_);
  /// The flags that all file systems have: whether it is one of them.
  bool set_common(std::string_view name) REQUIRES(mutex_);
  bool takes_parameters() REQUIRES(mutex_);
  LinuxResult<> fail(Errno error) REQUIRES(mutex_);

  Vfs& vfs_;
  const FileSystemType& type_;
  runtime::Mutex mutex_;
  Phase phase_ GUARDED_BY(mutex_);
  Ref<Dentry> root_ GUARDED_BY(mutex_);
  std::optional<bool> read_only_ GUARDED_BY(mutex_);
  TextBuffer<kMaximumText> source_ GUARDED_BY(mutex_);
  TextBuffer<kMaximumOptions> options_ GUARDED_BY(mutex_);
  std::array<Message, 4> messages_ GUARDED_BY(mutex_);  // the oldest gives way
  u32 first_message_ GUARDED_BY(mutex_) = 0, message_count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vari::linux
