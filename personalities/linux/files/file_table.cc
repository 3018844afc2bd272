// Descriptor tables. Files are never released under the table's lock: closing may block.
#include "personalities/linux/files/file_table.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "personalities/linux/files/file_locks.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

using runtime::Guard;

namespace {
constexpr u32 kFirstCapacity = 16;
}

LinuxResult<Ref<FileTable>> FileTable::create() {
  auto table = TRY(runtime::make<FileTable>());
  TRY(table->grow(kFirstCapacity - 1));
  return table;
}

FileTable::~FileTable() {
  close_all();
  runtime::free(slots_, capacity_ * sizeof(Slot));
}

LinuxResult<Ref<FileTable>> FileTable::clone() {
  auto copy = TRY(create());
  for (;;) {
    // What is open now decides the size; it may have grown again when the lock is taken anew.
    u32 needed = 0;
    {
      Guard guard(lock_);
      for (u32 i = 0; i < capacity_; ++i)
        if (slots_[i].file) needed = i + 1;
    }
    if (needed) TRY(copy->grow(needed - 1));
    Guard guard(lock_);
    bool fits = true;
    for (u32 i = copy->capacity_; i < capacity_; ++i) fits = fits && !slots_[i].file;
    if (!fits) continue;
    for (u32 i = 0; i < std::min(capacity_, copy->capacity_); ++i) {
      if (slots_[i].file) slots_[i].file->acquire();
      copy->slots_[i] = slots_[i];
    }
    return copy;
  }
}

LinuxResult<> FileTable::grow(u64 descriptor) {
  if (descriptor >= kMaximum) return std::unexpected(Errno::TooManyFiles);
  const auto wanted = std::max(kFirstCapacity, static_cast<u32>(std::bit_ceil(descriptor + 1)));
  auto* memory = static_cast<Slot*>(runtime::allocate(wanted * sizeof(Slot)));
  if (!memory) return std::unexpected(Errno::NoMemory);
  std::uninitialized_fill_n(memory, wanted, Slot());
  u32 count = wanted;
  {
    Guard guard(lock_);
    if (capacity_ < wanted) {
      std::copy_n(slots_, capacity_, memory);
      std::swap(slots_, memory);
      std::swap(capacity_, count);
    }
  }
  if (memory) runtime::free(memory, count * sizeof(Slot));
  return {};
}

LinuxResult<BorrowedFile> FileTable::borrow_shared(i64 descriptor) {
  auto file = TRY(get(descriptor));
  return BorrowedFile(file.leak(), true);
}

LinuxResult<Ref<File>> FileTable::get(i64 descriptor) {
  Guard guard(lock_);
  if (static_cast<u64>(descriptor) >= capacity_ || !slots_[descriptor].file)
    return std::unexpected(Errno::BadFile);
  return Ref<File>(*slots_[descriptor].file);
}

i64 FileTable::lowest_free_locked(u64 from) const {
  for (u64 i = std::max<u64>(from, lowest_free_hint_); i < capacity_; ++i)
    if (!slots_[i].file) return static_cast<i64>(i);
  return -1;
}

LinuxResult<u32> FileTable::add(Ref<File> file, bool close_on_exec, u64 limit, u32 from) {
  limit = std::min<u64>(limit, kMaximum);
  if (from >= limit) return std::unexpected(Errno::TooManyFiles);
  for (;;) {
    u32 full = 0;
    {
      Guard guard(lock_);
      const i64 free = lowest_free_locked(from);
      if (free >= 0) {
        if (static_cast<u64>(free) >= limit) return std::unexpected(Errno::TooManyFiles);
        slots_[free] = {file.leak(), close_on_exec};
        if (free <= lowest_free_hint_) lowest_free_hint_ = static_cast<u32>(free) + 1;
        return static_cast<u32>(free);
      }
      full = std::max(capacity_, from);
    }
    if (full >= limit) return std::unexpected(Errno::TooManyFiles);
    TRY(grow(full));
  }
}

