#ifndef LINNET_STORAGE_REPO_CONVERSATIONS_H_
#define LINNET_STORAGE_REPO_CONVERSATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/repo/user_database.h"

namespace linnet::repo {

// A question and the answer that was given.
struct Exchange {
  int64_t id = 0;
  absl::Time time;
  int kind = 0;  // as in agent/answer/ask.h
  bool from_template = false;
  std::string question, answer;
};

// The last questions and answers of a device. Inside UserDatabase::Write or Read only.
class Conversations {
 public:
  static constexpr int64_t kMaxRows = 1'000;

  explicit Conversations(UserDatabase& database) : database_(database) {}
  absl::Status Add(const Exchange& exchange);                    // drops the oldest above kMaxRows
  absl::StatusOr<std::vector<Exchange>> Latest(uint32_t limit);  // newest first
  absl::Status Clear();

 private:
  UserDatabase& database_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_CONVERSATIONS_H_
