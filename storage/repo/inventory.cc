#include "storage/repo/inventory.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::repo {
namespace {

constexpr std::string_view kTexts = "inventory.texts";

}  // namespace

absl::Status Inventory::Replace(const std::vector<InventoryRow>& rows) {
  db::Database& db = database_.db();
  LINNET_RETURN_IF_ERROR(db.Execute("DELETE FROM inventory"));
  LINNET_ASSIGN_OR_RETURN(
      db::Statement add,
      db.Prepare("INSERT INTO inventory(position, quantity, use_by, texts) VALUES(?, ?, ?, ?)"));
  int64_t position = 0;
  for (const InventoryRow& row : rows) {
    const std::string texts = database_.cipher().SealTexts({row.name, row.unit}, kTexts);
    add.Bind(1, position++).Bind(2, row.quantity);
    if (row.use_by) {
      add.Bind(3, absl::ToUnixMicros(*row.use_by));
    } else {
      add.BindNull(3);
    }
    LINNET_RETURN_IF_ERROR(add.BindBlob(4, texts).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<InventoryRow>> Inventory::List() {
  LINNET_ASSIGN_OR_RETURN(
      db::Statement select,
      database_.db().Prepare("SELECT quantity, use_by, texts FROM inventory ORDER BY position"));
  std::vector<InventoryRow> rows;
  while (true) {
    LINNET_ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return rows;
    LINNET_ASSIGN_OR_RETURN(std::vector<std::string> texts,
                            database_.cipher().OpenTexts(select.Blob(2), kTexts));
    if (texts.size() != 2) return absl::DataLossError("user.db: an inventory item's texts are incomplete");
    InventoryRow row{std::move(texts[0]), select.Double(0), std::move(texts[1]), std::nullopt};
    if (!select.IsNull(1)) row.use_by = absl::FromUnixMicros(select.Int(1));
    rows.push_back(std::move(row));
  }
}

}  // namespace linnet::repo
