#include "storage/repo/conversations.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kTexts = "exchanges.texts";

}  // namespace

absl::Status Conversations::Add(const Exchange& exchange) {
  db::Database& db = database_.db();
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db.Prepare("INSERT INTO exchanges(time, kind, from_template, texts) VALUES(?, ?, ?, ?)"));
  const std::string texts = database_.cipher().SealTexts({exchange.question, exchange.answer}, kTexts);
  LINNET_RETURN_IF_ERROR(add.Bind(1, absl::ToUnixMicros(exchange.time))
                             .Bind(2, int64_t{exchange.kind})
                             .Bind(3, int64_t{exchange.from_template})
                             .BindBlob(4, texts)
                             .Run());
  LINNET_ASSIGN_OR_RETURN(db::Statement drop, db.Prepare("DELETE FROM exchanges WHERE id <= ?"));
  return drop.Bind(1, db.last_insert_rowid() - kMaxRows).Run();
}

absl::StatusOr<std::vector<Exchange>> Conversations::Latest(uint32_t limit) {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      database_.db().Prepare(
          "SELECT id, time, kind, from_template, texts FROM exchanges ORDER BY id DESC LIMIT ?"));
  select.Bind(1, int64_t{limit});
  std::vector<Exchange> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    LINNET_ASSIGN_OR_RETURN(std::vector<std::string> texts,
                            database_.cipher().OpenTexts(select.Blob(4), kTexts));
    if (texts.size() != 2) return absl::DataLossError("user.db: an exchange's texts are incomplete");
    rows.push_back({select.Int(0), absl::FromUnixMicros(select.Int(1)), static_cast<int>(select.Int(2)),
                    select.Int(3) != 0, std::move(texts[0]), std::move(texts[1])});
  }
}

absl::Status Conversations::Clear() { return database_.db().Execute("DELETE FROM exchanges"); }

}  // namespace linnet::repo
