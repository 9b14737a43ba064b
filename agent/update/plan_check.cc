#include "agent/update/plan_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/update/receipts.h"
#include "agent/update/time_floor.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/pack/pack_format.h"
#include "storage/repo/device.h"
#include "storage/repo/models.h"
#include "storage/trust/metadata.h"

namespace linnet::update {
namespace {

constexpr uint64_t kMaxPlanBytes = 256 << 10;

PlanVerdict Nothing(std::string message) { return {.event = Event::kNothing, .message = std::move(message)}; }

PlanVerdict Refused(Reason reason, std::string message) {
  PlanVerdict verdict{.event = Event::kRefused, .reason = reason, .message = std::move(message)};
  verdict.attempt.outcome = static_cast<int>(Outcome::kFailed);
  verdict.attempt.reason = static_cast<int>(reason);
  verdict.attempt.error = verdict.message;
  return verdict;
}

// A verdict about signed data, not about the way to it.
bool IsVerdict(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnauthenticated(status) || absl::IsFailedPrecondition(status) ||
         absl::IsInvalidArgument(status);
}

class PlanCheck {
 public:
  PlanCheck(const PlanContext& context, const CheckInAnswer& answer) : c_(context), answer_(answer) {}

  absl::StatusOr<PlanVerdict> Run() {
    LINNET_ASSIGN_OR_RETURN(std::optional<PlanVerdict> verdict, LoadPlan());
    if (!verdict.has_value()) {
      LINNET_ASSIGN_OR_RETURN(verdict, CheckTurn());
    }
    if (!verdict.has_value()) {
      LINNET_ASSIGN_OR_RETURN(verdict, CheckModel());
    }
    LINNET_CHECK(verdict.has_value());
    if (verdict->event != Event::kNothing) Fill(verdict->attempt);
    return *std::move(verdict);
  }

 private:
  using Maybe = absl::StatusOr<std::optional<PlanVerdict>>;

  // 1 and 2.
  Maybe LoadPlan() {
    const std::string& path = answer_.plan;
    if (path.rfind("plans/", 0) != 0) {
      return Nothing(absl::StrCat("the coordinator names ", Short(path), ", which is no plan"));
    }
    LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> target,
                            c_.updater.FindTarget(path, c_.link.metadata()));
    if (!target.has_value())
      return Nothing(absl::StrCat(Short(path), ": not signed by this site's plans key"));
    // TUF lets a role delegate further; who may roll out is said by targets alone.
    if (target->role != trust::kPlans) {
      return Nothing(absl::StrCat(Short(path), ": is signed by ", Short(target->role),
                                  ", to which plans may not delegate"));
    }
    plan_sha256_ = target->sha256;
    bool ended = false;
    LINNET_RETURN_IF_ERROR(c_.state.Read([&]() -> absl::Status {
      repo::UpdateJournal journal(c_.state.db());
      LINNET_ASSIGN_OR_RETURN(ended, journal.HasEnded(plan_sha256_));
      return absl::OkStatus();
    }));
    if (ended && c_.damaged.empty()) return Nothing("");

    LINNET_ASSIGN_OR_RETURN(plan_json_, FetchSmall(c_.link.chunks(), *target, kMaxPlanBytes));
    absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(plan_json_);
    if (!plan.ok()) return Nothing(absl::StrCat(Short(path), ": ", base::Message(plan.status())));
    plan_ = *std::move(plan);
    if (ended && plan_.model_sha256 != c_.damaged) return Nothing("");
    if (path != absl::StrCat("plans/", plan_.id, ".json")) {
      return Nothing(absl::StrCat(Short(path), ": holds the plan ", plan_.id));
    }
    if (c_.now >= plan_.expires) {
      return Nothing(absl::StrCat("plan ", plan_.id, ": expired ", absl::FormatTime(plan_.expires)));
    }
    // Signed offline: a lower bound of what time it is. No further than what was refreshed holds: a plan that
    // says it was made in ten years, by an operator's clock or a stolen key, must not end all updates here.
    const absl::Time evidence = std::min(plan_.created, c_.timestamp_expires);
    LINNET_RETURN_IF_ERROR(
        c_.state.Write([&] { return repo::Device(c_.state.db()).RaiseBelievedTime(evidence); }));
    return std::nullopt;
  }

