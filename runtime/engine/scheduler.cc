#include "runtime/engine/scheduler.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "absl/time/clock.h"

namespace linnet::engine {

namespace {

// A layer must not take longer than the wait, and had better take less.
absl::Duration LongestPass(const model::Transformer& model) {
  if (!model.CanGiveUp()) return kLongestWait;
  return std::min(kLongestPass, static_cast<int>(model.config().layers) * kLongestWait * 2 / 3);
}

}  // namespace

struct Scheduler::Session {
  Session(Job its_job, KvSlot& its_slot, uint32_t vocabulary, const tokenizer::Tokenizer& tokenizer,
          bool speculate)
      : job(std::move(its_job)),
        slot(its_slot),
        generation(vocabulary, tokenizer, slot, job.request, job.on_delta, speculate) {}

  // Takes what a step of the generation came to.
  void Note(absl::StatusOr<std::optional<FinishReason>> outcome) {
    if (!outcome.ok()) {
      end = std::move(outcome).status();
    } else if (outcome->has_value()) {
      end = **outcome;
    }
  }

  Job job;
  KvSlot& slot;
  uint32_t tokens_from_store = 0;
  absl::Duration queued, reading;
  Generation generation;
  std::optional<absl::StatusOr<FinishReason>> end;
};

Scheduler::Scheduler(RequestQueue& queue, model::Transformer& model, const tokenizer::Tokenizer& tokenizer,
                     KvSlots& slots, PrefixStore* prefixes, const Options& options)
    : queue_(queue),
      model_(model),
      tokenizer_(tokenizer),
      slots_(slots),
      prefixes_(prefixes),
      options_(options),
      pace_(options.chunk, LongestPass(model)),
      shared_pace_(options.chunk, std::min(kLongestShared, LongestPass(model))) {
  for (auto* sessions : {&ready_, &group_}) sessions->reserve(Slots(options.sessions));
  batch_.reserve(Slots(options.sessions));
}

Scheduler::~Scheduler() = default;

void Scheduler::Refuse(Job& job, FinishReason reason) {
  GenerateResult result;
  result.finish = reason;
  result.prompt_tokens = static_cast<uint32_t>(job.request.prompt.size());
  result.queue_time = absl::Now() - job.submitted;
  job.on_done(std::move(result));
}

void Scheduler::Serve() {
  while (!running_.empty() || queue_.Wait()) {
    LetIn();
    Step();
  }
}

void Scheduler::LetIn() {
  for (Job& dead : queue_.TakeDead(absl::Now())) {
    Refuse(dead, dead.Cancelled() ? FinishReason::kCancelled : FinishReason::kDeadline);
  }
  while (true) {
    // Where there is room, who is no less urgent than those that run; else who is more urgent than all.
    int least = static_cast<int>(Priority::kBackground);
    for (const auto& s : running_) least = std::min(least, static_cast<int>(s->job.request.priority));
    if (running_.size() >= options_.sessions) --least;
    if (least < 0) return;
    std::optional<Job> job = queue_.Take(static_cast<Priority>(least));
    if (!job.has_value()) return;
    Begin(*std::move(job));
  }
}

void Scheduler::Begin(Job job) {
  const absl::Time start = absl::Now();
  const absl::StatusOr<KvSlot*> slot = slots_.Acquire(job.request.prompt, job.adapter);
  if (!slot.ok()) {
    job.on_done(slot.status());
    return;
  }
  const uint32_t read = prefixes_ == nullptr ? 0 : prefixes_->Fill(job.request.prompt, **slot);
  const absl::Duration queued = start - job.submitted, reading = absl::Now() - start;
  running_.push_back(std::make_unique<Session>(std::move(job), **slot, model_.config().vocabulary, tokenizer_,
                                               options_.speculate));
  Session& session = *running_.back();
  session.tokens_from_store = read;
  session.queued = queued;
  session.reading = reading;
}

void Scheduler::Step() {
  const absl::Time start = absl::Now();
  const bool closing = queue_.closed();
  urgent_ = Priority::kBackground;
  for (const auto& s : running_) {
    if (closing || s->job.Cancelled()) {
      s->end = FinishReason::kCancelled;
    } else if (start >= s->job.request.deadline) {
      s->end = FinishReason::kDeadline;
    } else {
      urgent_ = std::min(urgent_, s->job.request.priority);
    }
  }
  ready_.clear();
  for (const auto& s : running_) {
    if (s->end.has_value() || s->job.request.priority != urgent_) continue;
    s->Note(s->generation.Prepare());
    if (!s->end.has_value()) ready_.push_back(s.get());
  }
  Evaluate();
  for (Session* s : ready_) {
    if (s->generation.pending() > 0) continue;
    if (s->job.logits != nullptr) {
      const std::span<const float> logits = s->generation.logits();
      s->job.logits->assign(logits.begin(), logits.end());
      s->end = FinishReason::kStop;
    } else {
      s->Note(s->generation.Choose());
    }
  }
  const absl::Duration time = absl::Now() - start;
  for (const auto& s : running_) {
    if (s->job.request.priority != urgent_) s->generation.Waited(time);
  }
  AnswerEnded();
}

void Scheduler::Evaluate() {
  const auto pending = [](const Session* s) { return s->generation.pending() > 0; };
  const auto count = static_cast<size_t>(std::count_if(ready_.begin(), ready_.end(), pending));
  // Each gets on by a token; the rest of the step is for prompts, the oldest first.
  const PassPace& pace = count > 1 ? shared_pace_ : pace_;
  size_t spare = std::max<size_t>(pace.tokens(), count) - count, rows = 0;
  for (size_t i = 0; i < ready_.size(); ++i) {
    const model::LoraAdapter* adapter = ready_[i]->slot.adapter;
    const auto same = [&](const Session* s) { return s->slot.adapter == adapter; };
    const auto here = ready_.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(ready_.begin(), here, same)) continue;  // done
    group_.clear();
    std::copy_if(here, ready_.end(), std::back_inserter(group_),
                 [&](const Session* s) { return same(s) && pending(s); });
    if (!group_.empty()) EvaluateTogether(adapter, spare, rows);
  }
}

