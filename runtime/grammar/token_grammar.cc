#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/grammar/automaton.h"
#include "runtime/grammar/behaviour.h"
#include "runtime/grammar/grammar.h"

namespace linnet::grammar {
namespace {

using tokenizer::TokenId;

// Kept masks beyond this are thrown away and computed again: 16 MiB is 800 masks of a vocabulary of 150,000.
constexpr size_t kMaskBytes = size_t{16} << 20;
// A forced run is offered in parts of this size.
constexpr size_t kForcedBytes = 256;
class Masks : public TokenGrammar {
 public:
  Masks(Grammar grammar, std::shared_ptr<const Vocabulary> vocabulary)
      : grammar_(std::move(grammar)),
        automaton_(*grammar_.automaton()),
        vocabulary_(std::move(vocabulary)),
        tokenizer_(vocabulary_->tokenizer()),
        mask_bytes_((tokenizer_.vocabulary_size() + 63) / 64 * 8),
        // With few states one mask a state is cheaper than finding out which ones are the same.
        behaviour_(automaton_.states() * mask_bytes_ > kMaskBytes / 4
                       ? StatesByBehaviour(automaton_, vocabulary_->longest_piece())
                       : std::vector<uint32_t>()) {}

  std::unique_ptr<Constraint> NewConstraint() override;

  absl::Status Check() {
    if (tokenizer_.end_tokens().empty()) {
      return absl::FailedPreconditionError(
          "grammar: the tokenizer names no end token, so no answer could end");
    }
    for (int b = 0; b < 256; ++b) {
      if (vocabulary_->has_byte(static_cast<uint8_t>(b))) continue;
      for (uint32_t s = 0; s < automaton_.states(); ++s) {
        if (automaton_.Next(s, static_cast<uint8_t>(b)) != Automaton::kDead) return CheckEveryState();
      }
    }
    return absl::OkStatus();
  }

  std::shared_ptr<const TokenMask> MaskOf(uint32_t state) {
    const uint32_t key = behaviour_.empty() ? state : behaviour_[state];
    base::MutexLock lock(mutex_);
    auto& mask = masks_[key];
    if (mask != nullptr) return mask;
    auto fresh = std::make_shared<TokenMask>(tokenizer_.vocabulary_size());
    ForTokens(state, [&](TokenId id, uint32_t) { fresh->Allow(id); });
    if (automaton_.accepting[state]) {
      for (const TokenId id : tokenizer_.end_tokens()) fresh->Allow(id);
    }
    if (masks_.size() * mask_bytes_ > kMaskBytes) masks_.clear();
    masks_[key] = fresh;
    return fresh;
  }

  std::vector<TokenId> ForcedFrom(uint32_t state) {
    if (automaton_.accepting[state] || automaton_.only_byte[state] < 0) return {};
    base::MutexLock lock(mutex_);
    const auto known = forced_.find(state);
    if (known != forced_.end()) return known->second;
    std::vector<TokenId> ids = ComputeForced(state);
    if (forced_.size() > 4096) forced_.clear();
    return forced_[state] = std::move(ids);
  }

  const Automaton& automaton() const { return automaton_; }
  const tokenizer::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  // Calls visit(id, state after it) for every token that may come at `state`.
  template <typename Visit>
  void ForTokens(uint32_t state, const Visit& visit) const {
    const auto& nodes = vocabulary_->nodes();
    std::vector<std::pair<uint32_t, uint32_t>> stack = {{0, state}};
    while (!stack.empty()) {
      const auto [at, s] = stack.back();
      stack.pop_back();
      const Vocabulary::TrieNode& node = nodes[at];
      for (uint32_t t = 0; t < node.tokens; ++t) visit(vocabulary_->tokens()[node.first_token + t], s);
      for (uint32_t c = 0; c < node.children; ++c) {
        const uint32_t next = automaton_.Next(s, nodes[node.first_child + c].byte);
        if (next != Automaton::kDead) stack.emplace_back(node.first_child + c, next);
      }
    }
  }

  // Only for vocabularies without a token for each byte: every state that tokens can reach must have one.
  absl::Status CheckEveryState() const {
    std::vector<uint8_t> seen(automaton_.states(), 0);
    std::vector<uint32_t> stack = {automaton_.start};
    seen[automaton_.start] = 1;
    while (!stack.empty()) {
      const uint32_t state = stack.back();
      stack.pop_back();
      bool any = automaton_.accepting[state] != 0;
      ForTokens(state, [&](TokenId, uint32_t next) {
        any = true;
        if (!seen[next]) {
          seen[next] = 1;
          stack.push_back(next);
        }
      });
      if (any) continue;
      for (int b = 0; b < 256; ++b) {
        if (automaton_.Next(state, static_cast<uint8_t>(b)) != Automaton::kDead) {
          return absl::FailedPreconditionError(absl::StrFormat(
              "grammar: the vocabulary has no token that begins with byte 0x%02x, which the grammar needs",
              b));
        }
      }
    }
    return absl::OkStatus();
  }

