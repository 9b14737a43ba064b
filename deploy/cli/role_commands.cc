// linnet site renew, rotate-key, sign, publish, expire-check: the offline roles over the years.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/print.h"
#include "deploy/cli/publishing.h"
#include "deploy/cli/site_expiry.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

constexpr uint64_t kMaxChangeFile = 32 << 20;
constexpr uint32_t kMostDays = 3650;

constexpr char kRotateKeyHelp[] =
    "a new key, made on this machine or on a token, takes the place of one of a role's keys. Those of\n"
    "snapshot and timestamp (both at once, if need be) are the coordinator's: copy the new files into its\n"
    "--site-dir, then linnet site publish";

struct Options {
  ChangeOptions change;
  std::vector<std::string> roles, rotated;
  uint32_t days = 0, within_days = kDueWithinDays;
  std::string key, token_uri, file, dir;
  bool lost_files = false;
};

absl::Status Renew(const Context& context, const Options& o) {
  return RunChange(context, o.change, [&](trust::Site& site, const MetadataMap& current) {
    return site.Renew(o.roles, absl::Hours(24) * o.days, current);
  });
}

absl::Status RotateKey(const Context& context, const Options& o) {
  return RunChange(context, o.change, [&](trust::Site& site, const MetadataMap& current) {
    if (o.rotated.size() == 1) return site.RotateKey(o.rotated.front(), o.key, current, o.token_uri);
    if (!o.key.empty() || !o.token_uri.empty()) {
      return absl::StatusOr<trust::Change>(
          absl::InvalidArgumentError("--key and --token-key are for one role at a time"));
    }
    return site.RotateOnlineKeys(o.rotated, current);
  });
}

absl::Status Sign(const Context& context, const Options& o) {
  base::FileSystem& fs = base::FileSystem::Real();
  LINNET_ASSIGN_OR_RETURN(const std::string file, fs.ReadFile(o.file, kMaxChangeFile));
  ChangeOptions change = o.change;
  if (change.out.empty()) change.out = o.file;  // goes on to the next machine
  return RunChange(
      context, change, [&](trust::Site& site, const MetadataMap& current) -> absl::StatusOr<trust::Change> {
        absl::StatusOr<trust::Change> made = site.Sign(file, current);
        if (made.ok()) return made;
        return absl::Status(made.status().code(), absl::StrCat(o.file, ": ", base::Message(made.status())));
      });
}

absl::Status Publish(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(Publisher publisher, Publisher::Open(o.change.publish));
  LINNET_ASSIGN_OR_RETURN(
      const auto site,
      trust::Site::Open(base::FileSystem::Real(), o.change.publish.site.site, "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication, site->Unpublished(publisher.current()));
  LINNET_ASSIGN_OR_RETURN(const uint64_t snapshot,
                          publisher.Publish(publication.metadata, UploadsOf(publication), o.lost_files));
  nlohmann::ordered_json roles = nlohmann::ordered_json::array();
  for (const auto& [role, bytes] : publication.metadata) roles.push_back(role);
  if (context.json) {
    Print(nlohmann::ordered_json{{"published", roles}, {"snapshot_version", snapshot}}.dump(2));
  } else if (roles.empty()) {
    Print("nothing to publish: everything that was signed here is in force");
  } else {
    Print(absl::StrCat("published ", roles.size(), roles.size() == 1 ? " role" : " roles", ", with snapshot ",
                       snapshot));
  }
  return absl::OkStatus();
}

absl::Status ExpireCheck(Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const auto site,
                          trust::Site::Open(base::FileSystem::Real(), o.dir, "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const trust::SiteStatus status, site->Status());
  const absl::Time now = base::Clock::Real().Now();
  nlohmann::ordered_json due = nlohmann::ordered_json::array();
  for (const Expiry& e : ExpiriesOf(status)) {
    if (e.expires - now >= absl::Hours(24) * o.within_days) continue;
    context.exit_code = kExitDue;
    due.push_back({{"what", e.what}, {"expires", Date(e.expires)}, {"expired", e.expires <= now}});
    if (!context.json) {
      Print(
          absl::StrCat(e.what, e.expires <= now ? " expired " : " expires ", Date(e.expires), "; ", e.mend));
    }
  }
  if (context.json) {
    Print(
        nlohmann::ordered_json{{"site", status.site}, {"within_days", o.within_days}, {"due", due}}.dump(2));
  }
  return absl::OkStatus();
}

}  // namespace

void AddRoleCommands(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();

  CLI::App* renew = group.add_subcommand("renew", "sign roles again as they are, to hold for longer");
  renew->add_option("role", options->roles, "root, targets, plans, models/FAMILY")->required();
  renew->add_option("--days", options->days, "from today (root 365, others 180)")
      ->check(CLI::Range(1U, kMostDays));
  AddChangeOptions(renew, options->change);
  Runs(renew, context, [&context, options] { return Renew(context, *options); });

  CLI::App* rotate = group.add_subcommand("rotate-key", kRotateKeyHelp);
  rotate->add_option("role", options->rotated, "root, targets, plans, models/FAMILY; or snapshot, timestamp")
      ->required()
      ->expected(1, 2);
  rotate->add_option("--key", options->key, "the one that leaves: as linnet site status names it, or its id");
  rotate->add_option("--token-key", options->token_uri,
                     "the new key is the P-256 key of a PKCS#11 token: pkcs11:token=NAME;object=NAME");
  AddChangeOptions(rotate, options->change);
  Runs(rotate, context, [&context, options] { return RotateKey(context, *options); });

  CLI::App* sign = group.add_subcommand(
      "sign", "add this machine's signatures to a change; the last one that it needs publishes it");
  sign->add_option("file", options->file, "written by --out, on the machine where the change began")
      ->required();
  AddChangeOptions(sign, options->change);
  Runs(sign, context, [&context, options] { return Sign(context, *options); });

  CLI::App* publish = group.add_subcommand("publish", "what is signed here and not in force yet");
  AddPublishOptions(publish, options->change.publish);
  publish->add_flag(
      "--lost-files", options->lost_files,
      "to a coordinator that was restored from a copy or made anew: it takes what was signed without "
      "files that it lacks; then linnet model publish brings models");
  Runs(publish, context, [&context, options] { return Publish(context, *options); });

  CLI::App* check = group.add_subcommand(
      "expire-check", "for cron: silent and 0, or a line for each that expires soon and 9");
  if (const char* site = std::getenv("LINNET_SITE")) options->dir = site;
  check->add_option("dir", options->dir, "the site's folder (environment: LINNET_SITE)")
      ->required(options->dir.empty());
  check->add_option("--within", options->within_days, "days from today (30)")
      ->check(CLI::Range(0U, kMostDays));
  Runs(check, context, [&context, options] { return ExpireCheck(context, *options); });
}

}  // namespace linnet::cli
