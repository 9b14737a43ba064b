#include "runtime/engine/generation.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"
#include "runtime/engine/dry_breakers.h"

namespace linnet::engine {

using tokenizer::TokenId;

namespace {

sampler::DryBreakers BreakersFor(const sampler::SamplingOptions& options,
                                 const tokenizer::Tokenizer& tokenizer) {
  if (options.dry_multiplier == 0.0f) return {};
  return DryBreakersOf(tokenizer, options.dry_sequence_breakers);
}

}  // namespace

Generation::Generation(uint32_t vocabulary, const tokenizer::Tokenizer& tokenizer, KvSlot& slot,
                       GenerateRequest& request, const OnDelta& on_delta, bool speculate)
    : vocabulary_(vocabulary),
      tokenizer_(tokenizer),
      slot_(slot),
      request_(request),
      on_delta_(on_delta),
      sampler_(request.sampling, BreakersFor(request.sampling, tokenizer)),
      stop_(request.stop),
      tokens_(request.prompt),
      window_(request.prompt),
      speculate_(speculate && slot.kv->CanTruncate()),
      start_(absl::Now()) {
  result_.prompt_tokens = static_cast<uint32_t>(tokens_.size());
  // A token then takes no memory from the heap, unless its text is longer than most.
  constexpr size_t kTextBytes = 8, kPieceBytes = 256;
  const size_t answer = std::min<size_t>(request.max_tokens, slot.kv->capacity());
  for (auto* tokens : {&tokens_, &window_}) tokens->reserve(tokens->size() + answer);
  slot.tokens.reserve(window_.size() + answer);
  result_.ids.reserve(answer);
  result_.text.reserve(answer * kTextBytes);
  whole_.reserve(kPieceBytes);
  shown_.reserve(kPieceBytes);
}

absl::StatusOr<std::optional<FinishReason>> Generation::Prepare() {
  if (!forced_) {
    LINNET_ASSIGN_OR_RETURN(const std::optional<FinishReason> end, Force());
    if (end.has_value()) return end;
    forced_ = true;
  }
  TakeGuesses();
  while (pending() > 0 && window_.size() > slot_.kv->capacity()) Shift();
  return std::nullopt;
}

model::Segment Generation::Part(size_t most, bool alone) {
  const size_t done = slot_.tokens.size();
  part_pending_ = std::min(most, pending());
  const bool last = part_pending_ == pending();
  plain_ = alone && last && part_pending_ == 1 && !result_.ids.empty();
  const auto tokens = std::span<const TokenId>(window_).subspan(done, part_pending_);
  if (plain_ && speculate_) {
    const size_t room = std::min<size_t>(most - 1, slot_.kv->capacity() - window_.size());
    const auto guesses =
        lookup_.Guess(tokens_, std::min<size_t>(room, request_.max_tokens - result_.ids.size()));
    guesses_.assign(guesses.begin(), guesses.end());
  }
  if (guesses_.empty()) return {tokens, slot_.kv.get(), last ? 1u : 0u, last ? Wanted() : model::Wanted{}};
  part_.assign(tokens.begin(), tokens.end());
  part_.insert(part_.end(), guesses_.begin(), guesses_.end());
  return {part_, slot_.kv.get(), part_.size(), Wanted()};
}

model::Wanted Generation::Wanted() const {
  model::Wanted wanted = {.highest = sampler_.Decisive(),
                          .ids = static_cast<uint32_t>(tokenizer_.vocabulary_size())};
  if (request_.constraint == nullptr || wanted.highest == 0) return wanted;
  // What it allows after a guess is not known yet.
  if (!guesses_.empty()) return {};
  const grammar::TokenMask& mask = request_.constraint->Allowed();
  wanted.allowed = mask.words();
  wanted.ids = std::min(wanted.ids, static_cast<uint32_t>(mask.size()));
  return wanted;
}

std::span<float> Generation::Rows(size_t rows) {
  own_rows_.resize(std::max(own_rows_.size(), rows * vocabulary_));
  return std::span(own_rows_).first(rows * vocabulary_);
}

void Generation::Evaluated(std::span<const float> logits, const PassCost& cost) {
  logits_ = logits;
  if (!guesses_.empty()) {
    guess_time_ = cost.time;
    result_.guessed_tokens += static_cast<uint32_t>(guesses_.size());
  } else if (plain_) {
    lookup_.OnPlain(cost.time);
  }
  const auto first = window_.begin() + static_cast<std::ptrdiff_t>(slot_.tokens.size());
  slot_.tokens.insert(slot_.tokens.end(), first, first + static_cast<std::ptrdiff_t>(part_pending_));
  result_.evaluated_tokens += static_cast<uint32_t>(part_pending_);
  if (result_.prefill_time != absl::ZeroDuration()) {
    result_.decode_barriers += cost.barriers;
    result_.decode_head += cost.head;
  } else if (pending() == 0) {
    result_.prefill_time = absl::Now() - start_ - paused_;
  }
}

void Generation::TakeGuesses() {
  if (guesses_.empty()) return;
  while (right_ < guesses_.size() && pending() > 0 && guesses_[right_] == window_[slot_.tokens.size()]) {
    slot_.tokens.push_back(guesses_[right_++]);
    ++result_.right_guesses;
    ++result_.evaluated_tokens;
  }
  if (pending() == 0) return;
  slot_.kv->Truncate(static_cast<uint32_t>(slot_.tokens.size()));
  lookup_.OnGuessed(guess_time_, 1 + right_);
  guesses_.clear();
  right_ = 0;
}

void Generation::Shift() {
  const size_t keep = std::min<size_t>(request_.context_shift_keep.value_or(0), request_.prompt.size());
  const size_t drop = (window_.size() - keep) / 2;
  LINNET_CHECK(drop > 0);
  const auto begin = window_.begin() + static_cast<std::ptrdiff_t>(keep);
  window_.erase(begin, begin + static_cast<std::ptrdiff_t>(drop));
  const size_t valid = std::min(keep, slot_.tokens.size());
  slot_.tokens.resize(slot_.kv->Truncate(static_cast<uint32_t>(valid)));
  ++result_.context_shifts;
}

absl::StatusOr<std::optional<FinishReason>> Generation::Force() {
  if (request_.constraint == nullptr) return std::nullopt;
  if (request_.constraint->Finished()) return FinishReason::kStop;
  for (const TokenId id : request_.constraint->Forced()) {
    if (tokenizer_.IsEnd(id)) return FinishReason::kStop;
    LINNET_RETURN_IF_ERROR(request_.constraint->Accept(id));
    ++result_.forced_tokens;
    if (const auto end = Take(id); end.has_value()) return end;
  }
  if (request_.constraint->Finished()) return FinishReason::kStop;
  return std::nullopt;
}

std::span<const float> Generation::logits() const {
  // Rows past the tokenizer's vocabulary are padding.
  return logits_.subspan(right_ * vocabulary_, static_cast<size_t>(tokenizer_.vocabulary_size()));
}

absl::StatusOr<std::optional<FinishReason>> Generation::Choose() {
  const grammar::TokenMask* mask = request_.constraint == nullptr ? nullptr : &request_.constraint->Allowed();
  LINNET_ASSIGN_OR_RETURN(const TokenId id, sampler_.Sample(logits(), mask, tokens_, tokens_.size()));
  // A new document (BOS) ends this one.
  if (tokenizer_.IsEnd(id) || tokenizer_.bos() == id) return FinishReason::kStop;
  if (request_.constraint != nullptr) LINNET_RETURN_IF_ERROR(request_.constraint->Accept(id));
  forced_ = false;
  return Take(id);
}

std::optional<FinishReason> Generation::Take(TokenId id) {
  tokens_.push_back(id);
  window_.push_back(id);
  result_.ids.push_back(id);
  whole_.clear();
  utf8_.Push(tokenizer_.Piece(id), whole_);
  Show(whole_);
  if (stop_.stopped()) return FinishReason::kStop;
  if (result_.ids.size() >= request_.max_tokens) {
    // Both at once is an end of its own accord.
    const bool complete = request_.constraint != nullptr && request_.constraint->Finished();
    return complete ? FinishReason::kStop : FinishReason::kLength;
  }
  return std::nullopt;
}

void Generation::Show(std::string_view text) {
  stop_.Push(text, shown_);
  if (shown_.empty()) return;
  result_.text += shown_;
  if (on_delta_) on_delta_(shown_);
}

GenerateResult Generation::Finish(FinishReason reason) {
  if (!stop_.stopped()) {
    Show(utf8_.Finish());
    const std::string rest = stop_.Finish();
    result_.text += rest;
    if (on_delta_ && !rest.empty()) on_delta_(rest);
  }
  result_.finish = stop_.stopped() ? FinishReason::kStop : reason;
  const absl::Duration time = absl::Now() - start_ - paused_;
  if (result_.prefill_time == absl::ZeroDuration()) result_.prefill_time = time;
  result_.decode_time = time - result_.prefill_time;
  result_.queue_time = paused_;  // the engine adds the time before the start
  return std::move(result_);
}

}  // namespace linnet::engine