// group_ in one pass. A pass has one adapter, so that a session's numbers cannot depend on another's.
void Scheduler::EvaluateTogether(const model::LoraAdapter* adapter, size_t& spare, size_t& rows_used) {
  // Guesses are for who is alone: together, tokens that are sure share a pass over the weights already.
  const bool alone = ready_.size() == 1;
  batch_.clear();
  size_t rows = 0, tokens = 0;
  for (Session* s : group_) {
    batch_.push_back(s->generation.Part(1 + spare, alone));
    if (s->job.logits != nullptr) batch_.back().wanted = {};
    spare -= batch_.back().tokens.size() - 1;
    tokens += batch_.back().tokens.size();
    rows += batch_.back().rows;
  }
  const size_t vocabulary = model_.config().vocabulary;
  std::span<float> logits;
  if (group_.size() == 1) {
    logits = group_[0]->generation.Rows(rows);
  } else {
    logits_.resize(std::max(logits_.size(), options_.sessions * vocabulary));
    logits = std::span(logits_).subspan(rows_used * vocabulary, rows * vocabulary);
    rows_used += rows;
  }
  // Passes of few tokens wait for the weights, as those of one do.
  constexpr size_t kFewTokens = 8;
  const int threads = tokens > kFewTokens ? options_.threads.prefill : options_.threads.decode;
  if (threads > 0) model_.LimitThreads(threads);
  const absl::Time start = absl::Now();
  const uint64_t barriers = model_.barriers();
  const model::HeadUse head = model_.head_use();
  model_.SetAdapter(adapter);
  if (tokens == 1) kernels::SetFetchAhead(fetch_.next());
  if (!model_.ForwardUnless([&] { return ShouldGiveUp(start); }, batch_, logits)) {
    for (Session* s : group_) s->generation.GaveUp();
    return;
  }
  const absl::Duration time = absl::Now() - start;
  for (PassPace* pace : {&pace_, &shared_pace_}) pace->Took(tokens, time);
  if (tokens == 1) fetch_.Took(time);
  const Generation::PassCost cost = {time, model_.barriers() - barriers, model_.head_use() - head};
  size_t first = 0;
  for (size_t i = 0; i < group_.size(); ++i) {
    group_[i]->generation.Evaluated(logits.subspan(first * vocabulary, batch_[i].rows * vocabulary), cost);
    first += batch_[i].rows;
  }
}

bool Scheduler::ShouldGiveUp(absl::Time start) const {
  // What takes no longer ends by itself.
  constexpr absl::Duration kPatience = absl::Milliseconds(10);
  if (urgent_ == Priority::kUrgent || absl::Now() - start < kPatience) return false;
  return queue_.Has(static_cast<Priority>(static_cast<int>(urgent_) - 1));
}

void Scheduler::AnswerEnded() {
  for (const auto& s : running_) {
    if (!s->end.has_value()) continue;
    absl::StatusOr<GenerateResult> result;
    if (s->end->ok()) {
      result = s->generation.Finish(**s->end);
      result->queue_time += s->queued;
      result->prefill_time += s->reading;
      result->prefix_tokens_from_store = s->tokens_from_store;
    } else {
      result = s->end->status();
    }
    s->job.on_done(std::move(result));
    if (prefixes_ != nullptr && s->job.logits == nullptr) prefixes_->Offer(s->job.request.prompt, s->slot);
    slots_.Release(&s->slot);
  }
  std::erase_if(running_, [](const auto& s) { return s->end.has_value(); });
}

}  // namespace linnet::engine