  // 3 and 4.
  Maybe CheckTurn() {
    const absl::StatusOr<size_t> wave = plan_.WaveOf(c_.device_id, c_.facts, /*unknown_fits=*/false);
    if (absl::IsFailedPrecondition(wave.status())) return Nothing(base::Message(wave.status()));
    if (!wave.ok()) return Nothing("");  // for other devices
    if (*wave == 0) return std::nullopt;
    const trust::PlanWave& ours = plan_.waves[*wave];
    std::string problem;
    uint32_t passes = 0;
    if (c_.fleet_root != nullptr) {
      const ReceiptRules rules{plan_, plan_sha256_, *c_.fleet_root, c_.now, c_.revocations};
      passes = CountPasses(answer_.receipts, rules, *wave, &problem);
    }
    if (passes < ours.passes_needed) {
      return Nothing(absl::StrCat("wave ", ours.name, " waits: ", passes, " of ", ours.passes_needed,
                                  " passes of earlier waves", problem.empty() ? "" : "; ", problem));
    }
    absl::Time since;
    LINNET_RETURN_IF_ERROR(c_.state.Write([&]() -> absl::Status {
      repo::UpdateJournal journal(c_.state.db());
      LINNET_ASSIGN_OR_RETURN(since, journal.SoakStart(plan_sha256_, c_.uptime));
      return absl::OkStatus();
    }));
    if (c_.uptime < since + ours.soak) {
      PlanVerdict wait =
          Nothing(absl::StrCat("wave ", ours.name, " soaks until ", absl::FormatTime(since + ours.soak)));
      wait.again = since + ours.soak;
      return wait;
    }
    return std::nullopt;
  }

  // 5 and 6.
  Maybe CheckModel() {
    const std::string& path = plan_.model_target;
    LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> model,
                            c_.updater.FindTarget(path, c_.link.metadata()));
    if (!model.has_value() || path.rfind("models/", 0) != 0) {
      return Refused(Reason::kUnsignedTarget, absl::StrCat(path, ": no models key of this site signed it"));
    }
    if (model->sha256 != plan_.model_sha256) {
      return Refused(Reason::kHashMismatch,
                     absl::StrCat(path, ": the plan says ", base::Hex(plan_.model_sha256).substr(0, 16),
                                  "..., the models key ", base::Hex(model->sha256).substr(0, 16), "..."));
    }
    const absl::StatusOr<ModelFacts> facts = FactsOf(*model);
    if (!facts.ok()) return Refused(Reason::kUnsignedTarget, base::Message(facts.status()));
    if (facts->release_counter != plan_.release_counter) {
      return Refused(Reason::kOlderRelease,
                     absl::StrCat(path, ": the plan says release ", plan_.release_counter,
                                  ", the models key ", facts->release_counter));
    }
    model_ = *model;
    facts_ = *facts;
    repo::ModelSlots slots;
    LINNET_RETURN_IF_ERROR(c_.state.Read([&]() -> absl::Status {
      LINNET_ASSIGN_OR_RETURN(slots, repo::Models(c_.state.db()).Slots());
      return absl::OkStatus();
    }));
    if (slots.active == model_.sha256 && !slots.trial) return PlanVerdict{.event = Event::kPresent};
    LINNET_ASSIGN_OR_RETURN(PlanVerdict may, CheckMayRun(c_.state, model_, facts_, plan_sha256_));
    if (may.event == Event::kRefused) return may;
    return LoadIndex();
  }

