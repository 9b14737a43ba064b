// linnet device ... and linnet status: one's own devices, and the site's list of them.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/site_lists.h"
#include "deploy/cli/table.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::cli {
namespace {

struct Options {
  SiteOptions site;
  std::string device, name, out, id;
  std::vector<std::string> scopes = {"ask", "ingest", "read-data", "metrics"};
  uint64_t valid_seconds = 0;
};

absl::Status MakeToken(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  admin::v1::CreateTokenRequest request;
  request.set_device_name(o.name);
  request.set_valid_seconds(o.valid_seconds);
  admin::v1::CreateTokenResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->CreateToken(CallContext(10).get(), request, &response), "coordinator"));
  // Only the token on standard output, so that it can be captured.
  Print(context.json ? ToJson(response) : response.token());
  return absl::OkStatus();
}

absl::Status ListDevices(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                          ConnectCoordinator(o.site.site, o.site.admin_address));
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListDevicesResponse response, AllDevices(coordinator));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"NAME", "ID", "SEEN", "UPDATE", "MODEL", "KERNELS", "CERTIFICATE UNTIL"});
  for (const admin::v1::Device& d : response.devices()) {
    table.Add({d.name(), base::Hex(d.id()).substr(0, 8),
               d.revoked() ? "revoked" : HumanAge(d.last_seen_unix_micros()),
               d.update_state().empty() ? "-" : d.update_state(),
               d.model_sha256().empty() ? "none" : base::Hex(d.model_sha256()).substr(0, 12),
               d.instruction_set().empty() ? "-" : d.instruction_set(),
               HumanTime(d.certificate_expires_unix_micros())});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

absl::Status PairDevice(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::CreateGrantRequest request;
  request.set_name(o.name);
  for (const std::string& scope : o.scopes) request.add_scopes(scope);
  request.set_valid_seconds(o.valid_seconds);
  agent::v1::CreateGrantResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->CreateGrant(CallContext(10).get(), request, &response), device.label));
  const nlohmann::ordered_json grant = {{"device", device.label},
                                        {"grant", response.id()},
                                        {"scopes", o.scopes},
                                        {"address", response.address()},
                                        {"http_address", response.http_address()},
                                        {"server_spki_sha256", base::Hex(response.server_spki_sha256())},
                                        {"bearer_token", response.bearer_token()},
                                        {"certificate_pem", response.certificate_pem()},
                                        {"private_key_pem", response.private_key_pem()}};
  base::FileSystem& fs = base::FileSystem::Real();
  std::string path = o.out;
  if (path.empty()) {
    LINNET_RETURN_IF_ERROR(fs.CreateDirectories(GrantFolder()));
    path = absl::StrCat(GrantFolder(), "/", device.label, ".json");
  }
  LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(path, grant.dump(2) + "\n", 0600));
  Print(context.json
            ? nlohmann::json{{"grant", response.id()}, {"file", path}}.dump()
            : absl::StrCat("paired ", device.label, " for ", absl::StrJoin(o.scopes, ", "), ": ", path));
  return absl::OkStatus();
}

absl::Status ListGrants(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::ListGrantsResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->ListGrants(CallContext(10).get(), {}, &response), device.label));
  if (context.json) {
    Print(ToJson(response));
    return absl::OkStatus();
  }
  Table table({"GRANT", "NAME", "SCOPES", "EXPIRES", "STATE"});
  for (const agent::v1::Grant& g : response.grants()) {
    table.Add({g.id(), g.name(), absl::StrJoin(g.scopes(), ","), HumanTime(g.expires_unix_micros()),
               g.revoked() ? "revoked" : "valid"});
  }
  Print(table.ToString());
  return absl::OkStatus();
}

absl::Status RevokeGrant(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::RevokeGrantRequest request;
  request.set_id(o.id);
  agent::v1::RevokeGrantResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->RevokeGrant(CallContext(10).get(), request, &response), device.label));
  Print(absl::StrCat("revoked grant ", o.id));
  return absl::OkStatus();
}

std::string HeadText(const agent::v1::LogHead& head) {
  return absl::StrCat(head.size(), ":", base::Hex(head.root_sha256()));
}

std::string LogText(const agent::v1::StatusResponse& s) {
  std::string text = s.has_log_head() ? HeadText(s.log_head()) : "-";
  for (const agent::v1::LogEvidence& e : s.log_evidence()) {
    absl::StrAppend(
        &text, "\n  EVIDENCE     ", HumanTime(e.noticed_unix_micros()), ": the coordinator signed ",
        HeadText(e.first()), "\n               and ", HeadText(e.second()),
        e.same_size() ? ", two logs of one size" : ", and cannot show that one grew from the other");
  }
  if (s.plans_held()) absl::StrAppend(&text, "\n               no plan of the coordinator is followed");
  return text;
}

