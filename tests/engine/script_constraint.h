#ifndef LINNET_TESTS_ENGINE_SCRIPT_CONSTRAINT_H_
#define LINNET_TESTS_ENGINE_SCRIPT_CONSTRAINT_H_

#include <string>
#include <vector>

#include "runtime/grammar/token_mask.h"
#include "tests/support/tiny_model.h"

namespace linnet::engine {

// Tokens of the tiny vocabulary: ids 0-255 are bytes.
inline constexpr int32_t kTinyVocabulary = linnet::testing::kTinyFirstMerged;

// Small letters for ever.
class LettersOnly final : public grammar::Constraint {
 public:
  LettersOnly() : mask_(kTinyVocabulary) {
    for (int32_t c = 'a'; c <= 'z'; ++c) mask_.Allow(c);
  }
  const grammar::TokenMask& Allowed() override { return mask_; }
  absl::Status Accept(tokenizer::TokenId) override { return absl::OkStatus(); }
  bool Finished() const override { return false; }
  std::vector<tokenizer::TokenId> Forced() override { return {}; }

 private:
  grammar::TokenMask mask_;
};

// Fixed text, one small letter of the model's choice, fixed text.
class Script final : public grammar::Constraint {
 public:
  Script(std::string before, std::string after)
      : before_(std::move(before)), after_(std::move(after)), mask_(kTinyVocabulary) {
    for (int32_t c = 'a'; c <= 'z'; ++c) mask_.Allow(c);
  }
  const grammar::TokenMask& Allowed() override { return mask_; }
  absl::Status Accept(tokenizer::TokenId id) override {
    const bool free = at_ == before_.size();
    const char expected = at_ < before_.size() ? before_[at_] : after_[free ? 0 : at_ - before_.size() - 1];
    if (free ? !mask_.allowed(id) : id != expected) return absl::InvalidArgumentError("not allowed");
    ++at_;
    return absl::OkStatus();
  }
  bool Finished() const override { return at_ == before_.size() + 1 + after_.size(); }
  std::vector<tokenizer::TokenId> Forced() override {
    if (at_ == before_.size()) return {};
    const std::string rest =
        at_ < before_.size() ? before_.substr(at_) : after_.substr(at_ - before_.size() - 1);
    return {rest.begin(), rest.end()};
  }

 private:
  const std::string before_, after_;
  grammar::TokenMask mask_;
  size_t at_ = 0;
};

}  // namespace linnet::engine

#endif  // LINNET_TESTS_ENGINE_SCRIPT_CONSTRAINT_H_
