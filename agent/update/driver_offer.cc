// A file that the owner offers, held to the same checks as one that came from the coordinator.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/update/plan_check.h"
#include "agent/update/update_driver.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/pack/pack_borders.h"

namespace linnet::update {
namespace {

constexpr uint64_t kMaxRoleBytes = 5'000'000;
// Each step of an offer saves something; more than this means that something keeps failing to be saved.
constexpr int kMostSteps = 40;

const nlohmann::json& Member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json none;
  if (!object.is_object()) return none;
  const auto it = object.find(key);
  return it == object.end() ? none : *it;
}

std::string TextOf(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : ""; }

// Stored metadata only says where to look: whether a name is signed, and for what, is the updater's to say.
std::vector<std::string> NamesWithHash(const nlohmann::json& role, const std::string& sha256_hex) {
  std::vector<std::string> names;
  const nlohmann::json& targets = Member(Member(role, "signed"), "targets");
  if (!targets.is_object()) return names;
  for (const auto& [name, target] : targets.items()) {
    if (TextOf(Member(Member(target, "hashes"), "sha256")) == sha256_hex) names.push_back(name);
  }
  return names;
}

// One path within each delegation ("models/starter/*" -> "models/starter/x"), to make the updater load it.
std::vector<std::string> PathsOfDelegations(const nlohmann::json& targets_role) {
  std::vector<std::string> paths;
  const nlohmann::json& roles = Member(Member(Member(targets_role, "signed"), "delegations"), "roles");
  if (!roles.is_array()) return paths;
  for (const nlohmann::json& role : roles) {
    const nlohmann::json& patterns = Member(role, "paths");
    if (!patterns.is_array()) continue;
    for (const nlohmann::json& pattern : patterns) {
      std::string path = TextOf(pattern);
      std::replace(path.begin(), path.end(), '*', 'x');
      if (!path.empty()) paths.push_back(std::move(path));
    }
  }
  return paths;
}

}  // namespace

absl::StatusOr<std::string> StoredMetadata::Fetch(std::string_view role, uint64_t version,
                                                  uint64_t max_bytes) {
  if (role == "root") {
    return absl::NotFoundError(absl::StrCat("no newer root than the stored one (", version, ")"));
  }
  LINNET_ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_.Load(role));
  if (!bytes.has_value() || bytes->size() > max_bytes) {
    return absl::UnavailableError(
        absl::StrCat("the role ", std::string(role), " is not stored here; connect to the coordinator once"));
  }
  return *std::move(bytes);
}

absl::StatusOr<trust::TargetInfo> UpdateDriver::FindOffered(const std::string& path,
                                                            std::string_view target_name,
                                                            const std::string& sha256,
                                                            trust::Updater& updater,
                                                            trust::MetadataFetcher& fetcher) {
  if (!target_name.empty()) {
    LINNET_ASSIGN_OR_RETURN(const std::optional<trust::TargetInfo> target,
                            updater.FindTarget(target_name, fetcher));
    if (!target.has_value()) {
      return absl::PermissionDeniedError(absl::StrCat(
          path, ": not installed: no key that this device trusts signed \"", std::string(target_name), "\""));
    }
    if (target->sha256 != sha256) {
      return absl::PermissionDeniedError(
          absl::StrCat(path, ": not installed: its content differs from the signed ", target->path, " (",
                       base::Hex(sha256).substr(0, 16), "... instead of ",
                       base::Hex(target->sha256).substr(0, 16), "...): damaged or tampered with"));
    }
    return *target;
  }
  const auto load = [&](const std::string& file) -> nlohmann::json {
    const absl::StatusOr<std::string> bytes = parts_.fs.ReadFile(file, kMaxRoleBytes);
    return bytes.ok() ? nlohmann::json::parse(*bytes, nullptr, false) : nlohmann::json();
  };
  for (const std::string& inside : PathsOfDelegations(load(options_.trust_dir + "/targets.json"))) {
    updater.FindTarget(inside, fetcher)
        .status()
        .IgnoreError();  // a role that we cannot get vouches for nothing
  }
  LINNET_ASSIGN_OR_RETURN(const std::vector<std::string> files, parts_.fs.List(options_.trust_dir));
  for (const std::string& file : files) {
    for (const std::string& name :
         NamesWithHash(load(absl::StrCat(options_.trust_dir, "/", file)), base::Hex(sha256))) {
      const auto target = updater.FindTarget(name, fetcher);
      if (target.ok() && target->has_value() && (*target)->sha256 == sha256) return **target;
    }
  }
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": not installed: no key that this device trusts signed this content (SHA-256 ",
                   base::Hex(sha256).substr(0, 16), "...)"));
}

