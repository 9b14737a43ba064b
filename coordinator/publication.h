#ifndef LINNET_COORDINATOR_PUBLICATION_H_
#define LINNET_COORDINATOR_PUBLICATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/content_store.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "storage/trust/repository.h"

namespace linnet::coordinator {

// One Publish: signed metadata and the bytes of its targets, received into a folder of their own, then
// checked as a whole. Nothing is vouched for before everything fits; what was received is removed with the
// object. Not thread-safe.
class Publication {
 public:
  // `dir`: made here, removed at the end; what is in it from a crash goes.
  static absl::StatusOr<std::unique_ptr<Publication>> Begin(base::FileSystem& fs, std::string dir);
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  absl::Status AddMetadata(std::string_view role, std::string_view bytes);
  absl::Status BeginTarget(std::string_view name, uint64_t size_bytes, std::string_view sha256);
  absl::Status AddData(std::string_view data);  // of the target that was begun last
  // A coordinator that was restored from a copy takes what was signed since without the files, which may be
  // nowhere any more (plans that are over): nothing is rolled out without its bytes.
  void FilesAreLost() { files_are_lost_ = true; }

  // PermissionDenied: signatures below their threshold, or a target that nobody signed; FailedPrecondition:
  // version, expiry, bytes that differ from what was signed, or that are missing of what is new. The
  // repository and the store are unchanged then (bytes that fit may stay in the store: nothing refers to
  // them).
  absl::StatusOr<trust::Repository::Versions> Commit(trust::Repository& repository, ContentStore& content);

 private:
  struct Target {
    std::string name;
    uint64_t size_bytes = 0;
    std::string sha256;  // that its sender gave
    std::string path;
    uint64_t received_bytes = 0;
  };
  using Vouched = std::map<std::string, trust::TargetInfo, std::less<>>;

  Publication(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  absl::Status EndTarget();
  absl::StatusOr<Vouched> VouchedFor(const trust::Repository& repository) const;
  absl::Status CheckTarget(const Target& target, const Vouched& vouched) const;
  absl::Status CheckComplete(const trust::Repository& repository, const Vouched& vouched,
                             const ContentStore& content) const;
  absl::Status TakeIn(const Target& target, const Vouched& vouched, ContentStore& content) const;
  absl::StatusOr<std::string> SmallBytes(const trust::TargetInfo& info, const ContentStore& content) const;
  void Clear();

  base::FileSystem& fs_;
  const std::string dir_;
  std::map<std::string, std::string> metadata_;
  std::vector<Target> targets_;
  bool files_are_lost_ = false;
  std::unique_ptr<base::WritableFile> file_;
  base::Sha256Hasher hasher_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_PUBLICATION_H_
