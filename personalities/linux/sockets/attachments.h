// Descriptors on their way from one program to another (SCM_RIGHTS): the open files that a message carries.
#pragma once

#include <span>
#include <utility>

#include "personalities/linux/files/file.h"

namespace vari::linux {

class FilesInFlight;  // sockets/files_in_flight.h

/// Owns one reference to each of its files. While a queue holds it, it is counted as in flight; then it ends
/// by FilesInFlight::land() or dispose(), never by its destructor alone.
class Attachments {
 public:
  static constexpr u32 kMaximum = 253;  // SCM_MAX_FD

  Attachments() = default;
  Attachments(Attachments&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  Attachments& operator=(Attachments&& other) noexcept {
    std::swap(record_, other.record_);
    return *this;
  }
  ~Attachments() { release(); }

  /// Room for `capacity` files. NoMemory.
  static LinuxResult<Attachments> create(u32 capacity);
  void add(Ref<File> file) { record_->files()[record_->count++] = file.leak(); }

  explicit operator bool() const { return record_ != nullptr; }
  std::span<File* const> files() const {
    return record_ ? std::span<File* const>(record_->files(), record_->count) : std::span<File* const>();
  }
  /// Takes the file out: the caller's reference from now on.
  Ref<File> take(u32 index) { return Ref<File>::adopt(std::exchange(record_->files()[index], nullptr)); }
  void release();

 private:
  friend class FilesInFlight;
  struct Record {
    u32 count = 0, capacity = 0;
    Record* next = nullptr;  // in FilesInFlight's list of those to be released
    File** files() { return reinterpret_cast<File**>(this + 1); }
  };
  explicit Attachments(Record* record) : record_(record) {}

  Record* record_ = nullptr;
};

}  // namespace vari::linux
