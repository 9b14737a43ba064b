#ifndef LINNET_STORAGE_REPO_PUBLISHED_H_
#define LINNET_STORAGE_REPO_PUBLISHED_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/audit/published.h"
#include "storage/db/database.h"

namespace linnet::repo {

// The coordinator's log of what it published: published.db, a file of its own, append-only. Entry n of the
// Merkle tree is row n. One thread at a time; the caller holds the transaction.
class Published {
 public:
  explicit Published(db::Database& db) : db_(db) {}

  absl::Status Append(const audit::PublishedFile& file);
  // By number, from 0. DataLoss: a row is missing before it.
  absl::StatusOr<std::vector<audit::PublishedFile>> From(uint64_t index, uint32_t limit);
  // The number of this very file; nullopt: it was never published.
  absl::StatusOr<std::optional<uint64_t>> IndexOf(const audit::PublishedFile& file);
  // The newest file that was published as this version of the role, with its number.
  struct Entry {
    uint64_t index = 0;
    audit::PublishedFile file;
  };
  absl::StatusOr<std::optional<Entry>> Find(std::string_view role, uint64_t version);

 private:
  db::Database& db_;
};

const std::vector<db::Migration>& PublishedMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_PUBLISHED_H_