  Maybe LoadIndex() {
    const std::string path = absl::StrCat(plan_.model_target, std::string(trust::kIndexSuffix));
    LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> target,
                            c_.updater.FindTarget(path, c_.link.metadata()));
    if (!target.has_value()) {
      return Refused(Reason::kUnsignedTarget, absl::StrCat(path, ": no models key of this site signed it"));
    }
    if (target->length > chunks::kMaxSmallBytes) {
      return Refused(Reason::kNoSpace, absl::StrCat(path, ": ", target->length, " bytes, at most ",
                                                    chunks::kMaxSmallBytes, " expected; cut larger chunks"));
    }
    LINNET_ASSIGN_OR_RETURN(std::string json, FetchSmall(c_.link.chunks(), *target, chunks::kMaxSmallBytes));
    const absl::StatusOr<chunks::ChunkIndex> index = chunks::ChunkIndex::FromJson(json);
    if (!index.ok()) return Refused(Reason::kHashMismatch, base::Message(index.status()));
    if (index->file_sha256 != model_.sha256 || index->file_bytes != model_.length) {
      return Refused(Reason::kHashMismatch,
                     absl::StrCat(path, ": describes another file than ", model_.path));
    }
    absl::StatusOr<std::string> suite =
        FetchSuite(c_.updater, c_.link.metadata(), c_.link.chunks(), model_, facts_);
    if (absl::IsUnauthenticated(suite.status())) {
      return Refused(Reason::kUnsignedTarget, base::Message(suite.status()));
    }
    if (!suite.ok()) return suite.status();
    PlanVerdict verdict{.event = Event::kAccepted};
    verdict.attempt.index_json = std::move(json);
    verdict.attempt.suite_json = *std::move(suite);
    return verdict;
  }

  void Fill(repo::UpdateAttempt& attempt) const {
    attempt.plan_path = answer_.plan;
    attempt.plan_sha256 = plan_sha256_;
    attempt.plan_json = plan_json_;
    attempt.model_target = plan_.model_target;
    attempt.model_sha256 = plan_.model_sha256;
    attempt.release_counter = plan_.release_counter;
    attempt.model_bytes = model_.length;
    attempt.model_license = facts_.license;
    attempt.suite_least_ppm = facts_.suite.has_value() ? facts_.suite->least_ppm : 0;
  }

  // Paths of the coordinator go into status texts: bounded, printable.
  static std::string Short(std::string_view text) {
    std::string out(text.substr(0, 100));
    for (char& c : out) {
      if (c < 0x20 || c > 0x7e) c = '?';
    }
    return out;
  }

  const PlanContext& c_;
  const CheckInAnswer& answer_;
  std::string plan_sha256_, plan_json_;
  trust::Plan plan_;
  trust::TargetInfo model_;
  ModelFacts facts_;
};

}  // namespace

absl::StatusOr<PlanVerdict> CheckPlan(const PlanContext& context, const CheckInAnswer& answer) {
  absl::StatusOr<PlanVerdict> verdict = PlanCheck(context, answer).Run();
  // What is wrong with signed data stays wrong until something else is signed; it is said, not retried at
  // once.
  if (!verdict.ok() && IsVerdict(verdict.status())) return Nothing(base::Message(verdict.status()));
  return verdict;
}

WindowVerdict CheckWindow(std::string_view plan_json, const WindowContext& c) {
  const absl::StatusOr<trust::Plan> plan = trust::Plan::FromJson(plan_json);
  if (!plan.ok()) return {};  // it was read when the attempt began
  absl::StatusOr<size_t> wave = plan->WaveOf(c.device_id, c.facts, /*unknown_fits=*/false);
  // What it was taken up for fits no more (memory was taken out): when it may is what the wave by bucket
  // says.
  if (!wave.ok()) wave = plan->WaveOf(c.device_id);
  if (!wave.ok() || plan->waves[*wave].windows.empty()) return {};
  const trust::PlanWave& ours = plan->waves[*wave];
  const std::string waits = absl::StrCat("waits for its window: ", trust::WindowsText(ours.windows));
  // 1970, or a clock that was set back behind what was signed since: such a clock tells no day and no hour.
  if (c.clock < c.believed) {
    return {absl::InfiniteFuture(), absl::StrCat(waits, "; its clock is behind what is known of the time")};
  }
  const absl::Time opens = trust::OpensNext(ours.windows, c.clock, c.local_zone);
  if (opens <= c.clock) return {};
  return {opens, absl::StrCat(waits, "; opens ", absl::FormatTime(opens))};
}

absl::Time TimestampExpires(const trust::TrustStore& store) {
  const absl::StatusOr<std::optional<std::string>> bytes = store.Load(trust::kTimestamp);
  if (!bytes.ok() || !bytes->has_value()) return absl::InfinitePast();
  const absl::StatusOr<trust::Envelope> envelope = trust::Envelope::Parse(**bytes);
  if (!envelope.ok()) return absl::InfinitePast();
  const absl::StatusOr<trust::Timestamp> timestamp = trust::ParseTimestamp(*envelope);
  return timestamp.ok() ? std::min(timestamp->expires, OfflineHorizon(store)) : absl::InfinitePast();
}

