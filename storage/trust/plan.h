#ifndef LINNET_STORAGE_TRUST_PLAN_H_
#define LINNET_STORAGE_TRUST_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/wave_filter.h"
#include "storage/trust/wave_window.h"

namespace linnet::trust {

struct PlanWave {
  std::string name;                  // "canary", "all"
  std::vector<std::string> devices;  // 32 hex digits each: exactly these; empty: by bucket
  // Device -> SHA-256 of its public key (SubjectPublicKeyInfo), 64 hex digits. Who may certify a key for an
  // id is online; whose pass later waves rely on is said here.
  std::map<std::string, std::string, std::less<>> keys;
  uint32_t until_bucket = 10000;  // devices with bucket < this (of 10,000), when `devices` is empty
  uint32_t passes_needed = 0;     // receipts of earlier waves' devices that a device of this wave must see
  absl::Duration soak;            // after the last of those passes

  // Each device keeps to these itself.
  WaveFilter filter;  // of the devices above, those that it fits; the others may be in a later wave
  std::vector<WaveWindow> windows;  // it activates in one of these only; empty: at any time

  // The coordinator counts by these, and no device can check them. Shares are of the devices that *started*:
  // a silent one is neither a success nor a failure.
  uint32_t least_success_ppm = 0;         // passed, for the next wave to open and for the wave to end well
  uint32_t most_failure_ppm = kAllPpm;    // failed; above it the rollout halts
  uint32_t least_reports = 0;             // of devices that ended, before a share is judged
  uint32_t most_unreached_ppm = kAllPpm;  // of the devices covered: never started, at the deadline
  uint32_t most_in_flight = 0;            // told of the plan, and not at its end; 0: any number
  absl::Duration deadline;  // since it opened: then what has not reported is waited for no more; 0: none
};

// A rollout plan: a JSON target under "plans/", signed by the plans role. Integers and strings only.
//
// "linnet-plan-1" is what the first release reads. A plan with a filter or a window is "linnet-plan-2", which
// it refuses: it would have gone where, or when, the plan says not to. What only the coordinator counts by
// is a member more of either. Members that are not known are refused.
struct Plan {
  std::string id;            // 32 hex digits
  std::string model_target;  // TUF path of the model
  std::string model_sha256;  // 32 bytes
  uint64_t release_counter = 0;
  std::vector<PlanWave> waves;      // in order; a device belongs to the first that names or covers it
  absl::Duration confirm_time;      // up-time on trial before COMMIT
  uint32_t confirm_inferences = 0;  // or self-checks, on an idle device
  uint32_t most_failures = 1;       // the coordinator halts at this many
  absl::Time created, expires;
  std::string rolls_back;  // id of the plan that this one takes back; empty: none

  std::string ToJson() const;  // canonical
  // DataLoss names the field that is missing or wrong.
  static absl::StatusOr<Plan> FromJson(std::string_view json);
  // SHA-256(plan id || device id) mod 10,000.
  uint32_t BucketOf(std::string_view device_id) const;
  // Index into waves; NotFound when no wave covers the device. `device_id`: 16 bytes. By id and bucket alone,
  // as who knows nothing else of a device sees it (its receipt): its own wave is this one, or a later one.
  absl::StatusOr<size_t> WaveOf(std::string_view device_id) const;
  // The same with filters. FailedPrecondition: waves cover it, but it is not what they are for; says why.
  // `unknown_fits`: what a filter asks and `facts` do not know. A device says false; who counts, true.
  absl::StatusOr<size_t> WaveOf(std::string_view device_id, const DeviceFacts& facts,
                                bool unknown_fits) const;
  bool HasFilters() const;
  // Devices that the plan names before wave `wave`: whose receipts count.
  std::vector<std::string> NamedBefore(size_t wave) const;
  // Is this public key (SHA-256, 32 bytes) the one that the plan pins for a device it names? Without a pin:
  // no key is.
  bool Pins(std::string_view device_id, std::string_view key_sha256) const;
  // FailedPrecondition: a wave needs passes of devices that the plan names without their keys, so nobody's
  // pass would count. For who signs or starts a plan; one that was signed before there were pins still
  // parses.
  absl::Status CheckPinned() const;
};

// Says that a rollout which was paused or has halted may go on: a JSON target under "plans/", signed by the
// plans role. The coordinator asks for it so that whoever holds an operator's certificate alone can only make
// devices do less. Devices need none: they check the plan.
struct Lift {
  std::string rollout;         // the plan's id, 32 hex digits
  std::string plan_sha256;     // 32 bytes
  uint64_t number = 0;         // 1, 2, ...: the n-th lift of this rollout works once, and in order
  uint32_t most_failures = 0;  // the rollout halts at this many from now on; 0: as before
  absl::Time created, expires;

  // "plans/<rollout>.lift-<number>-<created>.json": signing may be tried again where publishing failed.
  std::string Target() const;
  std::string ToJson() const;  // canonical
  // DataLoss names the field that is missing or wrong.
  static absl::StatusOr<Lift> FromJson(std::string_view json);
};

// The bytes that a device signs to say how an update went (fleet.proto, Receipt).
std::string ReceiptMessage(std::string_view device_id, std::string_view plan_sha256,
                           std::string_view model_sha256, uint8_t outcome, uint64_t counter);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_PLAN_H_
