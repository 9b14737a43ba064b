// linnet audit transparency: is the log of what the coordinator published one log, for everybody?
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/audit/chain.h"
#include "storage/audit/published.h"
#include "storage/trust/metadata.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

constexpr uint32_t kPage = 5000;
constexpr uint64_t kMostHeadBytes = 4096;

struct Options {
  SiteOptions site;
  std::vector<std::string> heads;
  std::string head_file;
};

// A head that somebody saw: size and root, as `linnet status` shows it on a device.
absl::StatusOr<audit::Head> SeenHead(const std::string& from, std::string_view text) {
  absl::StatusOr<audit::Head> head = audit::Head::Parse(text);
  if (head.ok() && head->id > 0) return head;
  return absl::InvalidArgumentError(absl::StrCat(
      from, ": a head is SIZE:HASH with 64 hex digits, as `linnet status` shows it on a device"));
}

absl::StatusOr<std::vector<audit::Head>> SeenHeads(const Options& o) {
  std::vector<audit::Head> heads;
  for (const std::string& text : o.heads) {
    LINNET_ASSIGN_OR_RETURN(audit::Head head, SeenHead("--head", text));
    heads.push_back(std::move(head));
  }
  if (o.head_file.empty()) return heads;
  const auto file = base::FileSystem::Real().ReadFile(o.head_file, kMostHeadBytes);
  if (absl::IsNotFound(file.status())) return heads;  // the first time
  LINNET_RETURN_IF_ERROR(file.status());
  LINNET_ASSIGN_OR_RETURN(audit::Head head,
                          SeenHead(o.head_file, std::string(absl::StripAsciiWhitespace(*file))));
  heads.push_back(std::move(head));
  return heads;
}

struct Log {
  std::vector<audit::PublishedFile> files;
  audit::MerkleTree tree;  // computed here
  audit::LogHead head;     // of this very tree, as the coordinator signed it
};

absl::StatusOr<Log> Fetch(const Coordinator& coordinator) {
  Log log;
  while (true) {
    admin::v1::ListPublishedRequest request;
    request.set_from(log.files.size());
    request.set_limit(kPage);
    admin::v1::ListPublishedResponse page;
    LINNET_RETURN_IF_ERROR(
        CallStatus(coordinator.stub->ListPublished(CallContext(60).get(), request, &page), "coordinator"));
    for (const admin::v1::PublishedFile& file : page.files()) {
      log.files.push_back({.role = file.role(), .version = file.version(), .sha256 = file.sha256()});
      log.tree.Append(audit::LeafHashOf(log.files.back()));
    }
    log.head = {page.log_size(), page.log_root_sha256(), page.log_signature()};
    if (page.files().empty() || log.files.size() >= log.head.size) break;
  }
  if (log.head.size != log.files.size() || log.head.root != log.tree.RootAt(log.tree.size())) {
    return absl::DataLossError(absl::StrCat("the coordinator signed the head ", log.head.ToString(), ", its ",
                                            log.files.size(), " entries have the root ",
                                            base::Hex(log.tree.RootAt(log.tree.size()))));
  }
  return log;
}

absl::Status CheckSigned(const audit::LogHead& head, const std::string& root_bytes) {
  LINNET_ASSIGN_OR_RETURN(const trust::Envelope envelope, trust::Envelope::Parse(root_bytes));
  LINNET_ASSIGN_OR_RETURN(const trust::Root root, trust::ParseRoot(envelope));
  for (const base::PublicKey& key : trust::KeysOfRole(root, trust::kTimestamp)) {
    if (audit::VerifyHead(head, key).ok()) return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("the head ", head.ToString(),
                                          " is not signed by the timestamp key that this site's root names"));
}

// What people signed can have one content a version, and those of this site are known here.
absl::Status CheckOfflineRoles(const std::vector<audit::PublishedFile>& files,
                               const std::map<std::string, std::string>& own) {
  std::map<std::pair<std::string, uint64_t>, std::string> seen;
  for (const auto& [role, bytes] : own) {
    LINNET_ASSIGN_OR_RETURN(const trust::Envelope envelope, trust::Envelope::Parse(bytes));
    const trust::Json* version = envelope.signed_part.Find("version");
    if (version == nullptr || version->integer() == nullptr) continue;
    seen[{role, static_cast<uint64_t>(*version->integer())}] = std::string(base::AsView(base::Sha256(bytes)));
  }
  for (const audit::PublishedFile& file : files) {
    if (file.role == trust::kTimestamp || file.role == trust::kSnapshot) continue;
    const auto [it, first] = seen.try_emplace({file.role, file.version}, file.sha256);
    if (first || it->second == file.sha256) continue;
    return absl::DataLossError(absl::StrCat(file.role, " ", file.version, ": was published with SHA-256 ",
                                            base::Hex(file.sha256), ", and is also known as ",
                                            base::Hex(it->second)));
  }
  return absl::OkStatus();
}

absl::Status Transparency(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<audit::Head> seen, SeenHeads(o));
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<trust::Site> site,
                          trust::Site::Open(fs, o.site.site, "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const auto own, site->Offline());
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const Log log, Fetch(coordinator));
  LINNET_RETURN_IF_ERROR(CheckSigned(log.head, own.at(std::string(trust::kRoot))));
  LINNET_RETURN_IF_ERROR(CheckOfflineRoles(log.files, own));
  for (const audit::Head& head : seen) {
    if (head.id <= log.tree.size() && log.tree.RootAt(head.id) == head.hash) continue;
    return absl::DataLossError(
        absl::StrCat("the log of ", log.head.size, " entries does not continue the head ", head.ToString(),
                     ": who saw that one was shown another log, or this one was cut or written anew"));
  }
  if (!o.head_file.empty()) {
    LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(o.head_file, absl::StrCat(log.head.ToString(), "\n")));
  }
  if (context.json) {
    Print(nlohmann::ordered_json{
        {"entries", log.head.size}, {"head", log.head.ToString()}, {"heads_continued", seen.size()}}
              .dump(2));
    return absl::OkStatus();
  }
  Print(absl::StrCat("the log of ", log.head.size, " published files is whole and signed",
                     seen.empty() ? "" : absl::StrCat(", and continues all ", seen.size(), " given heads"),
                     "\nhead ", log.head.ToString()));
  return absl::OkStatus();
}

}  // namespace

void AddTransparencyCommand(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = group.add_subcommand(
      "transparency",
      "fetches the log of all metadata that the coordinator published and checks it on this machine; exit 3 "
      "when it is not the log that others saw");
  command->add_option("--head", options->heads,
                      "SIZE:HASH that a device's `linnet status` shows; may be given for several");
  command->add_option("--head-file", options->head_file, "where the head is kept from one time to the next");
  AddSiteOptions(command, options->site);
  Runs(command, context, [&context, options] { return Transparency(context, *options); });
}

}  // namespace linnet::cli
