#include "deploy/probe/template_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/probe/commands.h"
#include "deploy/probe/output.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/engine/chat.h"
#include "runtime/pack/packed_file.h"
#include "runtime/template/chat_prompt.h"
#include "runtime/tokenizer/tokenizer.h"

namespace linnet::probe {
namespace {

constexpr uint64_t kMaxInputBytes = 64u << 20;

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  if (path != "-") return base::FileSystem::Real().ReadFile(path, kMaxInputBytes);
  std::string text;
  char buffer[65536];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    text.append(buffer, n);
    if (text.size() > kMaxInputBytes) return absl::OutOfRangeError("standard input is too large");
  }
  return text;
}

// "NAME=JSON".
absl::Status AddVariable(const std::string& text, jinja::ChatInput* input) {
  const size_t equals = text.find('=');
  nlohmann::ordered_json value;
  if (equals != std::string::npos) {
    value = nlohmann::ordered_json::parse(text.substr(equals + 1), nullptr, /*allow_exceptions=*/false);
  }
  if (equals == std::string::npos || equals == 0 || value.is_discarded()) {
    return absl::InvalidArgumentError("--var: expected NAME=JSON, like enable_thinking=false");
  }
  input->variables[text.substr(0, equals)] = std::move(value);
  return absl::OkStatus();
}

// What the template itself does wrong is no damage of a file: it failed while running.
absl::Status Refused(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? absl::AbortedError(base::Message(status)) : status;
}

}  // namespace

void TemplateCommand::Add(CLI::App* model, std::function<int()>& run) {
  CLI::App* app = model->add_subcommand("template", "a conversation as the model's chat template writes it");
  CLI::Option* gguf = app->add_option("file", file, "model file");
  CLI::Option* text =
      app->add_option("--template-file", template_file, "a Jinja template instead")->excludes(gguf);
  app->add_option("--messages", messages,
                  "JSON: a list of messages, or an object with \"messages\" whose other entries are tools, "
                  "add_generation_prompt, and variables; - reads standard input")
      ->required();
  app->add_option("--tools", tools, "JSON: a list of tools");
  app->add_flag("--add-generation-prompt", add_generation_prompt, "end where the assistant's words begin");
  app->add_option("--now", now,
                  "the template's clock: 2025-01-31T08:30:00, or seconds since 1970 (default: now)");
  app->add_option("--bos", bos, "bos_token (default: the file's)");
  app->add_option("--eos", eos, "eos_token (default: the file's)");
  app->add_option("--var", variables, "NAME=JSON, a variable like enable_thinking=false; may be repeated")
      ->allow_extra_args(false);
  app->add_flag("--json", json, "one JSON object: the text, and segments that say what the template wrote");
  app->callback([this, gguf, text, &run] {
    if (gguf->count() + text->count() == 0) throw CLI::RequiredError("FILE or --template-file");
    run = [this] { return Run(); };
  });
}

int TemplateCommand::Run() const {
  jinja::ChatInput input;
  input.now = jinja::WallClock::Of(absl::Now(), absl::LocalTimeZone());
  input.bos_token = bos;
  input.eos_token = eos;
  const auto read = [&](const std::string& path, absl::Status (*parse)(std::string_view, jinja::ChatInput*)) {
    const auto text = ReadInput(path);
    return text.ok() ? parse(*text, &input) : text.status();
  };
  if (const absl::Status status = read(messages, jinja::ReadMessages); !status.ok()) {
    return Fail(messages, status, Phase::kFile, json);
  }
  if (!tools.empty()) {
    if (const absl::Status status = read(tools, jinja::ReadTools); !status.ok()) {
      return Fail(tools, status, Phase::kFile, json);
    }
  }
  input.add_generation_prompt = input.add_generation_prompt || add_generation_prompt;
  if (!now.empty()) {
    const auto clock = jinja::ReadWallClock(now);
    if (!clock.ok()) return Fail("--now", clock.status(), Phase::kRequest, json);
    input.now = *clock;
  }
  for (const std::string& variable : variables) {
    if (const absl::Status status = AddVariable(variable, &input); !status.ok()) {
      return Fail("", status, Phase::kRequest, json);
    }
  }

  const std::string& path = template_file.empty() ? file : template_file;
  absl::StatusOr<std::vector<jinja::Segment>> segments;
  std::string source = "the template file";
  if (!template_file.empty()) {
    const auto text = ReadInput(template_file);
    if (!text.ok()) return Fail(path, text.status(), Phase::kFile, json);
    const auto parsed = jinja::Template::Parse(*text);
    if (!parsed.ok()) return Fail(path, parsed.status(), Phase::kFile, json);
    segments = RenderChat(**parsed, input);
  } else {
    const auto gguf = pack::OpenModel(base::FileSystem::Real(), file);
    if (!gguf.ok()) return Fail(path, gguf.status(), Phase::kFile, json);
    const auto tokenizer = tokenizer::Tokenizer::Create(**gguf);
    if (!tokenizer.ok()) return Fail(path, tokenizer.status(), Phase::kFile, json);
    const engine::ChatFormat format = engine::ChatFormat::Of(**gguf, **tokenizer);
    segments = format.Render(std::move(input));
    source = format.source();
  }
  if (!segments.ok()) return Fail(path, Refused(segments.status()), Phase::kRequest, json);
  std::string text;
  nlohmann::json list = nlohmann::json::array();
  for (const jinja::Segment& segment : *segments) {
    text += segment.text;
    list.push_back({{"text", segment.text}, {"trusted", segment.trusted}});
  }
  if (json) {
    Print({{"text", text}, {"segments", list}, {"template", source}});
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return std::fflush(stdout) == 0 ? kOk : kFailed;
}

}  // namespace linnet::probe
