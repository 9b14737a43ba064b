#include "coordinator/publication.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/revoked_list.h"

namespace linnet::coordinator {
namespace {

constexpr size_t kMostRoles = 64;
constexpr size_t kMostTargets = 64;
constexpr size_t kMaxRoleBytes = 128;
constexpr size_t kMaxNameBytes = 512;
constexpr uint64_t kMaxMetadataBytes = 5 << 20;
constexpr uint64_t kSpareBytes = 16 << 20;  // stays free on the disk

// What signatures refuse is a matter of trust; the rest of what the repository refuses is one of state.
absl::Status AsRefusal(const absl::Status& status) {
  const std::string message = base::Message(status);
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status))
    return absl::PermissionDeniedError(message);
  if (absl::IsDataLoss(status)) return absl::FailedPreconditionError(message);
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Publication>> Publication::Begin(base::FileSystem& fs, std::string dir) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(dir));
  std::unique_ptr<Publication> publication(new Publication(fs, std::move(dir)));
  publication->Clear();
  return publication;
}

Publication::~Publication() {
  file_.reset();
  Clear();
}

void Publication::Clear() {
  const absl::StatusOr<std::vector<std::string>> names = fs_.List(dir_);
  if (!names.ok()) return;
  for (const std::string& name : *names) fs_.Remove(absl::StrCat(dir_, "/", name)).IgnoreError();
}

absl::Status Publication::AddMetadata(std::string_view role, std::string_view bytes) {
  if (role.empty() || role.size() > kMaxRoleBytes || bytes.size() > kMaxMetadataBytes) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: a role's name has 1 to ", kMaxRoleBytes,
                                                   " bytes and its file at most ", kMaxMetadataBytes));
  }
  if (metadata_.size() == kMostRoles || !metadata_.emplace(role, bytes).second) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: role \"", std::string(role),
                                                   "\" comes twice, or there are more than ", kMostRoles));
  }
  return absl::OkStatus();
}

absl::Status Publication::EndTarget() {
  if (file_ == nullptr) return absl::OkStatus();
  const Target& target = targets_.back();
  if (target.received_bytes != target.size_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(target.name, ": ", target.received_bytes,
                                                   " bytes arrived, ", target.size_bytes, " were announced"));
  }
  LINNET_RETURN_IF_ERROR(file_->Sync());
  file_.reset();
  if (base::AsView(hasher_.Finish()) != target.sha256) {
    return absl::InvalidArgumentError(absl::StrCat(target.name,
                                                   ": the bytes that arrived do not have the hash that "
                                                   "was announced; send it again"));
  }
  return absl::OkStatus();
}

absl::Status Publication::BeginTarget(std::string_view name, uint64_t size_bytes, std::string_view sha256) {
  LINNET_RETURN_IF_ERROR(EndTarget());
  if (name.empty() || name.size() > kMaxNameBytes || sha256.size() != 32 || size_bytes == 0) {
    return absl::InvalidArgumentError("target: a name, a size above 0 and a SHA-256 of 32 bytes expected");
  }
  if (targets_.size() == kMostTargets) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMostTargets, " targets in one publication"));
  }
  LINNET_ASSIGN_OR_RETURN(const uint64_t free, fs_.FreeBytes(dir_));
  // Received here, then copied into the store.
  if (size_bytes > free / 2 || 2 * size_bytes + kSpareBytes > free) {
    return absl::ResourceExhaustedError(
        absl::StrCat(std::string(name), ": needs ", 2 * size_bytes + kSpareBytes,
                     " bytes on the coordinator's disk, ", free, " are free"));
  }
  Target target{std::string(name), size_bytes, std::string(sha256), absl::StrCat(dir_, "/", targets_.size()),
                0};
  LINNET_ASSIGN_OR_RETURN(file_, fs_.OpenForWrite(target.path));
  LINNET_RETURN_IF_ERROR(file_->Truncate(0));
  hasher_ = base::Sha256Hasher();
  targets_.push_back(std::move(target));
  return absl::OkStatus();
}

absl::Status Publication::AddData(std::string_view data) {
  if (file_ == nullptr) return absl::InvalidArgumentError("target_data without a target before it");
  Target& target = targets_.back();
  if (data.size() > target.size_bytes - target.received_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(target.name, ": more bytes arrive than the ",
                                                   target.size_bytes, " that were announced"));
  }
  LINNET_RETURN_IF_ERROR(file_->WriteAt(target.received_bytes, base::AsBytes(data)));
  hasher_.Update(base::AsBytes(data));
  target.received_bytes += data.size();
  return absl::OkStatus();
}

