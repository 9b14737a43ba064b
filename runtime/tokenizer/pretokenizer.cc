#include "runtime/tokenizer/pretokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/gguf/gguf_types.h"
#include "runtime/tokenizer/splitters.h"
#include "runtime/tokenizer/utf8.h"

namespace linnet::tokenizer {
namespace {

struct Row {
  std::vector<std::string_view> names;
  std::vector<Splitter> splitters;
  bool ignore_merges = false;
  bool add_bos = false;
};

// Source: llama.cpp, llama-vocab.cpp: names in llama_vocab::impl::load, expressions in llm_tokenizer_bpe.
std::vector<Row> MakeRows() {
  using S = Splitter;
  return {
      {{"default"}, {S::kPunctuationRuns, S::kGpt2, S::kNumberRuns, S::kThreeDigits}},
      {{"falcon"}, {S::kPunctuationRunsBacktick, S::kGpt2, S::kThreeDigits}},
      {{"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano"},
       {S::kLlama3},
       true,
       true},
      {{"dbrx", "smaug-bpe", "glm4", "glm5", "chatglm-bpe"}, {S::kLlama3}},
      {{"jais-2"}, {S::kJais2}},
      {{"minicpm5"}, {S::kUpToThreeNumbers, S::kMinicpm5}, true},
      {{"k2-horizon"}, {S::kK2Horizon}},
      {{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "megrez", "hunyuan", "solar-open",
        "grok-2", "bailingmoe", "bailingmoe2", "llada-moe"},
       {S::kQwen2}},
      {{"laguna"}, {S::kLines, S::kQwen2}},
      {{"qwen35"}, {S::kQwen35}},
      {{"ufakzeka"}, {S::kUfakzeka}},
      {{"seed-coder"}, {S::kSeedCoder}},
      {{"exaone-moe"}, {S::kExaoneMoe}},
      {{"tekken"}, {S::kTekken}, true, true},
      {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, {S::kGpt4o}},
      {{"granite-embed-multi-97m"}, {S::kGraniteEmbedding}, true},
      {{"tiny_aya", "cohere2moe"}, {S::kNumbersFromRight, S::kTinyAya}},
      {{"youtu"}, {S::kScriptRuns, S::kYoutu}, true},
      {{"kimi-k2"}, {S::kKimiK2}},
      {{"deepseek-llm"},
       {S::kEachNewline, S::kCasedLetterRuns, S::kPunctuationOrWide, S::kTrailingSpaces, S::kCjkRuns,
        S::kNumberRuns}},
      {{"deepseek-coder"},
       {S::kEachNewline, S::kLetterRuns, S::kPunctuationWords, S::kCjkRuns, S::kEachNumber}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       {S::kUpToThreeNumbers, S::kHanKanaRuns, S::kDeepseek3}},
      {{"spark2_5"}, {S::kUpToThreeNumbers, S::kHanKanaRuns, S::kSpark, S::kEachNumber}},
      {{"afmoe"}, {S::kNumbersFromRight, S::kAsianRuns, S::kDeepseek3}},
      {{"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
        "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "mpt", "olmo", "jais", "exaone4",
        "trillion", "granite-docling"},
       {S::kGpt2}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"},
       {S::kEachNumber, S::kGpt2}},
      {{"chameleon"},
       {S::kSentinels, S::kImages, S::kTabsAndSpaces, S::kEachNumber, S::kEachPunctuation, S::kGpt2},
       false,
       true},
      {{"superbpe"}, {S::kNumberRuns, S::kThousands}},
      {{"poro-chat", "bloom", "gpt3-finnish"}, {S::kWordsAndMarks}},
      {{"viking"}, {S::kWordsAndMarks, S::kEachNumber}},
  };
}

}  // namespace

absl::StatusOr<Pretokenizer> Pretokenizer::Create(std::string_view name) {
  for (Row& row : MakeRows()) {
    if (std::find(row.names.begin(), row.names.end(), name) == row.names.end()) continue;
    Pretokenizer pretokenizer;
    pretokenizer.splitters_ = std::move(row.splitters);
    pretokenizer.ignore_merges_ = row.ignore_merges;
    pretokenizer.add_bos_ = row.add_bos;
    return pretokenizer;
  }
  return absl::UnimplementedError(
      absl::StrCat("pre-tokenizer ", gguf::Shown(name), " (tokenizer.ggml.pre) is not supported"));
}

std::vector<std::string_view> Pretokenizer::Names() {
  std::vector<std::string_view> names;
  for (const Row& row : MakeRows()) names.insert(names.end(), row.names.begin(), row.names.end());
  return names;
}

std::vector<std::string_view> Pretokenizer::Split(std::string_view text) const {
  std::vector<Character> characters;
  std::vector<size_t> starts;  // byte of each character, and the end
  characters.reserve(text.size());
  starts.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    starts.push_back(at);
    const Decoded decoded = DecodeUtf8(text, at);
    characters.push_back({decoded.code, ClassOf(decoded.code)});
    at += decoded.valid ? decoded.size : 1;
  }
  starts.push_back(text.size());

  std::vector<size_t> ends;
  if (!characters.empty()) ends.push_back(characters.size());
  for (const Splitter splitter : splitters_) {
    std::vector<size_t> finer;
    size_t begin = 0;
    for (const size_t end : ends) {
      SplitRange(splitter, Range(characters, begin, end), finer);
      begin = end;
    }
    ends = std::move(finer);
  }
  std::vector<std::string_view> words;
  words.reserve(ends.size());
  size_t begin = 0;
  for (const size_t end : ends) {
    words.push_back(text.substr(starts[begin], starts[end] - starts[begin]));
    begin = end;
  }
  return words;
}

}  // namespace linnet::tokenizer
