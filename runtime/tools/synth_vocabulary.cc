#include "runtime/tools/synth_vocabulary.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenizer/byte_names.h"

namespace linnet::tools {
namespace {

// tokenizer.ggml.token_type
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6;
constexpr std::string_view kLetters = "etaoinsrhldcumfpgwybvkxjqz";

struct Table {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  void Add(std::string text, int32_t type) {
    tokens.push_back(std::move(text));
    types.push_back(type);
  }
};

// Runs of letters from two on, each its predecessor and one letter more, so that a merge of two tokens makes
// it; shorter ones first, and `space` counts as a first letter, as does a capital.
class Runs {
 public:
  explicit Runs(const std::string& space) {
    before_.push_back(space);
    for (const char c : kLetters) before_.emplace_back(1, c);
    for (const char c : kLetters) before_.emplace_back(1, static_cast<char>(c - 'a' + 'A'));
  }

  // The parts of the next run.
  std::pair<std::string, std::string> Next() {
    if (at_ == before_.size() * kLetters.size()) {
      before_ = std::move(made_);
      made_.clear();
      at_ = 0;
    }
    const std::string& left = before_[at_ / kLetters.size()];
    const std::string right(1, kLetters[at_ % kLetters.size()]);
    ++at_;
    made_.push_back(left + right);
    return {left, right};
  }

 private:
  std::vector<std::string> before_, made_;
  size_t at_ = 0;
};

uint32_t Resolve(int32_t id, uint32_t size) {
  return id < 0 ? size - static_cast<uint32_t>(-id) : static_cast<uint32_t>(id);
}

void AddControls(const KnownVocabulary& vocabulary, uint32_t size, Table& table) {
  for (uint32_t i = 0; i < vocabulary.controls; ++i) {
    const auto id = static_cast<uint32_t>(table.tokens.size());
    const auto named = std::find_if(vocabulary.named.begin(), vocabulary.named.end(),
                                    [&](const ControlToken& t) { return Resolve(t.id, size) == id; });
    if (named == vocabulary.named.end()) {
      table.Add(absl::StrCat("<|reserved_", i, "|>"), kControl);
    } else {
      table.Add(std::string(named->text), named->text == "<unk>" ? kUnknown : kControl);
    }
  }
}

// Byte-level BPE: a name for each byte, and merges.
void AddBpe(const KnownVocabulary& vocabulary, uint32_t size, Table& table, gguf::GgufWriter& writer) {
  const uint32_t first_control = Resolve(vocabulary.first_control, size);
  const uint32_t end = first_control == 0 ? size : first_control;
  if (first_control == 0) AddControls(vocabulary, size, table);
  for (const std::string& name : tokenizer::ByteNames()) table.Add(name, kNormal);
  std::vector<std::string> merges;
  Runs runs(tokenizer::ByteNames()[' ']);
  while (table.tokens.size() < end) {
    const auto [left, right] = runs.Next();
    merges.push_back(absl::StrCat(left, " ", right));
    table.Add(left + right, kNormal);
  }
  if (first_control != 0) AddControls(vocabulary, size, table);
  writer.SetStringArray("tokenizer.ggml.merges", merges);
}

// SentencePiece: a byte each for what has no piece, characters, and pieces whose score orders the merges.
void AddSpm(const KnownVocabulary& vocabulary, uint32_t size, Table& table, gguf::GgufWriter& writer) {
  const std::string space = "\xe2\x96\x81";
  AddControls(vocabulary, size, table);
  for (int b = 0; b < 256; ++b) table.Add(absl::StrFormat("<0x%02X>", b), kByte);
  table.Add(space, kNormal);
  for (char c = '!'; c <= '~'; ++c) table.Add(std::string(1, c), kNormal);
  std::vector<float> scores(table.tokens.size(), 0.0f);
  Runs runs(space);
  while (table.tokens.size() < size) {
    const auto [left, right] = runs.Next();
    table.Add(left + right, kNormal);
    scores.push_back(-static_cast<float>(scores.size()));
  }
  writer.SetFloat32Array("tokenizer.ggml.scores", scores);
  writer.SetUint32("tokenizer.ggml.unknown_token_id", 3);
  writer.SetUint32("tokenizer.ggml.padding_token_id", 0);
  writer.SetBool("tokenizer.ggml.add_space_prefix", false);
}

}  // namespace

absl::Status SetVocabulary(const KnownVocabulary& vocabulary, uint32_t size, gguf::GgufWriter& writer) {
  const bool bpe = vocabulary.model == "gpt2";
  // Bytes, and for SentencePiece the space and what can be seen of ASCII.
  const uint32_t least = vocabulary.controls + 256 + (bpe ? 0 : 95);
  // Beyond any vocabulary in use; there are some million runs of up to four letters.
  constexpr uint32_t kMost = 1u << 19;
  if (size < least || size > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("a vocabulary of ", size, " tokens: expected ", least, " to ", kMost));
  }
  writer.SetString("tokenizer.ggml.model", vocabulary.model);
  writer.SetString("tokenizer.ggml.pre", vocabulary.pre);
  Table table;
  bpe ? AddBpe(vocabulary, size, table, writer) : AddSpm(vocabulary, size, table, writer);
  LINNET_CHECK(table.tokens.size() == size);
  writer.SetStringArray("tokenizer.ggml.tokens", table.tokens);
  writer.SetInt32Array("tokenizer.ggml.token_type", table.types);
  writer.SetUint32("tokenizer.ggml.bos_token_id", Resolve(vocabulary.bos, size));
  writer.SetUint32("tokenizer.ggml.eos_token_id", Resolve(vocabulary.eos, size));
  writer.SetBool("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  return absl::OkStatus();
}

}  // namespace linnet::tools
