// linnet site bundle: everything that a device needs to install a model, in a folder for a stick.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/packed_model.h"
#include "deploy/cli/print.h"
#include "deploy/cli/publishing.h"
#include "deploy/cli/site_expiry.h"
#include "deploy/cli/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/bundle.h"
#include "storage/trust/metadata.h"
#include "storage/trust/plan.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/revoked_list.h"
#include "storage/trust/site.h"
#include "storage/trust/site_repository.h"

namespace linnet::cli {
namespace {

struct Options {
  std::string dir, file, site;
  uint32_t valid_days = 180, confirm_seconds = 600, confirm_inferences = 20;
};

// The signed model and its index that stand for this file.
struct SignedModel {
  trust::TargetInfo model, index;
  std::optional<trust::TargetInfo> suite;
  uint64_t release_counter = 0;
};
absl::StatusOr<SignedModel> FindSigned(const trust::Repository& repository, const std::string& file,
                                       const chunks::ChunkIndex& index) {
  const std::string index_hash(base::AsView(base::Sha256(index.ToJson())));
  const std::vector<trust::TargetInfo> targets = repository.Targets();
  for (const trust::TargetInfo& target : targets) {
    if (target.sha256 != index.file_sha256 || !target.role.starts_with("models/")) continue;
    SignedModel found{.model = target};
    const auto its_index = std::find_if(targets.begin(), targets.end(), [&](const trust::TargetInfo& t) {
      return t.path == absl::StrCat(target.path, std::string(trust::kIndexSuffix)) && t.sha256 == index_hash;
    });
    if (its_index == targets.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          target.path,
          ": its index was signed for chunks cut elsewhere; publish this file as a new version"));
    }
    found.index = *its_index;
    for (const trust::TargetInfo& t : targets) {
      if (t.path == absl::StrCat(target.path, std::string(trust::kSuiteSuffix))) found.suite = t;
    }
    const nlohmann::json custom = nlohmann::json::parse(target.custom_json, nullptr, false);
    if (custom.is_object()) found.release_counter = custom.value("release_counter", uint64_t{0});
    return found;
  }
  return absl::NotFoundError(
      absl::StrCat(file, ": is not signed by this site; do that first with linnet model publish --offline"));
}

// For every device that gets the bundle, at once: whoever signs it has decided that.
trust::Plan PlanFor(const SignedModel& found, const Options& o, absl::Time now) {
  trust::Plan plan;
  plan.id = base::Hex(base::RandomBytes(16));
  plan.model_target = found.model.path;
  plan.model_sha256 = found.model.sha256;
  plan.release_counter = found.release_counter;
  plan.waves.push_back({.name = "all"});
  plan.confirm_time = absl::Seconds(o.confirm_seconds);
  plan.confirm_inferences = o.confirm_inferences;
  plan.created = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  plan.expires = plan.created + absl::Hours(24) * o.valid_days;
  return plan;
}

