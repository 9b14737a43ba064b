#ifndef LINNET_AGENT_UPDATE_PLAN_CHECK_H_
#define LINNET_AGENT_UPDATE_PLAN_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/update/link.h"
#include "agent/update/revocations.h"
#include "agent/update/update_machine.h"
#include "storage/repo/state_database.h"
#include "storage/repo/update_journal.h"
#include "storage/trust/plan.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/updater.h"

namespace linnet::update {

// What a device itself checks before it follows a plan, in this order. The coordinator only says which plan
// to look at; that it exists, what it says and that others passed it is signed by others.
//
//   1 the plan is a signed target under plans/, well formed, under its own id, not expired
//   2 it has not ended here before
//   3 one of its waves is ours: by id or bucket, and by its filter, which we ask of ourselves
//   4 enough devices of earlier waves passed it (their signatures, by pinned keys; none of a revoked device),
//     and that has soaked
//   5 its model, the model's chunk index and its suite are signed targets, and all agree on hash, length and
//     release
//   6 the release is above the floor, and the model did not fail here under this plan
struct PlanVerdict {
  Event event = Event::kNothing;  // kNothing, kAccepted, kPresent or kRefused
  Reason reason = Reason::kNone;
  std::string message;  // for people: why nothing, why refused
  // Nothing yet, but then: the soak of our wave ends.
  absl::Time again = absl::InfiniteFuture();
  repo::UpdateAttempt attempt = {};  // to save, unless kNothing
};

struct PlanContext {
  trust::Updater& updater;  // refreshed
  Link& link;
  repo::StateDatabase& state;
  std::string device_id;                // 16 bytes
  const base::Certificate* fleet_root;  // null: not enrolled, so receipts of other devices count for nothing
  absl::Time now;                       // max(clock, last believed)
  absl::Time uptime;                    // the clock as it is: for soaking only
  const Revocations* revocations = nullptr;  // whose receipts do not count
  absl::Time timestamp_expires;              // of what was refreshed: the end of what it says about the time
  trust::DeviceFacts facts;                  // of this device; what is not known fits no filter
  std::string damaged = {};  // a model that rotted here: the plan that brought it may bring it again
};
// Of the trusted timestamp in `store`, and of the offline roles above it, whichever is first; InfinitePast:
// there is none.
absl::Time TimestampExpires(const trust::TrustStore& store);

// Errors: could not decide (network, disk): try again later.
absl::StatusOr<PlanVerdict> CheckPlan(const PlanContext& context, const CheckInAnswer& answer);

// When the plan of an attempt lets this device activate: at once (a time that is over), in the next window of
// its wave, or at InfiniteFuture where windows are said and the time of day is not known.
struct WindowVerdict {
  absl::Time opens = absl::InfinitePast();
  std::string message;  // for people, while it is not open
};
struct WindowContext {
  std::string device_id;     // 16 bytes
  trust::DeviceFacts facts;  // of this device
  absl::Time clock;          // as it is
  absl::Time believed;       // what it was at least, however the clock stands
  absl::TimeZone local_zone;
};
WindowVerdict CheckWindow(std::string_view plan_json, const WindowContext& context);

// A signed target's small content, by hash from `source`; at most `most` bytes. DataLoss: wrong bytes.
absl::StatusOr<std::string> FetchSmall(chunks::ChunkSource& source, const trust::TargetInfo& target,
                                       uint64_t most);

// What the models role says about a model beside its hash (its `custom`). DataLoss when it lacks the release.
struct ModelFacts {
  uint64_t release_counter = 0;
  std::string license;
  std::optional<trust::SuiteRule> suite;
};
absl::StatusOr<ModelFacts> FactsOf(const trust::TargetInfo& target);

// The suite that was signed with a model, for its attempt; empty without one. Unauthenticated: no models key
// signed it as it is named. Else the errors of FetchSmall: where it cannot be had, the model is not run.
absl::StatusOr<std::string> FetchSuite(trust::Updater& updater, trust::MetadataFetcher& metadata,
                                       chunks::ChunkSource& source, const trust::TargetInfo& model,
                                       const ModelFacts& facts);

// FailedPrecondition unless the file begins as a packed model: a device parses no GGUF that came over the
// network or on a stick, signed or not. Whether the pack is sound is the probe's to say. `name`: begins the
// message, if it is not empty.
absl::Status CheckIsPacked(base::FileSystem& fs, const std::string& path, std::string_view name);

// kRefused with kOlderRelease or kSelfCheckFailed (quarantined), or kAccepted.
absl::StatusOr<PlanVerdict> CheckMayRun(repo::StateDatabase& state, const trust::TargetInfo& model,
                                        const ModelFacts& facts, std::string_view plan_sha256);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_PLAN_CHECK_H_
