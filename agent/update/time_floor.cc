#include "agent/update/time_floor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "runtime/base/status_macros.h"
#include "storage/repo/device.h"
#include "storage/trust/metadata.h"

namespace linnet::update {
namespace {

// What two right clocks may differ by.
constexpr absl::Duration kSlack = absl::Hours(1);
constexpr absl::Duration kLeastStep = absl::Minutes(10);
constexpr absl::Duration kWriteEvery = absl::Hours(1);
constexpr absl::Duration kLeastAtTheEnd = absl::Minutes(1);

template <typename T>
std::optional<T> Stored(const trust::TrustStore& store, std::string_view role,
                        absl::StatusOr<T> (*parse)(const trust::Envelope&)) {
  const absl::StatusOr<std::optional<std::string>> bytes = store.Load(role);
  if (!bytes.ok() || !bytes->has_value()) return std::nullopt;
  const absl::StatusOr<trust::Envelope> envelope = trust::Envelope::Parse(**bytes);
  if (!envelope.ok()) return std::nullopt;
  absl::StatusOr<T> parsed = parse(*envelope);
  return parsed.ok() ? std::optional<T>(*std::move(parsed)) : std::nullopt;
}

absl::StatusOr<absl::Time> FloorOf(repo::StateDatabase& state) {
  absl::Time floor;
  LINNET_RETURN_IF_ERROR(state.Read([&]() -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(floor, repo::Device(state.db()).BelievedTime());
    return absl::OkStatus();
  }));
  return floor;
}

absl::Status Raise(repo::StateDatabase& state, absl::Time to) {
  return state.Write([&] { return repo::Device(state.db()).RaiseBelievedTime(to); });
}

}  // namespace

absl::Time OfflineHorizon(const trust::TrustStore& store) {
  const auto root = Stored(store, trust::kRoot, trust::ParseRoot);
  if (!root.has_value()) return absl::InfinitePast();
  const auto targets = Stored(store, trust::kTargets, trust::ParseTargets);
  return targets.has_value() ? std::min(root->expires, targets->expires) : root->expires;
}

absl::Time BoundedEvidence(absl::Time evidence, absl::Time clock, absl::Time floor, absl::Time horizon) {
  const bool clock_may_be_right = clock + kSlack >= floor;
  return std::min(evidence, clock_may_be_right ? clock : horizon);
}

absl::Status LearnTime(repo::StateDatabase& state, const trust::TrustStore& store, absl::Time clock) {
  const auto timestamp = Stored(store, trust::kTimestamp, trust::ParseTimestamp);
  // From before timestamps said it, or of another's repository.
  if (!timestamp.has_value() || !timestamp->created.has_value()) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const absl::Time floor, FloorOf(state));
  const absl::Time evidence = std::min(*timestamp->created, timestamp->expires);
  const absl::Time to = BoundedEvidence(evidence, clock, floor, OfflineHorizon(store));
  return to < floor + kLeastStep ? absl::OkStatus() : Raise(state, to);
}

TimeFloor::TimeFloor(repo::StateDatabase& state, std::function<absl::Duration()> uptime)
    : state_(state), uptime_(std::move(uptime)), since_(uptime_()) {
  if (const absl::StatusOr<absl::Time> floor = FloorOf(state_); floor.ok()) known_ = *floor;
}

absl::Status TimeFloor::MoveOn(bool now) {
  const absl::Duration uptime = uptime_();
  LINNET_ASSIGN_OR_RETURN(const absl::Time stored, FloorOf(state_));
  // Evidence came since the last look; when is not known, so it counts from now.
  if (stored > known_ + (uptime - since_)) {
    known_ = stored;
    since_ = uptime;
  }
  // Nothing was ever proved to this device: then it is not 1970, but unknown.
  if (known_ <= absl::UnixEpoch()) return absl::OkStatus();
  const absl::Time to = known_ + (uptime - since_);
  const absl::Duration least = now ? kLeastAtTheEnd : kWriteEvery;
  return to < stored + least ? absl::OkStatus() : Raise(state_, to);
}

}  // namespace linnet::update
