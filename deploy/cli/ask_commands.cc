// linnet ask, chat, generate: questions to a device, answered on it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/sampling_fields.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

struct Options {
  std::string device, text, kind, language, schema_file;
  std::vector<std::string> sampling;
  uint64_t anomaly = 0, seed = 0;
  uint32_t max_tokens = 0;
  float temperature = 0;
  int timeout_seconds = 60;
  bool speech = false;
};

absl::Status Ask(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::AskRequest request;
  request.set_text(o.text);
  request.set_anomaly_id(o.anomaly);
  request.set_speech(o.speech);
  if (o.language == "en") request.set_language(agent::v1::ENGLISH);
  if (o.language == "de") request.set_language(agent::v1::GERMAN);
  if (o.kind == "report") request.set_kind(agent::v1::REPORT);
  if (o.kind == "recipe") request.set_kind(agent::v1::RECIPE);
  if (o.kind == "intent") request.set_kind(agent::v1::INTENT);
  agent::v1::AskResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->Ask(CallContext(o.timeout_seconds).get(), request, &response), device.label));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Print(response.text());
  // A report's text says it all; recipes and tool calls are for programs, too.
  if (response.kind() != agent::v1::REPORT && !response.json().empty()) Print(response.json());
  if (response.from_template()) {
    std::fprintf(stderr, "(written from a template: %s)\n", response.template_reason().c_str());
  }
  return absl::OkStatus();
}

// Prints deltas as they come. Stub method: Generate or Chat.
template <typename Request, typename Start>
absl::Status Stream(const Context& context, const Options& o, const Device& device, Request& request,
                    Start start) {
  request.set_max_tokens(o.max_tokens);
  request.mutable_sampling()->set_temperature(o.temperature);
  request.mutable_sampling()->set_seed(o.seed);
  LINNET_RETURN_IF_ERROR(SetSampling(o.sampling, request.mutable_sampling()));
  if (!o.schema_file.empty()) {
    LINNET_ASSIGN_OR_RETURN(*request.mutable_json_schema(),
                            base::FileSystem::Real().ReadFile(o.schema_file, 1 << 20));
  }
  const auto call = CallContext(o.timeout_seconds);
  const auto reader = start(call.get(), request);
  agent::v1::GenerateResponse part;
  agent::v1::Usage usage;
  std::string text;
  while (reader->Read(&part)) {
    text += part.delta();
    if (part.has_usage()) usage = part.usage();
    if (!context.json && !part.delta().empty()) {
      std::fwrite(part.delta().data(), 1, part.delta().size(), stdout);
      std::fflush(stdout);
    }
  }
  LINNET_RETURN_IF_ERROR(CallStatus(reader->Finish(), device.label));
  if (context.json) {
    nlohmann::ordered_json out = {{"text", text}};
    out["usage"] = nlohmann::ordered_json::parse(ToJson(usage));
    Print(out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    std::fputc('\n', stdout);
  }
  return absl::OkStatus();
}

absl::Status Generate(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::GenerateRequest request;
  request.set_prompt(o.text);
  return Stream(context, o, device, request,
                [&](grpc::ClientContext* call, const auto& r) { return device.stub->Generate(call, r); });
}

absl::Status Chat(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::ChatRequest request;
  agent::v1::ChatMessage* message = request.add_messages();
  message->set_role("user");
  message->set_content(o.text);
  return Stream(context, o, device, request,
                [&](grpc::ClientContext* call, const auto& r) { return device.stub->Chat(call, r); });
}

void AddGeneration(CLI::App* command, Options& options) {
  command->add_option("text", options.text, "the prompt")->required();
  AddDeviceOption(command, options.device);
  command->add_option("--max-tokens", options.max_tokens, "at most (256)");
  command->add_option("--temperature", options.temperature, "0: the most likely text")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--seed", options.seed, "of the sampler");
  command
      ->add_option("--sampling", options.sampling,
                   "NAME=VALUE, any field of Sampling in agent.proto, as xtc_probability=0.5 or "
                   "samplers=top_k;temperature; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--json-schema", options.schema_file, "file; the answer satisfies it");
  command->add_option("--timeout", options.timeout_seconds, "seconds")->check(CLI::Range(1, 86400));
}

}  // namespace

void AddAskCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* ask = app.add_subcommand("ask", "ask a device in words; it answers from its own data");
  ask->add_option("text", options->text, "the question, in English or German")->required();
  AddDeviceOption(ask, options->device);
  ask->add_option("--kind", options->kind, "report, recipe or intent (default: from the question)")
      ->check(CLI::IsMember({"report", "recipe", "intent"}));
  ask->add_option("--lang", options->language, "en or de (default: from the question)")
      ->check(CLI::IsMember({"en", "de"}));
  ask->add_option("--anomaly", options->anomaly, "report this one (linnet anomalies)");
  ask->add_flag("--speech", options->speech, "a report for a voice: numbers, units and times in words");
  ask->add_option("--timeout", options->timeout_seconds, "seconds; also the device's deadline")
      ->check(CLI::Range(1, 86400));
  Runs(ask, context, [&context, options] { return Ask(context, *options); });

  CLI::App* chat = app.add_subcommand("chat", "one turn with the device's model");
  AddGeneration(chat, *options);
  Runs(chat, context, [&context, options] { return Chat(context, *options); });

  CLI::App* generate = app.add_subcommand("generate", "continue a text with the device's model");
  AddGeneration(generate, *options);
  Runs(generate, context, [&context, options] { return Generate(context, *options); });
}

}  // namespace linnet::cli
