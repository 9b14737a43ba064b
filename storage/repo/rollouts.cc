#include "storage/repo/rollouts.h"

#include "runtime/base/status_macros.h"

namespace linnet::repo {

absl::StatusOr<std::vector<RolloutRow>> Rollouts::All() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT id, plan, plan_sha256, plan_json, state, started, changed, why,"
                                      " lifts, most_failures, lifted FROM rollouts ORDER BY rowid"));
  LINNET_ASSIGN_OR_RETURN(db::Statement waves,
                          db_.Prepare("SELECT opened, closed FROM waves WHERE rollout=? ORDER BY wave"));
  std::vector<RolloutRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    RolloutRow row;
    row.id = select.Text(0);
    row.plan = select.Text(1);
    row.plan_sha256 = select.Blob(2);
    row.plan_json = select.Text(3);
    row.state = static_cast<int>(select.Int(4));
    row.started = absl::FromUnixMicros(select.Int(5));
    row.changed = absl::FromUnixMicros(select.Int(6));
    row.why = select.Text(7);
    row.lifts = static_cast<uint64_t>(select.Int(8));
    row.most_failures = static_cast<uint32_t>(select.Int(9));
    row.lifted = absl::FromUnixMicros(select.Int(10));
    waves.BindText(1, row.id);
    while (true) {
      LINNET_ASSIGN_OR_RETURN(const bool wave, waves.Step());
      if (!wave) break;
      row.waves_opened.push_back(absl::FromUnixMicros(waves.Int(0)));
      row.waves_closed.push_back(absl::FromUnixMicros(waves.Int(1)));
    }
    rows.push_back(std::move(row));
  }
}

absl::Status Rollouts::Add(const RolloutRow& rollout) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db_.Prepare("INSERT INTO rollouts(id, plan, plan_sha256, plan_json, state, started, changed, why)"
                  " VALUES(?,?,?,?,?,?,?,?)"));
  add.BindText(1, rollout.id).BindText(2, rollout.plan).BindBlob(3, rollout.plan_sha256);
  add.BindText(4, rollout.plan_json).Bind(5, int64_t{rollout.state});
  add.Bind(6, absl::ToUnixMicros(rollout.started)).Bind(7, absl::ToUnixMicros(rollout.changed));
  return add.BindText(8, rollout.why).Run();
}

absl::Status Rollouts::SetState(std::string_view id, int state, absl::Time changed, std::string_view why) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update,
                          db_.Prepare("UPDATE rollouts SET state=?, changed=?, why=? WHERE id=?"));
  update.Bind(1, int64_t{state}).Bind(2, absl::ToUnixMicros(changed)).BindText(3, why).BindText(4, id);
  return update.Run();
}

absl::Status Rollouts::SetLift(std::string_view id, uint64_t number, uint32_t most_failures,
                               absl::Time when) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update,
                          db_.Prepare("UPDATE rollouts SET lifts=?, most_failures=?, lifted=? WHERE id=?"));
  update.Bind(1, static_cast<int64_t>(number)).Bind(2, int64_t{most_failures});
  return update.Bind(3, absl::ToUnixMicros(when)).BindText(4, id).Run();
}

absl::Status Rollouts::OpenWave(std::string_view id, size_t wave, absl::Time when) {
  LINNET_ASSIGN_OR_RETURN(db::Statement add,
                          db_.Prepare("INSERT INTO waves(rollout, wave, opened) VALUES(?,?,?)"));
  add.BindText(1, id).Bind(2, static_cast<int64_t>(wave)).Bind(3, absl::ToUnixMicros(when));
  return add.Run();
}

absl::Status Rollouts::CloseWave(std::string_view id, size_t wave, absl::Time when) {
  LINNET_ASSIGN_OR_RETURN(db::Statement update,
                          db_.Prepare("UPDATE waves SET closed=? WHERE rollout=? AND wave=?"));
  update.Bind(1, absl::ToUnixMicros(when)).BindText(2, id).Bind(3, static_cast<int64_t>(wave));
  return update.Run();
}

absl::StatusOr<std::vector<TurnRow>> Rollouts::TurnsOf(std::string_view id) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare("SELECT device, wave, told, started FROM turns WHERE rollout=?"));
  select.BindText(1, id);
  std::vector<TurnRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    TurnRow row;
    row.device = select.Blob(0);
    row.wave = static_cast<uint32_t>(select.Int(1));
    row.told = absl::FromUnixMicros(select.Int(2));
    row.started = absl::FromUnixMicros(select.Int(3));
    rows.push_back(std::move(row));
  }
}

absl::Status Rollouts::PutTurn(std::string_view id, const TurnRow& turn) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare("INSERT OR REPLACE INTO turns(rollout, device, wave, told, started) VALUES(?,?,?,?,?)"));
  put.BindText(1, id).BindBlob(2, turn.device).Bind(3, int64_t{turn.wave});
  return put.Bind(4, absl::ToUnixMicros(turn.told)).Bind(5, absl::ToUnixMicros(turn.started)).Run();
}

absl::StatusOr<std::vector<ReceiptRow>> Rollouts::ReceiptsOf(std::string_view id) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT device, attempt, sequence, outcome, reason, counter, signature, leaf, intermediate,"
                  " received FROM receipts WHERE rollout=? ORDER BY received, device"));
  select.BindText(1, id);
  std::vector<ReceiptRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    ReceiptRow row;
    row.device = select.Blob(0);
    row.attempt = static_cast<uint64_t>(select.Int(1));
    row.sequence = static_cast<uint32_t>(select.Int(2));
    row.outcome = static_cast<int>(select.Int(3));
    row.reason = static_cast<int>(select.Int(4));
    row.counter = static_cast<uint64_t>(select.Int(5));
    row.signature = select.Blob(6);
    row.leaf = select.Blob(7);
    row.intermediate = select.Blob(8);
    row.received = absl::FromUnixMicros(select.Int(9));
    rows.push_back(std::move(row));
  }
}

absl::Status Rollouts::PutReceipt(std::string_view id, const ReceiptRow& receipt) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db_.Prepare(
          "INSERT OR REPLACE INTO receipts(rollout, device, attempt, sequence, outcome, reason, counter,"
          " signature, leaf, intermediate, received) VALUES(?,?,?,?,?,?,?,?,?,?,?)"));
  put.BindText(1, id).BindBlob(2, receipt.device).Bind(3, static_cast<int64_t>(receipt.attempt));
  put.Bind(4, int64_t{receipt.sequence}).Bind(5, int64_t{receipt.outcome}).Bind(6, int64_t{receipt.reason});
  put.Bind(7, static_cast<int64_t>(receipt.counter)).BindBlob(8, receipt.signature).BindBlob(9, receipt.leaf);
  put.BindBlob(10, receipt.intermediate).Bind(11, absl::ToUnixMicros(receipt.received));
  return put.Run();
}

}  // namespace linnet::repo
