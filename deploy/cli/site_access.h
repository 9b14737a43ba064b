#ifndef LINNET_DEPLOY_CLI_SITE_ACCESS_H_
#define LINNET_DEPLOY_CLI_SITE_ACCESS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/command.h"
#include "deploy/cli/connect.h"
#include "runtime/base/token_key.h"
#include "storage/trust/site.h"

namespace linnet::cli {

// The passphrase of a site's keys: --passphrase-file, LINNET_PASSPHRASE, or asked twice (`fresh`) or once on
// the terminal without echo. FailedPrecondition when none of them is there.
absl::StatusOr<std::string> Passphrase(const Context& context, bool fresh);

// The PIN of the tokens that keys lie on: --token-pin-file, LINNET_TOKEN_PIN, or asked on the terminal; once
// a command, when the first such key is opened. `context` outlives it.
base::TokenPin TokenPinOf(const Context& context);

// A site whose keys can be opened. The passphrase is asked for when a role's key needs it.
absl::StatusOr<std::unique_ptr<trust::Site>> OpenSite(const Context& context, const std::string& dir);

// What is published now, role name -> bytes, to be signed on top of.
using MetadataMap = std::map<std::string, std::string>;
absl::StatusOr<MetadataMap> PublishedMetadata(const Coordinator& coordinator);

// One target file of a publication: bytes at hand, or a file.
struct Upload {
  std::string name;
  std::string sha256;
  std::string bytes;
  std::string path;  // when not empty, in place of bytes
  uint64_t size_bytes = 0;
};
// The small targets of a publication (indexes, plans).
std::vector<Upload> UploadsOf(const trust::Publication& publication);
// Sends target files, then metadata; shows progress on a terminal. `files_are_lost`: it is taken without the
// files that the coordinator lacks (admin.proto).
absl::StatusOr<admin::v1::PublishResponse> Publish(const Coordinator& coordinator,
                                                   const MetadataMap& metadata,
                                                   const std::vector<Upload>& uploads,
                                                   bool files_are_lost = false);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_SITE_ACCESS_H_
