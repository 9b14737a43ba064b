#ifndef LINNET_RUNTIME_TOKENIZER_RANGE_H_
#define LINNET_RUNTIME_TOKENIZER_RANGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {

// A text as splitters see it. A byte that is not UTF-8 is a character of its own, U+FFFD.
struct Character {
  uint32_t code;
  uint8_t classes;  // CharClass bits
};

// A range of the text; beyond its end there is nothing: no class, and a code that equals no character. Places
// are absolute.
class Range {
 public:
  static constexpr uint32_t kNothing = 0xffffffff;

  Range(std::span<const Character> text, size_t begin, size_t end) : text_(text), begin_(begin), end_(end) {}
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  uint32_t Code(size_t at) const { return at < end_ ? text_[at].code : kNothing; }
  bool Is(size_t at, int classes) const { return at < end_ && (text_[at].classes & classes) != 0; }
  bool IsNot(size_t at, int classes) const { return at < end_ && (text_[at].classes & classes) == 0; }
  bool IsNewline(size_t at) const { return Code(at) == '\r' || Code(at) == '\n'; }
  bool IsOneOf(size_t at, std::u32string_view set) const {
    return at < end_ && set.find(static_cast<char32_t>(text_[at].code)) != std::u32string_view::npos;
  }
  bool IsBetween(size_t at, uint32_t low, uint32_t high) const {
    return at < end_ && text_[at].code >= low && text_[at].code <= high;
  }
  bool IsAsciiLetter(size_t at) const { return IsBetween(at, 'a', 'z') || IsBetween(at, 'A', 'Z'); }
  // The text from `at` begins with `ascii`.
  bool Begins(size_t at, std::string_view ascii) const {
    for (size_t i = 0; i < ascii.size(); ++i) {
      if (Code(at + i) != static_cast<uint8_t>(ascii[i])) return false;
    }
    return true;
  }
  // The first place from `at` on where `matches` is false. `matches` must be false at the end.
  template <typename Matches>
  size_t SkipWhile(size_t at, Matches matches) const {
    while (matches(at)) ++at;
    return at;
  }
  size_t SkipClass(size_t at, int classes) const {
    while (Is(at, classes)) ++at;
    return at;
  }
  size_t SkipNewlines(size_t at) const {
    while (IsNewline(at)) ++at;
    return at;
  }

 private:
  std::span<const Character> text_;
  size_t begin_, end_;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_RANGE_H_