absl::Status ShowStatus(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::StatusResponse s;
  LINNET_RETURN_IF_ERROR(CallStatus(device.stub->Status(CallContext(10).get(), {}, &s), device.label));
  if (context.json) {
    Print(ToJson(s));
    return absl::OkStatus();
  }
  Print(absl::StrCat(
      s.device_name().empty() ? device.label : s.device_name(), "  (linnet ", s.version(), ", id ",
      base::Hex(s.device_id()).substr(0, 8), ")\n", "  model        ",
      s.model().empty() ? "none" : absl::StrCat(s.model(), "  ", base::Hex(s.model_sha256()).substr(0, 12)),
      "\n", "  kernels      ", s.kernel_set().empty() ? "-" : s.kernel_set(), "\n", "  coordinator  ",
      s.enrolled()
          ? absl::StrCat(s.coordinator(), s.coordinator_reachable() ? "" : " (not reachable; not needed)")
          : "not enrolled",
      "\n", "  fleet key    ", s.fleet_key_sha256().empty() ? "-" : base::Hex(s.fleet_key_sha256()), "\n",
      "  update       ", s.update_state(),
      s.last_update_error().empty() ? "" : absl::StrCat("; last: ", s.last_update_error()), "\n",
      "  log          ", LogText(s), "\n", "  memory       ", HumanBytes(s.resident_bytes()), "\n",
      "  readings     ", s.readings(), ", anomalies ", s.anomalies(), ", answers ", s.answers(), " (",
      s.template_answers(), " by template)"));
  return absl::OkStatus();
}

absl::Status CheckUpdate(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::CheckForUpdateResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->CheckForUpdate(CallContext(10).get(), {}, &response), device.label));
  Print("looking for updates");
  return absl::OkStatus();
}

absl::Status ForgetLog(const Context&, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const Device device, ConnectDevice(o.device));
  agent::v1::ForgetLogResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(device.stub->ForgetLog(CallContext(10).get(), {}, &response), device.label));
  Print("forgotten: the coordinator's log begins anew for this device, and its plans are followed again");
  return absl::OkStatus();
}

}  // namespace

void AddDeviceCommands(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* group =
      app.add_subcommand("device", "enrol devices at a site; pair with one's own")->require_subcommand(1);

  CLI::App* token = group->add_subcommand("token", "a one-time token that enrols one device");
  token->add_option("name", options->name, "name of the device, e.g. fridge-kitchen")->required();
  token->add_option("--ttl", options->valid_seconds, "seconds until it expires (600)")
      ->check(CLI::Range(1, 315'360'000));
  AddSiteOptions(token, options->site);
  Runs(token, context, [&context, options] { return MakeToken(context, *options); });

  CLI::App* list = group->add_subcommand("list", "devices of a site; --json also has their keys");
  AddSiteOptions(list, options->site);
  Runs(list, context, [&context, options] { return ListDevices(context, *options); });

  AddRevokeCommand(*group, context);

  CLI::App* pair = group->add_subcommand("pair", "ask a device for a grant and keep it in a file");
  AddDeviceOption(pair, options->device);
  pair->add_option("--name", options->name, "who or what the grant is for")->required();
  pair->add_option("--scopes", options->scopes, "of ask, ingest, read-data, manage, metrics")->delimiter(',');
  pair->add_option("--valid-seconds", options->valid_seconds, "until it expires (a year)")
      ->check(CLI::Range(1, 315'360'000));
  pair->add_option("--out", options->out, "grant file (default: the folder of paired devices)");
  Runs(pair, context, [&context, options] { return PairDevice(context, *options); });

  CLI::App* grants = group->add_subcommand("grants", "what a device has granted");
  AddDeviceOption(grants, options->device);
  Runs(grants, context, [&context, options] { return ListGrants(context, *options); });

  CLI::App* revoke_grant = group->add_subcommand("revoke-grant", "take a grant back");
  revoke_grant->add_option("id", options->id, "from linnet device grants")->required();
  AddDeviceOption(revoke_grant, options->device);
  Runs(revoke_grant, context, [&context, options] { return RevokeGrant(context, *options); });

  CLI::App* update = group->add_subcommand("update", "look for updates now, not at the next poll");
  AddDeviceOption(update, options->device);
  Runs(update, context, [&context, options] { return CheckUpdate(context, *options); });

  CLI::App* forget = group->add_subcommand(
      "forget-log", "after looking into it: forget the coordinator's log and the evidence against it");
  AddDeviceOption(forget, options->device);
  Runs(forget, context, [&context, options] { return ForgetLog(context, *options); });

  CLI::App* status = app.add_subcommand("status", "how a device is");
  AddDeviceOption(status, options->device);
  Runs(status, context, [&context, options] { return ShowStatus(context, *options); });
}

}  // namespace linnet::cli
