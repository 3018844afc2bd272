// Extended attributes (xattr(7)): names with values beside a file's contents, for file systems in memory.
//
// A value never changes: setting a name again puts a new one in its place, so that whoever read the old one
// may still copy it out, without a lock held while user memory is touched.
#pragma once

#include <boost/intrusive/list.hpp>
#include <string_view>

#include "personalities/linux/errno.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class ExtendedAttributes final : public runtime::Allocated {
 public:
  static constexpr std::size_t kMaximumName = 255, kMaximumValue = 64 * kKiB;
  /// Of all names and values of one file. NoSpace beyond.
  static constexpr std::size_t kMaximumTotal = 256 * kKiB;
  enum class Set : u8 { Either, Create, Replace };

  class Entry final : public runtime::Managed {
   public:
    /// With room for the value, which the caller fills in before anybody else sees it. NoMemory.
    static LinuxResult<Ref<Entry>> create(std::string_view name, std::size_t value_bytes);
    explicit Entry(std::string_view name, char* text, std::size_t value_bytes)
        : text_(text), name_bytes_(name.size()), value_bytes_(value_bytes) {}
    std::string_view name() const { return {text_, name_bytes_}; }
    char* value() const { return text_ + name_bytes_; }
    std::size_t value_bytes() const { return value_bytes_; }
    std::size_t bytes() const { return name_bytes_ + value_bytes_; }

   private:
    friend class ExtendedAttributes;
    ~Entry() override { runtime::free(text_, bytes()); }
    char* text_;  // the name, then the value
    const std::size_t name_bytes_, value_bytes_;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook_;
  };

  ~ExtendedAttributes();
  /// Exists, NoData as `how` asks; NoSpace.
  LinuxResult<> set(Ref<Entry> entry, Set how) EXCLUDES(mutex_);
  /// NoData.
  LinuxResult<Ref<Entry>> get(std::string_view name) EXCLUDES(mutex_);
  LinuxResult<> remove(std::string_view name) EXCLUDES(mutex_);
  /// The entry at or behind a place in the order of their making, or null.
  Ref<Entry> at(std::size_t index) EXCLUDES(mutex_);

 private:
  using Entries =
      boost::intrusive::list<Entry,
                             boost::intrusive::member_hook<Entry, decltype(Entry::hook_), &Entry::hook_>,
                             boost::intrusive::constant_time_size<false>>;
  Entry* find_locked(std::string_view name) REQUIRES(mutex_);
  Ref<Entry> take_out_locked(Entry& entry) REQUIRES(mutex_);

  runtime::Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);  // each holds a reference
  std::size_t total_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace vari::linux
