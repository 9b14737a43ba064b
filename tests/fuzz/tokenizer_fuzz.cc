// The first two bytes are the length of a GGUF blob (little-endian), the blob is a vocabulary that nobody
// vouches for, and the rest is a text. Whatever tokenizer comes of it: ids are in the table, user text never
// makes a control token, and what is shown is UTF-8.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/tokenizer/tokenizer.h"

namespace {

using linnet::tokenizer::EncodeOptions;
using linnet::tokenizer::TokenId;
using linnet::tokenizer::Tokenizer;
using linnet::tokenizer::Utf8Stream;

// makes_unknown: WordPiece and unigram make their unknown token, often called a control token, of words.
// most_ids: that a byte can make.
void Check(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options,
           bool makes_unknown, size_t most_ids) {
  const std::vector<TokenId> ids = tokenizer.Encode(text, options);
  // BOS and EOS, and what a prefix before each stretch makes.
  LINNET_CHECK(ids.size() <= 2 + 3 + most_ids * text.size());
  Utf8Stream stream;
  std::string joined, shown;
  for (const TokenId id : ids) {
    LINNET_CHECK(id >= 0 && id < tokenizer.vocabulary_size());
    const bool added = options.add_special && (id == tokenizer.bos() || id == tokenizer.eos());
    LINNET_CHECK(makes_unknown || options.parse_special || added || !tokenizer.IsControl(id));
    LINNET_CHECK(!tokenizer.IsControl(id) || tokenizer.Piece(id).empty());
    joined += tokenizer.Piece(id);
    shown += stream.Push(tokenizer.Piece(id));
  }
  shown += stream.Finish();
  LINNET_CHECK(Utf8Stream().Push(shown) == shown);
  const std::string decoded = tokenizer.Decode(ids);
  LINNET_CHECK(decoded == joined || " " + decoded == joined);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t blob = std::min(static_cast<size_t>(data[0] | data[1] << 8), size - 2);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const auto file = linnet::gguf::GgufFile::Parse("fuzz.gguf", bytes.first(blob));
  if (!file.ok()) return 0;
  const auto tokenizer = Tokenizer::Create(**file);
  if (!tokenizer.ok()) {
    LINNET_CHECK(!tokenizer.status().message().empty());
    return 0;
  }
  const std::string_view text = linnet::base::AsText(bytes.subspan(blob));
  const std::string_view model = (*file)->GetString("tokenizer.ggml.model").value();
  // The three of SPM's space mark, and as many before a stretch; or a charsmap's longest replacement, in
  // which each space is such a mark.
  const size_t most_ids = model == "t5" ? 6 * 64 : 6;
  for (const bool special : {false, true}) {
    for (const bool parse : {false, true}) {
      Check(**tokenizer, text, {.add_special = special, .parse_special = parse},
            model == "bert" || model == "t5", most_ids);
    }
  }
  return 0;
}
