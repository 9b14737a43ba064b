#ifndef LINNET_STORAGE_REPO_USER_MIGRATIONS_H_
#define LINNET_STORAGE_REPO_USER_MIGRATIONS_H_

#include <vector>

#include "storage/db/database.h"

namespace linnet::repo {

// The schema of user.db, step by step. A step is never edited after a release; the binary before it must
// still read the result (rollouts roll back), so steps only add.
std::vector<db::Migration> UserMigrations();

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_USER_MIGRATIONS_H_
