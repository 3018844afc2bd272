// See memory_devices.h, and null(4), full(4), random(4).
#include "personalities/linux/filesystems/memory_devices.h"

#include <algorithm>

#include "base/format.h"
#include "personalities/linux/files/open_file.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

namespace {

class MemoryDeviceFile : public OpenFile {
 public:
  explicit MemoryDeviceFile(const OpenRequest& request) : OpenFile(request) {}
  LinuxResult<u64> read_at(Task& task, Transfer& to, u64) override { return read(task, to); }
  LinuxResult<u64> write_at(Task& task, Transfer& from, u64) override { return write(task, from); }
  LinuxResult<u64> seek(i64, int) override { return 0; }
  u32 poll(PollTable*) override {
    return poll_event::kIn | poll_event::kOut | poll_event::kReadNormal | poll_event::kWriteNormal;
  }
  LinuxResult<u64> ioctl(Task&, u32, u64) override { return std::unexpected(Errno::NotTerminal); }
};

/// What is written vanishes, without being looked at.
class NullFile : public MemoryDeviceFile {
 public:
  using MemoryDeviceFile::MemoryDeviceFile;
  LinuxResult<u64> read(Task&, Transfer&) override { return 0; }
  LinuxResult<u64> write(Task&, Transfer& from) override { return from.remaining(); }
};

/// Anonymous memory by another name: each page new and zero.
class ZeroMemory final : public MemoryObject {
 public:
  explicit ZeroMemory(Place& place) : place_(place) {}
  LinuxResult<Frame> page(u64, bool) override { return TRY(place_.allocate_frame()); }

 private:
  Place& place_;
};

class ZeroFile : public NullFile {
 public:
  ZeroFile(const OpenRequest& request, Place& place) : NullFile(request), place_(place) {}
  LinuxResult<u64> read(Task&, Transfer& to) override { return to.put_zeros(to.remaining()); }
  LinuxResult<Ref<MemoryObject>> memory_object() override { return TRY(runtime::make<ZeroMemory>(place_)); }

 private:
  Place& place_;
};

class FullFile final : public ZeroFile {
 public:
  using ZeroFile::ZeroFile;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::NoSpace); }
};

class RandomFile final : public MemoryDeviceFile {
 public:
  RandomFile(const OpenRequest& request, Place& place) : MemoryDeviceFile(request), place_(place) {}
  LinuxResult<u64> read(Task&, Transfer& to) override {
    u8 bytes[256];
    u64 done = 0;
    while (to.remaining() != 0) {
      const auto wanted = std::min<u64>(to.remaining(), sizeof bytes);
      place_.random({bytes, wanted});
      const auto moved = to.put({bytes, wanted});
      if (!moved) {
        if (done) break;
        return moved;
      }
      done += *moved;
      if (*moved < wanted) break;
    }
    return done;
  }
  /// Contributions are not needed: they are taken and forgotten.
  LinuxResult<u64> write(Task&, Transfer& from) override { return from.remaining(); }

 private:
  Place& place_;
};

/// The kernel's log: a record a read. Writing adds a line.
class KernelLogFile final : public MemoryDeviceFile {
 public:
  KernelLogFile(const OpenRequest& request, Place& place) : MemoryDeviceFile(request), place_(place) {}
  LinuxResult<u64> read(Task&, Transfer& to) override {
    char line[512];
    runtime::Guard guard(mutex_);
    u64 from = position_;
    const auto count = place_.read_log(from, line);
    const std::string_view text(line, count);
    const auto length = std::min(text.find('\n'), text.size());
    if (text.empty()) return std::unexpected(Errno::Again);
    Text<600> record("6,", sequence_, ",", place_.monotonic_ns() / 1000, ",-;", text.substr(0, length), "\n");
    if (to.remaining() < record.size()) return std::unexpected(Errno::Invalid);
    const auto bytes = record.text();
    const u64 moved = TRY(to.put({reinterpret_cast<const u8*>(bytes.data()), bytes.size()}));
    position_ = from + std::min<u64>(length + 1, count);
    ++sequence_;
    return moved;
  }
  LinuxResult<u64> write(Task&, Transfer& from) override {
    char line[256];
    const u64 all = from.remaining();
    const u64 count = TRY(from.take({reinterpret_cast<u8*>(line), std::min<u64>(all, sizeof line)}));
    std::string_view text(line, count);
    while (text.ends_with('\n')) text.remove_suffix(1);
    place_.log(text);
    return all;
  }

 private:
  Place& place_;
  runtime::Mutex mutex_;
  u64 position_ GUARDED_BY(mutex_) = 0, sequence_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

LinuxResult<> MemoryDevices::start(Vfs& vfs) {
  struct Node {
    std::string_view name;
    u32 minor, mode;
  };
  static constexpr Node kNodes[] = {
      {"null", kNull, 0666},     {"zero", kZero, 0666},       {"full", kFull, 0666},
      {"random", kRandom, 0666}, {"urandom", kUrandom, 0666}, {"kmsg", kKmsg, 0644},
  };
  TRY(vfs.devices().add(kMajor, 0, 16, "mem", *this));
  for (const auto& node : kNodes)
    TRY(vfs.add_device_node(node.name, FileKind::Character, node.mode, make_device(kMajor, node.minor)));
  return {};
}

LinuxResult<Ref<File>> MemoryDevices::open(const OpenRequest& request, u32 minor) {
  switch (minor) {
    case kNull: return TRY(runtime::make<NullFile>(request));
    case kZero: return TRY(runtime::make<ZeroFile>(request, place_));
    case kFull: return TRY(runtime::make<FullFile>(request, place_));
    case kRandom:
    case kUrandom: return TRY(runtime::make<RandomFile>(request, place_));
    case kKmsg: return TRY(runtime::make<KernelLogFile>(request, place_));
    default: return std::unexpected(Errno::NoDevice6);
  }
}

}  // namespace vari::linux
