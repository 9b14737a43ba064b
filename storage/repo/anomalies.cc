#include "storage/repo/anomalies.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kFacts = "anomalies.facts";
constexpr std::string_view kKey = "anomalies.channel_key";
constexpr char kColumns[] = "id, start_time, duration, kind, direction, severity, ongoing, facts";

std::string BitsOf(double v) {
  const auto bits = std::bit_cast<uint64_t>(v);
  std::string out;
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((bits >> shift) & 0xff);
  return out;
}
double DoubleOf(const std::string& bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 8 && i < bytes.size(); ++i) {
    bits |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return std::bit_cast<double>(bits);
}

}  // namespace

absl::StatusOr<int64_t> Anomalies::Put(const AnomalyRow& a) {
  db::Database& db = database_.db();
  LINNET_ASSIGN_OR_RETURN(
      db::Statement put,
      db.Prepare(
          "INSERT INTO anomalies(channel_key, start_time, duration, kind, direction, severity, ongoing, "
          "facts) VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(channel_key, start_time) DO UPDATE SET "
          "duration = excluded.duration, kind = excluded.kind, direction = excluded.direction, "
          "severity = excluded.severity, ongoing = excluded.ongoing, facts = excluded.facts "
          "RETURNING id"));
  const std::string key = database_.cipher().LookUpKey(a.channel, kKey);
  const std::string facts = database_.cipher().SealTexts(
      {a.channel, a.unit, a.axis, a.feature, BitsOf(a.value), BitsOf(a.baseline), BitsOf(a.z)}, kFacts);
  put.BindBlob(1, key)
      .Bind(2, absl::ToUnixMicros(a.start))
      .Bind(3, absl::ToInt64Microseconds(a.duration))
      .Bind(4, int64_t{a.kind})
      .Bind(5, int64_t{a.direction})
      .Bind(6, int64_t{a.severity})
      .Bind(7, int64_t{a.ongoing})
      .BindBlob(8, facts);
  LINNET_RETURN_IF_ERROR(put.Step().status());
  const int64_t id = put.Int(0);
  LINNET_RETURN_IF_ERROR(put.Run());
  LINNET_ASSIGN_OR_RETURN(db::Statement drop, db.Prepare("DELETE FROM anomalies WHERE id <= ?"));
  LINNET_RETURN_IF_ERROR(drop.Bind(1, id - kMaxRows).Run());
  return id;
}

absl::StatusOr<AnomalyRow> Anomalies::RowOf(const db::Statement& select) {
  LINNET_ASSIGN_OR_RETURN(std::vector<std::string> facts,
                          database_.cipher().OpenTexts(select.Blob(7), kFacts));
  if (facts.size() != 7) return absl::DataLossError("user.db: an anomaly's facts are incomplete");
  AnomalyRow row;
  row.id = select.Int(0);
  row.start = absl::FromUnixMicros(select.Int(1));
  row.duration = absl::Microseconds(select.Int(2));
  row.kind = static_cast<int>(select.Int(3));
  row.direction = static_cast<int>(select.Int(4));
  row.severity = static_cast<int>(select.Int(5));
  row.ongoing = select.Int(6) != 0;
  row.channel = std::move(facts[0]);
  row.unit = std::move(facts[1]);
  row.axis = std::move(facts[2]);
  row.feature = std::move(facts[3]);
  row.value = DoubleOf(facts[4]);
  row.baseline = DoubleOf(facts[5]);
  row.z = DoubleOf(facts[6]);
  return row;
}

absl::StatusOr<std::vector<AnomalyRow>> Anomalies::Select(const std::string& where, int64_t limit) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          database_.db().Prepare(absl::StrCat("SELECT ", kColumns, " FROM anomalies ", where,
                                                              " ORDER BY start_time DESC, id DESC LIMIT ?")));
  select.Bind(1, limit);
  std::vector<AnomalyRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    LINNET_ASSIGN_OR_RETURN(AnomalyRow row, RowOf(select));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<AnomalyRow>> Anomalies::Latest(uint32_t limit) {
  return Select("", int64_t{limit});
}

absl::StatusOr<std::vector<AnomalyRow>> Anomalies::Ongoing() {
  return Select("WHERE ongoing != 0", kMaxRows);
}

absl::StatusOr<AnomalyRow> Anomalies::Get(int64_t id) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, database_.db().Prepare(absl::StrCat(
                                                    "SELECT ", kColumns, " FROM anomalies WHERE id = ?")));
  select.Bind(1, id);
  LINNET_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) {
    return absl::NotFoundError(
        absl::StrCat("anomaly ", id, " is not known; ListAnomalies shows those that are"));
  }
  return RowOf(select);
}

absl::StatusOr<uint64_t> Anomalies::Count() {
  LINNET_ASSIGN_OR_RETURN(db::Statement count, database_.db().Prepare("SELECT COUNT(*) FROM anomalies"));
  LINNET_RETURN_IF_ERROR(count.Step().status());
  return static_cast<uint64_t>(count.Int(0));
}

absl::Status Anomalies::EndAll() {
  return database_.db().Execute("UPDATE anomalies SET ongoing = 0 WHERE ongoing != 0");
}

}  // namespace linnet::repo
