// pidfd: a process as a descriptor. It never comes to mean another one, and is readable once that has ended.
#pragma once

#include "personalities/linux/files/anonymous.h"

namespace vari::linux {

class Process;

class PidFile final : public AnonymousFile {
 public:
  static LinuxResult<Ref<File>> create(Task& task, Process& process, u32 flags);
  PidFile(Ref<Inode> inode, Process& process, u32 flags);
  ~PidFile() override;
  /// The file as what it is, or null.
  static PidFile* from(File& file);

  Process& process() const { return *process_; }
  LinuxResult<u64> read(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "anon_inode:[pidfd]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

 private:
  const Ref<Process> process_;
};

}  // namespace vari::linux
