#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {

std::string Utf8Stream::Push(std::string_view piece) {
  std::string shown;
  Push(piece, shown);
  return shown;
}

void Utf8Stream::Push(std::string_view piece, std::string& shown) {
  const bool alone = held_.empty();  // as most pieces are: nothing of them is copied twice
  if (!alone) held_.append(piece);
  const std::string_view text = alone ? piece : held_;
  size_t at = 0;
  while (at < text.size()) {
    const Decoded decoded = DecodeUtf8(text, at);
    if (decoded.cut) break;
    if (decoded.valid) {
      shown.append(text.substr(at, decoded.size));
    } else {
      AppendUtf8(shown, kReplacement);
    }
    at += decoded.size;
  }
  if (alone) {
    held_.assign(piece.substr(at));
  } else {
    held_.erase(0, at);
  }
}

std::string Utf8Stream::Finish() {
  std::string out;
  if (!held_.empty()) AppendUtf8(out, kReplacement);
  held_.clear();
  return out;
}

}  // namespace linnet::tokenizer
