#ifndef LINNET_STORAGE_AUDIT_CHAIN_H_
#define LINNET_STORAGE_AUDIT_CHAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace linnet::audit {

struct Entry {
  uint64_t id = 0;  // 1, 2, 3, ...
  absl::Time time;  // whole microseconds
  std::string actor, action, subject;
  std::string hash;  // HashOf(hash of the entry before, this entry); 32 bytes
};

// SHA-256 over previous || id || time || actor || action || subject; numbers in 8 bytes, big-endian, texts
// with their length in front. `previous` is empty for the first entry. `entry.hash` is not looked at.
std::string HashOf(std::string_view previous, const Entry& entry);

// The newest entry that somebody saw: who keeps it knows later that nothing up to there was changed.
struct Head {
  uint64_t id = 0;   // 0: no entry yet
  std::string hash;  // 32 bytes; empty: no entry yet

  std::string ToString() const;  // "17:9f86d0…", 64 hex digits; "0:" when there is none
  // InvalidArgument: not of that form.
  static absl::StatusOr<Head> Parse(std::string_view text);
};

// Goes through a log from its first entry to its last. Pure. The first error is the first broken link.
class Walk {
 public:
  explicit Walk(std::optional<Head> kept = std::nullopt) : kept_(std::move(kept)) {}

  // DataLoss: an entry is missing, twice or out of order; was changed; or is not the one that was kept.
  absl::Status Next(const Entry& entry);
  // Behind the last entry. DataLoss: the log ends before the head that was kept.
  absl::Status End() const;
  const Head& head() const { return head_; }

 private:
  const std::optional<Head> kept_;
  Head head_;
};

}  // namespace linnet::audit

#endif  // LINNET_STORAGE_AUDIT_CHAIN_H_
