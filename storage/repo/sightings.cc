#include "storage/repo/sightings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

// Times are microseconds since 1970; enumerations are the numbers of fleet.proto.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE seen(
  device BLOB PRIMARY KEY,            -- 16 bytes
  last_seen INTEGER NOT NULL,
  update_state INTEGER NOT NULL,
  model_sha256 BLOB NOT NULL,
  release_counter INTEGER NOT NULL,
  agent_version INTEGER NOT NULL,
  instruction_set INTEGER NOT NULL,
  ram_mib INTEGER NOT NULL,
  cores INTEGER NOT NULL,
  free_flash_mib INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
)sql";

// "seen" stays as the program before wrote it, which still reads it.
constexpr std::string_view kHeard = R"sql(
CREATE TABLE heard(
  n INTEGER PRIMARY KEY,              -- without gaps, in the order of what was said
  device BLOB NOT NULL,
  last_seen INTEGER NOT NULL,
  update_state INTEGER NOT NULL,
  model_sha256 BLOB NOT NULL,
  release_counter INTEGER NOT NULL,
  agent_version INTEGER NOT NULL,
  instruction_set INTEGER NOT NULL,
  ram_mib INTEGER NOT NULL,
  cores INTEGER NOT NULL,
  free_flash_mib INTEGER NOT NULL
) STRICT;
)sql";

constexpr char kColumns[] =
    "device, last_seen, update_state, model_sha256, release_counter, agent_version, instruction_set, ram_mib,"
    " cores, free_flash_mib";

// Rows that may lie about beside two a device: below that it is not worth looking.
constexpr int64_t kSpareRows = 4096;

DeviceReport ReportOf(const db::Statement& row) {
  DeviceReport report;
  report.last_seen = absl::FromUnixMicros(row.Int(1));
  report.update_state = static_cast<int>(row.Int(2));
  report.model_sha256 = row.Blob(3);
  report.release_counter = static_cast<uint32_t>(row.Int(4));
  report.agent_version = static_cast<uint32_t>(row.Int(5));
  report.instruction_set = static_cast<int>(row.Int(6));
  report.ram_mib = static_cast<uint32_t>(row.Int(7));
  report.cores = static_cast<uint32_t>(row.Int(8));
  report.free_flash_mib = static_cast<uint32_t>(row.Int(9));
  return report;
}

}  // namespace

const std::vector<db::Migration>& SightingMigrations() {
  static const std::vector<db::Migration> migrations = {{100, "seen", kFirst}, {101, "heard", kHeard}};
  return migrations;
}

absl::StatusOr<Sightings> Sightings::Prepare(db::Database& db) {
  LINNET_ASSIGN_OR_RETURN(db::Statement put, db.Prepare(absl::StrCat("INSERT INTO heard(", kColumns,
                                                                     ", n) VALUES(?,?,?,?,?,?,?,?,?,?,?)")));
  LINNET_ASSIGN_OR_RETURN(db::Statement front,
                          db.Prepare("SELECT device, n FROM heard WHERE n >= ? ORDER BY n LIMIT ?"));
  LINNET_ASSIGN_OR_RETURN(db::Statement again,
                          db.Prepare(absl::StrCat("INSERT INTO heard(n, ", kColumns, ") SELECT ?, ", kColumns,
                                                  " FROM heard WHERE n = ?")));
  LINNET_ASSIGN_OR_RETURN(db::Statement drop, db.Prepare("DELETE FROM heard WHERE n < ?"));
  Sightings sightings(db, std::move(put), std::move(front), std::move(again), std::move(drop));
  LINNET_RETURN_IF_ERROR(sightings.Reload());
  return sightings;
}

absl::Status Sightings::Reload() {
  newest_.clear();
  begin_ = end_ = 1;
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_->Prepare("SELECT device, n FROM heard ORDER BY n"));
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    if (newest_.empty()) begin_ = select.Int(1);
    end_ = select.Int(1) + 1;
    newest_[std::string(select.Blob(0))] = select.Int(1);
  }
}

absl::Status Sightings::Put(std::string_view device, const DeviceReport& report) {
  put_.BindBlob(1, device).Bind(2, absl::ToUnixMicros(report.last_seen));
  put_.Bind(3, int64_t{report.update_state}).BindBlob(4, report.model_sha256);
  put_.Bind(5, int64_t{report.release_counter}).Bind(6, int64_t{report.agent_version});
  put_.Bind(7, int64_t{report.instruction_set}).Bind(8, int64_t{report.ram_mib});
  put_.Bind(9, int64_t{report.cores}).Bind(10, int64_t{report.free_flash_mib}).Bind(11, end_);
  LINNET_RETURN_IF_ERROR(put_.Run());
  newest_[std::string(device)] = end_++;
  return absl::OkStatus();
}

absl::Status Sightings::Tidy(int64_t most_rows) {
  const int64_t enough = 2 * static_cast<int64_t>(newest_.size()) + kSpareRows;
  const int64_t rows_now = rows();
  if (rows_now <= enough) return absl::OkStatus();
  const int64_t look_at = std::min(most_rows, rows_now - enough);
  // Read first: a table does not change under a statement that walks it.
  std::vector<int64_t> still_news;
  front_.Bind(1, begin_).Bind(2, look_at);
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, front_.Step());
    if (!more) break;
    const int64_t n = front_.Int(1);
    begin_ = n + 1;
    const auto newest = newest_.find(std::string(front_.Blob(0)));
    if (newest == newest_.end() || newest->second != n) continue;
    newest->second = end_ + static_cast<int64_t>(still_news.size());
    still_news.push_back(n);
  }
  for (const int64_t n : still_news) {
    again_.Bind(1, end_++).Bind(2, n);
    LINNET_RETURN_IF_ERROR(again_.Run());
  }
  drop_.Bind(1, begin_);
  return drop_.Run();
}

absl::StatusOr<std::map<std::string, DeviceReport>> Sightings::All() {
  std::map<std::string, DeviceReport> reports, before;
  for (const auto& [table, all] : {std::pair{"heard ORDER BY n", &reports}, std::pair{"seen", &before}}) {
    LINNET_ASSIGN_OR_RETURN(db::Statement select,
                            db_->Prepare(absl::StrCat("SELECT ", kColumns, " FROM ", table)));
    while (true) {
      LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      (*all)[std::string(select.Blob(0))] = ReportOf(select);
    }
  }
  // In "seen" is a later word where the program before was back for a while.
  for (auto& [device, report] : before) {
    const auto [known, only] = reports.try_emplace(device, report);
    if (!only && known->second.last_seen < report.last_seen) known->second = std::move(report);
  }
  return reports;
}

absl::Status CopyBackByHand(db::Database& db, int64_t bytes) {
  return db.Execute(
      absl::StrCat("PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=", std::max<int64_t>(bytes, 0)));
}

absl::StatusOr<WalState> CopyBack(db::Database& db) {
  LINNET_ASSIGN_OR_RETURN(db::Statement copy, db.Prepare("PRAGMA wal_checkpoint(PASSIVE)"));
  LINNET_ASSIGN_OR_RETURN(const bool row, copy.Step());
  if (!row) return absl::InternalError(absl::StrCat(db.path(), ": says nothing of its log"));
  const WalState state{.pages = copy.Int(1), .copied = copy.Int(2)};
  copy.Reset();
  return state;
}

}  // namespace linnet::repo