absl::Status Bundle(const Context& context, const Options& o) {
  base::FileSystem& fs = base::FileSystem::Real();
  const base::Clock& clock = base::Clock::Real();
  LINNET_RETURN_IF_ERROR(trust::CheckBundleFolder(fs, o.dir));
  LINNET_RETURN_IF_ERROR(fs.Stat(o.file).status());
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, o.site));
  LINNET_ASSIGN_OR_RETURN(const PackedModel packed, PackedModel::Of(o.file, o.site));
  LINNET_ASSIGN_OR_RETURN(chunks::ChunkIndex index, packed.Index());
  LINNET_ASSIGN_OR_RETURN(const auto repository, trust::OpenSiteRepository(fs, o.site, clock));
  // What a command without --offline signed.
  LINNET_ASSIGN_OR_RETURN(const trust::Publication left, site->Unpublished(repository->Current()));
  if (!left.metadata.empty()) LINNET_RETURN_IF_ERROR(repository->Publish(left.metadata).status());
  absl::StatusOr<SignedModel> signed_model = FindSigned(*repository, o.file, index);
  if (absl::IsFailedPrecondition(signed_model.status())) {
    LINNET_ASSIGN_OR_RETURN(index, packed.IndexOfFixedSteps());
    signed_model = FindSigned(*repository, o.file, index);
  }
  LINNET_ASSIGN_OR_RETURN(const SignedModel found, std::move(signed_model));
  const trust::Plan plan = PlanFor(found, o, clock.Now());
  LINNET_ASSIGN_OR_RETURN(const trust::Publication signed_plan, site->SignPlan(plan, repository->Current()));
  LINNET_RETURN_IF_ERROR(repository->Publish(signed_plan.metadata).status());
  LINNET_RETURN_IF_ERROR(repository->SignOnlineRoles(absl::Hours(24) * o.valid_days));

  const trust::TargetInfo& plan_target = signed_plan.targets.front();
  std::vector<trust::BundleFile> files = {
      {.target = found.model, .path = packed.path()},
      {.target = found.index, .bytes = index.ToJson()},
      {.target = plan_target, .bytes = signed_plan.small_targets.at(plan_target.path)}};
  if (found.suite.has_value()) {
    const std::string kept = trust::SuiteFile(o.site, found.suite->sha256);
    files.push_back({.target = *found.suite, .path = kept});
    if (const auto there = fs.Stat(kept); !there.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(found.suite->path,
                                                        ": was signed on another machine, and ", kept,
                                                        " is missing; copy it from there"));
    }
  }
  for (const trust::TargetInfo& target : repository->Targets()) {
    if (target.path != trust::kRevokedTarget) continue;
    LINNET_ASSIGN_OR_RETURN(const trust::RevokedList list, site->Revoked({}, repository->Current()));
    files.push_back({.target = target, .bytes = list.ToJson()});
  }
  LINNET_RETURN_IF_ERROR(
      trust::WriteBundle(fs, o.dir, {.site = site->id(), .plan = plan_target.path}, *repository, files));

  // What ends first ends the bundle.
  LINNET_ASSIGN_OR_RETURN(const trust::SiteStatus status, site->Status());
  absl::Time until = std::min(repository->timestamp_expires(), plan.expires);
  for (const trust::RoleStatus& role : status.roles) until = std::min(until, role.expires);
  LINNET_ASSIGN_OR_RETURN(const std::string root,
                          repository->Metadata(trust::kRoot, repository->versions().root));
  const std::string root_hash = base::Hex(base::Sha256(root));
  if (context.json) {
    Print(nlohmann::ordered_json{{"bundle", o.dir},
                                 {"target", found.model.path},
                                 {"plan", plan_target.path},
                                 {"root_sha256", root_hash},
                                 {"timestamp_version", repository->versions().timestamp},
                                 {"installs_until", Date(until)}}
              .dump(2));
    return absl::OkStatus();
  }
  Print(absl::StrCat("wrote ", o.dir, ": ", found.model.path, " (", HumanBytes(found.model.length),
                     "), can be installed until ", Date(until)));
  Print(absl::StrCat("on a device: linnet-agent update --from ", o.dir));
  Print(absl::StrCat("on one that trusts no site yet, also: --root ", root_hash));
  return absl::OkStatus();
}

}  // namespace

void AddBundleCommand(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* bundle = group.add_subcommand(
      "bundle", "write a folder (for a USB stick) from which linnet-agent update --from installs a model");
  bundle->add_option("dir", options->dir, "new folder")->required();
  bundle->add_option("--file", options->file, "the model that was published: the GGUF, or its pack")
      ->required();
  bundle->add_option("--valid-days", options->valid_days, "how long it can be installed, at most (180)")
      ->check(CLI::Range(1U, 3650U));
  bundle->add_option("--confirm-seconds", options->confirm_seconds, "a device's up-time on trial (600)");
  bundle->add_option("--confirm-inferences", options->confirm_inferences,
                     "answers on trial; an idle device answers the suite once more, or asks itself (20)");
  AddSiteFolderOption(bundle, options->site);
  Runs(bundle, context, [&context, options] { return Bundle(context, *options); });
}

}  // namespace linnet::cli