absl::Status UpdateDriver::LeaveCheck() {
  if (!resumed_) {
    return absl::UnavailableError(
        absl::StrCat("the start of this device is not over: ", last_error(), "; try again"));
  }
  if (attempt_.has_value() || state_ == State::kIdle) return absl::OkStatus();
  LINNET_RETURN_IF_ERROR(Advance(Event::kFailed));
  CheckSoon();
  return absl::OkStatus();
}

absl::Status UpdateDriver::UnderWay() const {
  return absl::FailedPreconditionError(
      absl::StrCat("an update is under way (", std::string(NameOf(state_)), "); try again after it"));
}

absl::StatusOr<std::string> UpdateDriver::Offer(const std::string& path, std::string_view target_name) {
  LINNET_RETURN_IF_ERROR(LeaveCheck());
  if (attempt_.has_value() && !repairing_) return UnderWay();
  LINNET_RETURN_IF_ERROR(parts_.link.credentials().status());
  // Cut as a site cuts it, so that the next update finds its chunks here. What cannot be read is refused
  // below, with the reason that matters most.
  const absl::StatusOr<std::vector<uint64_t>> borders = pack::BordersOf(parts_.fs, path);
  LINNET_ASSIGN_OR_RETURN(
      const chunks::ChunkIndex index,
      chunks::ChunkIndex::OfFile(parts_.fs, path, 0, borders.ok() ? *borders : std::vector<uint64_t>()));

  // The newest metadata if the coordinator is there, else what we have, unless it has expired.
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<trust::Updater> updater, trust::Updater::Open(trust_, Now()));
  StoredMetadata stored(trust_);
  trust::MetadataFetcher* fetcher = &parts_.link.metadata();
  if (!updater->Refresh(*fetcher).ok()) {
    fetcher = &stored;
    LINNET_ASSIGN_OR_RETURN(updater, trust::Updater::Open(trust_, Now()));
    LINNET_RETURN_IF_ERROR(updater->Refresh(*fetcher));
  } else {
    LearnRevocations(*updater, parts_.link).IgnoreError();  // what is held counts else
  }
  LINNET_RETURN_IF_ERROR(CheckNotRevoked());
  const absl::StatusOr<trust::TargetInfo> found =
      FindOffered(path, target_name, index.file_sha256, *updater, *fetcher);
  if (!found.ok()) {
    // Most often the GGUF of what was signed.
    const absl::Status packed = CheckIsPacked(parts_.fs, path, "");
    if (packed.ok() || !absl::IsPermissionDenied(found.status())) return found.status();
    return absl::PermissionDeniedError(
        absl::StrCat(base::Message(found.status()), "; ", base::Message(packed)));
  }
  const trust::TargetInfo& target = *found;
  if (target.path.rfind("models/", 0) != 0 || target.length != index.file_bytes) {
    return absl::PermissionDeniedError(absl::StrCat(path, ": not installed: ", target.path, " is no model"));
  }
  LINNET_ASSIGN_OR_RETURN(const ModelFacts facts, FactsOf(target));
  LINNET_ASSIGN_OR_RETURN(const repo::ModelSlots slots, Slots());
  if (slots.active == target.sha256) return target.path;
  LINNET_RETURN_IF_ERROR(CheckIsPacked(parts_.fs, path, path));
  LINNET_ASSIGN_OR_RETURN(const PlanVerdict may, CheckMayRun(parts_.state, target, facts, ""));
  if (may.event == Event::kRefused) return absl::FailedPreconditionError(may.message);
  absl::StatusOr<std::string> suite = FetchSuite(*updater, *fetcher, parts_.link.chunks(), target, facts);
  if (!suite.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": not installed: it was signed with a suite, which this device cannot have now (",
        base::Message(suite.status()), "); connect it to its coordinator, or install from a bundle"));
  }

  LINNET_RETURN_IF_ERROR(parts_.store.Import(index, path).status());
  LINNET_RETURN_IF_ERROR(LeaveRepair());
  LINNET_RETURN_IF_ERROR(Advance(Event::kOffered, [&](repo::UpdateAttempt& a) {
    a.model_target = target.path;
    a.model_sha256 = target.sha256;
    a.model_license = facts.license;
    a.model_bytes = target.length;
    a.release_counter = facts.release_counter;
    a.suite_json = *suite;
    a.suite_least_ppm = facts.suite.has_value() ? facts.suite->least_ppm : 0;
  }));
  return RunOffered(target.path, path);
}

absl::StatusOr<std::string> UpdateDriver::RunOffered(const std::string& target, const std::string& from) {
  std::string error;
  for (int i = 0; i < kMostSteps && !dead_ && !quit_; ++i) {
    if (state_ == State::kConfirm) return target;
    if (state_ == State::kReport || state_ == State::kRollback) error = attempt_->error;
    if (state_ == State::kIdle) break;
    Step();
  }
  if (error.empty()) error = absl::StrCat(from, ": not finished: ", last_error());
  return absl::AbortedError(error);
}

}  // namespace linnet::update
