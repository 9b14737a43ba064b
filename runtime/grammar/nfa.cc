#include "runtime/grammar/nfa.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/grammar/expression.h"

namespace linnet::grammar {
namespace {

class Builder {
 public:
  explicit Builder(uint32_t max_states) : max_states_(max_states) {}

  absl::StatusOr<Nfa> Build(const Expression& expression) {
    LINNET_ASSIGN_OR_RETURN(nfa_.start, NewState());
    LINNET_ASSIGN_OR_RETURN(nfa_.end, Add(expression.node(), nfa_.start, 0));
    return std::move(nfa_);
  }

 private:
  // Expressions are made by code; one nested deeper than this was made by foreign input.
  static constexpr int kMaxDepth = 200;

  absl::StatusOr<uint32_t> NewState() {
    if (nfa_.states.size() >= max_states_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("grammar: needs more than ", max_states_,
                       " states before it is made deterministic; shorten its texts or repetitions"));
    }
    nfa_.states.emplace_back();
    return static_cast<uint32_t>(nfa_.states.size() - 1);
  }

  uint32_t SetOf(const std::bitset<256>& bytes) {
    const auto at = std::find(nfa_.byte_sets.begin(), nfa_.byte_sets.end(), bytes);
    if (at != nfa_.byte_sets.end()) return static_cast<uint32_t>(at - nfa_.byte_sets.begin());
    nfa_.byte_sets.push_back(bytes);
    return static_cast<uint32_t>(nfa_.byte_sets.size() - 1);
  }

  absl::StatusOr<uint32_t> Step(uint32_t from, const std::bitset<256>& bytes) {
    LINNET_ASSIGN_OR_RETURN(const uint32_t from_here, NewState());
    LINNET_ASSIGN_OR_RETURN(const uint32_t to, NewState());
    nfa_.states[from].empty.push_back(from_here);
    nfa_.states[from_here].bytes = SetOf(bytes);
    nfa_.states[from_here].next = to;
    return to;
  }

  // Adds the paths of `node` that begin at `from`; returns where they end.
  absl::StatusOr<uint32_t> Add(const Node& node, uint32_t from, int depth) {
    if (depth > kMaxDepth) {
      return absl::ResourceExhaustedError(absl::StrCat("grammar: nested deeper than ", kMaxDepth, " levels"));
    }
    switch (node.kind) {
      case Node::Kind::kLiteral: {
        for (const char c : node.text) {
          std::bitset<256> one;
          one.set(static_cast<unsigned char>(c));
          LINNET_ASSIGN_OR_RETURN(from, Step(from, one));
        }
        return from;
      }
      case Node::Kind::kByte:
        return Step(from, node.bytes);
      case Node::Kind::kSequence: {
        for (const Expression& part : node.parts) {
          LINNET_ASSIGN_OR_RETURN(from, Add(part.node(), from, depth + 1));
        }
        return from;
      }
      case Node::Kind::kOneOf: {
        LINNET_ASSIGN_OR_RETURN(const uint32_t end, NewState());
        for (const Expression& part : node.parts) {
          LINNET_ASSIGN_OR_RETURN(const uint32_t begin, NewState());
          nfa_.states[from].empty.push_back(begin);
          LINNET_ASSIGN_OR_RETURN(const uint32_t part_end, Add(part.node(), begin, depth + 1));
          nfa_.states[part_end].empty.push_back(end);
        }
        return end;
      }
      case Node::Kind::kRepeat:
        return AddRepeat(node, from, depth);
    }
    return absl::InternalError("grammar: unknown node");
  }

  absl::StatusOr<uint32_t> AddRepeat(const Node& node, uint32_t from, int depth) {
    if (node.min > node.max) {
      return absl::InvalidArgumentError(
          absl::StrCat("grammar: a repetition wants at least ", node.min, " and at most ", node.max));
    }
    const Node& part = node.parts[0].node();
    for (uint32_t i = 0; i < node.min; ++i) {
      LINNET_ASSIGN_OR_RETURN(from, Add(part, from, depth + 1));
    }
    LINNET_ASSIGN_OR_RETURN(const uint32_t end, NewState());
    if (node.max == Expression::kUnbounded) {
      // `loop` is entered by empty steps only, so that going round cannot be mistaken for coming in.
      LINNET_ASSIGN_OR_RETURN(const uint32_t loop, NewState());
      nfa_.states[from].empty.push_back(loop);
      LINNET_ASSIGN_OR_RETURN(const uint32_t round, Add(part, loop, depth + 1));
      nfa_.states[round].empty.push_back(loop);
      nfa_.states[loop].empty.push_back(end);
      return end;
    }
    for (uint32_t i = node.min; i < node.max; ++i) {
      nfa_.states[from].empty.push_back(end);
      LINNET_ASSIGN_OR_RETURN(const uint32_t begin, NewState());
      nfa_.states[from].empty.push_back(begin);
      LINNET_ASSIGN_OR_RETURN(from, Add(part, begin, depth + 1));
    }
    nfa_.states[from].empty.push_back(end);
    return end;
  }

  const uint32_t max_states_;
  Nfa nfa_;
};

}  // namespace

absl::StatusOr<Nfa> BuildNfa(const Expression& expression, uint32_t max_states) {
  return Builder(max_states).Build(expression);
}

}  // namespace linnet::grammar
