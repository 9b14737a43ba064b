#include "runtime/tools/eval_suite.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/grammar/grammar.h"
#include "runtime/grammar/json_schema.h"

namespace linnet::tools {
namespace {

// In the order of the text: a schema says in which order its properties are written.
using Json = nlohmann::ordered_json;

constexpr size_t kMostNameBytes = 100;
constexpr size_t kMostTexts = 16;

// Reads one case; the first thing that is wrong is kept.
class CaseReader {
 public:
  CaseReader(const Json& json, size_t number) : json_(json), where_(absl::StrCat("case ", number)) {}

  absl::StatusOr<EvalCase> Read() {
    if (!json_.is_object()) return Wrong("expected an object");
    EvalCase out;
    out.name = where_;
    for (const auto& [key, value] : json_.items()) LINNET_RETURN_IF_ERROR(Member(key, value, out));
    if (out.prompt.empty() == out.chat.empty()) return Wrong("expected either \"prompt\" or \"chat\"");
    if (!json_.contains("expect")) return Wrong("\"expect\" is missing");
    return out;
  }

 private:
  absl::Status Wrong(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(where_, ": ", what));
  }

  absl::Status Member(const std::string& key, const Json& value, EvalCase& out) {
    if (key == "name") {
      if (!value.is_string() || value.get_ref<const std::string&>().size() > kMostNameBytes) {
        return Wrong(absl::StrCat("name: expected a text of at most ", kMostNameBytes, " bytes"));
      }
      out.name = value;
      return absl::OkStatus();
    }
    if (key == "prompt") return Text(key, value, out.prompt);
    if (key == "chat") return Chat(value, out.chat);
    if (key == "schema") {
      if (!value.is_object()) return Wrong("schema: expected an object");
      out.schema_json = value.dump();
      // Here, where a person reads it, and not on a thousand devices.
      const auto compiled = grammar::CompileSchema(out.schema_json);
      return compiled.ok() ? absl::OkStatus()
                           : Wrong(absl::StrCat("schema: ", base::Message(compiled.status())));
    }
    if (key == "max_tokens") {
      if (!value.is_number_unsigned() || value.get<uint64_t>() < 1 ||
          value.get<uint64_t>() > EvalSuite::kMostTokens) {
        return Wrong(absl::StrCat("max_tokens: expected 1 to ", EvalSuite::kMostTokens));
      }
      out.max_tokens = value;
      return absl::OkStatus();
    }
    if (key == "expect") return Expect(value, out);
    return Wrong(absl::StrCat("\"", base::OneLine(key, 40),
                              "\" is unknown; expected name, prompt, chat, schema, max_tokens, expect"));
  }

  absl::Status Text(const std::string& key, const Json& value, std::string& out) const {
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      return Wrong(absl::StrCat(key, ": expected a text that is not empty"));
    }
    out = value;
    return absl::OkStatus();
  }

  absl::Status Texts(const std::string& key, const Json& value, std::vector<std::string>& out) const {
    const Json list = value.is_array() ? value : Json::array({value});
    if (list.empty() || list.size() > kMostTexts) {
      return Wrong(absl::StrCat(key, ": expected 1 to ", kMostTexts, " texts"));
    }
    for (const Json& text : list) LINNET_RETURN_IF_ERROR(Text(key, text, out.emplace_back()));
    return absl::OkStatus();
  }

  absl::Status Chat(const Json& value, std::vector<engine::ChatMessage>& out) const {
    if (!value.is_array() || value.empty()) return Wrong("chat: expected a list of messages");
    for (const Json& message : value) {
      if (!message.is_object() || message.size() != 2 || !message.contains("role") ||
          !message.contains("content")) {
        return Wrong("chat: expected messages of \"role\" and \"content\"");
      }
      engine::ChatMessage& said = out.emplace_back();
      LINNET_RETURN_IF_ERROR(Text("role", message["role"], said.role));
      LINNET_RETURN_IF_ERROR(Text("content", message["content"], said.content));
    }
    return absl::OkStatus();
  }

  absl::Status Expect(const Json& value, EvalCase& out) const {
    if (!value.is_object() || value.empty()) {
      return Wrong("expect: expected an object of equals, starts_with, contains, absent, json");
    }
    for (const auto& [key, wanted] : value.items()) {
      if (key == "equals") {
        LINNET_RETURN_IF_ERROR(Text(key, wanted, out.equals.emplace()));
      } else if (key == "starts_with") {
        LINNET_RETURN_IF_ERROR(Text(key, wanted, out.starts_with.emplace()));
      } else if (key == "contains") {
        LINNET_RETURN_IF_ERROR(Texts(key, wanted, out.contains));
      } else if (key == "absent") {
        LINNET_RETURN_IF_ERROR(Texts(key, wanted, out.absent));
      } else if (key == "json") {
        if (!wanted.is_object()) return Wrong("json: expected an object");
        out.json = wanted.dump();
      } else {
        return Wrong(absl::StrCat("expect: \"", base::OneLine(key, 40),
                                  "\" is unknown; expected equals, starts_with, contains, absent, json"));
      }
    }
    return absl::OkStatus();
  }

