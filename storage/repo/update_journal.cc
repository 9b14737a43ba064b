#include "storage/repo/update_journal.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr char kSet[] =
    "state=?2, plan_path=?3, plan_sha256=?4, plan_json=?5, model_target=?6, model_sha256=?7,"
    " model_license=?8, model_bytes=?9, release_counter=?10, index_json=?11, probe_json=?12, probes=?13,"
    " tries=?14, sequence=?15, outcome=?16, reason=?17, error=?18, started=?19, changed=?20,"
    " suite_json=?21, suite_least_ppm=?22, state_time=?23, inferences=?24";

void BindAll(db::Statement& statement, const UpdateAttempt& a) {
  statement.Bind(2, a.state).BindText(3, a.plan_path).BindBlob(4, a.plan_sha256).BindText(5, a.plan_json);
  statement.BindText(6, a.model_target).BindBlob(7, a.model_sha256).BindText(8, a.model_license);
  statement.Bind(9, a.model_bytes).Bind(10, a.release_counter).BindText(11, a.index_json);
  statement.BindText(12, a.probe_json).Bind(13, a.probes).Bind(14, a.tries).Bind(15, a.sequence);
  statement.Bind(16, a.outcome).Bind(17, a.reason).BindText(18, a.error);
  statement.Bind(19, absl::ToUnixMicros(a.started)).Bind(20, absl::ToUnixMicros(a.changed));
  statement.BindText(21, a.suite_json).Bind(22, a.suite_least_ppm);
  statement.Bind(23, absl::ToInt64Microseconds(a.state_time)).Bind(24, a.inferences);
}

}  // namespace

absl::StatusOr<std::optional<UpdateAttempt>> UpdateJournal::Select(const std::string& where) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare(absl::StrCat(
          "SELECT attempt, state, plan_path, plan_sha256, plan_json, model_target, model_sha256,"
          " model_license, model_bytes, release_counter, index_json, probe_json, probes, tries, sequence,"
          " outcome, reason, error, started, changed, suite_json, suite_least_ppm, state_time,"
          " inferences FROM update_attempt ",
          where)));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return std::nullopt;
  UpdateAttempt a;
  a.attempt = static_cast<uint64_t>(select.Int(0));
  a.state = static_cast<int>(select.Int(1));
  a.plan_path = select.Text(2);
  a.plan_sha256 = select.Blob(3);
  a.plan_json = select.Text(4);
  a.model_target = select.Text(5);
  a.model_sha256 = select.Blob(6);
  a.model_license = select.Text(7);
  a.model_bytes = static_cast<uint64_t>(select.Int(8));
  a.release_counter = static_cast<uint64_t>(select.Int(9));
  a.index_json = select.Text(10);
  a.probe_json = select.Text(11);
  a.probes = static_cast<uint32_t>(select.Int(12));
  a.tries = static_cast<uint32_t>(select.Int(13));
  a.sequence = static_cast<uint32_t>(select.Int(14));
  a.outcome = static_cast<int>(select.Int(15));
  a.reason = static_cast<int>(select.Int(16));
  a.error = select.Text(17);
  a.started = absl::FromUnixMicros(select.Int(18));
  a.changed = absl::FromUnixMicros(select.Int(19));
  a.suite_json = select.Text(20);
  a.suite_least_ppm = static_cast<uint32_t>(select.Int(21));
  a.state_time = absl::Microseconds(select.Int(22));
  a.inferences = static_cast<uint64_t>(select.Int(23));
  return a;
}

absl::StatusOr<std::optional<UpdateAttempt>> UpdateJournal::Open() { return Select("WHERE open=1"); }

absl::StatusOr<std::optional<UpdateAttempt>> UpdateJournal::Last() {
  return Select("WHERE open=0 ORDER BY attempt DESC LIMIT 1");
}

absl::StatusOr<uint64_t> UpdateJournal::Begin(const UpdateAttempt& attempt) {
  LINNET_ASSIGN_OR_RETURN(const std::optional<UpdateAttempt> open, Open());
  if (open.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("update attempt ", open->attempt, " is under way"));
  }
  LINNET_ASSIGN_OR_RETURN(
      db::Statement insert,
      db_.Prepare(
          "INSERT INTO update_attempt(open, state, plan_path, plan_sha256, plan_json, model_target,"
          " model_sha256, model_license, model_bytes, release_counter, index_json, probe_json, probes,"
          " tries, sequence, outcome, reason, error, started, changed, suite_json, suite_least_ppm,"
          " state_time, inferences)"
          " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24)"));
  insert.Bind(1, 1);
  BindAll(insert, attempt);
  LINNET_RETURN_IF_ERROR(insert.Run());
  return static_cast<uint64_t>(db_.last_insert_rowid());
}

absl::Status UpdateJournal::Save(const UpdateAttempt& attempt) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update,
                          db_.Prepare(absl::StrCat("UPDATE update_attempt SET ", kSet, " WHERE attempt=?1")));
  update.Bind(1, attempt.attempt);
  BindAll(update, attempt);
  return update.Run();
}

absl::Status UpdateJournal::Close(const UpdateAttempt& attempt) {
  LINNET_RETURN_IF_ERROR(Save(attempt));
  // Big texts are of no more use; what is left says how it went.
  LINNET_ASSIGN_OR_RETURN(
      db::Statement close,
      db_.Prepare(
          "UPDATE update_attempt SET open=0, plan_json='', index_json='', suite_json='' WHERE attempt=?"));
  close.Bind(1, attempt.attempt);
  LINNET_RETURN_IF_ERROR(close.Run());
  return db_.Execute(
      "DELETE FROM update_attempt WHERE open=0 AND attempt NOT IN"
      " (SELECT attempt FROM update_attempt WHERE open=0 ORDER BY attempt DESC LIMIT 50)");
}

absl::StatusOr<bool> UpdateJournal::HasEnded(std::string_view plan_sha256) {
  // What was only stopped may start again.
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT count(*) FROM update_attempt WHERE open=0 AND outcome<>0 AND plan_sha256=?"));
  select.BindBlob(1, plan_sha256);
  LINNET_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0) > 0;
}

absl::StatusOr<absl::Time> UpdateJournal::SoakStart(std::string_view plan_sha256, absl::Time now) {
  LINNET_ASSIGN_OR_RETURN(db::Statement insert, db_.Prepare("INSERT OR IGNORE INTO soak VALUES(?,?)"));
  insert.BindBlob(1, plan_sha256).Bind(2, absl::ToUnixMicros(now));
  LINNET_RETURN_IF_ERROR(insert.Run());
  LINNET_RETURN_IF_ERROR(
      db_.Execute("DELETE FROM soak WHERE plan_sha256 NOT IN"
                  " (SELECT plan_sha256 FROM soak ORDER BY since DESC LIMIT 50)"));
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare("SELECT since FROM soak WHERE plan_sha256=?"));
  select.BindBlob(1, plan_sha256);
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  return row ? absl::FromUnixMicros(select.Int(0)) : now;
}

}  // namespace linnet::repo
