#ifndef LINNET_RUNTIME_TOKENIZER_PRETOKENIZER_H_
#define LINNET_RUNTIME_TOKENIZER_PRETOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::tokenizer {

// One regular expression of a pre-tokenizer; splitters.h says which each is.
enum class Splitter : uint8_t {
  kGpt2,
  kLlama3,
  kQwen2,
  kQwen35,
  kUfakzeka,
  kSeedCoder,
  kMinicpm5,
  kJais2,
  kExaoneMoe,
  kK2Horizon,
  kTekken,
  kGpt4o,
  kGraniteEmbedding,
  kTinyAya,
  kYoutu,
  kKimiK2,
  kDeepseek3,
  kSpark,
  kEachNumber,
  kNumberRuns,
  kUpToThreeNumbers,
  kThreeDigits,
  kThousands,
  kNumbersFromRight,
  kPunctuationRuns,
  kPunctuationRunsBacktick,
  kPunctuationWords,
  kEachPunctuation,
  kEachNewline,
  kLines,
  kTabsAndSpaces,
  kTrailingSpaces,
  kLetterRuns,
  kCasedLetterRuns,
  kPunctuationOrWide,
  kCjkRuns,
  kHanKanaRuns,
  kAsianRuns,
  kScriptRuns,
  kWordsAndMarks,
  kSentinels,
  kImages,
};

// How a byte-level vocabulary cuts text into words before it merges: a list of expressions, each of which
// cuts the pieces that the ones before it left. Immutable, so thread-safe.
class Pretokenizer {
 public:
  // By `tokenizer.ggml.pre`; the README has the names. Unimplemented, naming it, for one that is not known:
  // cutting differently gives other tokens, and a model that quietly gets worse.
  static absl::StatusOr<Pretokenizer> Create(std::string_view name);

  // A word that is a token as a whole is taken without merging.
  bool ignore_merges() const { return ignore_merges_; }
  // What the family does when the metadata does not say.
  bool add_bos() const { return add_bos_; }

  // All names that Create takes.
  static std::vector<std::string_view> Names();

  // The words of `text`, in order, none empty; together they are the text.
  std::vector<std::string_view> Split(std::string_view text) const;

 private:
  std::vector<Splitter> splitters_;
  bool ignore_merges_ = false;
  bool add_bos_ = false;
};

}  // namespace linnet::tokenizer

#endif  // LINNET_RUNTIME_TOKENIZER_PRETOKENIZER_H_
