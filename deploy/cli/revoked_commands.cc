// linnet device revoke and linnet site revoked: barring is said online, with the operator's certificate; the
// list that devices believe is signed here, with the offline plans key.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/print.h"
#include "deploy/cli/publishing.h"
#include "deploy/cli/site_access.h"
#include "deploy/cli/site_lists.h"
#include "deploy/cli/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/revoked_list.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

struct Options {
  PublishOptions publish;
  std::string name;
  bool sign = false;
};

// By name, or the first digits of the id.
absl::StatusOr<admin::v1::Device> FindDevice(const Coordinator& coordinator, const std::string& name) {
  LINNET_ASSIGN_OR_RETURN(const admin::v1::ListDevicesResponse devices, AllDevices(coordinator));
  std::vector<const admin::v1::Device*> matches;
  for (const admin::v1::Device& d : devices.devices()) {
    if (d.name() == name || (!name.empty() && base::Hex(d.id()).starts_with(name))) matches.push_back(&d);
  }
  if (matches.empty())
    return absl::NotFoundError(absl::StrCat(name, ": no device of this site has that name or id"));
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": fits ", matches.size(), " devices; give more digits of the id"));
  }
  return *matches[0];
}

// Bars it at the coordinator, at once.
absl::StatusOr<admin::v1::Device> BarDevice(const SiteOptions& site, const std::string& name) {
  LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator, ConnectCoordinator(site.site, site.admin_address));
  LINNET_ASSIGN_OR_RETURN(admin::v1::Device device, FindDevice(coordinator, name));
  admin::v1::RevokeDeviceRequest request;
  request.set_id(device.id());
  admin::v1::RevokeDeviceResponse response;
  LINNET_RETURN_IF_ERROR(
      CallStatus(coordinator.stub->RevokeDevice(CallContext(10).get(), request, &response), "coordinator"));
  return device;
}

// Without a coordinator nobody knows names.
absl::StatusOr<admin::v1::Device> DeviceById(const std::string& id) {
  const std::optional<std::string> bytes = base::UnHex(id);
  if (!bytes.has_value() || bytes->size() != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat(id, ": with --offline a device is named by all 32 hex digits of its id"));
  }
  admin::v1::Device device;
  device.set_id(*bytes);
  device.set_name(base::Hex(*bytes));
  return device;
}

struct SignedList {
  trust::RevokedList list;
  bool was_on_it = false;
};

absl::StatusOr<SignedList> SignList(const Context& context, const PublishOptions& options,
                                    const admin::v1::Device& device) {
  LINNET_ASSIGN_OR_RETURN(Publisher publisher, Publisher::Open(options));
  LINNET_ASSIGN_OR_RETURN(const auto site, OpenSite(context, options.site.site));
  SignedList out;
  LINNET_ASSIGN_OR_RETURN(out.list, site->Revoked(publisher.Fetcher(), publisher.current()));
  trust::RevokedDevice entry{.device = base::Hex(device.id()),
                             .key_sha256 = base::Hex(device.key_sha256()),
                             .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()))};
  const absl::Status added = out.list.Add(std::move(entry));
  out.was_on_it = absl::IsAlreadyExists(added);
  if (!out.was_on_it) {
    LINNET_RETURN_IF_ERROR(added);
    ++out.list.version;
  }
  // Also when it was on it: publishing may have failed the last time.
  LINNET_ASSIGN_OR_RETURN(const trust::Publication publication,
                          site->SignRevoked(out.list, publisher.current()));
  if (!publication.metadata.empty()) {
    LINNET_RETURN_IF_ERROR(publisher.Publish(publication.metadata, UploadsOf(publication)).status());
  }
  return out;
}

absl::Status RevokeDevice(const Context& context, const Options& o) {
  if (o.publish.offline && !o.sign) {
    return absl::InvalidArgumentError(
        "--offline goes with --sign: without a coordinator there is only the list");
  }
  LINNET_ASSIGN_OR_RETURN(const admin::v1::Device device,
                          o.publish.offline ? DeviceById(o.name) : BarDevice(o.publish.site, o.name));
  nlohmann::ordered_json json{{"id", base::Hex(device.id())},
                              {"name", device.name()},
                              {"barred", !o.publish.offline},
                              {"signed", o.sign}};
  const auto say = [&](const std::string& line) {
    if (!context.json) Print(line);
  };
  if (!o.publish.offline) say(absl::StrCat("revoked ", device.name()));
  if (!o.sign) {
    say(
        absl::StrCat("the coordinator refuses it from now on; other devices do not know before the list is "
                     "signed: linnet device revoke ",
                     device.name(), " --sign"));
    if (context.json) Print(json.dump(2));
    return absl::OkStatus();
  }
  LINNET_ASSIGN_OR_RETURN(const SignedList made, SignList(context, o.publish, device));
  json["list_version"] = made.list.version;
  json["devices"] = made.list.devices.size();
  json["was_on_the_list"] = made.was_on_it;
  json["key_sha256"] = made.list.Find(base::Hex(device.id()))->key_sha256;
  if (context.json) {
    Print(json.dump(2));
    return absl::OkStatus();
  }
  say(absl::StrCat(made.was_on_it ? "is on the signed list of revoked devices already"
                                  : "signed the list of revoked devices",
                   ": version ", made.list.version, ", ", made.list.devices.size(),
                   made.list.devices.size() == 1 ? " device" : " devices", "; the others learn it ",
                   o.publish.offline ? "from the next bundle" : "at their next check"));
  if (!made.was_on_it && !device.key_sha256().empty()) {
    say(absl::StrCat("  its key, as the coordinator says: ", base::Hex(device.key_sha256())));
  }
  return absl::OkStatus();
}

