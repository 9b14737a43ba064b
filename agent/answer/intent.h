#ifndef LINNET_AGENT_ANSWER_INTENT_H_
#define LINNET_AGENT_ANSWER_INTENT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/answer/catalog.h"
#include "agent/answer/model.h"
#include "runtime/grammar/grammar.h"

namespace linnet::answer {

enum class EntityKind : uint8_t { kRoom = 0, kDevice = 1 };

// Something that exists here. Names and aliases in any language; matching folds case, umlauts and articles
// and forgives one slip of the pen in longer names.
struct Entity {
  std::string name;
  EntityKind kind = EntityKind::kRoom;
  std::vector<std::string> aliases;
};

// What was linked in an utterance: slot -> entity name or number.
struct Linked {
  std::string text;                  // delexicalized, as the prompt's `say:` line
  std::vector<std::string> rooms;    // {r1} is rooms[0]
  std::vector<std::string> devices;  // {d1}
  std::vector<double> numbers;       // {n1}
  bool question = false;             // about state: only read-only tools may answer
};
Linked Link(std::string_view utterance, const std::vector<Entity>& entities, Language language);

// Number words at `words[at...]` (lower case): "twenty one", "einundzwanzig", "zweieinhalb"; length 0 when
// there is none.
struct NumberWord {
  double value = 0;
  size_t length = 0;  // words taken
};
NumberWord ParseNumberWords(const std::vector<std::string>& words, size_t at, Language language);

// One call, with real names and numbers. What a tool does not take stays empty.
struct Call {
  std::string tool;  // "light.set", "blind.set", "heat.set", "plug.set", "timer.start", "get", "none"
  std::string json;  // {"name":"light.set","room":"Küche","on":true}
  bool action = false;
  bool here = false;  // the room is the panel's own because none was said
  std::string room, device;
  std::string what;  // of `get`: "light", "blind", "temperature"; of timer.start the unit: "minutes"
  std::optional<bool> on;
  std::optional<double> number;  // brightness, position, temperature, time
};

struct Intent {
  // Says what is done or refused, in the user's language; empty for `get`, whose answer is the caller's.
  std::string text;
  std::vector<Call> calls;  // empty when a value is refused, `none` when a place or thing is unknown
  std::string json;         // the list of calls
  std::string refusal;      // not empty: why nothing was done, in the user's language
  bool question = false;
  bool from_template = false;  // rules of code, not the model, chose the tool
  Fallback why = Fallback::kNone;
};

struct IntentOptions {
  Language language = Language::kEnglish;
  std::string here;  // the panel's own room; may be empty: then "here" does not exist
  absl::Time deadline = absl::InfiniteFuture();
  Caller caller;
};

// An utterance -> tool calls with real names and numbers. A question never gives an action: the grammar has
// none, and the result is checked again. InvalidArgument: empty, longer than 500 bytes, not UTF-8. Otherwise
// always an answer. Blocks. `model` may be null: then a few plain patterns of code answer.
absl::StatusOr<Intent> FindIntent(std::string_view utterance, const std::vector<Entity>& entities,
                                  const IntentOptions& options, Model* model);

// The parts, for tests and for scoring a model.
std::string IntentPrompt(const Linked& linked, Language language);
absl::StatusOr<grammar::Grammar> IntentGrammar(const Linked& linked, bool here);
// Model text -> calls with real names; refusals for values out of range. InvalidArgument: not the form that
// FORMAT.md gives, a slot that the utterance does not have, or an action for a question.
absl::StatusOr<Intent> FillIntent(std::string_view answer, const Linked& linked,
                                  const IntentOptions& options);

}  // namespace linnet::answer

#endif  // LINNET_AGENT_ANSWER_INTENT_H_
