#include "agent/answer/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace linnet::answer {
namespace {

// Length of the UTF-8 sequence at text[at], 0 when it is none (RFC 3629).
size_t SequenceAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0u; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint32_t first = byte(at);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    if (first == 0xE0 && byte(at + 1) < 0xA0) return 0;
    if (first == 0xED && byte(at + 1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    if (first == 0xF0 && byte(at + 1) < 0x90) return 0;
    if (first == 0xF4 && byte(at + 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

// What a Latin-1 letter (second byte after 0xC3, lower case) is without its accent.
const char* Plain(uint8_t second) {
  switch (second) {
    case 0xA4:
      return "ae";
    case 0xB6:
      return "oe";
    case 0xBC:
      return "ue";
    case 0x9F:
      return "ss";
    case 0xA6:
      return "ae";
    case 0xA0:
    case 0xA1:
    case 0xA2:
    case 0xA3:
    case 0xA5:
      return "a";
    case 0xA7:
      return "c";
    case 0xA8:
    case 0xA9:
    case 0xAA:
    case 0xAB:
      return "e";
    case 0xAC:
    case 0xAD:
    case 0xAE:
    case 0xAF:
      return "i";
    case 0xB1:
      return "n";
    case 0xB2:
    case 0xB3:
    case 0xB4:
    case 0xB5:
    case 0xB8:
      return "o";
    case 0xB9:
    case 0xBA:
    case 0xBB:
      return "u";
    case 0xBD:
    case 0xBF:
      return "y";
    default:
      return nullptr;
  }
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceAt(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<uint8_t>(out[i]);
    if (byte < 0x80) {
      out[i] = static_cast<char>(std::tolower(byte));
    } else if (byte == 0xC3 && i + 1 < out.size()) {
      auto& second = reinterpret_cast<uint8_t&>(out[i + 1]);
      // U+00C0 to U+00DE without the multiplication sign.
      if (second >= 0x80 && second <= 0x9E && second != 0x97) second += 0x20;
      ++i;
    }
  }
  return out;
}

std::string Fold(std::string_view text) {
  const std::string lower = LowerCase(text);
  std::string out;
  for (size_t i = 0; i < lower.size(); ++i) {
    if (static_cast<uint8_t>(lower[i]) == 0xC3 && i + 1 < lower.size()) {
      if (const char* plain = Plain(static_cast<uint8_t>(lower[i + 1]))) {
        out += plain;
        ++i;
        continue;
      }
    }
    out += lower[i];
  }
  return out;
}

std::vector<std::string> Words(std::string_view text) {
  const std::string lower = LowerCase(text);
  std::vector<std::string> words(1);
  for (size_t i = 0; i < lower.size();) {
    const auto byte = static_cast<uint8_t>(lower[i]);
    const size_t length = std::max<size_t>(SequenceAt(lower, i), 1);
    const std::string_view character = std::string_view(lower).substr(i, length);
    i += length;
    if (character == "'" || character == "’" || character == "‘" || character == "`") continue;
    // U+0080 to U+00BF and general punctuation are no letters.
    const bool letter =
        byte < 0x80 ? std::isalnum(byte) != 0 : byte != 0xC2 && !character.starts_with("\xE2\x80");
    if (letter) {
      words.back() += character;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string FoldedPhrase(std::string_view text) {
  std::string phrase = " ";
  for (const std::string& word : Words(text)) phrase += Fold(word) + " ";
  return phrase;
}

bool Resembles(std::string_view a, std::string_view b, int slips) {
  if (a.size() > b.size() + static_cast<size_t>(slips) || b.size() > a.size() + static_cast<size_t>(slips))
    return false;
  // Three rows of the distance table; names are short.
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()] <= slips;
}

std::string CapitalSentences(std::string_view text) {
  std::string out(text);
  for (size_t at = 0; at < out.size(); at = std::min(out.find(". ", at), out.size() - 2) + 2) {
    char& first = out[at];
    if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 'a' + 'A');
    // ä ö ü and their like: U+00E0 to U+00FE without the division sign.
    if (first == '\xC3' && at + 1 < out.size()) {
      const auto second = static_cast<uint8_t>(out[at + 1]);
      if (second >= 0xA0 && second <= 0xBE && second != 0xB7) out[at + 1] = static_cast<char>(second - 0x20);
    }
  }
  return out;
}

std::string OneLine(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceAt(text, at);
    const auto byte = static_cast<uint8_t>(text[at]);
    if (length == 0 || byte <= 0x20 || byte == 0x7F || byte == '{' || byte == '}') {
      if (!out.empty() && out.back() != ' ') out += ' ';
      at += std::max<size_t>(length, 1);
      continue;
    }
    if (out.size() + length > max_bytes) break;
    out += text.substr(at, length);
    at += length;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace linnet::answer
