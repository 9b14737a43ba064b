#ifndef LINNET_STORAGE_REPO_TOKENS_H_
#define LINNET_STORAGE_REPO_TOKENS_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct TokenRow {
  std::string id;      // 8 bytes
  std::string secret;  // 32 bytes
  std::string device_name;
  absl::Time expires;
  std::string public_key;  // that it is bound to; empty: unused
};

// One-time enrolment tokens. One thread at a time; the caller holds the transaction.
class Tokens {
 public:
  explicit Tokens(db::Database& db) : db_(db) {}

  absl::Status Add(const TokenRow& token);
  absl::StatusOr<std::optional<TokenRow>> Find(std::string_view id);
  absl::Status Bind(std::string_view id, std::string_view public_key);
  absl::Status DeleteExpired(absl::Time now);  // with their secrets

 private:
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_TOKENS_H_
