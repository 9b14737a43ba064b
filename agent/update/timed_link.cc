#include "agent/update/timed_link.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace linnet::update {

absl::Status TimedLink::InTime() {
  const absl::Time now = clock_.Now();
  begun_ = std::min(begun_, now);
  if (now < begun_ + most_) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("the coordinator has not answered everything within ",
                                                  absl::FormatDuration(most_),
                                                  "; this is tried again later"));
}

absl::StatusOr<CheckInAnswer> TimedLink::CheckIn(const CheckInFacts& facts) {
  LINNET_RETURN_IF_ERROR(InTime());
  return link_.CheckIn(facts);
}

absl::Status TimedLink::Report(const OutcomeReport& report) {
  LINNET_RETURN_IF_ERROR(InTime());
  return link_.Report(report);
}

absl::StatusOr<LogAnswer> TimedLink::ShowLog(const LogQuestion& question) {
  LINNET_RETURN_IF_ERROR(InTime());
  return link_.ShowLog(question);
}

absl::StatusOr<std::string> TimedLink::Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) {
  LINNET_RETURN_IF_ERROR(InTime());
  return link_.metadata().Fetch(role, version, max_bytes);
}

absl::Status TimedLink::Fetch(
    const std::vector<std::string>& sha256,
    const std::function<absl::Status(std::string_view sha256, std::string_view data)>& on_chunk) {
  LINNET_RETURN_IF_ERROR(InTime());
  return link_.chunks().Fetch(sha256, on_chunk);
}

}  // namespace linnet::update
