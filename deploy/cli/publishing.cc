#include "deploy/cli/publishing.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/cli/print.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/site_repository.h"

namespace linnet::cli {
namespace {

std::string Keys(const std::vector<std::string>& places) {
  return places.empty() ? "nobody" : absl::StrJoin(places, ", ");
}

// "root: signed 2 of 2 (root-1, root-2)"
std::string SignaturesLine(const trust::SignatureCount& c) {
  return absl::StrCat(c.role, c.before ? ", by the keys before" : "", ": signed ", c.have, " of ", c.need,
                      " (", Keys(c.signed_by),
                      c.have < c.need ? absl::StrCat("; not yet ", Keys(c.not_signed_by)) : "", ")");
}

nlohmann::ordered_json ToJsonValue(const trust::Change& change) {
  nlohmann::ordered_json out = {{"complete", change.complete()}};
  out["roles"] = nlohmann::ordered_json::array();
  for (const auto& [role, bytes] : change.metadata) out["roles"].push_back(role);
  out["signatures"] = nlohmann::ordered_json::array();
  for (const trust::SignatureCount& c : change.signatures) {
    out["signatures"].push_back({{"role", c.role},
                                 {"by_keys_before", c.before},
                                 {"have", c.have},
                                 {"need", c.need},
                                 {"signed_by", c.signed_by},
                                 {"not_signed_by", c.not_signed_by}});
  }
  out["changes"] = change.says;
  if (!change.online_key_files.empty()) out["online_key_files"] = change.online_key_files;
  return out;
}

}  // namespace

void AddPublishOptions(CLI::App* command, PublishOptions& options) {
  AddSiteOptions(command, options.site);
  command->add_flag("--offline", options.offline,
                    "the site has no coordinator: publish into its own repository (linnet site bundle)");
}

void AddChangeOptions(CLI::App* command, ChangeOptions& options) {
  AddPublishOptions(command, options.publish);
  command->add_option(
      "--out", options.out,
      "when keys of another machine must sign too: write the change here, for linnet site sign");
}

absl::StatusOr<Publisher> Publisher::Open(const PublishOptions& options) {
  Publisher publisher;
  if (options.offline) {
    LINNET_ASSIGN_OR_RETURN(
        publisher.repository_,
        trust::OpenSiteRepository(base::FileSystem::Real(), options.site.site, base::Clock::Real()));
    publisher.current_ = publisher.repository_->Current();
    return publisher;
  }
  LINNET_ASSIGN_OR_RETURN(publisher.coordinator_,
                          ConnectCoordinator(options.site.site, options.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(publisher.current_, PublishedMetadata(*publisher.coordinator_));
  return publisher;
}

trust::FetchTarget Publisher::Fetcher() const {
  if (!coordinator_.has_value()) return {};
  return [this](std::string_view target) -> absl::StatusOr<std::string> {
    admin::v1::GetTargetRequest request;
    request.set_target(std::string(target));
    admin::v1::GetTargetResponse response;
    LINNET_RETURN_IF_ERROR(
        CallStatus(coordinator_->stub->GetTarget(CallContext(20).get(), request, &response), "coordinator"));
    return std::move(*response.mutable_content());
  };
}

absl::StatusOr<uint64_t> Publisher::Publish(const MetadataMap& metadata, const std::vector<Upload>& uploads,
                                            bool files_are_lost) {
  if (repository_ != nullptr) {
    if (metadata.empty()) return repository_->versions().snapshot;
    LINNET_ASSIGN_OR_RETURN(const trust::Repository::Versions versions, repository_->Publish(metadata));
    return versions.snapshot;
  }
  LINNET_ASSIGN_OR_RETURN(const admin::v1::PublishResponse response,
                          cli::Publish(*coordinator_, metadata, uploads, files_are_lost));
  return response.snapshot_version();
}

absl::Status RunChange(const Context& context, const ChangeOptions& options, const MakeChange& make) {
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_ASSIGN_OR_RETURN(Publisher publisher, Publisher::Open(options.publish));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, options.publish.site.site));
  LINNET_ASSIGN_OR_RETURN(const trust::Change change, make(*site, publisher.current()));
  const bool complete = change.complete();
  if (!complete && options.out.empty()) {
    std::string missing;
    for (const trust::SignatureCount& c : change.signatures) {
      if (c.have < c.need) absl::StrAppend(&missing, missing.empty() ? "" : "; ", SignaturesLine(c));
    }
    if (!change.unreachable.ok()) {
      return absl::Status(change.unreachable.code(),
                          absl::StrCat(base::Message(change.unreachable), " (", missing, ")"));
    }
    return absl::FailedPreconditionError(absl::StrCat(
        missing, ". Give --out FILE, and on the machine with the other keys: linnet site sign FILE"));
  }
  nlohmann::ordered_json json = ToJsonValue(change);
  if (!context.json) {
    for (const std::string& line : change.says) Print(line);
    for (const trust::SignatureCount& c : change.signatures) Print(SignaturesLine(c));
    if (!complete && !change.unreachable.ok()) Print(base::Message(change.unreachable));
    for (const std::string& file : change.online_key_files) {
      Print(absl::StrCat("made ", options.publish.site.site, "/", file,
                         options.publish.offline ? "" : ": it goes into the coordinator's --site-dir"));
    }
  }
  std::string end;
  if (!complete) {
    LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(options.out, site->ChangeFile(change), 0644));
    json["file"] = options.out;
    end = absl::StrCat("not in force yet: on the next machine, linnet site sign ", options.out);
  } else {
    LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, site->Adopt(change, publisher.current()));
    LINNET_ASSIGN_OR_RETURN(const uint64_t snapshot,
                            publisher.Publish(publication.metadata, UploadsOf(publication)));
    json["snapshot_version"] = snapshot;
    end = absl::StrCat("published, with snapshot ", snapshot);
  }
  json["published"] = complete;
  Print(context.json ? json.dump(2) : end);
  return absl::OkStatus();
}

}  // namespace linnet::cli
