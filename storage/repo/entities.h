#ifndef LINNET_STORAGE_REPO_ENTITIES_H_
#define LINNET_STORAGE_REPO_ENTITIES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/repo/user_database.h"

namespace linnet::repo {

struct EntityRow {
  int kind = 0;  // as in agent/answer/intent.h
  std::string name, room;
  std::vector<std::string> aliases;
  std::map<std::string, std::string> state;  // "light" -> "on"
};

// The rooms and devices that exist here. Inside UserDatabase::Write or Read only.
class Entities {
 public:
  explicit Entities(UserDatabase& database) : database_(database) {}
  absl::Status Replace(const std::vector<EntityRow>& rows, const std::string& own_room);
  absl::StatusOr<std::vector<EntityRow>> List();
  absl::StatusOr<std::string> OwnRoom();  // empty when none was set

 private:
  UserDatabase& database_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_ENTITIES_H_
