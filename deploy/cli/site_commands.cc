// linnet site ...: the operator's offline side.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/site_access.h"
#include "deploy/cli/site_expiry.h"
#include "deploy/cli/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

struct Options {
  std::string dir, status_dir, name = "home";
  bool no_passphrase = false;
  std::vector<std::string> token_keys;  // PLACE=URI
  std::vector<std::string> server_names;
  SiteOptions site;
  uint32_t limit = 50;
};

absl::Status PrintStatus(const Context& context, const std::string& dir, const std::string& headline) {
  LINNET_ASSIGN_OR_RETURN(const auto site,
                          trust::Site::Open(base::FileSystem::Real(), dir, "", base::Clock::Real()));
  LINNET_ASSIGN_OR_RETURN(const trust::SiteStatus status, site->Status());
  const absl::Time due = base::Clock::Real().Now() + absl::Hours(24) * kDueWithinDays;
  size_t sealed = 0, offline = 0, unlisted = 0, on_tokens = 0;
  for (const auto& key : status.key_files) {
    unlisted += key.unlisted ? 1 : 0;
    if (!key.path.starts_with(trust::kSiteOffline) || !key.present) continue;
    if (!key.token_uri.empty()) {
      ++on_tokens;
      continue;
    }
    ++offline;
    sealed += key.encrypted ? 1 : 0;
  }
  if (context.json) {
    nlohmann::ordered_json out = {{"site", status.site}, {"name", status.name}};
    out["roles"] = nlohmann::ordered_json::array();
    for (const auto& role : status.roles) {
      out["roles"].push_back({{"role", role.role},
                              {"version", role.version},
                              {"threshold", role.threshold},
                              {"keys", role.keys},
                              {"keyids", role.keyids},
                              {"signed_by", role.signed_by},
                              {"not_signed_by", role.not_signed_by},
                              {"expires", Date(role.expires)},
                              {"due", role.expires < due}});
    }
    out["online_keys"] = nlohmann::ordered_json::array();
    for (const auto& key : status.online_keys) {
      out["online_keys"].push_back({{"role", key.role}, {"keyid", key.keyid}, {"file", key.file}});
    }
    out["key_files"] = nlohmann::ordered_json::array();
    for (const auto& key : status.key_files) {
      out["key_files"].push_back({{"path", key.path},
                                  {"present", key.present},
                                  {"sealed", key.encrypted},
                                  {"unlisted", key.unlisted}});
      if (!key.token_uri.empty()) out["key_files"].back()["token"] = key.token_uri;
    }
    out["device_ca_expires"] = Date(status.device_ca_expires);
    out["server_certificate_expires"] = Date(status.server_certificate_expires);
    out["operator_certificate_expires"] = Date(status.operator_certificate_expires);
    Print(out.dump(2));
    return absl::OkStatus();
  }
  if (!headline.empty()) Print(headline);
  Table roles({"ROLE", "VERSION", "NEEDS", "SIGNED BY", "EXPIRES"});
  for (const auto& role : status.roles) {
    roles.Add({role.role, absl::StrCat(role.version), absl::StrCat(role.threshold, " of ", role.keys),
               absl::StrJoin(role.signed_by, ", "), Date(role.expires)});
  }
  Print(roles.ToString());
  for (const Expiry& e : ExpiriesOf(status)) {
    if (e.expires < due) Print(absl::StrCat("DUE: ", e.what, " by ", Date(e.expires), "; ", e.mend));
  }
  for (const auto& key : status.online_keys) {
    Print(absl::StrCat("the coordinator signs ", key.role, " with key ", key.keyid.substr(0, 8), ": ",
                       key.file.empty() ? "its file is not on this machine"
                                        : absl::StrCat(key.file, ", which goes into its --site-dir")));
  }
  for (const auto& key : status.key_files) {
    if (!key.token_uri.empty()) Print(absl::StrCat(key.path, " lies on a token: ", key.token_uri));
  }
  if (unlisted > 0) {
    Print(absl::StrCat(unlisted, unlisted == 1 ? " key file is" : " key files are",
                       " in no role: left in a rotation, or waiting for signatures (--json names them)"));
  }
  Print(absl::StrCat(offline, " offline keys",
                     on_tokens > 0 ? absl::StrCat(" and ", on_tokens, " on tokens") : "", ", ",
                     sealed == offline ? "sealed with the passphrase"
                     : sealed == 0     ? "NOT sealed: whoever reads the folder can sign"
                                       : absl::StrCat(sealed, " of them sealed"),
                     "; device certificates until ", Date(status.device_ca_expires),
                     ", the coordinator's until ", Date(status.server_certificate_expires),
                     ", the operator's until ", Date(status.operator_certificate_expires)));
  return absl::OkStatus();
}

