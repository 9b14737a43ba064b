#ifndef LINNET_RUNTIME_GRAMMAR_GRAMMAR_H_
#define LINNET_RUNTIME_GRAMMAR_GRAMMAR_H_

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/grammar/token_mask.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::grammar {

struct Node;  // expression.cc

// A regular expression over UTF-8 text. Immutable and cheap to copy; thread-safe.
class Expression {
 public:
  // Exactly this text; may be empty.
  static Expression Literal(std::string_view text);
  // One of these.
  static Expression OneOf(std::vector<Expression> alternatives);
  static Expression OneOfTexts(const std::vector<std::string>& texts);
  static Expression Sequence(std::vector<Expression> parts);
  // `max` = kUnbounded: as often as wanted.
  static constexpr uint32_t kUnbounded = UINT32_MAX;
  static Expression Repeat(Expression part, uint32_t min, uint32_t max);
  // Shorthand: part, separator part, ... with min..max parts.
  static Expression List(Expression part, std::string_view separator, uint32_t min, uint32_t max);
  // One character: an ASCII one of `ascii`, or, if `beyond_ascii`, any other Unicode scalar value.
  static Expression Character(const std::bitset<128>& ascii, bool beyond_ascii);
  // A character of a JSON string's content that needs no escape, except those in `without`.
  static Expression JsonCharacter(std::string_view without = "");
  // The content of a JSON string: those characters and the short escapes (\" \\ \/ \b \f \n \r \t).
  static Expression JsonContent(uint32_t min_characters, uint32_t max_characters);

  const Node& node() const { return *node_; }

 private:
  explicit Expression(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

struct GrammarLimits {
  uint32_t max_states = 20000;  // of the automaton
};

struct Automaton;  // automaton.h

// An expression compiled to a minimal-enough deterministic automaton over bytes in which every state can be
// completed. Immutable, cheap to copy, thread-safe.
class Grammar {
 public:
  // ResourceExhausted: more states than the limit (says where it stood). InvalidArgument: no text at all
  // matches (an empty OneOf), a repetition with min > max.
  static absl::StatusOr<Grammar> Compile(const Expression& expression, const GrammarLimits& limits = {});

  // Whether the whole of `text` is in the language; for tests and for checking.
  bool Matches(std::string_view text) const;
  bool MatchesPrefix(std::string_view text) const;
  size_t states() const;

  const std::shared_ptr<const Automaton>& automaton() const { return automaton_; }

 private:
  explicit Grammar(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {}
  std::shared_ptr<const Automaton> automaton_;
};

// The pieces of a tokenizer as a byte trie. Built once per tokenizer, shared by all its requests; immutable,
// thread-safe. The tokenizer must outlive it.
class Vocabulary {
 public:
  static std::shared_ptr<const Vocabulary> Build(const tokenizer::Tokenizer& tokenizer);

  // A trie node's children are `children[first, first + count)`, its tokens `tokens[...]`.
  struct TrieNode {
    uint32_t first_child = 0, first_token = 0;
    uint16_t children = 0, tokens = 0;
    uint8_t byte = 0;
  };
  const std::vector<TrieNode>& nodes() const { return nodes_; }  // [0] is the root
  const std::vector<tokenizer::TokenId>& tokens() const { return tokens_; }
  bool has_byte(uint8_t byte) const { return single_bytes_[byte]; }
  uint32_t longest_piece() const { return longest_; }
  const tokenizer::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  explicit Vocabulary(const tokenizer::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  const tokenizer::Tokenizer& tokenizer_;
  std::vector<TrieNode> nodes_;
  std::vector<tokenizer::TokenId> tokens_;
  std::bitset<256> single_bytes_;
  uint32_t longest_ = 0;
};

// A grammar over a vocabulary: masks are computed on first use and kept (bounded), shared by all constraints
// made from it. Thread-safe.
class TokenGrammar : public std::enable_shared_from_this<TokenGrammar> {
 public:
  virtual ~TokenGrammar() = default;
  // FailedPrecondition: the vocabulary has no token for a byte that the grammar may need (named), or no end
  // token.
  static absl::StatusOr<std::shared_ptr<TokenGrammar>> Create(Grammar grammar,
                                                              std::shared_ptr<const Vocabulary> vocabulary);
  // For one request. Keeps this grammar alive.
  virtual std::unique_ptr<Constraint> NewConstraint() = 0;
};

}  // namespace linnet::grammar

#endif  // LINNET_RUNTIME_GRAMMAR_GRAMMAR_H_
