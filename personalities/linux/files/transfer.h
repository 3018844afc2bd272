// Bytes on their way between a file and whoever asked: a program's memory (an iovec, checked and read
// once) or the kernel's own. A file never sees a user address.
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

/// A cursor over the caller's buffer.
class Transfer {
 public:
  /// Bytes that the caller still wants moved.
  virtual u64 remaining() const = 0;
  /// From the file to the caller: moves min(bytes.size(), remaining()) forward. Fewer only where the
  /// caller's memory ends: Fault if not even one byte could be moved. May fault pages in (blocks).
  virtual LinuxResult<u64> put(std::span<const u8> bytes) = 0;
  /// From the caller to the file: likewise.
  virtual LinuxResult<u64> take(std::span<u8> bytes) = 0;
  /// put() of zeros.
  virtual LinuxResult<u64> put_zeros(u64 bytes) = 0;
  /// put() of a text.
  LinuxResult<u64> put_text(std::string_view text) {
    return put({static_cast<const u8*>(static_cast<const void*>(text.data())), text.size()});
  }

 protected:
  ~Transfer() = default;
};

/// A Transfer over the kernel's own memory.
class KernelTransfer final : public Transfer {
 public:
  explicit KernelTransfer(std::span<u8> memory) : memory_(memory) {}
  u64 remaining() const override { return memory_.size() - done_; }
  LinuxResult<u64> put(std::span<const u8> bytes) override {
    const u64 count = bytes.size() < remaining() ? bytes.size() : remaining();
    __builtin_memcpy(memory_.data() + done_, bytes.data(), count);
    done_ += count;
    return count;
  }
  LinuxResult<u64> take(std::span<u8> bytes) override {
    const u64 count = bytes.size() < remaining() ? bytes.size() : remaining();
    __builtin_memcpy(bytes.data(), memory_.data() + done_, count);
    done_ += count;
    return count;
  }
  LinuxResult<u64> put_zeros(u64 bytes) override {
    const u64 count = bytes < remaining() ? bytes : remaining();
    __builtin_memset(memory_.data() + done_, 0, count);
    done_ += count;
    return count;
  }
  u64 done() const { return done_; }

 private:
  std::span<u8> memory_;
  u64 done_ = 0;
};

}  // namespace vari::linux