absl::Status Init(const Context& context, const Options& o) {
  trust::SiteOptions options;
  options.name = o.name;
  options.server_names = o.server_names;
  options.pin = TokenPinOf(context);
  for (const std::string& said : o.token_keys) {
    const size_t at = said.find('=');
    if (at == std::string::npos ||
        !options.token_keys.emplace(said.substr(0, at), said.substr(at + 1)).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--token-key ", said, ": expected PLACE=URI, each place once (plans=pkcs11:token=...)"));
    }
  }
  if (!o.no_passphrase) {
    LINNET_ASSIGN_OR_RETURN(options.passphrase, Passphrase(context, true));
  }
  LINNET_RETURN_IF_ERROR(trust::InitSite(base::FileSystem::Real(), o.dir, options, base::Clock::Real()));
  LINNET_RETURN_IF_ERROR(PrintStatus(context, o.dir, absl::StrCat("made the site ", o.name, " in ", o.dir)));
  if (!context.json) {
    Print(absl::StrCat("Copy ", o.dir, "/coordinator to the coordinator's machine; keep ", o.dir,
                       "/offline off every network."));
  }
  return absl::OkStatus();
}

absl::Status Audit(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  admin::v1::ListAuditRequest request;
  request.set_limit(o.limit);
  admin::v1::ListAuditResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->ListAudit(CallContext(10).get(), request, &response), "coordinator"));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"TIME", "WHO", "DID", "TO", "CHAIN"});
  for (const admin::v1::AuditEntry& e : response.entries()) {
    table.Add({HumanTime(e.time_unix_micros()), e.actor(), e.action(), e.subject(),
               base::Hex(e.hash()).substr(0, 12)});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

}  // namespace

void AddSiteCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("site", "keys and roles of a site")->require_subcommand(1);

  CLI::App* init = group->add_subcommand("init", "make offline keys, TUF roles and certificate authorities");
  init->add_option("dir", options->dir, "new folder")->required();
  init->add_option("--name", options->name, "of the site (home)");
  init->add_option("--server-name", options->server_names, "DNS names of the coordinator beside localhost");
  init->add_flag("--no-passphrase", options->no_passphrase, "leave the keys unsealed (demos, tests)");
  init->add_option("--token-key", options->token_keys,
                   "PLACE=URI: this key is not made, it is the P-256 key of a PKCS#11 token "
                   "(plans=pkcs11:token=NAME;object=NAME); again for each")
      ->allow_extra_args(false);
  Runs(init, context, [&context, options] { return Init(context, *options); });

  CLI::App* status = group->add_subcommand(
      "status", "roles: versions, who must sign and who did, what is due; keys; certificates");
  if (const char* site = std::getenv("LINNET_SITE")) options->status_dir = site;
  status->add_option("dir", options->status_dir, "the site's folder (environment: LINNET_SITE)")
      ->required(options->status_dir.empty());
  Runs(status, context, [&context, options] { return PrintStatus(context, options->status_dir, ""); });

  AddRoleCommands(*group, context);
  AddBundleCommand(*group, context);
  AddRevokedCommand(*group, context);

  CLI::App* audit = group->add_subcommand("audit", "who did what at the coordinator");
  AddSiteOptions(audit, options->site);
  audit->add_option("--limit", options->limit, "newest, at most (50)");
  Runs(audit, context, [&context, options] { return Audit(context, *options); });
}

}  // namespace linnet::cli
