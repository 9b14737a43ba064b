#ifndef LINNET_TESTS_TOKENIZER_TEST_VOCABULARY_H_
#define LINNET_TESTS_TOKENIZER_TEST_VOCABULARY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/gguf/gguf_file.h"
#include "runtime/gguf/gguf_writer.h"
#include "runtime/tokenizer/byte_names.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/tokenizer/vocabulary.h"
#include "tests/tokenizer/packed_tokenizer.h"

namespace linnet::tokenizer {

// A vocabulary in a few lines. Ids are in the order of Add.
class TestVocabulary {
 public:
  TokenId Add(const std::string& text, TokenType type = TokenType::kNormal, float score = 0) {
    tokens_.push_back(text);
    types_.push_back(static_cast<int32_t>(type));
    scores_.push_back(score);
    return static_cast<TokenId>(tokens_.size()) - 1;
  }
  // Byte-level: ids 0 to 255 are the bytes when it is called first.
  void AddByteNames() {
    for (const std::string& name : ByteNames()) Add(name);
  }
  // SPM: "<0x00>" and on.
  void AddByteTokens() {
    for (int byte = 0; byte < 256; ++byte) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      Add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", TokenType::kByte);
    }
  }
  // Byte-level: adds the joined token, too, unless told not to.
  TokenId Merge(const std::string& left, const std::string& right, bool add = true) {
    merges_.push_back(std::string(left).append(" ").append(right));
    return add ? Add(std::string(left).append(right)) : -1;
  }
  gguf::GgufWriter& writer() { return writer_; }

  // The file as it would be in a model; `model`: llama, gpt2, bert or t5.
  std::string Bytes(const std::string& model, const std::string& pre) {
    writer_.SetString("tokenizer.ggml.model", model);
    if (!pre.empty()) writer_.SetString("tokenizer.ggml.pre", pre);
    writer_.SetStringArray("tokenizer.ggml.tokens", tokens_);
    writer_.SetInt32Array("tokenizer.ggml.token_type", types_);
    if (model == "llama" || model == "t5") writer_.SetFloat32Array("tokenizer.ggml.scores", scores_);
    if (model == "gpt2") writer_.SetStringArray("tokenizer.ggml.merges", merges_);
    auto bytes = writer_.Serialize();
    LINNET_CHECK(bytes.ok());
    return *std::move(bytes);
  }
  absl::StatusOr<std::unique_ptr<Tokenizer>> Create(const std::string& model, const std::string& pre = "") {
    return CreateFrom(Bytes(model, pre));
  }
  // The file goes away with this function. The tokenizer is that of its packed file, which was found to be
  // like the file's own; where there is none, the file's error.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> CreateFrom(const std::string& bytes) {
    LINNET_ASSIGN_OR_RETURN(const auto file, gguf::GgufFile::Parse("vocab.gguf", base::AsBytes(bytes)));
    absl::StatusOr<std::unique_ptr<Tokenizer>> own = Tokenizer::Create(*file);
    absl::StatusOr<std::unique_ptr<Tokenizer>> packed = CreatePacked(bytes);
    EXPECT_EQ(own.status().code(), packed.status().code()) << packed.status();
    if (!own.ok()) return own;
    if (packed.ok()) ExpectAlike(**own, **packed);
    return packed;
  }

 private:
  gguf::GgufWriter writer_;
  std::vector<std::string> tokens_, merges_;
  std::vector<int32_t> types_;
  std::vector<float> scores_;
};

inline constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};
inline constexpr EncodeOptions kParse{.add_special = false, .parse_special = true};
inline constexpr EncodeOptions kWithBos{.add_special = true, .parse_special = false};

}  // namespace linnet::tokenizer

#endif  // LINNET_TESTS_TOKENIZER_TEST_VOCABULARY_H_
