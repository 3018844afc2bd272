#include "personalities/linux/sockets/byte_ring.h"

#include <algorithm>
#include <memory>

#include "runtime/memory.h"

namespace vari::linux {

LinuxResult<> ByteRing::make_page(Page& page) {
  const auto frame = place_.allocate_frame_uncleared();
  if (!frame) return std::unexpected(Errno::NoMemory);
  page = {*frame, place_.window(*frame)};
  return {};
}

LinuxResult<u64> ByteRing::put(Transfer& from, u64 bytes) {
  if (!pages_) [[unlikely]] {
    pages_ = static_cast<Page*>(runtime::allocate(kPages * sizeof(Page)));
    if (!pages_) return std::unexpected(Errno::NoMemory);
    std::uninitialized_fill_n(pages_, kPages, Page());
  }
  bytes = std::min({bytes, from.remaining(), u64{kCapacity - used_}});
  u64 done = 0;
  while (done < bytes) {
    const u32 position = (first_ + used_) % kCapacity, offset = position % kPageBytes;
    Page& page = pages_[position / kPageBytes];
    if (!page.bytes) [[unlikely]] {
      const auto made = make_page(page);
      if (!made && done == 0) return std::unexpected(made.error());
      if (!made) break;
    }
    const u64 chunk = std::min<u64>(bytes - done, kPageBytes - offset);
    const auto moved = from.take({page.bytes + offset, chunk});
    if (!moved) {
      if (done) break;
      return moved;
    }
    done += *moved;
    set_used(used_ + static_cast<u32>(*moved));
    if (*moved < chunk) break;
  }
  return done;
}

LinuxResult<u64> ByteRing::peek(Transfer& to, u32 offset, u64 bytes) {
  bytes = std::min({bytes, to.remaining(), u64{used_ - std::min(used_, offset)}});
  u64 done = 0;
  while (done < bytes) {
    const u32 position = static_cast<u32>((first_ + offset + done) % kCapacity),
              within = position % kPageBytes;
    const u64 chunk = std::min<u64>(bytes - done, kPageBytes - within);
    const auto moved = to.put({pages_[position / kPageBytes].bytes + within, chunk});
    if (!moved) {
      if (done) break;
      return moved;
    }
    done += *moved;
    if (*moved < chunk) break;
  }
  return done;
}

LinuxResult<u64> ByteRing::take(Transfer& to, u64 bytes) {
  const auto done = peek(to, 0, bytes);
  if (!done) return done;
  const u32 left = used_ - static_cast<u32>(*done);
  first_ = left ? static_cast<u32>((first_ + *done) % kCapacity) : 0;
  set_used(left);
  return done;
}

void ByteRing::clear() {
  if (!pages_) return;
  for (u32 i = 0; i < kPages; ++i)
    if (pages_[i].bytes) place_.free_frame(pages_[i].frame);
  runtime::free(pages_, kPages * sizeof(Page));
  pages_ = nullptr;
  first_ = 0;
  set_used(0);
}

}  // namespace vari::linux