absl::StatusOr<Publication::Vouched> Publication::VouchedFor(const trust::Repository& repository) const {
  std::vector<trust::TargetInfo> infos;
  if (metadata_.empty()) {
    infos = repository.Targets();
  } else {
    auto checked = repository.Check(metadata_);
    if (!checked.ok()) return AsRefusal(checked.status());
    infos = *std::move(checked);
  }
  Vouched vouched;
  for (trust::TargetInfo& info : infos) vouched.emplace(info.path, info);
  return vouched;
}

absl::Status Publication::CheckTarget(const Target& target, const Vouched& vouched) const {
  const auto it = vouched.find(target.name);
  if (it == vouched.end()) {
    return absl::PermissionDeniedError(absl::StrCat(
        target.name,
        ": unsigned: no signed metadata vouches for this target; sign it with `linnet model publish`"));
  }
  const trust::TargetInfo& info = it->second;
  if (info.sha256 != target.sha256 || info.length != target.size_bytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(target.name, ": tampered with or damaged: its bytes have SHA-256 ",
                     base::Hex(target.sha256), " (", target.size_bytes, " bytes), \"", info.role,
                     "\" signed ", base::Hex(info.sha256), " (", info.length, " bytes)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Publication::SmallBytes(const trust::TargetInfo& info,
                                                    const ContentStore& content) const {
  for (const Target& target : targets_) {
    if (target.name == info.path) return fs_.ReadFile(target.path, chunks::kMaxSmallBytes);
  }
  return content.Read(info.sha256);
}

absl::Status Publication::TakeIn(const Target& target, const Vouched& vouched, ContentStore& content) const {
  LINNET_ASSIGN_OR_RETURN(const bool here, content.Has(target.sha256));
  if (here) return absl::OkStatus();
  const auto index_info = vouched.find(absl::StrCat(target.name, std::string(trust::kIndexSuffix)));
  if (index_info != vouched.end()) {
    LINNET_ASSIGN_OR_RETURN(const std::string json, SmallBytes(index_info->second, content));
    LINNET_ASSIGN_OR_RETURN(const chunks::ChunkIndex index, chunks::ChunkIndex::FromJson(json));
    if (index.file_sha256 != target.sha256) {
      return absl::FailedPreconditionError(
          absl::StrCat(index_info->first, ": is the index of another file than ", target.name));
    }
    return content.Import(index, target.path);
  }
  if (target.size_bytes > chunks::kMaxSmallBytes) {
    return absl::FailedPreconditionError(absl::StrCat(target.name, ": has ", target.size_bytes,
                                                      " bytes and no signed index \"", target.name,
                                                      std::string(trust::kIndexSuffix), "\" beside it"));
  }
  LINNET_ASSIGN_OR_RETURN(const std::string bytes, fs_.ReadFile(target.path, chunks::kMaxSmallBytes));
  return content.PutSmall(bytes);
}

absl::Status Publication::CheckComplete(const trust::Repository& repository, const Vouched& vouched,
                                        const ContentStore& content) const {
  if (metadata_.empty()) return absl::OkStatus();  // nothing is vouched for that was not before
  std::set<std::string> published;                 // hashes
  for (const trust::TargetInfo& info : repository.Targets()) published.insert(info.sha256);
  for (const auto& [path, info] : vouched) {
    const bool may_be_lost = files_are_lost_ && path != trust::kRevokedTarget;
    const bool sent =
        std::any_of(targets_.begin(), targets_.end(), [&](const Target& t) { return t.name == path; });
    if (sent || may_be_lost || published.contains(info.sha256)) continue;
    LINNET_ASSIGN_OR_RETURN(const bool here, content.Has(info.sha256));
    if (here) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        ": is signed, but its bytes were neither sent nor are here (on a coordinator that was restored or "
        "made anew: linnet site publish --lost-files)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<trust::Repository::Versions> Publication::Commit(trust::Repository& repository,
                                                                ContentStore& content) {
  LINNET_RETURN_IF_ERROR(EndTarget());
  LINNET_ASSIGN_OR_RETURN(const Vouched vouched, VouchedFor(repository));
  for (const Target& target : targets_) LINNET_RETURN_IF_ERROR(CheckTarget(target, vouched));
  LINNET_RETURN_IF_ERROR(CheckComplete(repository, vouched, content));
  // Small files first: an index must be readable when its model comes.
  std::vector<const Target*> order;
  for (const Target& target : targets_) order.push_back(&target);
  std::sort(order.begin(), order.end(),
            [](const Target* a, const Target* b) { return a->size_bytes < b->size_bytes; });
  for (const Target* target : order) {
    if (const absl::Status status = TakeIn(*target, vouched, content); !status.ok()) return AsRefusal(status);
  }
  if (metadata_.empty()) return repository.versions();
  auto versions = repository.Publish(metadata_);
  if (!versions.ok()) return AsRefusal(versions.status());
  return versions;
}

}  // namespace linnet::coordinator
