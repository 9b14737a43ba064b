#include "storage/repo/uplink_journal.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

int64_t DayOf(absl::Time time) { return absl::ToInt64Hours(time - absl::UnixEpoch()) / 24; }

// [["name", bytes, "kind", "value"], ...]
std::string ToJson(const std::vector<UplinkField>& fields) {
  nlohmann::json list = nlohmann::json::array();
  for (const UplinkField& f : fields) list.push_back({f.name, f.bytes, f.kind, f.value});
  return list.dump();
}

absl::StatusOr<std::vector<UplinkField>> FromJson(std::string_view text) {
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
  std::vector<UplinkField> fields;
  if (!list.is_array()) return absl::DataLossError("uplink journal: fields are not a list");
  for (const nlohmann::json& f : list) {
    if (!f.is_array() || f.size() != 4 || !f[0].is_string() || !f[1].is_number_unsigned() ||
        !f[2].is_string() || !f[3].is_string()) {
      return absl::DataLossError("uplink journal: a field is not [name, bytes, kind, value]");
    }
    fields.push_back({f[0], f[1], f[2], f[3]});
  }
  return fields;
}

}  // namespace

absl::Status UplinkJournal::Append(const UplinkMessage& message) {
  const std::string fields = ToJson(message.fields);
  LINNET_ASSIGN_OR_RETURN(
      db::Statement insert,
      db_.Prepare("INSERT INTO uplink_message(time, message, bytes, for_update, fields) VALUES(?,?,?,?,?)"));
  insert.Bind(1, absl::ToUnixMicros(message.time)).BindText(2, message.message).Bind(3, message.bytes);
  insert.Bind(4, message.for_update ? 1 : 0).BindText(5, fields);
  LINNET_RETURN_IF_ERROR(insert.Run());

  LINNET_ASSIGN_OR_RETURN(
      db::Statement total,
      db_.Prepare("UPDATE uplink_total SET messages=messages+1, bytes=bytes+?, stored_bytes=stored_bytes+?"
                  " RETURNING stored_bytes"));
  total.Bind(1, message.bytes).Bind(2, fields.size());
  LINNET_RETURN_IF_ERROR(total.Step().status());
  const auto stored = static_cast<uint64_t>(total.Int(0));
  LINNET_RETURN_IF_ERROR(total.Run());

  LINNET_ASSIGN_OR_RETURN(db::Statement day,
                          db_.Prepare("INSERT INTO uplink_day VALUES(?1,?2,?3) ON CONFLICT(day) DO UPDATE SET"
                                      " bytes=bytes+?2, budget_bytes=budget_bytes+?3"));
  day.Bind(1, DayOf(message.time)).Bind(2, message.bytes).Bind(3, message.for_update ? 0 : message.bytes);
  LINNET_RETURN_IF_ERROR(day.Run());
  if (stored <= max_stored_bytes_) return absl::OkStatus();

  // Down to nine tenths, so that not every message prunes.
  LINNET_RETURN_IF_ERROR(
      db_.Execute(absl::StrCat("DELETE FROM uplink_message WHERE id IN (SELECT id FROM (SELECT id,"
                               " sum(length(fields)) OVER (ORDER BY id DESC) AS newer FROM uplink_message)"
                               " WHERE newer > ",
                               max_stored_bytes_ / 10 * 9, ")")));
  LINNET_RETURN_IF_ERROR(
      db_.Execute("UPDATE uplink_total SET stored_bytes="
                  "(SELECT coalesce(sum(length(fields)), 0) FROM uplink_message)"));
  return db_.Execute(
      "DELETE FROM uplink_day WHERE day NOT IN (SELECT day FROM uplink_day ORDER BY day DESC LIMIT 400)");
}

absl::StatusOr<std::vector<UplinkMessage>> UplinkJournal::List(uint64_t after_id, uint32_t limit) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT id, time, message, bytes, for_update, fields FROM uplink_message WHERE id>?"
                  " ORDER BY id LIMIT ?"));
  select.Bind(1, after_id).Bind(2, limit);
  std::vector<UplinkMessage> messages;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return messages;
    UplinkMessage m;
    m.id = static_cast<uint64_t>(select.Int(0));
    m.time = absl::FromUnixMicros(select.Int(1));
    m.message = select.Text(2);
    m.bytes = static_cast<uint32_t>(select.Int(3));
    m.for_update = select.Int(4) != 0;
    LINNET_ASSIGN_OR_RETURN(m.fields, FromJson(select.Text(5)));
    messages.push_back(std::move(m));
  }
}

absl::StatusOr<UplinkTotals> UplinkJournal::Totals(absl::Time now) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      db_.Prepare("SELECT messages, t.bytes, coalesce(d.bytes, 0), coalesce(d.budget_bytes, 0)"
                  " FROM uplink_total t LEFT JOIN uplink_day d ON d.day=?"));
  select.Bind(1, DayOf(now));
  LINNET_ASSIGN_OR_RETURN(const bool row, select.Step());
  if (!row) return absl::DataLossError(absl::StrCat(db_.path(), ": the row of uplink_total is gone"));
  UplinkTotals totals{static_cast<uint64_t>(select.Int(0)),
                      static_cast<uint64_t>(select.Int(1)),
                      static_cast<uint64_t>(select.Int(2)),
                      static_cast<uint64_t>(select.Int(3)),
                      {}};
  LINNET_ASSIGN_OR_RETURN(db::Statement served,
                          db_.Prepare("SELECT message, messages, bytes FROM uplink_served ORDER BY message"));
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, served.Step());
    if (!more) return totals;
    totals.served.push_back({std::string(served.Text(0)), static_cast<uint64_t>(served.Int(1)),
                             static_cast<uint64_t>(served.Int(2))});
  }
}

absl::Status UplinkJournal::CountServed(std::string_view message, int64_t messages, int64_t bytes) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db_.Prepare("INSERT INTO uplink_served(message, messages, bytes) VALUES(?1,max(0,?2),max(0,?3))"
                  " ON CONFLICT(message) DO UPDATE SET messages=max(0,messages+?2), bytes=max(0,bytes+?3)"));
  add.BindText(1, message).Bind(2, messages).Bind(3, bytes);
  return add.Run();
}

}  // namespace linnet::repo
