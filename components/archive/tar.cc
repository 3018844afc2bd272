// tar: 512-byte headers, each followed by its data in whole blocks; two zero blocks end it. Understood are
// POSIX ustar (prefix and name), GNU's long names (types L and K) and sizes in base 256, and pax records
// (type x: path, linkpath, size, uid, gid, mtime). (POSIX pax, "ustar Interchange Format"; tar(5).)
#include <algorithm>
#include <cstddef>
#include <utility>

#include "components/archive/archive.h"
#include "components/archive/path.h"

namespace vari::components::archive {

namespace {

constexpr u64 kBlock = 512;

struct Header {
  char name[100], mode[8], user[8], group[8], size[12], modified[12], checksum[8];
  char type;
  char link[100], magic[6], version[2], user_name[32], group_name[32], major[8], minor[8], prefix[155],
      padding[12];
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t kBytes>
std::string_view text_of(const char (&field)[kBytes]) {
  return {field, static_cast<std::size_t>(std::find(field, field + kBytes, '\0') - field)};
}

/// Octal digits between blanks, or base 256 with the top bit set.
template <std::size_t kBytes>
Result<u64> number_of(const char (&field)[kBytes]) {
  if (static_cast<u8>(field[0]) & 0x80) {
    u64 value = static_cast<u8>(field[0]) & 0x7f;
    for (std::size_t i = 1; i < kBytes; ++i) {
      if (value >> 55) return std::unexpected(Error::Malformed);
      value = value << 8 | static_cast<u8>(field[i]);
    }
    return value;
  }
  u64 value = 0;
  std::size_t i = 0;
  while (i < kBytes && field[i] == ' ') ++i;
  for (; i < kBytes && field[i] >= '0' && field[i] <= '7'; ++i) {
    if (value >> 60) return std::unexpected(Error::Malformed);
    value = value << 3 | static_cast<u64>(field[i] - '0');
  }
  for (; i < kBytes; ++i)
    if (field[i] != ' ' && field[i] != 0) return std::unexpected(Error::Malformed);
  return value;
}

bool checksum_fits(const Header& header) {
  const auto* bytes = reinterpret_cast<const u8*>(&header);
  u64 sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool within =
        i >= offsetof(Header, checksum) && i < offsetof(Header, checksum) + sizeof header.checksum;
    sum += within ? ' ' : bytes[i];
  }
  const auto stated = number_of(header.checksum);
  return stated && *stated == sum;
}

Result<u64> decimal(std::string_view text) {
  // Fractions of a second are cut off.
  text = text.substr(0, text.find('.'));
  u64 value = 0;
  if (text.empty()) return std::unexpected(Error::Malformed);
  for (const char digit : text) {
    if (digit < '0' || digit > '9' || value > ~u64{0} / 10 - 9) return std::unexpected(Error::Malformed);
    value = value * 10 + static_cast<u64>(digit - '0');
  }
  return value;
}

/// What extension entries say of the next real one.
struct Overrides {
  std::string_view path, link;
  bool has_size = false, has_user = false, has_group = false, has_modified = false;
  u64 size = 0, user = 0, group = 0, modified = 0;
};

class Reading {
 public:
  Reading(std::span<const u8> bytes, ArchiveSink& sink) : rest_(bytes), sink_(sink) {}

  Result<> run() {
    while (rest_.size() >= kBlock) {
      if (std::ranges::all_of(rest_.first(kBlock), [](u8 byte) { return byte == 0; })) return {};
      Header header;
      __builtin_memcpy(&header, rest_.data(), kBlock);
      if (!checksum_fits(header)) return std::unexpected(Error::Malformed);
      rest_ = rest_.subspan(kBlock);
      TRY(entry(header));
    }
    // A missing end marker is common; a piece of a block is damage.
    return rest_.empty() ? Result<>() : std::unexpected(Error::Malformed);
  }

 private:
  Result<std::span<const u8>> take(u64 size) {
    if (size > rest_.size()) return std::unexpected(Error::Malformed);
    const auto data = rest_.first(size);
    rest_ = rest_.subspan(std::min<u64>(align_up(size, kBlock), rest_.size()));
    return data;
  }

  Result<> entry(const Header& header) {
    const u64 stated = TRY(number_of(header.size));
    switch (header.type) {
      case 'L': overrides_.path = text(TRY(take(stated))); return {};
      case 'K': overrides_.link = text(TRY(take(stated))); return {};
      case 'x': return records(TRY(take(stated)));
      case 'g': TRY(take(stated)); return {};
      default: break;
    }
    const auto overrides = std::exchange(overrides_, Overrides());
    return real_entry(header, overrides, overrides.has_size ? overrides.size : stated);
  }

  static std::string_view text(std::span<const u8> data) {
    const std::string_view all(reinterpret_cast<const char*>(data.data()), data.size());
    return all.substr(0, all.find('\0'));
  }

