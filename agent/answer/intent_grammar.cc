// What the model may write for one utterance.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/answer/intent.h"
#include "agent/answer/text.h"

namespace linnet::answer {
namespace {

using grammar::Expression;

std::vector<std::string> Slots(const char* letter, size_t count) {
  std::vector<std::string> slots;
  for (size_t i = 1; i <= count; ++i) slots.push_back(absl::StrCat("\"{", letter, i, "}\""));
  return slots;
}

Expression Text(const char* text) { return Expression::Literal(text); }

bool In(std::string_view words, std::string_view word) {
  return !word.empty() && words.find(" " + std::string(word) + " ") != std::string_view::npos;
}

// What the word behind a number says that it counts; empty when it says nothing.
std::string_view UnitOf(std::string_view word) {
  if (In(" percent prozent ", word)) return "percent";
  if (In(" degrees degree grad celsius ", word)) return "degrees";
  if (In(" second seconds sec secs s sekunde sekunden sek ", word)) return "seconds";
  if (In(" minute minutes min mins minuten ", word)) return "minutes";
  if (In(" hour hours hrs h stunde stunden std ", word)) return "hours";
  return "";
}

// The number slots that may stand where `unit` is meant: those said with it, and those said with none.
std::vector<std::string> NumbersOf(const Linked& linked, std::string_view unit) {
  std::vector<std::string> slots;
  const std::string said = linked.text + " ";
  for (size_t i = 1; i <= linked.numbers.size(); ++i) {
    const std::string slot = absl::StrCat("{n", i, "}");
    bool fits = false;
    for (size_t at = said.find(slot); at != std::string::npos; at = said.find(slot, at + 1)) {
      const size_t word = at + slot.size() + 1;
      const size_t end = word < said.size() ? said.find_first_of(" ?", word) : std::string::npos;
      const std::string next = end == std::string::npos ? "" : Fold(said.substr(word, end - word));
      const std::string_view own = UnitOf(next);
      fits |= own.empty() || own == unit;
    }
    if (fits) slots.push_back("\"" + slot + "\"");
  }
  return slots;
}

}  // namespace

absl::StatusOr<grammar::Grammar> IntentGrammar(const Linked& linked, bool here) {
  std::vector<std::string> rooms = Slots("r", linked.rooms.size());
  if (here) rooms.push_back("\"here\"");
  const std::vector<std::string> devices = Slots("d", linked.devices.size());
  std::vector<std::string> levels = NumbersOf(linked, "percent");
  for (const char* constant : {"0", "50", "100"}) levels.emplace_back(constant);

  std::vector<Expression> calls;
  const auto add = [&calls](std::vector<Expression> parts) {
    calls.push_back(Expression::Sequence(std::move(parts)));
  };
  const Expression on = Expression::OneOfTexts({"true", "false"});
  if (!rooms.empty()) {
    const Expression room = Expression::OneOfTexts(rooms);
    add({Text(R"({"name":"get","room":)"), room, Text(R"(,"what":)"),
         Expression::OneOfTexts({R"("light")", R"("blind")", R"("temperature")"}), Text("}")});
    if (!linked.question) {
      const Expression level = Expression::OneOfTexts(levels);
      add({Text(R"({"name":"light.set","room":)"), room,
           Expression::OneOf({Expression::Sequence({Text(R"(,"on":)"), on}),
                              Expression::Sequence({Text(R"(,"brightness":)"), level})}),
           Text("}")});
      add({Text(R"({"name":"blind.set","room":)"), room, Text(R"(,"position":)"), level, Text("}")});
      if (const std::vector<std::string> temps = NumbersOf(linked, "degrees"); !temps.empty()) {
        add({Text(R"({"name":"heat.set","room":)"), room, Text(R"(,"temp":)"), Expression::OneOfTexts(temps),
             Text("}")});
      }
    }
  }
  if (!devices.empty()) {
    const Expression device = Expression::OneOfTexts(devices);
    add({Text(R"({"name":"get","device":)"), device, Text("}")});
    if (!linked.question)
      add({Text(R"({"name":"plug.set","device":)"), device, Text(R"(,"on":)"), on, Text("}")});
  }
  for (const std::string unit : {"seconds", "minutes", "hours"}) {
    const std::vector<std::string> times = NumbersOf(linked, unit);
    if (times.empty() || linked.question) continue;
    add({Text(R"({"name":"timer.start",)"), Expression::Literal("\"" + unit + "\":"),
         Expression::OneOfTexts(times), Text("}")});
  }
  const Expression none = Text(R"({"name":"none"})");
  const Expression list =
      calls.empty() ? none : Expression::OneOf({none, Expression::List(Expression::OneOf(calls), ",", 1, 3)});
  return grammar::Grammar::Compile(Expression::Sequence({Text("["), list, Text("]")}));
}

}  // namespace linnet::answer
