#include "storage/repo/published.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kFirst = R"sql(
CREATE TABLE published(
  number INTEGER PRIMARY KEY,         -- 1, 2, 3, ...: the tree counts from 0
  role TEXT NOT NULL,
  version INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK(length(sha256) = 32)
) STRICT;
CREATE INDEX published_file ON published(role, version);
)sql";

audit::PublishedFile FileOf(const db::Statement& select) {
  return {.role = std::string(select.Text(1)),
          .version = static_cast<uint64_t>(select.Int(2)),
          .sha256 = std::string(select.Blob(3))};
}

}  // namespace

const std::vector<db::Migration>& PublishedMigrations() {
  static const std::vector<db::Migration> migrations = {{100, "published", kFirst}};
  return migrations;
}

absl::Status Published::Append(const audit::PublishedFile& file) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db_.Prepare("INSERT INTO published(number, role, version, sha256)"
                  " VALUES((SELECT coalesce(max(number), 0) + 1 FROM published), ?, ?, ?)"));
  return add.BindText(1, file.role).Bind(2, file.version).BindBlob(3, file.sha256).Run();
}

absl::StatusOr<std::vector<audit::PublishedFile>> Published::From(uint64_t index, uint32_t limit) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT number, role, version, sha256 FROM published"
                                      " WHERE number > ? ORDER BY number LIMIT ?"));
  select.Bind(1, index).Bind(2, int64_t{limit});
  std::vector<audit::PublishedFile> files;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return files;
    if (static_cast<uint64_t>(select.Int(0)) != index + files.size() + 1) {
      return absl::DataLossError(absl::StrCat(db_.path(), ": entry ", index + files.size() + 1,
                                              " is missing; restore the file from a backup"));
    }
    files.push_back(FileOf(select));
  }
}

absl::StatusOr<std::optional<uint64_t>> Published::IndexOf(const audit::PublishedFile& file) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT number FROM published WHERE role = ? AND version = ? AND sha256 = ?"));
  select.BindText(1, file.role).Bind(2, file.version).BindBlob(3, file.sha256);
  LINNET_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<uint64_t>();
  return std::optional<uint64_t>(static_cast<uint64_t>(select.Int(0)) - 1);
}

absl::StatusOr<std::optional<Published::Entry>> Published::Find(std::string_view role, uint64_t version) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT number, role, version, sha256 FROM published"
                                      " WHERE role = ? AND version = ? ORDER BY number DESC LIMIT 1"));
  select.BindText(1, role).Bind(2, version);
  LINNET_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<Entry>();
  return std::optional<Entry>(Entry{static_cast<uint64_t>(select.Int(0)) - 1, FileOf(select)});
}

}  // namespace linnet::repo
