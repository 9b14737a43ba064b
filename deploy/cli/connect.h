#ifndef LINNET_DEPLOY_CLI_CONNECT_H_
#define LINNET_DEPLOY_CLI_CONNECT_H_

#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "linnet/admin/v1/admin.grpc.pb.h"
#include "linnet/agent/v1/agent.grpc.pb.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace linnet::cli {

// A device as its owner names it:
//   a state folder or socket path  -> the Unix socket; the file's permission is the authority
//   a grant file (*.json)          -> TLS to the address in it, the device's key pinned, the grant's
//   certificate shown a plain name                   -> the grant of that name in the user's configuration
//   folder (linnet device pair)
struct Device {
  std::string label;
  std::unique_ptr<agent::v1::Agent::Stub> stub;
};
absl::StatusOr<Device> ConnectDevice(const std::string& reference);
// Adds --device (environment LINNET_DEVICE) to a command.
CLI::Option* AddDeviceOption(CLI::App* command, std::string& reference);

// The coordinator's admin port, with the site's operator certificate.
struct Coordinator {
  std::string address;
  std::unique_ptr<admin::v1::Admin::Stub> stub;
};
// `site` is the folder that `linnet site init` made. `address` overrides the one it recorded.
absl::StatusOr<Coordinator> ConnectCoordinator(const std::string& site, const std::string& address);
// Adds --site (environment LINNET_SITE) and --admin.
struct SiteOptions {
  std::string site, admin_address;
};
void AddSiteOptions(CLI::App* command, SiteOptions& options);
void AddSiteFolderOption(CLI::App* command, std::string& site);  // --site only

// A context with a deadline for one call.
std::unique_ptr<grpc::ClientContext> CallContext(int seconds);
// The answer as a status, with whom we asked in front: "press-line-3: no such anomaly".
absl::Status CallStatus(const grpc::Status& status, const std::string& whom);

// Where grants of paired devices lie: $LINNET_HOME/devices, else the XDG configuration folder.
std::string GrantFolder();

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_CONNECT_H_
