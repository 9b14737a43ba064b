// A plan's windows: everything up to EVAL goes on outside of them, ACTIVATE waits.
#include <algorithm>

#include "agent/update/plan_check.h"
#include "agent/update/update_driver.h"

namespace linnet::update {
namespace {

// A clock may be set, and a stop or a plan be told, meanwhile.
constexpr absl::Duration kLookAgain = absl::Minutes(1);

}  // namespace

std::optional<absl::Duration> UpdateDriver::WaitsForWindow() {
  // Who brings a stick, or a file, is there and chooses the moment: such attempts do not say a plan's hash.
  if (attempt_->plan_sha256.empty() || attempt_->plan_json.empty()) return std::nullopt;
  const absl::StatusOr<Credentials> credentials = parts_.link.credentials();
  if (!credentials.ok()) return std::nullopt;  // a member no more: nobody's windows
  const absl::Time now = RawNow();
  const WindowVerdict verdict = CheckWindow(attempt_->plan_json, {.device_id = credentials->device_id,
                                                                  .facts = options_.facts,
                                                                  .clock = now,
                                                                  .believed = Now(),
                                                                  .local_zone = options_.local_zone});
  if (verdict.opens <= now) return std::nullopt;
  SetError(verdict.message);
  StandStill();  // a state's deadline is not for what the plan has it wait for
  return std::clamp(std::min(verdict.opens, next_check_) - now, absl::Milliseconds(1), kLookAgain);
}

}  // namespace linnet::update
