#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {

std::string Utf8Stream::Push(std::string_view piece) {
  held_.append(piece);
  std::string out;
  size_t at = 0;
  while (at < held_.size()) {
    const Decoded decoded = DecodeUtf8(held_, at);
    if (decoded.cut) break;
    if (decoded.valid) {
      out.append(held_, at, decoded.size);
    } else {
      AppendUtf8(out, kReplacement);
    }
    at += decoded.size;
  }
  held_.erase(0, at);
  return out;
}

std::string Utf8Stream::Finish() {
  std::string out;
  if (!held_.empty()) AppendUtf8(out, kReplacement);
  held_.clear();
  return out;
}

}  // namespace linnet::tokenizer
