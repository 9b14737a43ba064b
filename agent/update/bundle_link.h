#ifndef LINNET_AGENT_UPDATE_BUNDLE_LINK_H_
#define LINNET_AGENT_UPDATE_BUNDLE_LINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/update/link.h"
#include "runtime/base/file_system.h"
#include "storage/chunks/directory_source.h"
#include "storage/trust/bundle.h"

namespace linnet::update {

// A bundle's folder in the place of a coordinator: it names a plan, has metadata and chunks, and nothing of
// it is believed. There is nobody to report to, and no receipts of other devices.
class BundleLink final : public Link {
 public:
  // NotFound: the folder, or a part that every bundle has, is not there. DataLoss: bundle.json is damaged.
  static absl::StatusOr<std::unique_ptr<BundleLink>> Open(base::FileSystem& fs, const std::string& dir);

  absl::StatusOr<Credentials> credentials() override {
    return absl::FailedPreconditionError("a bundle makes nobody a member");
  }
  absl::StatusOr<CheckInAnswer> CheckIn(const CheckInFacts&) override {
    CheckInAnswer answer;
    answer.plan = manifest_.plan;
    return answer;
  }
  absl::Status Report(const OutcomeReport&) override { return absl::OkStatus(); }
  trust::MetadataFetcher& metadata() override { return metadata_; }
  chunks::ChunkSource& chunks() override { return *chunks_; }

 private:
  BundleLink(base::FileSystem& fs, const std::string& dir, trust::BundleManifest manifest,
             std::unique_ptr<chunks::DirectorySource> chunks)
      : manifest_(std::move(manifest)), metadata_(fs, dir), chunks_(std::move(chunks)) {}
  const trust::BundleManifest manifest_;
  trust::BundleMetadata metadata_;
  const std::unique_ptr<chunks::DirectorySource> chunks_;
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_BUNDLE_LINK_H_