absl::Status ShowRevoked(const Context& context, const Options& o) {
  LINNET_ASSIGN_OR_RETURN(const auto site, trust::Site::Open(base::FileSystem::Real(), o.publish.site.site,
                                                             "", base::Clock::Real()));
  trust::RevokedList list;
  admin::v1::ListDevicesResponse known;
  if (o.publish.offline) {
    LINNET_ASSIGN_OR_RETURN(list, site->Revoked({}, {}));
  } else {
    LINNET_ASSIGN_OR_RETURN(Publisher publisher, Publisher::Open(o.publish));
    LINNET_ASSIGN_OR_RETURN(list, site->Revoked(publisher.Fetcher(), publisher.current()));
    LINNET_ASSIGN_OR_RETURN(const Coordinator coordinator,
                            ConnectCoordinator(o.publish.site.site, o.publish.site.admin_address));
    LINNET_ASSIGN_OR_RETURN(known, AllDevices(coordinator));
  }
  std::map<std::string, std::string> names;  // of who is on the list, by id
  const auto name_of = [&](const std::string& id) -> std::string {
    const auto name = names.find(id);
    return name == names.end() ? "-" : name->second;
  };
  std::vector<std::string> not_signed, not_barred;
  for (const admin::v1::Device& d : known.devices()) {
    const std::string id = base::Hex(d.id());
    const bool on_it = list.Find(id) != nullptr;
    if (on_it) names[id] = d.name();
    if (d.revoked() && !on_it) not_signed.push_back(d.name());
    if (!d.revoked() && on_it) not_barred.push_back(d.name());
  }
  if (context.json) {
    nlohmann::ordered_json out{{"version", list.version},
                               {"limit", trust::kMostRevoked},
                               {"devices", nlohmann::ordered_json::array()},
                               {"barred_but_not_signed", not_signed},
                               {"signed_but_not_barred", not_barred}};
    for (const trust::RevokedDevice& d : list.devices) {
      out["devices"].push_back({{"id", d.device},
                                {"name", name_of(d.device)},
                                {"key_sha256", d.key_sha256},
                                {"revoked_unix_seconds", absl::ToUnixSeconds(d.revoked)}});
    }
    Print(out.dump(2));
    return absl::OkStatus();
  }
  if (list.version == 0) {
    Print("no list of revoked devices is signed yet; linnet device revoke NAME --sign makes one");
  } else {
    Print(absl::StrCat("version ", list.version, ", ", list.devices.size(), " of at most ",
                       trust::kMostRevoked, " devices"));
    Table table({"DEVICE", "NAME", "REVOKED", "KEY"});
    for (const trust::RevokedDevice& d : list.devices) {
      table.Add({d.device, name_of(d.device), HumanTime(absl::ToUnixMicros(d.revoked)),
                 d.key_sha256.empty() ? "-" : d.key_sha256});
    }
    Print(table.ToString());
  }
  for (const std::string& name : not_signed) {
    Print(absl::StrCat("NOT SIGNED: the coordinator bars ", name,
                       ", other devices do not; linnet device revoke ", name, " --sign"));
  }
  for (const std::string& name : not_barred) {
    Print(absl::StrCat("NOT BARRED: ", name,
                       " is on the list, and the coordinator still serves it; linnet device "
                       "revoke ",
                       name));
  }
  return absl::OkStatus();
}

}  // namespace

void AddRevokeCommand(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* revoke = group.add_subcommand(
      "revoke",
      "bar a device from its site at once; --sign: also put it on the list that other devices believe");
  revoke->add_option("name", options->name, "name, or first digits of the id")->required();
  revoke->add_flag("--sign", options->sign,
                   "sign the list of revoked devices with the plans key, and publish it");
  AddPublishOptions(revoke, options->publish);
  Runs(revoke, context, [&context, options] { return RevokeDevice(context, *options); });
}

void AddRevokedCommand(CLI::App& group, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* revoked = group.add_subcommand(
      "revoked", "the signed list of revoked devices, and where it differs from whom the coordinator bars");
  AddSiteOptions(revoked, options->publish.site);
  revoked->add_flag("--offline", options->publish.offline,
                    "ask no coordinator: what was signed on this machine last; no names");
  Runs(revoked, context, [&context, options] { return ShowRevoked(context, *options); });
}

}  // namespace linnet::cli
