// See extended_attributes.h.
#include "personalities/linux/files/extended_attributes.h"

#include <algorithm>

namespace vari::linux {

using runtime::Guard;

LinuxResult<Ref<ExtendedAttributes::Entry>> ExtendedAttributes::Entry::create(std::string_view name,
                                                                              std::size_t value_bytes) {
  const std::size_t bytes = name.size() + value_bytes;
  auto* text = static_cast<char*>(runtime::allocate(bytes));
  if (!text) return std::unexpected(Errno::NoMemory);
  std::ranges::copy(name, text);
  auto entry = runtime::make<Entry>(name, text, value_bytes);
  if (!entry) runtime::free(text, bytes);
  return TRY(std::move(entry));
}

ExtendedAttributes::~ExtendedAttributes() {
  entries_.clear_and_dispose([](Entry* entry) { entry->release(); });
}

ExtendedAttributes::Entry* ExtendedAttributes::find_locked(std::string_view name) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.name() == name; });
  return found == entries_.end() ? nullptr : &*found;
}

Ref<ExtendedAttributes::Entry> ExtendedAttributes::take_out_locked(Entry& entry) {
  entries_.erase(entries_.iterator_to(entry));
  total_bytes_ -= entry.bytes();
  return Ref<Entry>::adopt(&entry);
}

LinuxResult<> ExtendedAttributes::set(Ref<Entry> entry, Set how) {
  Ref<Entry> old;  // released after the lock
  Guard guard(mutex_);
  Entry* there = find_locked(entry->name());
  if (there && how == Set::Create) return std::unexpected(Errno::Exists);
  if (!there && how == Set::Replace) return std::unexpected(Errno::NoData);
  const std::size_t total = total_bytes_ - (there ? there->bytes() : 0) + entry->bytes();
  if (total > kMaximumTotal) return std::unexpected(Errno::NoSpace);
  if (there) old = take_out_locked(*there);
  total_bytes_ = total;
  entries_.push_back(*entry.leak());
  return {};
}

LinuxResult<Ref<ExtendedAttributes::Entry>> ExtendedAttributes::get(std::string_view name) {
  Guard guard(mutex_);
  Entry* found = find_locked(name);
  if (!found) return std::unexpected(Errno::NoData);
  return Ref<Entry>(*found);
}

LinuxResult<> ExtendedAttributes::remove(std::string_view name) {
  Ref<Entry> old;
  Guard guard(mutex_);
  Entry* found = find_locked(name);
  if (!found) return std::unexpected(Errno::NoData);
  old = take_out_locked(*found);
  return {};
}

Ref<ExtendedAttributes::Entry> ExtendedAttributes::at(std::size_t index) {
  Guard guard(mutex_);
  for (auto& entry : entries_) {
    if (index-- == 0) return Ref<Entry>(entry);
  }
  return {};
}

}  // namespace vari::linux
