#include "coordinator/published_log.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::coordinator {
namespace {

constexpr uint32_t kPage = 1000;
constexpr uint32_t kMostListed = 10'000;

void SetHashes(const audit::Proof& proof, fleet::v1::LogProof& out) {
  for (const std::string& hash : proof) out.add_sha256(hash);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PublishedLog>> PublishedLog::Open(const std::string& path) {
  LINNET_ASSIGN_OR_RETURN(auto db, db::Database::Open(path, db::Durability::kFull));
  LINNET_RETURN_IF_ERROR(db::Migrate(*db, repo::PublishedMigrations()));
  std::unique_ptr<PublishedLog> log(new PublishedLog(std::move(db)));
  const base::MutexLock lock(log->mutex_);
  LINNET_RETURN_IF_ERROR(log->Load());
  return log;
}

absl::Status PublishedLog::Load() {
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const std::vector<audit::PublishedFile> page, rows_.From(tree_.size(), kPage));
    for (const audit::PublishedFile& file : page) tree_.Append(audit::LeafHashOf(file));
    if (page.empty()) return absl::OkStatus();
  }
}

absl::Status PublishedLog::Append(const std::vector<trust::Repository::File>& files,
                                  const base::PrivateKey& timestamp_key) {
  const base::MutexLock lock(mutex_);
  // A commit that failed may be on the disk all the same: what is there is in the log.
  LINNET_RETURN_IF_ERROR(Load());
  std::vector<audit::PublishedFile> added;
  const absl::Status written = db_->Transact([&]() -> absl::Status {
    for (const trust::Repository::File& file : files) {
      const audit::PublishedFile entry{.role = file.role, .version = file.version, .sha256 = file.sha256};
      LINNET_ASSIGN_OR_RETURN(const std::optional<uint64_t> index, rows_.IndexOf(entry));
      if (index.has_value()) continue;
      LINNET_RETURN_IF_ERROR(rows_.Append(entry));
      added.push_back(entry);
    }
    return absl::OkStatus();
  });
  LINNET_RETURN_IF_ERROR(written);
  for (const audit::PublishedFile& file : added) tree_.Append(audit::LeafHashOf(file));
  LINNET_ASSIGN_OR_RETURN(head_, audit::SignHead(tree_, timestamp_key));
  return absl::OkStatus();
}

uint64_t PublishedLog::size() const {
  const base::MutexLock lock(mutex_);
  return tree_.size();
}

absl::Status PublishedLog::Include(std::string_view role, uint64_t version,
                                   fleet::v1::LogProof& proof) const {
  LINNET_ASSIGN_OR_RETURN(const std::optional<repo::Published::Entry> entry, rows_.Find(role, version));
  if (!entry.has_value()) {
    return absl::NotFoundError(
        absl::StrCat(std::string(role), " ", version, " was never published by this coordinator"));
  }
  proof.set_index(entry->index);
  SetHashes(tree_.Inclusion(entry->index, tree_.size()), proof);
  return absl::OkStatus();
}

absl::Status PublishedLog::Prove(const fleet::v1::GetLogProofRequest& request,
                                 fleet::v1::GetLogProofResponse& response) const {
  const base::MutexLock lock(mutex_);
  response.mutable_head()->set_size(head_.size);
  response.mutable_head()->set_root_sha256(head_.root);
  response.mutable_head()->set_signature(head_.signature);
  for (const fleet::v1::OldLog& old : request.old()) {
    fleet::v1::LogProof& grown = *response.add_grown();
    if (old.size() > 0 && old.size() < tree_.size()) {
      SetHashes(tree_.Consistency(old.size(), tree_.size()), grown);
    }
  }
  LINNET_RETURN_IF_ERROR(Include("timestamp", request.timestamp_version(), *response.mutable_timestamp()));
  return Include("snapshot", request.snapshot_version(), *response.mutable_snapshot());
}

absl::Status PublishedLog::List(const admin::v1::ListPublishedRequest& request,
                                admin::v1::ListPublishedResponse& response) const {
  const uint32_t limit = request.limit() == 0 ? kPage : std::min(request.limit(), kMostListed);
  const base::MutexLock lock(mutex_);
  const uint64_t from = std::min(request.from(), tree_.size());
  LINNET_ASSIGN_OR_RETURN(const std::vector<audit::PublishedFile> files, rows_.From(from, limit));
  for (const audit::PublishedFile& file : files) {
    admin::v1::PublishedFile& out = *response.add_files();
    out.set_role(file.role);
    out.set_version(file.version);
    out.set_sha256(file.sha256);
  }
  response.set_log_size(head_.size);
  response.set_log_root_sha256(head_.root);
  response.set_log_signature(head_.signature);
  return absl::OkStatus();
}

}  // namespace linnet::coordinator
