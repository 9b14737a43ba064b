#ifndef LINNET_STORAGE_REPO_ROLLOUTS_H_
#define LINNET_STORAGE_REPO_ROLLOUTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/db/database.h"

namespace linnet::repo {

struct RolloutRow {
  std::string id;           // the plan's id, 32 hex digits
  std::string plan;         // target path
  std::string plan_sha256;  // 32 bytes
  std::string plan_json;    // as signed
  int state = 0;            // rollout_machine.h
  absl::Time started, changed;
  std::string why;
  uint64_t lifts = 0;                    // signed lifts that were used
  uint32_t most_failures = 0;            // what the last lift allows; 0: what the plan does
  absl::Time lifted;                     // when the last one was used; 1970: none
  std::vector<absl::Time> waves_opened;  // of waves 0, 1, ...: those that are open
  std::vector<absl::Time> waves_closed;  // of the same: when the deadline was found to be over; 1970: not yet
};

// One device's turn in a rollout: a row since it was told of the plan.
struct TurnRow {
  std::string device;  // 16 bytes
  uint32_t wave = 0;
  absl::Time told, started;  // started: 1970: not yet
};

struct ReceiptRow {
  std::string device;  // 16 bytes
  uint64_t attempt = 0;
  uint32_t sequence = 0;
  int outcome = 0;  // fleet.proto, Outcome
  int reason = 0;   // fleet.proto, Reason
  uint64_t counter = 0;
  std::string signature, leaf, intermediate;
  absl::Time received;
};

// Rollouts, which of their waves are open, and what devices said about them. One thread at a time; the caller
// holds the transaction.
class Rollouts {
 public:
  explicit Rollouts(db::Database& db) : db_(db) {}

  absl::StatusOr<std::vector<RolloutRow>> All();  // oldest first
  absl::Status Add(const RolloutRow& rollout);
  absl::Status SetState(std::string_view id, int state, absl::Time changed, std::string_view why);
  absl::Status SetLift(std::string_view id, uint64_t number, uint32_t most_failures, absl::Time when);
  absl::Status OpenWave(std::string_view id, size_t wave, absl::Time when);
  absl::Status CloseWave(std::string_view id, size_t wave, absl::Time when);
  absl::StatusOr<std::vector<TurnRow>> TurnsOf(std::string_view id);
  absl::Status PutTurn(std::string_view id, const TurnRow& turn);  // replaces the device's older one
  absl::StatusOr<std::vector<ReceiptRow>> ReceiptsOf(std::string_view id);
  absl::Status PutReceipt(std::string_view id, const ReceiptRow& receipt);  // replaces the device's older one

 private:
  db::Database& db_;
};

}  // namespace linnet::repo

#endif  // LINNET_STORAGE_REPO_ROLLOUTS_H_
