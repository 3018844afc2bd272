// One pass: a word never grows when its quotes are taken off, so it is written over itself.
#include "kernels/support/words.h"

namespace vari::kernels {
namespace {

bool is_blank(char character) {
  return character == ' ' || character == '\t' || character == '\n';
}

/// The position behind the word that begins at `from`; its text, without quotes, is written from `end` on.
Result<std::size_t> take_word(std::span<char> text, std::size_t from, std::size_t& end) {
  char quote = 0;
  std::size_t at = from;
  for (; at < text.size() && (quote || !is_blank(text[at])); ++at) {
    const char character = text[at];
    if (quote ? character == quote : character == '\'' || character == '"') {
      quote = quote ? char{0} : character;
      continue;
    }
    if (character == '\\' && quote != '\'') {
      if (at + 1 == text.size()) return std::unexpected(Error::Malformed);
      const char next = text[at + 1];
      if (!quote || next == '"' || next == '\\') ++at;
    }
    text[end++] = text[at];
  }
  if (quote) return std::unexpected(Error::Malformed);
  return at;
}

}  // namespace

Result<std::size_t> split_words(std::span<char> text, std::span<std::string_view> to) {
  std::size_t count = 0, at = 0;
  for (;;) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at == text.size()) return count;
    if (count == to.size()) return std::unexpected(Error::NoSpace);
    const std::size_t begin = at;
    std::size_t end = begin;
    at = TRY(take_word(text, at, end));
    to[count++] = {text.data() + begin, end - begin};
  }
}

}  // namespace vari::kernels
