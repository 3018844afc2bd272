#include "nucleus/log.h"

namespace vari::nucleus {

void Log::line(std::string_view text) {
  const Nanoseconds now = runtime::port::now_ns();
  const Text<32> prefix("<6>[", Padded{now / kSecond, 5}, '.', Padded{now % kSecond / 1000, 6, '0'}, "] ");
  {
    runtime::Guard guard(lock_);
    append(prefix.text());
    append(text);
    append("\n");
  }
  if (const Echo echo = __atomic_load_n(&echo_, __ATOMIC_ACQUIRE)) {
    // One call a line, so that lines of several cores are not mixed within.
    const Text<320> whole(prefix.text().substr(3), text, '\n');
    echo(whole.text());
  }
}

void Log::append(std::string_view text) {
  for (const char character : text) ring_[end_++ % kBytes] = character;
}

std::size_t Log::read(u64& from, std::span<char> to) {
  runtime::Guard guard(lock_);
  const u64 oldest = end_ > kBytes ? end_ - kBytes : 0;
  if (from < oldest) from = oldest;
  std::size_t count = 0;
  while (from + count < end_ && count < to.size()) {
    to[count] = ring_[(from + count) % kBytes];
    ++count;
  }
  return count;
}

}  // namespace vari::nucleus
