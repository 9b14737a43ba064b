#ifndef LINNET_TESTS_FUZZ_DATABASE_ROWS_H_
#define LINNET_TESTS_FUZZ_DATABASE_ROWS_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/db/database.h"

namespace linnet::testing {

// All that a database holds, looked at from a connection of its own: did a call change anything?
class DatabaseRows {
 public:
  // `except`: tables that may change at any time.
  explicit DatabaseRows(const std::string& path, const std::set<std::string>& except = {});
  // A hash over all rows.
  std::string Hash();

 private:
  std::unique_ptr<db::Database> db_;
  std::vector<db::Statement> tables_;
};

// Names and sizes of all files below a folder but those of databases, a line each, in order.
std::string FilesBelow(const std::string& folder);

}  // namespace linnet::testing

#endif  // LINNET_TESTS_FUZZ_DATABASE_ROWS_H_
