#include "deploy/cli/connect.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/base/utf8.h"
#include "runtime/base/x509.h"
#include "runtime/net/grpc_server.h"
#include "runtime/net/tls.h"
#include "storage/trust/site.h"

namespace linnet::cli {
namespace {

constexpr uint64_t kMaxSmallFile = 1 << 20;
// All current metadata come in one message, a role at most 5 MiB. Lists come in pages (site_lists.h).
constexpr int kMaxAnswerBytes = 32 << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<nlohmann::json> ReadJson(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const std::string text, base::FileSystem::Real().ReadFile(path, kMaxSmallFile));
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_object()) {
    return absl::DataLossError(absl::StrCat(path, ": not a JSON object"));
  }
  return value;
}

absl::StatusOr<std::string> StringOf(const nlohmann::json& object, const char* key, const std::string& path) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return absl::DataLossError(
        absl::StrCat(path, ": no \"", key, "\", is this a grant file of linnet device pair?"));
  }
  return found->get<std::string>();
}

absl::StatusOr<Device> ConnectByGrant(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(const nlohmann::json grant, ReadJson(path));
  LINNET_ASSIGN_OR_RETURN(const std::string address, StringOf(grant, "address", path));
  LINNET_ASSIGN_OR_RETURN(const std::string pin_hex, StringOf(grant, "server_spki_sha256", path));
  net::TlsIdentity identity;
  LINNET_ASSIGN_OR_RETURN(identity.certificate_chain_pem, StringOf(grant, "certificate_pem", path));
  LINNET_ASSIGN_OR_RETURN(identity.private_key_pem, StringOf(grant, "private_key_pem", path));
  // Said here: the device only closes the line on it.
  if (const auto chain = base::Certificate::ChainFromPem(identity.certificate_chain_pem);
      chain.ok() && !chain->empty() && chain->front().not_after() < base::Clock::Real().Now()) {
    return absl::PermissionDeniedError(absl::StrCat(
        path, ": this grant has expired; ask the device for another one with linnet device pair"));
  }
  const auto pin = base::UnHex(pin_hex);
  if (!pin || pin->size() != 32)
    return absl::DataLossError(absl::StrCat(path, ": server_spki_sha256 is not 64 hex digits"));
  if (address.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": the device had no TLS door when this grant was made; "
                     "start its agent with --listen and pair again"));
  }
  LINNET_ASSIGN_OR_RETURN(auto credentials,
                          net::ClientCredentials(std::move(identity), net::PinnedSpki(*pin)));
  return Device{grant.value("device", address),
                agent::v1::Agent::NewStub(grpc::CreateChannel(address, credentials))};
}

}  // namespace

std::string GrantFolder() {
  if (const std::string home = Environment("LINNET_HOME"); !home.empty()) return home + "/devices";
  if (const std::string config = Environment("XDG_CONFIG_HOME"); !config.empty())
    return config + "/linnet/devices";
  return Environment("HOME") + "/.config/linnet/devices";
}

absl::StatusOr<Device> ConnectDevice(const std::string& reference) {
  base::FileSystem& fs = base::FileSystem::Real();
  if (reference.empty()) {
    return absl::InvalidArgumentError(
        "which device? give --device STATE_FOLDER, GRANT.json or a paired name (or set LINNET_DEVICE)");
  }
  if (reference.ends_with(".json")) return ConnectByGrant(reference);
  const auto info = fs.Stat(reference);
  if (!info.ok()) {
    const std::string paired = absl::StrCat(GrantFolder(), "/", reference, ".json");
    if (reference.find('/') == std::string::npos && fs.Stat(paired).ok()) return ConnectByGrant(paired);
    return absl::NotFoundError(
        absl::StrCat(reference, ": no such device: neither a state folder, nor a grant file, nor paired (",
                     paired, " is not there)"));
  }
  const std::string socket = info->is_directory ? reference + "/agent.sock" : reference;
  if (!fs.Stat(socket).ok()) {
    return absl::UnavailableError(
        absl::StrCat(socket, ": no socket; is the agent of this state folder running?"));
  }
  std::string label = info->is_directory ? reference : reference.substr(0, reference.find_last_of('/'));
  while (label.ends_with('/')) label.pop_back();
  return Device{label.substr(label.find_last_of('/') + 1),
                agent::v1::Agent::NewStub(
                    grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials()))};
}

