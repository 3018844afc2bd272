// cpio, "newc" format: a header of fields in hexadecimal text, the name, the data, each padded to four bytes;
// the entry "TRAILER!!!" ends it. (Linux: Documentation/driver-api/early-userspace/buffer-format.rst.)
//
// Hard links share device and inode number, and only one of them, in practice the last, carries the data.
// The first is delivered as the file, with those data, and the others as links to it.
#include "components/archive/archive.h"
#include "components/archive/path.h"

namespace vari::components::archive {

namespace {

constexpr std::size_t kHeaderBytes = 110;
constexpr std::string_view kTrailer = "TRAILER!!!";

struct Header {
  u32 inode, mode, user, group, links, modified, file_bytes, device_major, device_minor, special_major,
      special_minor, name_bytes, checksum;
};

/// An entry as it stands in the archive.
struct Raw {
  Header header;
  std::string_view name;
  std::span<const u8> data;
  std::size_t next;  // offset of the entry behind it
};

bool has_magic(std::span<const u8> bytes) {
  if (bytes.size() < kHeaderBytes) return false;
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()), 6);
  return magic == "070701" || magic == "070702";
}

Result<u32> parse_hex(const u8* text) {
  u32 value = 0;
  for (int i = 0; i < 8; ++i) {
    const u8 digit = text[i];
    u32 part = 0;
    if (digit >= '0' && digit <= '9') {
      part = digit - '0';
    } else if (digit >= 'a' && digit <= 'f') {
      part = digit - 'a' + 10;
    } else if (digit >= 'A' && digit <= 'F') {
      part = digit - 'A' + 10;
    } else {
      return std::unexpected(Error::Malformed);
    }
    value = value << 4 | part;
  }
  return value;
}

Result<Raw> parse(std::span<const u8> bytes, std::size_t offset) {
  if (offset > bytes.size() || !has_magic(bytes.subspan(offset))) return std::unexpected(Error::Malformed);
  u32 fields[13];
  for (u64 i = 0; i < 13; ++i) fields[i] = TRY(parse_hex(bytes.data() + offset + 6 + 8 * i));
  Raw raw;
  __builtin_memcpy(&raw.header, fields, sizeof fields);
  // All sizes are below 2^32, so that these sums can't wrap.
  const u64 name_end = offset + kHeaderBytes + u64{raw.header.name_bytes};
  const u64 data_begin = align_up(name_end, 4);
  const u64 data_end = data_begin + raw.header.file_bytes;
  if (raw.header.name_bytes < 2 || data_begin > bytes.size() || data_end > bytes.size())
    return std::unexpected(Error::Malformed);
  if (bytes[name_end - 1] != 0) return std::unexpected(Error::Malformed);
  raw.name = {reinterpret_cast<const char*>(bytes.data()) + offset + kHeaderBytes, raw.header.name_bytes - 1};
  raw.data = bytes.subspan(data_begin, raw.header.file_bytes);
  raw.next = align_up(data_end, 4);
  return raw;
}

bool same_file(const Header& a, const Header& b) {
  return a.inode == b.inode && a.device_major == b.device_major && a.device_minor == b.device_minor;
}

class Reading {
 public:
  Reading(std::span<const u8> bytes, ArchiveSink& sink) : bytes_(bytes), sink_(sink) {}

  Result<> run() {
    for (std::size_t offset = 0;;) {
      const auto raw = TRY(parse(bytes_, offset));
      if (raw.name == kTrailer) return {};
      TRY(deliver(raw, offset));
      offset = raw.next;
    }
  }

 private:
  /// Looking for the other names of a file takes a walk of its own; a hostile archive must not make that
  /// quadratic without bound.
  static constexpr u64 kMaximumSteps = 10'000'000;

  Result<> deliver(const Raw& raw, std::size_t offset) {
    ArchiveEntry entry;
    entry.path = TRY(clean_path(raw.name));
    entry.kind = TRY(kind_of_mode(raw.header.mode));
    if (entry.path.empty()) return {};
    entry.mode = raw.header.mode & 07777;
    entry.user = raw.header.user;
    entry.group = raw.header.group;
    entry.modified_seconds = raw.header.modified;
    entry.device_major = raw.header.special_major;
    entry.device_minor = raw.header.special_minor;
    if (entry.kind == ArchiveEntry::Kind::SymbolicLink) {
      entry.link_target = {reinterpret_cast<const char*>(raw.data.data()), raw.data.size()};
      if (entry.link_target.empty() || entry.link_target.find('\0') != std::string_view::npos)
        return std::unexpected(Error::Malformed);
    }
    if (entry.kind == ArchiveEntry::Kind::File) {
      entry.data = raw.data;
      if (raw.header.links > 1) TRY(resolve_links(raw, offset, entry));
    }
    return sink_.on_entry(entry);
  }

  Result<> resolve_links(const Raw& raw, std::size_t offset, ArchiveEntry& entry) {
    for (std::size_t at = 0; at < offset;) {
      const auto earlier = TRY(step(at));
      if ((earlier.header.mode & 0170000) == 0100000 && same_file(earlier.header, raw.header)) {
        entry.kind = ArchiveEntry::Kind::HardLink;
        entry.link_target = TRY(clean_path(earlier.name));
        entry.data = {};
        return {};
      }
      at = earlier.next;
    }
    for (std::size_t at = raw.next; entry.data.empty();) {
      const auto later = step(at);
      if (!later)
        return later.error() == Error::LimitReached ? Result<>(std::unexpected(Error::Malformed))
                                                    : Result<>();
      if (later->name == kTrailer) return {};
      if (same_file(later->header, raw.header)) entry.data = later->data;
      at = later->next;
    }
    return {};
  }

  Result<Raw> step(std::size_t offset) {
    if (++steps_ > kMaximumSteps) return std::unexpected(Error::LimitReached);
    return parse(bytes_, offset);
  }

  std::span<const u8> bytes_;
  ArchiveSink& sink_;
  u64 steps_ = 0;
};

}  // namespace

bool CpioReader::recognises(std::span<const u8> bytes) const {
  return has_magic(bytes);
}

Result<> CpioReader::read(std::span<const u8> bytes, ArchiveSink& sink) const {
  return Reading(bytes, sink).run();
}

}  // namespace vari::components::archive
