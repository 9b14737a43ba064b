#include "agent/grpc/convert.h"

#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/sampler/options.h"

namespace linnet::agent_grpc {
namespace {

namespace v1 = agent::v1;

// 20 ms: a loopback or LAN round trip and a wake-up on a small device.
constexpr absl::Duration kReply = absl::Milliseconds(20);

engine::Priority PriorityOf(v1::Priority priority) {
  switch (priority) {
    case v1::URGENT:
      return engine::Priority::kUrgent;
    case v1::BACKGROUND:
      return engine::Priority::kBackground;
    default:
      return engine::Priority::kInteractive;
  }
}

// InvalidArgument: a stage's name that is unknown; ranges are the generator's to check.
absl::StatusOr<sampler::SamplingOptions> SamplingOf(const v1::Sampling& s) {
  sampler::SamplingOptions o;
  o.temperature = s.temperature();
  o.dynatemp_range = s.dynatemp_range();
  if (s.has_dynatemp_exponent()) o.dynatemp_exponent = s.dynatemp_exponent();
  if (s.has_top_k()) o.top_k = s.top_k();
  if (s.has_top_p()) o.top_p = s.top_p();
  if (s.has_min_p()) o.min_p = s.min_p();
  if (s.has_typical_p()) o.typical_p = s.typical_p();
  o.top_n_sigma = s.top_n_sigma();
  o.xtc_probability = s.xtc_probability();
  if (s.has_xtc_threshold()) o.xtc_threshold = s.xtc_threshold();
  if (s.has_repetition_penalty()) o.repetition_penalty = s.repetition_penalty();
  if (s.has_repetition_window()) o.repetition_window = s.repetition_window();
  o.frequency_penalty = s.frequency_penalty();
  o.presence_penalty = s.presence_penalty();
  o.dry_multiplier = s.dry_multiplier();
  if (s.has_dry_base()) o.dry_base = s.dry_base();
  if (s.has_dry_allowed_length()) o.dry_allowed_length = s.dry_allowed_length();
  if (s.has_dry_penalty_last_n()) o.dry_penalty_last_n = s.dry_penalty_last_n();
  if (s.dry_sequence_breakers_size() > 0) {
    o.dry_sequence_breakers.assign(s.dry_sequence_breakers().begin(), s.dry_sequence_breakers().end());
  }
  o.mirostat = s.mirostat();
  if (s.has_mirostat_tau()) o.mirostat_tau = s.mirostat_tau();
  if (s.has_mirostat_eta()) o.mirostat_eta = s.mirostat_eta();
  for (const v1::LogitBias& bias : s.logit_bias()) {
    const bool never = bias.forbidden();
    o.logit_bias.emplace_back(bias.token(), never ? -std::numeric_limits<float>::infinity() : bias.bias());
  }
  if (s.samplers_size() > 0) {
    LINNET_ASSIGN_OR_RETURN(o.order, sampler::ParseOrder({s.samplers().begin(), s.samplers().end()}));
  }
  o.seed = s.seed();
  return o;
}

template <typename Request>
absl::StatusOr<device::Generation> Common(const Request& request, absl::Time deadline) {
  device::Generation generation;
  generation.max_tokens = request.max_tokens();
  LINNET_ASSIGN_OR_RETURN(generation.sampling, SamplingOf(request.sampling()));
  if (request.has_context_shift_keep()) generation.context_shift_keep = request.context_shift_keep();
  generation.stop.assign(request.stop().begin(), request.stop().end());
  generation.priority = PriorityOf(request.priority());
  generation.deadline = deadline;
  if (!request.json_schema().empty()) {
    generation.format = device::Generation::Format::kJsonSchema;
    generation.json_schema = request.json_schema();
  }
  return generation;
}

v1::FinishReason FinishOf(engine::FinishReason finish) {
  switch (finish) {
    case engine::FinishReason::kStop:
      return v1::STOP;
    case engine::FinishReason::kLength:
      return v1::LENGTH;
    case engine::FinishReason::kCancelled:
      return v1::CANCELLED;
    case engine::FinishReason::kDeadline:
      return v1::DEADLINE;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

uint64_t Micros(absl::Duration time) { return static_cast<uint64_t>(absl::ToInt64Microseconds(time)); }

v1::AskKind KindOf(answer::AskKind kind) {
  switch (kind) {
    case answer::AskKind::kReport:
      return v1::REPORT;
    case answer::AskKind::kRecipe:
      return v1::RECIPE;
    case answer::AskKind::kIntent:
    case answer::AskKind::kState:
      return v1::INTENT;
    case answer::AskKind::kAuto:
    case answer::AskKind::kUnknown:
      break;
  }
  return v1::ASK_KIND_UNSPECIFIED;
}

// The answer's JSON names each call's tool and arguments side by side.
void SetToolCalls(const std::string& text, v1::AskResponse* response) {
  const nlohmann::ordered_json list =
      nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return;
  for (const nlohmann::ordered_json& item : list) {
    if (!item.is_object() || !item.contains("name") || !item["name"].is_string()) continue;
    v1::ToolCall* call = response->add_tool_calls();
    call->set_name(item["name"].get<std::string>());
    nlohmann::ordered_json arguments = item;
    arguments.erase("name");
    call->set_arguments_json(
        arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    call->set_read_only(call->name() == "get" || call->name() == "none");
  }
}

}  // namespace

absl::Time DeadlineOf(const grpc::ServerContextBase& context) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  // "No deadline" comes as the last time that the type can say.
  if (deadline - std::chrono::system_clock::now() > std::chrono::hours(24 * 365))
    return absl::InfiniteFuture();
  return absl::FromChrono(deadline) - kReply;
}

absl::StatusOr<device::Generation> GenerationOf(const v1::GenerateRequest& request, absl::Time deadline) {
  LINNET_ASSIGN_OR_RETURN(device::Generation generation, Common(request, deadline));
  generation.prompt = request.prompt();
  return generation;
}

absl::StatusOr<device::Generation> GenerationOf(const v1::ChatRequest& request, absl::Time deadline) {
  LINNET_ASSIGN_OR_RETURN(device::Generation generation, Common(request, deadline));
  for (const v1::ChatMessage& message : request.messages()) {
    generation.messages.push_back({message.role(), message.content()});
  }
  return generation;
}

void SetUsage(const engine::GenerateResult& result, v1::Usage* usage) {
  usage->set_finish(FinishOf(result.finish));
  usage->set_prompt_tokens(result.prompt_tokens);
  usage->set_generated_tokens(static_cast<uint32_t>(result.ids.size()));
  usage->set_forced_tokens(result.forced_tokens);
  usage->set_queue_micros(Micros(result.queue_time));
  usage->set_prefill_micros(Micros(result.prefill_time));
  usage->set_decode_micros(Micros(result.decode_time));
  usage->set_context_shifts(result.context_shifts);
}

void SetUsage(const answer::ModelUse& use, v1::Usage* usage) {
  usage->set_finish(FinishOf(use.finish));
  usage->set_prompt_tokens(use.prompt_tokens);
  usage->set_generated_tokens(use.generated_tokens);
  usage->set_forced_tokens(use.forced_tokens);
  usage->set_queue_micros(Micros(use.queue_time));
  usage->set_prefill_micros(Micros(use.prefill_time));
  usage->set_decode_micros(Micros(use.decode_time));
}

answer::AskRequest AskRequestOf(const v1::AskRequest& request, absl::Time deadline) {
  answer::AskRequest ask;
  ask.text = request.text();
  ask.deadline = deadline;
  if (request.language() == v1::ENGLISH) ask.language = answer::Language::kEnglish;
  if (request.language() == v1::GERMAN) ask.language = answer::Language::kGerman;
  if (request.kind() == v1::REPORT) ask.kind = answer::AskKind::kReport;
  if (request.kind() == v1::RECIPE) ask.kind = answer::AskKind::kRecipe;
  if (request.kind() == v1::INTENT) ask.kind = answer::AskKind::kIntent;
  ask.speech = request.speech();
  if (request.anomaly_id() != 0) ask.kind = answer::AskKind::kReport;
  return ask;
}

void SetAnswer(const device::AskOutcome& outcome, v1::AskResponse* response) {
  const answer::Answer& answer = outcome.answer;
  response->set_kind(KindOf(answer.kind));
  response->set_language(answer.language == answer::Language::kGerman ? v1::GERMAN : v1::ENGLISH);
  response->set_text(answer.text);
  response->set_json(answer.json);
  response->set_from_template(answer.from_template);
  if (answer.from_template) response->set_template_reason(std::string(answer::Name(answer.why)));
  response->set_model(outcome.model);
  if (answer.use.calls > 0) SetUsage(answer.use, response->mutable_usage());
  if (answer.kind == answer::AskKind::kIntent) SetToolCalls(answer.json, response);
}

void SetAnomaly(const repo::AnomalyRow& row, v1::Anomaly* anomaly) {
  anomaly->set_id(static_cast<uint64_t>(row.id));
  anomaly->set_channel(row.channel);
  anomaly->set_unit(row.unit);
  // The stored numbers count from 0, agent.proto's from 1.
  anomaly->set_state(static_cast<v1::AnomalyState>(row.direction + 1));
  anomaly->set_severity(static_cast<v1::AnomalySeverity>(row.severity + 1));
  anomaly->set_value(row.value);
  anomaly->set_baseline(row.baseline);
  anomaly->set_z(row.z);
  anomaly->set_start_unix_micros(absl::ToUnixMicros(row.start));
  anomaly->set_duration_micros(absl::ToInt64Microseconds(row.duration));
  anomaly->set_ongoing(row.ongoing);
}

std::vector<repo::InventoryRow> InventoryOf(const v1::SetInventoryRequest& request, absl::Time now) {
  std::vector<repo::InventoryRow> rows;
  for (const v1::InventoryItem& item : request.items()) {
    repo::InventoryRow row{item.name(), item.quantity(), item.unit(), std::nullopt};
    if (item.has_days_left()) row.use_by = now + absl::Hours(24) * item.days_left();
    rows.push_back(std::move(row));
  }
  return rows;
}

absl::StatusOr<std::vector<repo::EntityRow>> EntitiesOf(const v1::SetEntitiesRequest& request) {
  std::vector<repo::EntityRow> rows;
  for (const v1::Entity& entity : request.entities()) {
    repo::EntityRow row;
    if (entity.kind() == v1::ROOM) {
      row.kind = static_cast<int>(answer::EntityKind::kRoom);
    } else if (entity.kind() == v1::DEVICE) {
      row.kind = static_cast<int>(answer::EntityKind::kDevice);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("entities[", rows.size(), "].kind: expected ROOM or DEVICE"));
    }
    row.name = entity.name();
    row.room = entity.room();
    row.aliases.assign(entity.aliases().begin(), entity.aliases().end());
    row.state.insert(entity.state().begin(), entity.state().end());
    rows.push_back(std::move(row));
  }
  return rows;
}

void SetLog(const update::Witness::State& log, v1::StatusResponse* response) {
  const auto set = [](const audit::LogHead& head, v1::LogHead* out) {
    out->set_size(head.size);
    out->set_root_sha256(head.root);
    out->set_signature(head.signature);
  };
  if (log.newest.has_value()) set(*log.newest, response->mutable_log_head());
  for (const repo::LogEvidence& evidence : log.evidence) {
    v1::LogEvidence* out = response->add_log_evidence();
    out->set_same_size(evidence.kind == repo::LogEvidence::Kind::kSplit);
    set(evidence.first, out->mutable_first());
    set(evidence.second, out->mutable_second());
    out->set_key(evidence.key);
    out->set_noticed_unix_micros(absl::ToUnixMicros(evidence.noticed));
  }
  response->set_plans_held(log.holding.has_value());
}

}  // namespace linnet::agent_grpc