CLI::Option* AddDeviceOption(CLI::App* command, std::string& reference) {
  // Not CLI11's envname: it would fill the options of commands that do not run, too, and they share
  // `reference`.
  if (reference.empty()) reference = Environment("LINNET_DEVICE");
  return command
      ->add_option("--device,-d", reference,
                   "state folder, grant file or paired name (environment: LINNET_DEVICE)")
      ->required(reference.empty());
}

void AddSiteFolderOption(CLI::App* command, std::string& site) {
  if (site.empty()) site = Environment("LINNET_SITE");
  command->add_option("--site,-s", site, "folder made by linnet site init (environment: LINNET_SITE)")
      ->required(site.empty());
}

void AddSiteOptions(CLI::App* command, SiteOptions& options) {
  AddSiteFolderOption(command, options.site);
  command->add_option("--admin", options.admin_address,
                      "the coordinator's admin address, if not the site's own");
}

absl::StatusOr<Coordinator> ConnectCoordinator(const std::string& site, const std::string& address) {
  const std::string folder = absl::StrCat(site, "/", std::string(trust::kSiteOperator));
  if (!base::FileSystem::Real().Stat(folder).ok()) {
    return absl::NotFoundError(absl::StrCat(
        folder,
        ": no operator's files; name the site's folder with --site, or make one with linnet site init"));
  }
  const auto read = [&](const char* name) {
    return base::FileSystem::Real().ReadFile(absl::StrCat(folder, "/", name), kMaxSmallFile);
  };
  net::TlsIdentity identity;
  LINNET_ASSIGN_OR_RETURN(identity.certificate_chain_pem, read("operator.pem"));
  LINNET_ASSIGN_OR_RETURN(identity.private_key_pem, read("operator.key"));
  LINNET_ASSIGN_OR_RETURN(const std::string pin_hex, read("coordinator.pin"));
  const auto pin = base::UnHex(base::ToStd(absl::StripAsciiWhitespace(pin_hex)));
  if (!pin || pin->size() != 32) {
    return absl::DataLossError(absl::StrCat(folder, "/coordinator.pin: expected 64 hex digits"));
  }
  LINNET_ASSIGN_OR_RETURN(auto credentials,
                          net::ClientCredentials(std::move(identity), net::PinnedSpki(*pin)));
  std::string where = address;
  if (where.empty()) {
    LINNET_ASSIGN_OR_RETURN(const std::string recorded, read("admin-address"));
    where = std::string(absl::StripAsciiWhitespace(recorded));
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  return Coordinator{where,
                     admin::v1::Admin::NewStub(grpc::CreateCustomChannel(where, credentials, arguments))};
}

std::unique_ptr<grpc::ClientContext> CallContext(int seconds) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  return context;
}

absl::Status CallStatus(const grpc::Status& status, const std::string& whom) {
  if (status.ok()) return absl::OkStatus();
  const absl::Status translated = net::FromGrpc(status);
  const std::string message = base::OneLine(status.error_message(), 400);
  const auto says = [&](const char* words) { return message.find(words) != std::string::npos; };
  // Of our own verifier, in gRPC's words.
  if (says("verification check failed")) {
    return absl::PermissionDeniedError(absl::StrCat(whom,
                                                    ": another program answers at this address (its key is "
                                                    "not the one on record); check the address, the site "
                                                    "or the grant"));
  }
  // What a refused client certificate looks like from here: TLS 1.3 tells the client only by hanging up.
  if (translated.code() == absl::StatusCode::kUnavailable && says("ocket closed")) {
    return absl::UnavailableError(
        absl::StrCat(whom,
                     ": the connection was closed while it was being made: perhaps the other side does "
                     "not accept this certificate (its log says why), or it is stopping"));
  }
  // gRPC's own words for a line that is not there; whatever else is UNAVAILABLE, the other side said.
  if (translated.code() == absl::StatusCode::kUnavailable &&
      (says("onnect") || says("DNS") || says("ocket") || says("name resol"))) {
    return absl::UnavailableError(
        absl::StrCat(whom, ": not reachable; is it running, and its address right? (", message, ")"));
  }
  return absl::Status(translated.code(), absl::StrCat(whom, ": ", message));
}

}  // namespace linnet::cli
