#include "storage/repo/models.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr char kColumns[] = "SELECT sha256, target, license, bytes, release_counter, installed FROM model";

InstalledModel Row(const db::Statement& select) {
  InstalledModel model;
  model.sha256 = select.Blob(0);
  model.target = select.Text(1);
  model.license = select.Text(2);
  model.bytes = static_cast<uint64_t>(select.Int(3));
  model.release_counter = static_cast<uint64_t>(select.Int(4));
  model.installed = absl::FromUnixMicros(select.Int(5));
  return model;
}

}  // namespace

absl::StatusOr<std::vector<InstalledModel>> Models::List() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare(absl::StrCat(kColumns, " ORDER BY installed DESC, target")));
  std::vector<InstalledModel> models;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return models;
    models.push_back(Row(select));
  }
}

absl::StatusOr<std::optional<InstalledModel>> Models::Find(std::string_view sha256) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare(absl::StrCat(kColumns, " WHERE sha256=?")));
  select.BindBlob(1, sha256);
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return std::nullopt;
  return Row(select);
}

absl::StatusOr<ModelSlots> Models::Slots() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT active, previous, trial, boots_left, clean_stop, damaged FROM slots"));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return absl::DataLossError(absl::StrCat(db_.path(), ": the row of slots is gone"));
  ModelSlots slots;
  slots.active = select.Blob(0);
  slots.previous = select.Blob(1);
  slots.trial = select.Int(2) != 0;
  slots.boots_left = static_cast<uint32_t>(select.Int(3));
  slots.clean_stop = select.Int(4) != 0;
  slots.damaged = select.Blob(5);
  return slots;
}

absl::Status Models::Activate(const InstalledModel& model, uint32_t boots) {
  LINNET_ASSIGN_OR_RETURN(const ModelSlots slots, Slots());
  if (slots.active == model.sha256) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(db::Statement insert,
                          db_.Prepare("INSERT OR IGNORE INTO model VALUES(?,?,?,?,?,?)"));
  insert.BindBlob(1, model.sha256).BindText(2, model.target).BindText(3, model.license);
  insert.Bind(4, model.bytes).Bind(5, model.release_counter).Bind(6, absl::ToUnixMicros(model.installed));
  LINNET_RETURN_IF_ERROR(insert.Run());
  // What is on trial is nothing to go back to.
  LINNET_ASSIGN_OR_RETURN(
      db::Statement update,
      db_.Prepare("UPDATE slots SET previous=iif(trial, previous, active), active=?, trial=1, boots_left=?,"
                  " clean_stop=0"));
  update.BindBlob(1, model.sha256).Bind(2, boots);
  return update.Run();
}

absl::StatusOr<uint32_t> Models::CountBoot() {
  LINNET_RETURN_IF_ERROR(
      db_.Execute("UPDATE slots SET boots_left=iif(clean_stop, boots_left, max(boots_left - 1, 0)),"
                  " clean_stop=0 WHERE trial=1"));
  LINNET_ASSIGN_OR_RETURN(const ModelSlots slots, Slots());
  return slots.boots_left;
}

absl::Status Models::MarkCleanStop() { return db_.Execute("UPDATE slots SET clean_stop=1 WHERE trial=1"); }

absl::Status Models::Commit() {
  LINNET_ASSIGN_OR_RETURN(const ModelSlots slots, Slots());
  LINNET_ASSIGN_OR_RETURN(const std::optional<InstalledModel> active, Find(slots.active));
  if (!active.has_value()) return absl::FailedPreconditionError("no model is active: nothing to commit");
  LINNET_RETURN_IF_ERROR(db_.Execute("UPDATE slots SET trial=0, boots_left=0, damaged=NULL"));
  LINNET_ASSIGN_OR_RETURN(
      db::Statement floor,
      db_.Prepare("INSERT INTO release_floor VALUES(?,?,?) ON CONFLICT(family) DO UPDATE SET"
                  " counter=excluded.counter, sha256=excluded.sha256 WHERE excluded.counter > counter"));
  floor.BindText(1, FamilyOf(active->target)).Bind(2, active->release_counter).BindBlob(3, active->sha256);
  LINNET_RETURN_IF_ERROR(floor.Run());
  return ForgetLoose();
}

absl::Status Models::RollBack() {
  LINNET_RETURN_IF_ERROR(
      db_.Execute("UPDATE slots SET active=previous, previous=NULL, trial=0, boots_left=0 WHERE trial=1"));
  return ForgetLoose();
}

absl::Status Models::FallBack() {
  LINNET_RETURN_IF_ERROR(
      db_.Execute("UPDATE slots SET damaged=coalesce(damaged, active), active=previous, previous=NULL"
                  " WHERE trial=0 AND active NOT NULL"));
  return ForgetLoose();
}

absl::Status Models::ForgetDamaged() {
  LINNET_RETURN_IF_ERROR(db_.Execute("UPDATE slots SET damaged=NULL"));
  return ForgetLoose();
}

absl::Status Models::ForgetLoose() {
  return db_.Execute(
      "DELETE FROM model WHERE sha256 NOT IN (SELECT active FROM slots WHERE active NOT NULL"
      " UNION SELECT previous FROM slots WHERE previous NOT NULL"
      " UNION SELECT damaged FROM slots WHERE damaged NOT NULL)");
}

absl::StatusOr<ReleaseFloor> Models::FloorOf(std::string_view target) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT counter, sha256 FROM release_floor WHERE family=?"));
  select.BindText(1, FamilyOf(target));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return ReleaseFloor{};
  return ReleaseFloor{static_cast<uint64_t>(select.Int(0)), std::string(select.Blob(1))};
}

absl::Status Models::Quarantine(std::string_view sha256, std::string_view plan_sha256, absl::Time now) {
  LINNET_ASSIGN_OR_RETURN(db::Statement insert,
                          db_.Prepare("INSERT OR REPLACE INTO quarantine VALUES(?,?,?)"));
  insert.BindBlob(1, sha256).BindBlob(2, plan_sha256).Bind(3, absl::ToUnixMicros(now));
  LINNET_RETURN_IF_ERROR(insert.Run());
  return db_.Execute(
      "DELETE FROM quarantine WHERE (sha256, plan_sha256) NOT IN"
      " (SELECT sha256, plan_sha256 FROM quarantine ORDER BY since DESC LIMIT 1000)");
}

absl::StatusOr<bool> Models::IsQuarantined(std::string_view sha256, std::string_view plan_sha256) {
  // Without a plan, one failure under any plan counts.
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT count(*) FROM quarantine WHERE sha256=?1 AND (plan_sha256=?2 OR length(?2)=0)"));
  select.BindBlob(1, sha256).BindBlob(2, plan_sha256);
  LINNET_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0) > 0;
}

std::string Models::FamilyOf(std::string_view target) {
  return std::string(target.substr(0, target.rfind('/')));
}

}  // namespace linnet::repo
