#include "storage/repo/sightings.h"

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

}  // namespace

const std::vector<db::Migration>& SightingMigrations() {
  static const std::vector<db::Migration> migrations = {{100, "seen", kFirst}};
  return migrations;
}

absl::StatusOr<Sightings> Sightings::Prepare(db::Database& db) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db.Prepare("INSERT OR REPLACE INTO seen(device, last_seen, update_state, model_sha256, release_counter,"
                 " agent_version, instruction_set, ram_mib, cores, free_flash_mib)"
                 " VALUES(?,?,?,?,?,?,?,?,?,?)"));
  return Sightings(db, std::move(put));
}

absl::Status Sightings::Put(std::string_view device, const DeviceReport& report) {
  put_.BindBlob(1, device).Bind(2, absl::ToUnixMicros(report.last_seen));
  put_.Bind(3, int64_t{report.update_state}).BindBlob(4, report.model_sha256);
  put_.Bind(5, int64_t{report.release_counter}).Bind(6, int64_t{report.agent_version});
  put_.Bind(7, int64_t{report.instruction_set}).Bind(8, int64_t{report.ram_mib});
  put_.Bind(9, int64_t{report.cores}).Bind(10, int64_t{report.free_flash_mib});
  return put_.Run();
}

absl::StatusOr<std::map<std::string, DeviceReport>> Sightings::All() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_->Prepare("SELECT device, last_seen, update_state, model_sha256, release_counter, agent_version,"
                   " instruction_set, ram_mib, cores, free_flash_mib FROM seen"));
  std::map<std::string, DeviceReport> reports;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return reports;
    DeviceReport& report = reports[std::string(select.Blob(0))];
    report.last_seen = absl::FromUnixMicros(select.Int(1));
    report.update_state = static_cast<int>(select.Int(2));
    report.model_sha256 = select.Blob(3);
    report.release_counter = static_cast<uint32_t>(select.Int(4));
    report.agent_version = static_cast<uint32_t>(select.Int(5));
    report.instruction_set = static_cast<int>(select.Int(6));
    report.ram_mib = static_cast<uint32_t>(select.Int(7));
    report.cores = static_cast<uint32_t>(select.Int(8));
    report.free_flash_mib = static_cast<uint32_t>(select.Int(9));
  }
}

}  // namespace linnet::repo
