#ifndef LINNET_AGENT_UPDATE_TIME_FLOOR_H_
#define LINNET_AGENT_UPDATE_TIME_FLOOR_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/repo/state_database.h"
#include "storage/trust/updater.h"

namespace linnet::update {

// The floor under the clock (repo::Device, BelievedTime) lies where it is proved that the time has come. A
// device checks expiry against max(clock, floor), so whoever sets its clock back, or boots it in 1970, makes
// nothing fresh again. What moves it, and how far:
//
//   1 a plan's `created`, and the certificate of an enrolment: people and their token vouch for these
//   2 when a timestamp was signed, and the beginning of a renewed certificate: only the coordinator's keys
//     vouch for these, and a thief of them writes any date. BoundedEvidence says what that is worth
//   3 up-time: an hour after noon it is one o'clock (TimeFloor)
//
// Never the clock: it may be years ahead by mistake, and nothing of that may stay. And no `expires`: how long
// a document holds is its signer's choice, so it says nothing about when that was.

// When the first of the offline roles that `store` trusts (root, top-level targets) expires; InfinitePast:
// there is no root.
absl::Time OfflineHorizon(const trust::TrustStore& store);

// As much of evidence of kind 2 as may be believed. A clock that is not behind the floor bounds it: then the
// thief of the coordinator moves nothing, and who sets clocks needs the other's help. Behind a clock that is
// known to be wrong it counts up to `horizon`: so far the coordinator may hold a device back in any case.
absl::Time BoundedEvidence(absl::Time evidence, absl::Time clock, absl::Time floor, absl::Time horizon);

// After a refresh: raises the floor to when the timestamp in `store` was signed, as far as that counts. Small
// steps are left out, so that new timestamps, however many, do not wear out the flash.
absl::Status LearnTime(repo::StateDatabase& state, const trust::TrustStore& store, absl::Time clock);

// Moves the stored floor on by the up-time of this process. Always behind the truth, by less than an hour of
// up-time and by all the time that the device was off. Not thread-safe.
class TimeFloor {
 public:
  // `uptime`: base::Uptime, where no test says otherwise.
  TimeFloor(repo::StateDatabase& state, std::function<absl::Duration()> uptime);
  // To be called often: a look at the row, and one write an hour. With `now`, when the process ends: what a
  // minute at least has added since. Errors: the database's; the next call makes up for it.
  absl::Status MoveOn(bool now = false);

 private:
  repo::StateDatabase& state_;
  const std::function<absl::Duration()> uptime_;
  absl::Time known_ = absl::InfinitePast();  // the floor, when
  absl::Duration since_;                     // the machine had run so long
};

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_TIME_FLOOR_H_
