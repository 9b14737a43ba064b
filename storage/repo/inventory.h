#ifndef LINNET_STORAGE_REPO_INVENTORY_H_
#define LINNET_STORAGE_REPO_INVENTORY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/repo/user_database.h"

namespace linnet::repo {

struct InventoryRow {
  std::string name;
  double quantity = 0;
  std::string unit;
  std::optional<absl::Time> use_by;
};

// What is in stock. Inside UserDatabase::Write or Read only.
class Inventory {
 public:
  explicit Inventory(UserDatabase& database) : database_(database) {}
  absl::Status Replace(const std::vector<InventoryRow>& rows);
  absl::StatusOr<std::vector<InventoryRow>> List();

 private:
  UserDatabase& database_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_INVENTORY_H_
