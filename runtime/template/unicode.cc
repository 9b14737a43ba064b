#include "runtime/template/unicode.h"

#include <utf8proc.h>

#include "runtime/template/special_casing.h"

namespace linnet::jinja {
namespace {

utf8proc_category_t Category(uint32_t code) { return utf8proc_category(static_cast<utf8proc_int32_t>(code)); }

bool IsCased(uint32_t code) { return IsUpper(code) || IsLower(code) || IsTitle(code); }

// Unicode 3.13: what stands between letters without ending a word.
bool IsCaseIgnorable(uint32_t code) {
  switch (Category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return code == '\'' || code == '.' || code == ':' || code == 0xb7 || code == 0x2018 || code == 0x2019 ||
             code == 0x2024 || code == 0x2027;
  }
}

// Is the sigma at `at` the end of a word: a cased letter before it, none after?
bool IsFinalSigma(std::string_view text, size_t at) {
  bool before = false;
  for (size_t i = at; i > 0;) {
    do {
      --i;
    } while ((static_cast<uint8_t>(text[i]) & 0xc0) == 0x80);
    const uint32_t code = DecodeChar(text, i);
    if (IsCaseIgnorable(code)) continue;
    before = IsCased(code);
    break;
  }
  if (!before) return false;
  for (size_t i = at + CharSize(text[at]); i < text.size(); i += CharSize(text[i])) {
    const uint32_t code = DecodeChar(text, i);
    if (!IsCaseIgnorable(code)) return !IsCased(code);
  }
  return true;
}

void Append(std::string& out, const uint32_t (&codes)[3]) {
  for (const uint32_t code : codes) {
    if (code != 0) EncodeChar(out, code);
  }
}

// The character at `at` in another case.
std::string Mapped(std::string_view text, size_t at, Case to) {
  const uint32_t code = DecodeChar(text, at);
  const auto c = static_cast<utf8proc_int32_t>(code);
  std::string out;
  const SpecialCasing* special = code < 0x80 ? nullptr : FindSpecialCasing(code);
  if (to == Case::kUpper && special != nullptr) {
    Append(out, special->upper);
  } else if (to == Case::kTitle && special != nullptr) {
    Append(out, special->title);
  } else if (to == Case::kUpper) {
    EncodeChar(out, static_cast<uint32_t>(utf8proc_toupper(c)));
  } else if (to == Case::kTitle) {
    EncodeChar(out, static_cast<uint32_t>(utf8proc_totitle(c)));
  } else if (to == Case::kFold) {
    utf8proc_int32_t folded[8];
    int boundary = 0;
    const auto n = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, &boundary);
    for (utf8proc_ssize_t i = 0; i < n; ++i) EncodeChar(out, static_cast<uint32_t>(folded[i]));
  } else if (code == 0x130) {
    out.append("i\xcc\x87");
  } else if (code == 0x3a3 && IsFinalSigma(text, at)) {
    EncodeChar(out, 0x3c2);
  } else {
    EncodeChar(out, static_cast<uint32_t>(utf8proc_tolower(c)));
  }
  return out;
}

// Each character in the case that `which` says of it.
template <typename Which>
Text MapEach(const Text& text, Which which) {
  Text out;
  for (size_t at = 0; at < text.size(); at += CharSize(text.view()[at])) {
    out.Append(Mapped(text.view(), at, which(DecodeChar(text.view(), at))), text.TrustedAt(at));
  }
  return out;
}

}  // namespace

bool IsSpace(uint32_t code) {
  return (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x20) || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
         code == 0x202f || code == 0x205f || code == 0x3000;
}

bool IsAlpha(uint32_t code) {
  const utf8proc_category_t category = Category(code);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsDecimal(uint32_t code) { return Category(code) == UTF8PROC_CATEGORY_ND; }

bool IsWord(uint32_t code) {
  const utf8proc_category_t category = Category(code);
  return code == '_' || IsAlpha(code) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

bool IsPrintable(uint32_t code) {
  switch (Category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return code == ' ';
    default:
      return true;
  }
}

bool IsUpper(uint32_t code) { return Category(code) == UTF8PROC_CATEGORY_LU; }
bool IsLower(uint32_t code) { return Category(code) == UTF8PROC_CATEGORY_LL || code == 0xaa || code == 0xba; }
bool IsTitle(uint32_t code) { return Category(code) == UTF8PROC_CATEGORY_LT; }

Text MapCase(const Text& text, Case to) {
  return MapEach(text, [to](uint32_t) { return to; });
}

Text TitleCase(const Text& text, bool first_only) {
  bool inside = false;
  return MapEach(text, [&](uint32_t code) {
    const Case to = inside ? Case::kLower : Case::kTitle;
    inside = first_only || IsCased(code);
    return to;
  });
}

Text SwapCase(const Text& text) {
  return MapEach(text, [](uint32_t code) { return IsUpper(code) ? Case::kLower : Case::kUpper; });
}

}  // namespace linnet::jinja
