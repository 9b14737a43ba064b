#include "tests/fuzz/database_rows.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::testing {

DatabaseRows::DatabaseRows(const std::string& path, const std::set<std::string>& except) {
  auto opened = db::Database::Open(path, db::Durability::kNormal);
  LINNET_CHECK(opened.ok());
  db_ = *std::move(opened);
  // For each table the statement that writes its rows as text.
  auto names = db_->Prepare(
      "SELECT name, (SELECT group_concat('quote(\"' || c.name || '\")', '||'',''||') FROM "
      "pragma_table_info(t.name) c) FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
      "ORDER BY name");
  LINNET_CHECK(names.ok());
  while (*names->Step()) {
    const std::string name(names->Text(0));
    if (except.count(name) != 0) continue;
    auto rows = db_->Prepare(absl::StrCat("SELECT ", std::string(names->Text(1)), " FROM \"", name, "\""));
    LINNET_CHECK(rows.ok());
    tables_.push_back(*std::move(rows));
  }
  LINNET_CHECK(!tables_.empty());
}

std::string DatabaseRows::Hash() {
  base::Sha256Hasher hasher;
  for (db::Statement& table : tables_) {
    hasher.Update(base::AsBytes("table"));
    while (*table.Step()) hasher.Update(base::AsBytes(table.Text(0)));
  }
  const auto digest = hasher.Finish();
  return std::string(base::AsView(digest));
}

std::string FilesBelow(const std::string& folder) {
  std::set<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file() || path.find(".db") != std::string::npos) continue;
    lines.insert(absl::StrCat(path, " ", entry.file_size(), "\n"));
  }
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

}  // namespace linnet::testing
