#include "storage/repo/device.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<DeviceIdentity> Device::LoadOrCreate(std::string_view name) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT device_id, name FROM device"));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (row) return DeviceIdentity{std::string(select.Blob(0)), std::string(select.Text(1))};
  DeviceIdentity made{base::RandomBytes(16), std::string(name)};
  if (made.name.empty()) made.name = absl::StrCat("linnet-", base::Hex(made.id).substr(0, 8));
  LINNET_ASSIGN_OR_RETURN(db::Statement insert,
                          db_.Prepare("INSERT INTO device(only, device_id, name) VALUES(1,?,?)"));
  insert.BindBlob(1, made.id).BindText(2, made.name);
  LINNET_RETURN_IF_ERROR(insert.Run());
  return made;
}

absl::Status Device::SetName(std::string_view name) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update, db_.Prepare("UPDATE device SET name=?"));
  update.BindText(1, name);
  return update.Run();
}

absl::StatusOr<std::optional<Enrolment>> Device::LoadEnrolment() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT coordinator, spki_sha256, fleet_root_pem, certificate_chain_pem, key_file,"
                  " pending_key, enrolled FROM enrolment"));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return std::nullopt;
  Enrolment enrolment;
  enrolment.coordinator = select.Text(0);
  enrolment.spki_sha256 = select.Blob(1);
  enrolment.fleet_root_pem = select.Text(2);
  enrolment.certificate_chain_pem = select.Text(3);
  enrolment.key_file = select.Text(4);
  enrolment.pending_key = select.Text(5);
  enrolment.enrolled = absl::FromUnixMicros(select.Int(6));
  return enrolment;
}

absl::Status Device::SaveEnrolment(const Enrolment& enrolment) {
  LINNET_ASSIGN_OR_RETURN(db::Statement insert,
                          db_.Prepare("INSERT OR REPLACE INTO enrolment VALUES(1,?,?,?,?,?,?,?)"));
  insert.BindText(1, enrolment.coordinator).BindBlob(2, enrolment.spki_sha256);
  insert.BindText(3, enrolment.fleet_root_pem).BindText(4, enrolment.certificate_chain_pem);
  insert.BindText(5, enrolment.key_file).BindText(6, enrolment.pending_key);
  insert.Bind(7, absl::ToUnixMicros(enrolment.enrolled));
  return insert.Run();
}

absl::Status Device::SetPendingKey(std::string_view key_file) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update, db_.Prepare("UPDATE enrolment SET pending_key=?"));
  update.BindText(1, key_file);
  return update.Run();
}

absl::StatusOr<absl::Time> Device::BelievedTime() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT believed_time FROM device"));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  return row ? absl::FromUnixMicros(select.Int(0)) : absl::UnixEpoch();
}

absl::Status Device::RaiseBelievedTime(absl::Time time) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update,
                          db_.Prepare("UPDATE device SET believed_time=max(believed_time, ?)"));
  update.Bind(1, absl::ToUnixMicros(time));
  return update.Run();
}

}  // namespace linnet::repo
