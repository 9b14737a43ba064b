#ifndef LINNET_DEPLOY_CLI_UPDATE_COST_H_
#define LINNET_DEPLOY_CLI_UPDATE_COST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "runtime/base/file_system.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/updater.h"

namespace linnet::cli {

// What a device fetches that runs the release before.
struct UpdateCost {
  std::string from;    // target of the release before
  uint64_t bytes = 0;  // chunks that it lacks, and the index
  uint64_t of = 0;     // bytes of the new file
  double percent() const {
    return of == 0 ? 0 : 100.0 * static_cast<double>(bytes) / static_cast<double>(of);
  }
};

// Indexes of what a site signed, kept in its folder as indexes/<SHA-256>.json. Signed metadata says which one
// is whose, so a file is believed when it has the hash.
absl::Status KeepIndex(base::FileSystem& fs, const std::string& site, std::string_view index_json);

// `role_json`: the signed role that vouches for `target`, in which the release before is looked for: of
// the same name, else of the family. Absent: there is none, or this site's folder does not have its index
// (another machine published it).
std::optional<UpdateCost> CostOfUpdate(base::FileSystem& fs, const std::string& site,
                                       std::string_view role_json, const trust::TargetInfo& target,
                                       const chunks::ChunkIndex& index);

// "update from linnet-starter-1: 1.9 MiB of 87 MiB (2.2 %)"
std::string Shown(const UpdateCost& cost);

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_UPDATE_COST_H_
