#include "personalities/linux/sockets/attachments.h"

#include <memory>

namespace vari::linux {

LinuxResult<Attachments> Attachments::create(u32 capacity) {
  void* memory = runtime::allocate(sizeof(Record) + capacity * sizeof(File*));
  if (!memory) return std::unexpected(Errno::NoMemory);
  auto* record = new (memory) Record{.capacity = capacity};
  std::uninitialized_fill_n(record->files(), capacity, nullptr);
  return Attachments(record);
}

void Attachments::release() {
  Record* record = std::exchange(record_, nullptr);
  if (!record) return;
  for (u32 i = 0; i < record->count; ++i)
    if (record->files()[i]) record->files()[i]->release();
  runtime::free(record, sizeof(Record) + record->capacity * sizeof(File*));
}

}  // namespace vari::linux
