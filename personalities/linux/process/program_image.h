// A program on its way to being run: the file, what a script's first line made of it, its strings, and
// the new memory that it is loaded into before the old one is given up.
#pragma once

#include "interfaces/executable.h"
#include "personalities/linux/files/file.h"
#include "personalities/linux/files/path_walk.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/argument_strings.h"

namespace vari::linux {

class ProgramImage : public runtime::Allocated {
 public:
  static constexpr u32 kMaximumPath = 4096;
  static constexpr u32 kScriptLine = 256, kMaximumScripts = 4;

  explicit ProgramImage(Place& place) : arguments(place), environment(place) {}

  // What the caller fills in.
  char path[kMaximumPath];
  u32 path_length = 0;
  WalkStart start;  // for execveat
  WalkFlags walk_flags = WalkFlags::None;
  ArgumentStrings arguments, environment;

  /// Opens the file, follows "#!" lines, and loads all into new memory. Nothing of the task changes.
  LinuxResult<> load(Task& task);

  // What load() has found.
  Ref<File> file;
  Ref<MemoryMap> memory;
  u64 entry = 0, stack_pointer = 0;
  bool set_user = false, set_group = false;
  u32 owner_user = 0, owner_group = 0;
  std::string_view text() const { return {path, path_length}; }
  /// What ps shows: the last part of the path as the caller gave it.
  std::string_view short_name() const;

 private:
  struct Loaded {
    u64 base = 0, entry = 0, headers = 0, begin = 0, end = 0;
    u64 code_begin = 0, code_end = 0, data_begin = 0, data_end = 0;
  };
  LinuxResult<> follow_scripts(Task& task);
  /// False: it is no script. Else the words before the present ones have been noted.
  LinuxResult<bool> take_script_line(Task& task);
  LinuxResult<> prepend(std::string_view word);
  LinuxResult<Loaded> load_file(File& source, const ExecutableImage& image, u64 base_hint);
  LinuxResult<> load_segment(Ref<MemoryObject> object, const ExecutableSegment& segment, u64 base);
  LinuxResult<Ref<File>> open_interpreter(Task& task, const ExecutableImage& image);
  LinuxResult<> build_stack(Task& task, const Loaded& program, const Loaded& interpreter);
  LinuxResult<> write_tables(Task& task, const Loaded& program, const Loaded& interpreter, u64 strings,
                             u64 names, u64 path_address, u64 random_address, u64 platform_address);

  u64 vdso_ = 0;  // where its ELF header is
  ExecutableImage image_, interpreter_image_;
  ProgramLayout layout_;
  // What scripts put in the place of the first argument: words with their zeros, at the buffer's end,
  // since each further script puts its own before them.
  static constexpr u32 kScriptBytes = kMaximumScripts * kScriptLine + kMaximumPath;
  char script_words_[kScriptBytes];
  u32 script_begin_ = kScriptBytes, script_count_ = 0;
  char interpreter_path_[kMaximumPath];
};

}  // namespace vari::linux