  // The forced bytes as the tokenizer would write them. What follows may change how the last of them are
  // cut, so only tokens are taken on which all continuations agree.
  std::vector<TokenId> ComputeForced(uint32_t state) const {
    std::string bytes;
    uint32_t end = state;
    while (bytes.size() < kForcedBytes && !automaton_.accepting[end] && automaton_.only_byte[end] >= 0) {
      bytes.push_back(static_cast<char>(automaton_.only_byte[end]));
      end = automaton_.Next(end, static_cast<uint8_t>(automaton_.only_byte[end]));
    }
    std::vector<std::string> continuations;
    if (automaton_.accepting[end]) continuations.push_back(bytes);
    bool beyond_ascii = false;
    for (int b = 0; b < 256; ++b) {
      if (automaton_.Next(end, static_cast<uint8_t>(b)) == Automaton::kDead) continue;
      if (b < 0x80) {
        continuations.push_back(bytes + static_cast<char>(b));
      } else {
        beyond_ascii = true;
      }
    }
    // Letters beyond ASCII join words as each other do: one speaks for all.
    if (beyond_ascii) continuations.push_back(bytes + "ä");

    tokenizer::EncodeOptions options;
    options.add_special = false;
    std::vector<TokenId> common;
    for (size_t i = 0; i < continuations.size() && (i == 0 || !common.empty()); ++i) {
      std::vector<TokenId> ids = tokenizer_.Encode(continuations[i], options);
      if (i == 0) {
        common = std::move(ids);
        continue;
      }
      size_t same = 0;
      while (same < common.size() && same < ids.size() && common[same] == ids[same]) ++same;
      common.resize(same);
    }
    // SPM puts a space in front: then the pieces are not the forced bytes, and sampling does the work.
    size_t at = 0, kept = 0;
    for (const TokenId id : common) {
      const std::string_view piece = tokenizer_.Piece(id);
      if (piece.empty() || tokenizer_.IsControl(id) || piece.size() > bytes.size() - at ||
          bytes.compare(at, piece.size(), piece) != 0) {
        break;
      }
      at += piece.size();
      ++kept;
    }
    common.resize(kept);
    return common;
  }

  const Grammar grammar_;
  const Automaton& automaton_;
  const std::shared_ptr<const Vocabulary> vocabulary_;
  const tokenizer::Tokenizer& tokenizer_;
  const size_t mask_bytes_;
  const std::vector<uint32_t> behaviour_;
  base::Mutex mutex_;
  std::unordered_map<uint32_t, std::shared_ptr<const TokenMask>> masks_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<uint32_t, std::vector<TokenId>> forced_ ABSL_GUARDED_BY(mutex_);
};

class Walker : public Constraint {
 public:
  explicit Walker(std::shared_ptr<Masks> masks)
      : masks_(std::move(masks)), state_(masks_->automaton().start) {}

  const TokenMask& Allowed() override {
    if (mask_ == nullptr) mask_ = masks_->MaskOf(state_);
    return *mask_;
  }

  absl::Status Accept(TokenId id) override {
    const tokenizer::Tokenizer& tokenizer = masks_->tokenizer();
    if (id < 0 || id >= tokenizer.vocabulary_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("grammar: token ", id, " is not in the vocabulary of ", tokenizer.vocabulary_size()));
    }
    if (ended_) return absl::InvalidArgumentError("grammar: the text has ended; no token may follow");
    const Automaton& automaton = masks_->automaton();
    if (tokenizer.IsEnd(id)) {
      if (!automaton.accepting[state_]) {
        return absl::InvalidArgumentError("grammar: end token before the text is complete");
      }
      ended_ = true;
      return absl::OkStatus();
    }
    const std::string_view piece = tokenizer.Piece(id);
    const uint32_t next =
        piece.empty() || tokenizer.IsControl(id) ? Automaton::kDead : automaton.Walk(state_, piece);
    if (next == Automaton::kDead) {
      return absl::InvalidArgumentError(
          absl::StrCat("grammar: token ", id, " (\"", std::string(piece), "\") is not allowed here"));
    }
    if (next != state_) mask_ = nullptr;
    state_ = next;
    return absl::OkStatus();
  }

  bool Finished() const override {
    return ended_ || (masks_->automaton().accepting[state_] && !masks_->automaton().has_next[state_]);
  }

  std::vector<TokenId> Forced() override {
    return ended_ ? std::vector<TokenId>() : masks_->ForcedFrom(state_);
  }

 private:
  std::shared_ptr<Masks> masks_;
  uint32_t state_;
  bool ended_ = false;
  std::shared_ptr<const TokenMask> mask_;  // of state_; null until asked for
};

std::unique_ptr<Constraint> Masks::NewConstraint() {
  return std::make_unique<Walker>(std::static_pointer_cast<Masks>(shared_from_this()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<TokenGrammar>> TokenGrammar::Create(
    Grammar grammar, std::shared_ptr<const Vocabulary> vocabulary) {
  auto masks = std::make_shared<Masks>(std::move(grammar), std::move(vocabulary));
  LINNET_RETURN_IF_ERROR(masks->Check());
  return std::shared_ptr<TokenGrammar>(std::move(masks));
}

}  // namespace linnet::grammar
