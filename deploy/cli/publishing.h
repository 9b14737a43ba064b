#ifndef LINNET_DEPLOY_CLI_PUBLISHING_H_
#define LINNET_DEPLOY_CLI_PUBLISHING_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "deploy/cli/site_access.h"
#include "storage/trust/repository.h"
#include "storage/trust/site.h"

namespace linnet::cli {

// Where what was signed goes.
struct PublishOptions {
  SiteOptions site;
  bool offline = false;  // no coordinator: into the site's own repository, for linnet site bundle
};
// Adds --site, --admin and --offline.
void AddPublishOptions(CLI::App* command, PublishOptions& options);

// A coordinator's repository, or the site's own.
class Publisher {
 public:
  static absl::StatusOr<Publisher> Open(const PublishOptions& options);
  const MetadataMap& current() const { return current_; }
  // Of the coordinator; empty without one. Valid as long as this object.
  trust::FetchTarget Fetcher() const;
  // Version of the snapshot that shows it. The site's own repository takes metadata only.
  absl::StatusOr<uint64_t> Publish(const MetadataMap& metadata, const std::vector<Upload>& uploads,
                                   bool files_are_lost = false);

 private:
  std::optional<Coordinator> coordinator_;
  std::unique_ptr<trust::Repository> repository_;
  MetadataMap current_;
};

// A change of roles: renew, rotate-key, withdraw, sign.
struct ChangeOptions {
  PublishOptions publish;
  std::string out;  // the file that goes to the next machine
};
// The above, and --out.
void AddChangeOptions(CLI::App* command, ChangeOptions& options);

// Makes a change, says what it does and who has signed, and publishes it, or writes it to --out when it needs
// the keys of another machine.
using MakeChange =
    std::function<absl::StatusOr<trust::Change>(trust::Site& site, const MetadataMap& current)>;
absl::Status RunChange(const Context& context, const ChangeOptions& options, const MakeChange& make);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PUBLISHING_H_
