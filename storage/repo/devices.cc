#include "storage/repo/devices.h"

#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<std::vector<DeviceRow>> Devices::All() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare(
          "SELECT id, name, public_key, next_key, enrolled, certificate_expires, revoked, last_seen,"
          " update_state, model_sha256, release_counter, agent_version, instruction_set, ram_mib, cores,"
          " free_flash_mib FROM devices ORDER BY enrolled, id"));
  std::vector<DeviceRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    DeviceRow row;
    row.id = select.Blob(0);
    row.name = select.Text(1);
    row.public_key = select.Blob(2);
    if (!select.IsNull(3)) row.next_key = select.Blob(3);
    row.enrolled = absl::FromUnixMicros(select.Int(4));
    row.certificate_expires = absl::FromUnixMicros(select.Int(5));
    row.revoked = select.Int(6) != 0;
    row.report.last_seen = absl::FromUnixMicros(select.Int(7));
    row.report.update_state = static_cast<int>(select.Int(8));
    row.report.model_sha256 = select.Blob(9);
    row.report.release_counter = static_cast<uint32_t>(select.Int(10));
    row.report.agent_version = static_cast<uint32_t>(select.Int(11));
    row.report.instruction_set = static_cast<int>(select.Int(12));
    row.report.ram_mib = static_cast<uint32_t>(select.Int(13));
    row.report.cores = static_cast<uint32_t>(select.Int(14));
    row.report.free_flash_mib = static_cast<uint32_t>(select.Int(15));
    rows.push_back(std::move(row));
  }
}

absl::Status Devices::Put(const DeviceRow& device) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare(
          "INSERT INTO devices(id, name, public_key, next_key, enrolled, certificate_expires, revoked,"
          " last_seen) VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET name=excluded.name,"
          " public_key=excluded.public_key, next_key=excluded.next_key,"
          " certificate_expires=excluded.certificate_expires, revoked=excluded.revoked"));
  put.BindBlob(1, device.id).BindText(2, device.name).BindBlob(3, device.public_key);
  if (device.next_key.empty()) {
    put.BindNull(4);
  } else {
    put.BindBlob(4, device.next_key);
  }
  put.Bind(5, absl::ToUnixMicros(device.enrolled)).Bind(6, absl::ToUnixMicros(device.certificate_expires));
  put.Bind(7, int64_t{device.revoked}).Bind(8, absl::ToUnixMicros(device.report.last_seen));
  return put.Run();
}

}  // namespace linnet::repo
