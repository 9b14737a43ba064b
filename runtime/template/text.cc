#include "runtime/template/text.h"

#include <algorithm>
#include <cstring>

namespace linnet::jinja {

void Text::Append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  if (overflowed_ || bytes.size() > kMaxBytes - bytes_.size()) {
    overflowed_ = true;
    return;
  }
  bytes_.append(bytes);
  if (!runs_.empty() && runs_.back().trusted == trusted) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), trusted});
  }
}

void Text::Append(const Text& other) { Append(other, 0, other.size()); }

void Text::Append(const Text& other, size_t begin, size_t end) {
  overflowed_ = overflowed_ || other.overflowed_;
  auto run = std::upper_bound(other.runs_.begin(), other.runs_.end(), begin,
                              [](size_t at, const Run& r) { return at < r.end; });
  while (begin < end) {
    const size_t stop = std::min(end, run->end);
    Append(other.view().substr(begin, stop - begin), run->trusted);
    begin = stop;
    ++run;
  }
}

Text Text::Sub(size_t begin, size_t end) const {
  Text out;
  if (begin < end) out.Append(*this, begin, end);
  return out;
}

bool Text::TrustedAt(size_t byte) const {
  const auto run =
      std::upper_bound(runs_.begin(), runs_.end(), byte, [](size_t at, const Run& r) { return at < r.end; });
  return run == runs_.end() || run->trusted;
}

size_t CharSize(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

size_t CharCount(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

size_t ByteOffset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += CharSize(text[at]);
  return at;
}

uint32_t DecodeChar(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  switch (CharSize(text[at])) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  }
}

void EncodeChar(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

size_t Find(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  // std::string_view::find is quadratic on texts made for it.
  const void* at = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (needle.empty()) return from;
  return at == nullptr ? std::string_view::npos
                       : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

size_t FindLast(std::string_view text, std::string_view needle) {
  if (needle.empty()) return text.size();
  // Backwards is forwards in the mirror.
  const std::string mirrored(text.rbegin(), text.rend()), wanted(needle.rbegin(), needle.rend());
  const size_t at = Find(mirrored, wanted, 0);
  return at == std::string_view::npos ? at : text.size() - at - needle.size();
}

}  // namespace linnet::jinja
