#include "runtime/tools/endless.h"

namespace linnet::tools {
namespace {

class EndlessText final : public grammar::Constraint {
 public:
  explicit EndlessText(const tokenizer::Tokenizer& tokenizer) : mask_(tokenizer.vocabulary_size()) {
    for (int32_t id = 0; id < mask_.size(); ++id) {
      if (!tokenizer.IsControl(id) && !tokenizer.IsEnd(id) && tokenizer.bos() != id) mask_.Allow(id);
    }
  }
  const grammar::TokenMask& Allowed() override { return mask_; }
  absl::Status Accept(tokenizer::TokenId /*id*/) override { return absl::OkStatus(); }
  bool Finished() const override { return false; }
  std::vector<tokenizer::TokenId> Forced() override { return {}; }

 private:
  grammar::TokenMask mask_;
};

}  // namespace

std::unique_ptr<grammar::Constraint> Endless(const tokenizer::Tokenizer& tokenizer) {
  return std::make_unique<EndlessText>(tokenizer);
}

}  // namespace linnet::tools