  const Json& json_;
  const std::string where_;
};

std::string_view Trimmed(std::string_view text) {
  return base::ToStd(absl::StripAsciiWhitespace(base::ToAbsl(text)));
}

bool HasMembers(std::string_view answer, const std::string& wanted) {
  const nlohmann::json said = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!said.is_object()) return false;
  const nlohmann::json expected = nlohmann::json::parse(wanted);
  for (const auto& [key, value] : expected.items()) {
    const auto it = said.find(key);
    if (it == said.end() || *it != value) return false;
  }
  return true;
}

// A case that this model cannot even be asked.
bool CannotAsk(const absl::Status& status) {
  return absl::IsOutOfRange(status) || absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
         absl::IsFailedPrecondition(status);
}

class Runner {
 public:
  explicit Runner(engine::Engine& engine) : engine_(engine) {}

  absl::StatusOr<std::string> Ask(const EvalCase& question) {
    engine::GenerateRequest request;
    request.max_tokens = question.max_tokens;
    if (question.chat.empty()) {
      request.prompt =
          engine_.tokenizer().Encode(question.prompt, {.add_special = true, .parse_special = true});
    } else {
      LINNET_ASSIGN_OR_RETURN(request.prompt, engine_.RenderChat(question.chat));
    }
    if (!question.schema_json.empty()) {
      LINNET_ASSIGN_OR_RETURN(request.constraint, ConstraintOf(question.schema_json));
    }
    LINNET_ASSIGN_OR_RETURN(engine::GenerateResult result, engine_.Generate(std::move(request)));
    return std::move(result.text);
  }

 private:
  absl::StatusOr<std::unique_ptr<grammar::Constraint>> ConstraintOf(const std::string& schema) {
    if (vocabulary_ == nullptr) vocabulary_ = grammar::Vocabulary::Build(engine_.tokenizer());
    LINNET_ASSIGN_OR_RETURN(grammar::Grammar rules, grammar::CompileSchema(schema));
    LINNET_ASSIGN_OR_RETURN(const std::shared_ptr<grammar::TokenGrammar> tokens,
                            grammar::TokenGrammar::Create(std::move(rules), vocabulary_));
    return tokens->NewConstraint();
  }

  engine::Engine& engine_;
  std::shared_ptr<const grammar::Vocabulary> vocabulary_;
};

}  // namespace

absl::StatusOr<EvalSuite> EvalSuite::Parse(std::string_view text) {
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the suite has ", text.size(), " bytes, at most ", kMostBytes, " expected"));
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() != 2 || !json.contains("linnet_suite") || json["linnet_suite"] != 1 ||
      !json.contains("cases") || !json["cases"].is_array()) {
    return absl::InvalidArgumentError(
        "is no suite: expected {\"linnet_suite\": 1, \"cases\": [...]}; see runtime/tools/eval_suite.h");
  }
  const Json& cases = json["cases"];
  if (cases.empty() || cases.size() > kMostCases) {
    return absl::InvalidArgumentError(
        absl::StrCat("the suite has ", cases.size(), " cases, 1 to ", kMostCases, " expected"));
  }
  EvalSuite suite;
  for (const Json& entry : cases) {
    LINNET_ASSIGN_OR_RETURN(EvalCase question, CaseReader(entry, suite.cases.size() + 1).Read());
    suite.cases.push_back(std::move(question));
  }
  return suite;
}

bool Satisfies(std::string_view answer, const EvalCase& question) {
  answer = Trimmed(answer);
  if (question.equals.has_value() && answer != Trimmed(*question.equals)) return false;
  if (question.starts_with.has_value() && !answer.starts_with(*question.starts_with)) return false;
  for (const std::string& text : question.contains) {
    if (answer.find(text) == std::string_view::npos) return false;
  }
  for (const std::string& text : question.absent) {
    if (answer.find(text) != std::string_view::npos) return false;
  }
  return question.json.empty() || HasMembers(answer, question.json);
}

absl::StatusOr<EvalScore> RunSuite(engine::Engine& engine, const EvalSuite& suite) {
  Runner runner(engine);
  EvalScore score;
  for (const EvalCase& question : suite.cases) {
    ++score.cases;
    const absl::StatusOr<std::string> answer = runner.Ask(question);
    if (!answer.ok() && !CannotAsk(answer.status())) return answer.status();
    if (answer.ok() && Satisfies(*answer, question)) {
      ++score.passed;
    } else {
      score.failed.push_back(question.name);
    }
  }
  return score;
}

}  // namespace linnet::tools
