#include "runtime/grammar/automaton.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/grammar/nfa.h"

namespace linnet::grammar {
namespace {

using StateSet = std::vector<uint32_t>;  // sorted, without states that only pass on

// Subset construction. Kept in a class because the scratch marks are reused by every closure.
class Determinizer {
 public:
  Determinizer(const Nfa& nfa, uint32_t max_states)
      : nfa_(nfa), max_states_(max_states), mark_(nfa.states.size(), 0) {}

  absl::StatusOr<Automaton> Run() {
    ClassifyBytes();
    StateSet first;
    Close(nfa_.start, first);
    std::sort(first.begin(), first.end());
    LINNET_ASSIGN_OR_RETURN(out_.start, IdOf(std::move(first)));
    for (uint32_t at = 0; at < sets_.size(); ++at) {
      for (uint32_t c = 0; c < out_.classes; ++c) {
        StateSet target;
        ++round_;
        for (const uint32_t s : *sets_[at]) {
          const Nfa::State& state = nfa_.states[s];
          if (state.bytes != UINT32_MAX && nfa_.byte_sets[state.bytes][representative_[c]]) {
            Close(state.next, target, false);
          }
        }
        if (target.empty()) continue;
        std::sort(target.begin(), target.end());
        LINNET_ASSIGN_OR_RETURN(const uint32_t id, IdOf(std::move(target)));
        out_.next[size_t{at} * out_.classes + c] = id;
      }
    }
    return std::move(out_);
  }

 private:
  void ClassifyBytes() {
    std::map<std::vector<bool>, uint8_t> known;
    for (int b = 0; b < 256; ++b) {
      std::vector<bool> signature(nfa_.byte_sets.size());
      for (size_t i = 0; i < nfa_.byte_sets.size(); ++i) signature[i] = nfa_.byte_sets[i][b];
      const auto [at, fresh] = known.emplace(std::move(signature), static_cast<uint8_t>(known.size()));
      if (fresh) representative_.push_back(static_cast<uint8_t>(b));
      out_.byte_class[b] = at->second;
    }
    out_.classes = static_cast<uint32_t>(representative_.size());
  }

  // Adds what is reached from `from` by empty steps and matters: has a byte step, or is the end.
  void Close(uint32_t from, StateSet& into, bool new_round = true) {
    if (new_round) ++round_;
    stack_.push_back(from);
    while (!stack_.empty()) {
      const uint32_t s = stack_.back();
      stack_.pop_back();
      if (mark_[s] == round_) continue;
      mark_[s] = round_;
      if (nfa_.states[s].bytes != UINT32_MAX || s == nfa_.end) into.push_back(s);
      for (const uint32_t t : nfa_.states[s].empty) stack_.push_back(t);
    }
  }

  absl::StatusOr<uint32_t> IdOf(StateSet set) {
    const auto known = ids_.find(set);
    if (known != ids_.end()) return known->second;
    if (sets_.size() >= max_states_) {
      return absl::ResourceExhaustedError(absl::StrCat("grammar: needs more than ", max_states_,
                                                       " states; shorten its texts or repetitions"));
    }
    const uint32_t id = static_cast<uint32_t>(sets_.size());
    const bool accepts = std::binary_search(set.begin(), set.end(), nfa_.end);
    const auto at = ids_.emplace(std::move(set), id).first;
    sets_.push_back(&at->first);
    out_.accepting.push_back(accepts);
    out_.next.resize(out_.next.size() + out_.classes, Automaton::kDead);
    return id;
  }

  const Nfa& nfa_;
  const uint32_t max_states_;
  Automaton out_;
  std::vector<uint8_t> representative_;  // [classes] one byte of each
  std::vector<uint32_t> mark_;           // round in which a state was last seen
  uint32_t round_ = 0;
  std::vector<uint32_t> stack_;
  std::map<StateSet, uint32_t> ids_;   // stable addresses
  std::vector<const StateSet*> sets_;  // [states]
};

// Removes steps into states from which no end can be reached. Returns false when the start is one of them.
bool RemoveDeadEnds(Automaton& automaton) {
  const uint32_t n = automaton.states();
  std::vector<std::vector<uint32_t>> before(n);
  for (uint32_t s = 0; s < n; ++s) {
    for (uint32_t c = 0; c < automaton.classes; ++c) {
      const uint32_t t = automaton.next[size_t{s} * automaton.classes + c];
      if (t != Automaton::kDead && (before[t].empty() || before[t].back() != s)) before[t].push_back(s);
    }
  }
  std::vector<uint8_t> alive(n, 0);
  std::vector<uint32_t> stack;
  for (uint32_t s = 0; s < n; ++s) {
    if (automaton.accepting[s]) {
      alive[s] = 1;
      stack.push_back(s);
    }
  }
  while (!stack.empty()) {
    const uint32_t s = stack.back();
    stack.pop_back();
    for (const uint32_t p : before[s]) {
      if (!alive[p]) {
        alive[p] = 1;
        stack.push_back(p);
      }
    }
  }
  for (uint32_t& t : automaton.next) {
    if (t != Automaton::kDead && !alive[t]) t = Automaton::kDead;
  }
  return alive[automaton.start] != 0;
}

void Summarize(Automaton& automaton) {
  const uint32_t n = automaton.states();
  std::vector<int> class_size(automaton.classes, 0), class_byte(automaton.classes, 0);
  for (int b = 0; b < 256; ++b) {
    ++class_size[automaton.byte_class[b]];
    class_byte[automaton.byte_class[b]] = b;
  }
  automaton.has_next.assign(n, 0);
  automaton.only_byte.assign(n, -1);
  for (uint32_t s = 0; s < n; ++s) {
    int allowed = 0, last = 0;
    for (uint32_t c = 0; c < automaton.classes; ++c) {
      if (automaton.next[size_t{s} * automaton.classes + c] == Automaton::kDead) continue;
      allowed += class_size[c];
      last = class_byte[c];
    }
    automaton.has_next[s] = allowed > 0;
    if (allowed == 1) automaton.only_byte[s] = static_cast<int16_t>(last);
  }
}

}  // namespace

uint32_t Automaton::Walk(uint32_t state, std::string_view text) const {
  for (const char c : text) {
    if (state == kDead) return kDead;
    state = Next(state, static_cast<uint8_t>(c));
  }
  return state;
}

absl::StatusOr<Automaton> BuildAutomaton(const Expression& expression, const GrammarLimits& limits) {
  LINNET_ASSIGN_OR_RETURN(const Nfa nfa, BuildNfa(expression, limits.max_states * 16));
  LINNET_ASSIGN_OR_RETURN(Automaton automaton, Determinizer(nfa, limits.max_states).Run());
  if (!RemoveDeadEnds(automaton)) {
    return absl::InvalidArgumentError("grammar: no text matches (a choice without alternatives?)");
  }
  Summarize(automaton);
  return automaton;
}

absl::StatusOr<Grammar> Grammar::Compile(const Expression& expression, const GrammarLimits& limits) {
  LINNET_ASSIGN_OR_RETURN(Automaton automaton, BuildAutomaton(expression, limits));
  return Grammar(std::make_shared<const Automaton>(std::move(automaton)));
}

bool Grammar::Matches(std::string_view text) const {
  const uint32_t state = automaton_->Walk(automaton_->start, text);
  return state != Automaton::kDead && automaton_->accepting[state];
}

bool Grammar::MatchesPrefix(std::string_view text) const {
  return automaton_->Walk(automaton_->start, text) != Automaton::kDead;
}

size_t Grammar::states() const { return automaton_->states(); }

}  // namespace linnet::grammar
