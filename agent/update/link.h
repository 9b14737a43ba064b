#ifndef LINNET_AGENT_UPDATE_LINK_H_
#define LINNET_AGENT_UPDATE_LINK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/update/update_machine.h"
#include "runtime/base/keys.h"
#include "runtime/base/x509.h"
#include "storage/audit/published.h"
#include "storage/chunks/chunk_store.h"
#include "storage/trust/updater.h"

namespace linnet::update {

// Numbers are fleet.proto's.
enum class Outcome : uint8_t { kNone = 0, kPassed = 1, kFailed = 2, kRolledBack = 3 };
enum class Reason : uint8_t {
  kNone = 1,
  kBadSignature = 2,
  kExpired = 3,
  kHashMismatch = 4,
  kNoSpace = 5,
  kWillNotLoad = 6,
  kSelfCheckFailed = 7,
  kCrashed = 8,
  kTimedOut = 9,
  kNotForThisDevice = 10,
  kOlderRelease = 11,
  kStopped = 12,
  kDownloadFailed = 13,
  kUnsignedTarget = 14,
  kNotPacked = 15,
  kSplitView = 16,
};

// "This device ran that model under that plan, with this outcome" (fleet.proto, Receipt).
struct Receipt {
  std::string device_id;     // 16 bytes
  std::string plan_sha256;   // 32 bytes
  std::string model_sha256;  // 32 bytes
  Outcome outcome = Outcome::kNone;
  uint64_t counter = 0;
  std::string signature;                       // 64 bytes
  std::vector<std::string> certificate_chain;  // DER, leaf first
};

struct CheckInFacts {
  State state = State::kIdle;
  std::string model_sha256;  // empty: none
  uint64_t release_counter = 0;
  uint64_t free_flash_bytes = 0;
};

struct CheckInAnswer {
  uint64_t timestamp_version = 0;
  std::string plan;  // target path; a hint
  bool stop = false;
  absl::Duration next_check;  // zero: as the device likes
  std::vector<Receipt> receipts;
  uint64_t log_size = 0;  // of the log of what was published; 0: it keeps none
};

// What the coordinator's log is asked (fleet.proto, GetLogProof).
struct LogQuestion {
  std::vector<uint64_t> old_sizes;
  uint64_t timestamp_version = 0, snapshot_version = 0;
};
struct LogInclusion {
  uint64_t index = 0;
  audit::Proof proof;
};
struct LogAnswer {
  audit::LogHead head;
  std::vector<audit::Proof> grown;  // from each old size, in order
  LogInclusion timestamp, snapshot;
};

struct OutcomeReport {
  uint64_t attempt = 0;
  uint32_t sequence = 0;
  State state = State::kIdle;
  Reason reason = Reason::kNone;
  std::optional<Receipt> receipt;  // at the end
};

// What makes this device a member of its fleet.
struct Credentials {
  std::string device_id;  // 16 bytes
  base::Certificate fleet_root;
  std::vector<base::Certificate> chain;  // leaf first
  base::PrivateKey key;
};

// The way to a coordinator, as the update machine sees it: gRPC in the product, a folder or a liar in tests.
// Nothing that comes over it is believed. Unavailable, DeadlineExceeded: try later.
class Link {
 public:
  virtual ~Link() = default;
  virtual absl::StatusOr<Credentials> credentials() = 0;  // FailedPrecondition: not enrolled
  virtual absl::StatusOr<CheckInAnswer> CheckIn(const CheckInFacts& facts) = 0;
  virtual absl::Status Report(const OutcomeReport& report) = 0;
  // Asked only where a check-in said that there is a log.
  virtual absl::StatusOr<LogAnswer> ShowLog(const LogQuestion& /*question*/) {
    return absl::UnimplementedError("there is no log here");
  }
  virtual trust::MetadataFetcher& metadata() = 0;
  virtual chunks::ChunkSource& chunks() = 0;
  // Of this file, until the next call; perhaps from others than the coordinator.
  virtual chunks::ChunkSource& ChunksOf(std::string_view /*file_sha256*/) { return chunks(); }
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_LINK_H_