LinuxResult<FileTable::Pair> FileTable::add_two(Ref<File> first, Ref<File> second, bool close_on_exec,
                                                u64 limit) {
  const auto a = TRY(add(std::move(first), close_on_exec, limit));
  const auto b = add(std::move(second), close_on_exec, limit);
  if (!b) {
    (void)remove(a);
    return std::unexpected(b.error());
  }
  return Pair{a, *b};
}

LinuxResult<> FileTable::replace(u32 descriptor, Ref<File> file, bool close_on_exec, u64 limit) {
  if (descriptor >= limit) return std::unexpected(Errno::BadFile);
  if (descriptor >= capacity()) TRY(grow(descriptor));
  File* previous = nullptr;
  {
    Guard guard(lock_);
    previous = slots_[descriptor].file;
    slots_[descriptor] = {file.leak(), close_on_exec};
  }
  if (!previous) return {};
  drop(Ref<File>::adopt(previous));
  return {};
}

LinuxResult<Ref<File>> FileTable::remove(i64 descriptor) {
  Guard guard(lock_);
  if (static_cast<u64>(descriptor) >= capacity_ || !slots_[descriptor].file)
    return std::unexpected(Errno::BadFile);
  lowest_free_hint_ = std::min(lowest_free_hint_, static_cast<u32>(descriptor));
  return Ref<File>::adopt(std::exchange(slots_[descriptor], Slot()).file);
}

LinuxResult<> FileTable::close(i64 descriptor) {
  drop(TRY(remove(descriptor)));
  return {};
}

void FileTable::drop(Ref<File> file) {
  FileLocks::release_owner(file->inode(), *this);
  file->on_descriptor_close(*this);
  const InFlightNode* node = file->in_flight_node();
  if (!node || !node->in_flight()) [[likely]]
    return;
  auto& sockets = file->inode().file_system().vfs().personality().sockets();
  file = {};
  sockets.flights().collect();
}

LinuxResult<> FileTable::check_room(u64 limit) {
  limit = std::min<u64>(limit, kMaximum);
  u32 full = 0;
  {
    Guard guard(lock_);
    const i64 free = lowest_free_locked(0);
    if (free >= 0 && static_cast<u64>(free) < limit) return {};
    full = capacity_;
  }
  if (full >= limit) return std::unexpected(Errno::TooManyFiles);
  return grow(full);
}

void FileTable::close_all() {
  for (i64 descriptor = next(0); descriptor >= 0; descriptor = next(static_cast<u64>(descriptor) + 1))
    (void)close(descriptor);
}

void FileTable::close_on_exec() {
  for (i64 descriptor = next(0); descriptor >= 0; descriptor = next(static_cast<u64>(descriptor) + 1)) {
    const auto marked = get_close_on_exec(descriptor);
    if (marked && *marked) (void)close(descriptor);
  }
}

LinuxResult<bool> FileTable::get_close_on_exec(i64 descriptor) {
  Guard guard(lock_);
  if (static_cast<u64>(descriptor) >= capacity_ || !slots_[descriptor].file)
    return std::unexpected(Errno::BadFile);
  return slots_[descriptor].close_on_exec;
}

LinuxResult<> FileTable::set_close_on_exec(i64 descriptor, bool set) {
  Guard guard(lock_);
  if (static_cast<u64>(descriptor) >= capacity_ || !slots_[descriptor].file)
    return std::unexpected(Errno::BadFile);
  slots_[descriptor].close_on_exec = set;
  return {};
}

i64 FileTable::next(u64 from) {
  Guard guard(lock_);
  for (u64 i = from; i < capacity_; ++i)
    if (slots_[i].file) return static_cast<i64>(i);
  return -1;
}

u32 FileTable::capacity() {
  Guard guard(lock_);
  return capacity_;
}

}  // namespace vari::linux
