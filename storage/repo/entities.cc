#include "storage/repo/entities.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kTexts = "entities.texts";
constexpr std::string_view kSetting = "settings.value";
constexpr std::string_view kOwnRoom = "own-room";

// name, room, number of aliases, aliases, then pairs of state.
std::vector<std::string> TextsOf(const EntityRow& row) {
  std::vector<std::string> texts = {row.name, row.room, std::to_string(row.aliases.size())};
  texts.insert(texts.end(), row.aliases.begin(), row.aliases.end());
  for (const auto& [what, value] : row.state) {
    texts.push_back(what);
    texts.push_back(value);
  }
  return texts;
}

absl::StatusOr<EntityRow> RowOf(int kind, std::vector<std::string> texts) {
  const absl::Status incomplete = absl::DataLossError("user.db: an entity's texts are incomplete");
  if (texts.size() < 3) return incomplete;
  size_t aliases = 0;
  for (const char c : texts[2]) {
    if (c < '0' || c > '9' || aliases > texts.size()) return incomplete;
    aliases = aliases * 10 + static_cast<size_t>(c - '0');
  }
  if (texts.size() < 3 + aliases || (texts.size() - 3 - aliases) % 2 != 0) return incomplete;
  EntityRow row;
  row.kind = kind;
  row.name = std::move(texts[0]);
  row.room = std::move(texts[1]);
  size_t at = 3;
  for (; at < 3 + aliases; ++at) row.aliases.push_back(std::move(texts[at]));
  for (; at + 1 < texts.size(); at += 2) row.state[texts[at]] = texts[at + 1];
  return row;
}

}  // namespace

absl::Status Entities::Replace(const std::vector<EntityRow>& rows, const std::string& own_room) {
  db::Database& db = database_.db();
  LINNET_RETURN_IF_ERROR(db.Execute("DELETE FROM entities"));
  LINNET_ASSIGN_OR_RETURN(db::Statement add,
                          db.Prepare("INSERT INTO entities(position, kind, texts) VALUES(?, ?, ?)"));
  int64_t position = 0;
  for (const EntityRow& row : rows) {
    const std::string texts = database_.cipher().SealTexts(TextsOf(row), kTexts);
    LINNET_RETURN_IF_ERROR(add.Bind(1, position++).Bind(2, int64_t{row.kind}).BindBlob(3, texts).Run());
  }
  LINNET_ASSIGN_OR_RETURN(db::Statement set,
                          db.Prepare("INSERT INTO settings(name, value) VALUES(?, ?) "
                                     "ON CONFLICT(name) DO UPDATE SET value = excluded.value"));
  return set.BindText(1, kOwnRoom).BindBlob(2, database_.cipher().Seal(own_room, kSetting)).Run();
}

absl::StatusOr<std::vector<EntityRow>> Entities::List() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          database_.db().Prepare("SELECT kind, texts FROM entities ORDER BY position"));
  std::vector<EntityRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    LINNET_ASSIGN_OR_RETURN(std::vector<std::string> texts,
                            database_.cipher().OpenTexts(select.Blob(1), kTexts));
    LINNET_ASSIGN_OR_RETURN(EntityRow row, RowOf(static_cast<int>(select.Int(0)), std::move(texts)));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<std::string> Entities::OwnRoom() {
  LINNET_ASSIGN_OR_RETURN(db::Statement select,
                          database_.db().Prepare("SELECT value FROM settings WHERE name = ?"));
  select.BindText(1, kOwnRoom);
  LINNET_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::string();
  return database_.cipher().Open(select.Blob(0), kSetting);
}

}  // namespace linnet::repo
