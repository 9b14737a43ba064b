#include "storage/repo/log_heads.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<std::vector<audit::LogHead>> LogHeads::Heads(std::string_view key, bool proved) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT size, root, signature FROM log_head"
                                      " WHERE key = ? AND proved = ? ORDER BY size, root"));
  select.BindBlob(1, key).Bind(2, proved ? 1 : 0);
  std::vector<audit::LogHead> heads;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return heads;
    heads.push_back({.size = static_cast<uint64_t>(select.Int(0)),
                     .root = std::string(select.Blob(1)),
                     .signature = std::string(select.Blob(2))});
  }
}

absl::StatusOr<std::optional<audit::LogHead>> LogHeads::Newest(std::string_view key) {
  LINNET_ASSIGN_OR_RETURN(std::vector<audit::LogHead> heads, Heads(key, true));
  if (heads.empty()) return std::optional<audit::LogHead>();
  return std::optional<audit::LogHead>(std::move(heads.back()));
}

absl::StatusOr<std::vector<audit::LogHead>> LogHeads::Unproved(std::string_view key) {
  return Heads(key, false);
}

absl::Status LogHeads::SetNewest(std::string_view key, const audit::LogHead& head) {
  LINNET_ASSIGN_OR_RETURN(db::Statement old,
                          db_.Prepare("DELETE FROM log_head WHERE key = ? AND proved = 1"));
  LINNET_RETURN_IF_ERROR(old.BindBlob(1, key).Run());
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare("INSERT OR REPLACE INTO log_head(key, size, root, signature, proved) VALUES(?,?,?,?,1)"));
  put.BindBlob(1, key).Bind(2, head.size).BindBlob(3, head.root).BindBlob(4, head.signature);
  return put.Run();
}

absl::Status LogHeads::AddUnproved(std::string_view key, const audit::LogHead& head) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<audit::LogHead> held, Heads(key, false));
  if (held.size() >= kMostUnproved) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare("INSERT OR IGNORE INTO log_head(key, size, root, signature, proved) VALUES(?,?,?,?,0)"));
  put.BindBlob(1, key).Bind(2, head.size).BindBlob(3, head.root).BindBlob(4, head.signature);
  return put.Run();
}

absl::Status LogHeads::RemoveUnproved(std::string_view key, const audit::LogHead& head) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement gone,
      db_.Prepare("DELETE FROM log_head WHERE key = ? AND size = ? AND root = ? AND proved = 0"));
  return gone.BindBlob(1, key).Bind(2, head.size).BindBlob(3, head.root).Run();
}

absl::StatusOr<bool> LogHeads::AddEvidence(const LogEvidence& evidence) {
  LINNET_ASSIGN_OR_RETURN(db::Statement count,
                          db_.Prepare("SELECT count(*) FROM log_evidence WHERE key = ?"));
  count.BindBlob(1, evidence.key);
  LINNET_ASSIGN_OR_RETURN(const bool row, count.Step());
  const bool full = row && count.Int(0) >= static_cast<int64_t>(kMostEvidence);
  count.Reset();
  if (full) return false;
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare("INSERT OR IGNORE INTO log_evidence(kind, key, first_size, first_root, first_signature,"
                  " second_size, second_root, second_signature, noticed) VALUES(?,?,?,?,?,?,?,?,?)"));
  put.Bind(1, static_cast<int64_t>(evidence.kind)).BindBlob(2, evidence.key);
  put.Bind(3, evidence.first.size).BindBlob(4, evidence.first.root).BindBlob(5, evidence.first.signature);
  put.Bind(6, evidence.second.size).BindBlob(7, evidence.second.root).BindBlob(8, evidence.second.signature);
  LINNET_RETURN_IF_ERROR(put.Bind(9, absl::ToUnixMicros(evidence.noticed)).Run());
  return db_.changes() > 0;
}

absl::StatusOr<std::vector<LogEvidence>> LogHeads::Evidence() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT kind, key, first_size, first_root, first_signature, second_size, second_root,"
                  " second_signature, noticed FROM log_evidence ORDER BY id"));
  std::vector<LogEvidence> all;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return all;
    const auto head = [&](int column) -> audit::LogHead {
      return {.size = static_cast<uint64_t>(select.Int(column)),
              .root = std::string(select.Blob(column + 1)),
              .signature = std::string(select.Blob(column + 2))};
    };
    all.push_back({.kind = static_cast<LogEvidence::Kind>(select.Int(0)),
                   .key = std::string(select.Blob(1)),
                   .first = head(2),
                   .second = head(5),
                   .noticed = absl::FromUnixMicros(select.Int(8))});
  }
}

absl::Status LogHeads::ForgetOthers(const std::vector<std::string>& keys) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT DISTINCT key FROM log_head"));
  std::vector<std::string> others;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    std::string key(select.Blob(0));
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) others.push_back(std::move(key));
  }
  LINNET_ASSIGN_OR_RETURN(db::Statement gone, db_.Prepare("DELETE FROM log_head WHERE key = ?"));
  for (const std::string& key : others) LINNET_RETURN_IF_ERROR(gone.BindBlob(1, key).Run());
  return absl::OkStatus();
}

absl::Status LogHeads::Forget() {
  LINNET_RETURN_IF_ERROR(db_.Execute("DELETE FROM log_head"));
  return db_.Execute("DELETE FROM log_evidence");
}

}  // namespace linnet::repo