absl::StatusOr<std::string> FetchSmall(chunks::ChunkSource& source, const trust::TargetInfo& target,
                                       uint64_t most) {
  if (target.length > most) {
    return absl::DataLossError(
        absl::StrCat(target.path, ": ", target.length, " bytes, at most ", most, " expected"));
  }
  std::optional<std::string> found;
  const absl::Status status =
      source.Fetch({target.sha256}, [&](std::string_view, std::string_view data) -> absl::Status {
        if (data.size() == target.length && base::AsView(base::Sha256(data)) == target.sha256) {
          found = std::string(data);
          return absl::OkStatus();
        }
        return absl::UnavailableError(
            absl::StrCat(target.path, ": the source sent other bytes than the signed"));
      });
  if (found.has_value()) return *std::move(found);
  if (!status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(target.path, ": the source sent nothing"));
}

absl::StatusOr<ModelFacts> FactsOf(const trust::TargetInfo& target) {
  const nlohmann::json custom = nlohmann::json::parse(target.custom_json, nullptr, false);
  if (!custom.is_object())
    return absl::DataLossError(absl::StrCat(target.path, ": \"custom\" is not an object"));
  ModelFacts facts;
  const auto release = custom.find("release_counter");
  if (release == custom.end() || !release->is_number_unsigned()) {
    return absl::DataLossError(absl::StrCat(target.path, ": signed without a release counter"));
  }
  facts.release_counter = release->get<uint64_t>();
  const auto license = custom.find("license");
  if (license != custom.end() && license->is_string()) facts.license = license->get<std::string>();
  // A rule that cannot be read is a rule, not none.
  absl::StatusOr<std::optional<trust::SuiteRule>> suite = trust::SuiteRuleOf(target.custom_json);
  if (!suite.ok()) return absl::DataLossError(absl::StrCat(target.path, ": ", base::Message(suite.status())));
  facts.suite = *std::move(suite);
  return facts;
}

absl::StatusOr<std::string> FetchSuite(trust::Updater& updater, trust::MetadataFetcher& metadata,
                                       chunks::ChunkSource& source, const trust::TargetInfo& model,
                                       const ModelFacts& facts) {
  if (!facts.suite.has_value()) return "";
  const std::string path = absl::StrCat(model.path, std::string(trust::kSuiteSuffix));
  LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> target, updater.FindTarget(path, metadata));
  if (!target.has_value() || target->sha256 != facts.suite->sha256) {
    return absl::UnauthenticatedError(
        absl::StrCat(path, ": no models key of this site signed the suite that the model names"));
  }
  return FetchSmall(source, *target, trust::kMaxSuiteBytes);
}

absl::StatusOr<PlanVerdict> CheckMayRun(repo::StateDatabase& state, const trust::TargetInfo& model,
                                        const ModelFacts& facts, std::string_view plan_sha256) {
  repo::ReleaseFloor floor;
  bool quarantined = false;
  LINNET_RETURN_IF_ERROR(state.Read([&]() -> absl::Status {
    repo::Models models(state.db());
    LINNET_ASSIGN_OR_RETURN(floor, models.FloorOf(model.path));
    LINNET_ASSIGN_OR_RETURN(quarantined, models.IsQuarantined(model.sha256, plan_sha256));
    return absl::OkStatus();
  }));
  if (!floor.Allows(facts.release_counter, model.sha256)) {
    return Refused(Reason::kOlderRelease,
                   absl::StrCat(model.path, ": is release ", facts.release_counter,
                                ", this device has committed release ", floor.counter));
  }
  if (quarantined) {
    return Refused(Reason::kSelfCheckFailed,
                   absl::StrCat(model.path, ": failed on this device before; sign a new release"));
  }
  return PlanVerdict{.event = Event::kAccepted};
}

absl::Status CheckIsPacked(base::FileSystem& fs, const std::string& path, std::string_view name) {
  constexpr std::string_view kPacked(pack::kPackMagic, sizeof(pack::kPackMagic));
  LINNET_ASSIGN_OR_RETURN(const base::FileInfo info, fs.Stat(path));
  std::string begin;
  if (!info.is_directory) {
    LINNET_ASSIGN_OR_RETURN(begin, fs.ReadAt(path, 0, std::min<uint64_t>(kPacked.size(), info.size_bytes)));
  }
  if (begin == kPacked) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(name.empty() ? "" : absl::StrCat(std::string(name), ": not installed: "),
                   begin.starts_with("GGUF") ? "it is a GGUF" : "it does not begin with LINNETPK",
                   ", and a device of a fleet takes packed models only; linnet model publish packs and signs "
                   "one"));
}

}  // namespace linnet::update
