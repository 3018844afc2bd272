// Loading a program: which file it really is ("#!"), and its segments in the new memory. The stack that
// it starts with is built in program_stack.cc.
#include "personalities/linux/process/program_image.h"

#include <algorithm>

#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

/// Where position-independent programs go (two thirds of user space, as on Linux without randomisation).
constexpr u64 kProgramBase = 0x5555'5555'4000;

/// A file's bytes for the executable format.
class FileSource final : public ImageSource {
 public:
  FileSource(Task& task, File& file) : task_(task), file_(file) {}
  u64 size() override { return file_.inode().attributes().size; }
  Result<> read(u64 offset, std::span<u8> to) override {
    while (!to.empty()) {
      KernelTransfer transfer(to);
      const auto count = file_.read_at(task_, transfer, offset);
      if (!count.has_value()) return std::unexpected(Error::DeviceError);
      if (*count == 0 || *count > to.size()) return std::unexpected(Error::Malformed);
      offset += *count;
      to = to.subspan(*count);
    }
    return {};
  }

 private:
  Task& task_;
  File& file_;
};

/// Malformed and Unsupported images are "Exec format error"; the rest keeps its own number.
Errno load_error(Error error) {
  return error == Error::Malformed || error == Error::Unsupported || error == Error::InvalidArgument
             ? Errno::NoExec
             : to_errno(error);
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

std::string_view ProgramImage::short_name() const {
  const auto all = text();
  const auto slash = all.rfind('/');
  return slash == std::string_view::npos ? all : all.substr(slash + 1);
}

LinuxResult<> ProgramImage::load(Task& task) {
  file = TRY(open_for_execution(task, start, text(), walk_flags));
  const auto attributes = file->inode().attributes();
  TRY(follow_scripts(task));
  const Path* path = file->path();  // a memory file's has no mount
  if (script_count_ == 0 && path && !(path->mount && (path->mount->flags() & Mount::kNoSetId))) {
    set_user = (attributes.mode & kSetUser) != 0;
    // Set-group without group execution means something else (mandatory locking).
    set_group = (attributes.mode & (kSetGroup | 010)) == (kSetGroup | 010);
    if (TaskInternals::has_no_new_privileges(task)) set_user = set_group = false;
    owner_user = attributes.user;
    owner_group = attributes.group;
  }
  FileSource source(task, *file);
  if (const auto parsed = task.personality().parts().executables.parse(source, image_); !parsed.has_value())
    return std::unexpected(load_error(parsed.error()));
  memory = TRY(MemoryMap::create(task.personality()));
  memory->set_limits(task.process().soft_limit(Resource::StackBytes),
                     task.process().soft_limit(Resource::AddressSpace));

  const Loaded program = TRY(load_file(*file, image_, kProgramBase));
  Loaded interpreter;
  if (image_.interpreter_bytes) {
    const auto interpreter_file = TRY(open_interpreter(task, image_));
    FileSource interpreter_source(task, *interpreter_file);
    if (const auto parsed =
            task.personality().parts().executables.parse(interpreter_source, interpreter_image_);
        !parsed.has_value())
      return std::unexpected(load_error(parsed.error()));
    interpreter = TRY(load_file(*interpreter_file, interpreter_image_, 0));
  }
  entry = image_.interpreter_bytes ? interpreter.entry : program.entry;
  layout_.code_begin = program.code_begin;
  layout_.code_end = program.code_end;
  layout_.data_begin = program.data_begin;
  layout_.data_end = program.data_end;
  layout_.heap_begin = layout_.heap_end = align_up(program.end, kPageBytes);
  TRY(build_stack(task, program, interpreter));
  memory->set_layout(layout_);
  return {};
}

LinuxResult<> ProgramImage::follow_scripts(Task& task) {
  for (u32 depth = 0; TRY(take_script_line(task)); ++depth) {
    if (depth == kMaximumScripts) return std::unexpected(Errno::Loop);
    file = TRY(open_for_execution(task, {}, {script_words_ + script_begin_}));
  }
  return {};
}

LinuxResult<> ProgramImage::prepend(std::string_view word) {
  if (word.size() + 1 > script_begin_) return std::unexpected(Errno::TooBig);
  script_begin_ -= word.size() + 1;
  __builtin_memcpy(script_words_ + script_begin_, word.data(), word.size());
  script_words_[script_begin_ + word.size()] = 0;
  ++script_count_;
  return {};
}

/// "#! interpreter [one argument]", within the first 256 bytes.
LinuxResult<bool> ProgramImage::take_script_line(Task& task) {
  char line[kScriptLine];
  KernelTransfer transfer({reinterpret_cast<u8*>(line), sizeof line});
  const u64 count = TRY(file->read_at(task, transfer, 0));
  std::string_view text(line, std::min<u64>(count, sizeof line));
  if (!text.starts_with("#!")) return false;
  const bool whole = text.find('\n') != std::string_view::npos || count < sizeof line;
  text = text.substr(2, text.find('\n') == std::string_view::npos ? text.npos : text.find('\n') - 2);
  if (text.find('\0') != text.npos) text = text.substr(0, text.find('\0'));
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto interpreter = text.substr(0, end);
  auto argument = text.substr(end);
  while (!argument.empty() && is_blank(argument.front())) argument.remove_prefix(1);
  // A cut-off argument is tolerated; a cut-off interpreter's name could name another file.
  if (interpreter.empty() || (!whole && argument.empty())) return std::unexpected(Errno::NoExec);
  if (script_count_ == 0) TRY(prepend(this->text()));
  if (!argument.empty()) TRY(prepend(argument));
  TRY(prepend(interpreter));
  return true;
}

LinuxResult<Ref<File>> ProgramImage::open_interpreter(Task& task, const ExecutableImage& image) {
  if (image.interpreter_bytes < 2 || image.interpreter_bytes > sizeof interpreter_path_)
    return std::unexpected(Errno::NoExec);
  FileSource source(task, *file);
  const std::span<u8> bytes(reinterpret_cast<u8*>(interpreter_path_), image.interpreter_bytes);
  if (!source.read(image.interpreter_offset, bytes).has_value() || bytes.back() != 0)
    return std::unexpected(Errno::NoExec);
  return open_for_execution(task, {}, std::string_view(interpreter_path_));
}

LinuxResult<ProgramImage::Loaded> ProgramImage::load_file(File& source, const ExecutableImage& image,
                                                          u64 base_hint) {
  const std::span<const ExecutableSegment> segments(image.segments, image.segment_count);
  if (segments.empty()) return std::unexpected(Errno::NoExec);
  auto object = TRY(source.memory_object());
  u64 low = ~u64{0}, high = 0;
  for (const auto& segment : segments) {
    low = std::min(low, align_down(segment.address.value, kPageBytes));
    high = std::max(high, align_up(segment.address.value + segment.memory_bytes, kPageBytes));
  }
  Loaded loaded;
  if (image.position_independent) {
    // One reservation for all, so that the segments keep their distances.
    MemoryMap::Request whole{.address = base_hint, .bytes = high - low, .no_reserve = true};
    loaded.base = TRY(memory->map(whole)) - low;
    TRY(memory->unmap(loaded.base + low, high - low));
  }
  for (const auto& segment : segments) {
    TRY(load_segment(object, segment, loaded.base));
    const u64 begin = loaded.base + segment.address.value, end = begin + segment.memory_bytes;
    loaded.begin = loaded.begin ? std::min(loaded.begin, begin) : begin;
    loaded.end = std::max(loaded.end, end);
    if (allows(segment.access, Access::Execute)) {
      loaded.code_begin = begin;
      loaded.code_end = end;
    } else if (allows(segment.access, Access::Write)) {
      loaded.data_begin = begin;
      loaded.data_end = end;
    }
  }
  loaded.entry = loaded.base + image.entry.value;
  if (image.program_headers.value) loaded.headers = loaded.base + image.program_headers.value;
  return loaded;
}

LinuxResult<> ProgramImage::load_segment(Ref<MemoryObject> object, const ExecutableSegment& segment,
                                         u64 base) {
  const u64 begin = base + segment.address.value;
  const u64 file_end = begin + segment.file_bytes, end = begin + segment.memory_bytes;
  if (segment.memory_bytes == 0) return {};
  const u64 first_page = align_down(begin, kPageBytes);
  u64 mapped_end = first_page;
  const Access access = segment.access | Access::Read;
  if (segment.file_bytes) {
    // A page of the file can only be mapped as a page.
    if ((segment.file_offset ^ begin) & (kPageBytes - 1)) return std::unexpected(Errno::NoExec);
    mapped_end = align_up(file_end, kPageBytes);
    MemoryMap::Request request{.address = first_page,
                               .bytes = mapped_end - first_page,
                               .access = access,
                               .fixed = true,
                               .replace = true,
                               .no_reserve = true,
                               .object = std::move(object),
                               .first_page = segment.file_offset >> kPageShift};
    TRY(memory->map(request));
  }
  // What the file's last page holds beyond the segment is not the program's: zeros take its place, to the
  // page's end, since the dynamic linker allocates from there and counts on them.
  if (end > file_end && segment.file_bytes && allows(access, Access::Write))
    TRY(UserMemory(*memory).clear(file_end, mapped_end - file_end));
  const u64 zeros_end = align_up(end, kPageBytes);
  if (zeros_end > mapped_end) {
    MemoryMap::Request request{.address = mapped_end,
                               .bytes = zeros_end - mapped_end,
                               .access = access,
                               .fixed = true,
                               .replace = true};
    TRY(memory->map(request));
  }
  return {};
}

}  // namespace vari::linux
