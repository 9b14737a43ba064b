#ifndef LINNET_DEPLOY_CLI_PACKED_MODEL_H_
#define LINNET_DEPLOY_CLI_PACKED_MODEL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/chunks/chunk_store.h"

namespace linnet::cli {

// A model as a site signs it, and as its devices take it: packed. The same GGUF gives the same bytes on every
// machine, so its pack need not be kept.
class PackedModel {
 public:
  // `file` itself when it is packed, else its pack: made in the folder of the site, which the caller holds
  // open, and removed with this object. After a kill it stays there until the next one. Errors: NotFound,
  // InvalidArgument (a folder, no model), those of PackModel.
  static absl::StatusOr<PackedModel> Of(const std::string& file, const std::string& site);
  ~PackedModel();
  PackedModel(PackedModel&& other) noexcept;
  PackedModel& operator=(PackedModel&&) = delete;

  const std::string& path() const { return path_; }
  // How it is cut into chunks: at its tensors. Errors: those of pack::BordersOf and ChunkIndex::OfFile.
  absl::StatusOr<chunks::ChunkIndex> Index() const;
  // As it was cut before packs were cut at their tensors: what was signed then is still published and
  // bundled.
  absl::StatusOr<chunks::ChunkIndex> IndexOfFixedSteps() const;
  bool made_here() const { return path_ != file_; }
  // The same status, about `file`.
  absl::Status Named(const absl::Status& status) const;

 private:
  PackedModel(std::string file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  std::string file_, path_;
};

}  // namespace linnet::cli

#endif  // LINNET_DEPLOY_CLI_PACKED_MODEL_H_
