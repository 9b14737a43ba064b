#include "storage/repo/audit.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kColumns = "SELECT id, time, actor, action, subject, hash FROM audit ";

AuditRow RowOf(const db::Statement& select) {
  AuditRow row;
  row.id = static_cast<uint64_t>(select.Int(0));
  row.time = absl::FromUnixMicros(select.Int(1));
  row.actor = select.Text(2);
  row.action = select.Text(3);
  row.subject = select.Text(4);
  row.hash = select.Blob(5);
  return row;
}

}  // namespace

absl::Status Audit::Append(absl::Time time, std::string_view actor, std::string_view action,
                           std::string_view subject) {
  LINNET_ASSIGN_OR_RETURN(const std::vector<AuditRow> newest, Newest(1));
  AuditRow row;
  row.id = newest.empty() ? 1 : newest[0].id + 1;
  row.time = absl::FromUnixMicros(absl::ToUnixMicros(time));
  row.actor = actor;
  row.action = action;
  row.subject = subject;
  row.hash = audit::HashOf(newest.empty() ? "" : newest[0].hash, row);
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db_.Prepare("INSERT INTO audit(id, time, actor, action, subject, hash) VALUES(?,?,?,?,?,?)"));
  add.Bind(1, static_cast<int64_t>(row.id)).Bind(2, absl::ToUnixMicros(row.time)).BindText(3, row.actor);
  return add.BindText(4, row.action).BindText(5, row.subject).BindBlob(6, row.hash).Run();
}

absl::StatusOr<std::vector<AuditRow>> Audit::Select(const std::string& where, int64_t id, uint32_t limit,
                                                    std::string_view about) {
  LINNET_ASSIGN_OR_RETURN(db::Statement select, db_.Prepare(absl::StrCat(std::string(kColumns), where)));
  select.Bind(1, id).Bind(2, int64_t{limit}).BindText(3, about);
  std::vector<AuditRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    rows.push_back(RowOf(select));
  }
}

absl::StatusOr<std::vector<AuditRow>> Audit::Newest(uint32_t limit, std::string_view about) {
  return Select("WHERE id > ?1 AND substr(subject, 1, length(?3)) = ?3 ORDER BY id DESC LIMIT ?2",
                std::numeric_limits<int64_t>::min(), limit, about);
}

absl::StatusOr<std::vector<AuditRow>> Audit::After(uint64_t id, uint32_t limit, std::string_view about) {
  return Select("WHERE id > ?1 AND substr(subject, 1, length(?3)) = ?3 ORDER BY id LIMIT ?2",
                static_cast<int64_t>(std::min<uint64_t>(id, INT64_MAX)), limit, about);
}

absl::Status Audit::Verify() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          db_.Prepare(absl::StrCat(std::string(kColumns), "ORDER BY id")));
  audit::Walk walk;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    const absl::Status link = walk.Next(RowOf(select));
    if (!link.ok()) {
      return absl::DataLossError(absl::StrCat(db_.path(), ": ", base::Message(link),
                                              "; find out who did it, then restore the file from a backup"));
    }
  }
}

}  // namespace linnet::repo