  /// "LENGTH KEY=VALUE\n", the length counting all of it.
  Result<> records(std::span<const u8> data) {
    std::string_view rest(reinterpret_cast<const char*>(data.data()), data.size());
    while (!rest.empty() && rest[0] != 0) {
      const auto blank = rest.find(' ');
      if (blank == rest.npos) return std::unexpected(Error::Malformed);
      const u64 length = TRY(decimal(rest.substr(0, blank)));
      if (length <= blank + 1 || length > rest.size() || rest[length - 1] != '\n')
        return std::unexpected(Error::Malformed);
      const auto record = rest.substr(blank + 1, length - blank - 2);
      const auto equals = record.find('=');
      if (equals == record.npos) return std::unexpected(Error::Malformed);
      TRY(note(record.substr(0, equals), record.substr(equals + 1)));
      rest.remove_prefix(length);
    }
    return {};
  }

  Result<> note(std::string_view key, std::string_view value) {
    auto& to = overrides_;
    if (key == "path") {
      to.path = value;
    } else if (key == "linkpath") {
      to.link = value;
    } else if (key == "size") {
      to.size = TRY(decimal(value));
      to.has_size = true;
    } else if (key == "uid") {
      to.user = TRY(decimal(value));
      to.has_user = true;
    } else if (key == "gid") {
      to.group = TRY(decimal(value));
      to.has_group = true;
    } else if (key == "mtime" && !value.starts_with('-')) {
      to.modified = TRY(decimal(value));
      to.has_modified = true;
    }
    return {};
  }

  Result<> real_entry(const Header& header, const Overrides& overrides, u64 size);

  std::span<const u8> rest_;
  ArchiveSink& sink_;
  Overrides overrides_;
};

Result<ArchiveEntry::Kind> kind_of(char type, std::string_view name) {
  switch (type) {
    case '0':
    case '7': return ArchiveEntry::Kind::File;
    // The oldest archives mark a directory by its name alone.
    case 0: return name.ends_with('/') ? ArchiveEntry::Kind::Directory : ArchiveEntry::Kind::File;
    case '1': return ArchiveEntry::Kind::HardLink;
    case '2': return ArchiveEntry::Kind::SymbolicLink;
    case '3': return ArchiveEntry::Kind::CharacterDevice;
    case '4': return ArchiveEntry::Kind::BlockDevice;
    case '5': return ArchiveEntry::Kind::Directory;
    case '6': return ArchiveEntry::Kind::Fifo;
    default: return std::unexpected(Error::Unsupported);
  }
}

Result<> Reading::real_entry(const Header& header, const Overrides& overrides, u64 size) {
  char joined[sizeof header.prefix + 1 + sizeof header.name];
  std::string_view path = overrides.path;
  if (path.empty()) {
    path = text_of(header.name);
    const auto prefix = text_of(header.prefix);
    if (std::string_view(header.magic, 5) == "ustar" && header.magic[5] == 0 && !prefix.empty()) {
      auto* end = std::copy(prefix.begin(), prefix.end(), joined);
      *end++ = '/';
      end = std::copy(path.begin(), path.end(), end);
      path = {joined, static_cast<std::size_t>(end - joined)};
    }
  }
  ArchiveEntry entry;
  entry.kind = TRY(kind_of(header.type, path));
  entry.path = TRY(clean_path(path));
  const auto data = TRY(take(entry.kind == ArchiveEntry::Kind::File ? size : 0));
  if (entry.path.empty()) return {};
  if (entry.kind == ArchiveEntry::Kind::File) entry.data = data;
  const bool link =
      entry.kind == ArchiveEntry::Kind::SymbolicLink || entry.kind == ArchiveEntry::Kind::HardLink;
  if (link) {
    entry.link_target = overrides.link.empty() ? text_of(header.link) : overrides.link;
    if (entry.kind == ArchiveEntry::Kind::HardLink) entry.link_target = TRY(clean_path(entry.link_target));
    if (entry.link_target.empty() || entry.link_target.find('\0') != std::string_view::npos)
      return std::unexpected(Error::Malformed);
  }
  entry.mode = static_cast<u32>(TRY(number_of(header.mode))) & 07777;
  entry.user = static_cast<u32>(overrides.has_user ? overrides.user : TRY(number_of(header.user)));
  entry.group = static_cast<u32>(overrides.has_group ? overrides.group : TRY(number_of(header.group)));
  entry.modified_seconds = overrides.has_modified ? overrides.modified : TRY(number_of(header.modified));
  entry.device_major = static_cast<u32>(number_of(header.major).value_or(0));
  entry.device_minor = static_cast<u32>(number_of(header.minor).value_or(0));
  return sink_.on_entry(entry);
}

}  // namespace

bool TarReader::recognises(std::span<const u8> bytes) const {
  if (bytes.size() < kBlock) return false;
  Header header;
  __builtin_memcpy(&header, bytes.data(), kBlock);
  return header.name[0] != 0 && checksum_fits(header);
}

Result<> TarReader::read(std::span<const u8> bytes, ArchiveSink& sink) const {
  return Reading(bytes, sink).run();
}

}  // namespace vari::components::archive
