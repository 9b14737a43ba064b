#ifndef LINNET_COORDINATOR_ROLLOUT_COUNTS_H_
#define LINNET_COORDINATOR_ROLLOUT_COUNTS_H_

#include <cstdint>
#include <vector>

#include "coordinator/cohort.h"
#include "storage/trust/plan.h"

namespace linnet::coordinator {

// Who of the fleet belongs to which wave of one plan, and how many of each wave have reported: counted once,
// then kept up with what happens, because a fleet reports, checks in and is looked at thousands of times
// while a rollout runs. Costs 4 bytes a member. The caller holds FleetDatabase::mutex; the plan and the
// cohort are always the same.
class RolloutCounts {
 public:
  static constexpr int kNoWave = -1;
  struct Wave {
    uint32_t devices = 0;  // members that are not revoked or have reported
    uint32_t passed = 0, failed = 0;
  };

  // Index of the first wave that covers the member, or kNoWave. Hashed once.
  int WaveOf(const trust::Plan& plan, const Cohort::Member& member);
  // The member's latest word.
  void Heard(const Cohort::Member& member, bool passed);
  // Counts who has joined or was revoked since the last time; the first time it hashes the whole fleet. At
  // most so many members; false: there are more.
  bool CatchUp(const trust::Plan& plan, const Cohort& cohort, size_t most = SIZE_MAX);

  // As of the last CatchUp, and of what was heard.
  Wave wave(size_t index) const { return index < waves_.size() ? waves_[index] : Wave{}; }
  uint32_t covered() const;                        // devices of all waves
  uint32_t live() const { return live_; }          // of them not revoked
  uint32_t unreported() const { return silent_; }  // of those the ones that have not reported

 private:
  static constexpr int16_t kUnknown = -2;
  enum class Outcome : uint8_t { kNone, kPassed, kFailed };
  struct Entry {
    int16_t wave = kUnknown;
    bool live = false;
    Outcome outcome = Outcome::kNone;
  };

  Entry& At(uint32_t slot);
  void Count(const Entry& entry, bool add);

  std::vector<Entry> entries_;  // by slot; counted: the first `counted_`
  size_t counted_ = 0;
  uint64_t revocations_ = 0;  // as of when; 0: never
  std::vector<Wave> waves_;
  uint32_t live_ = 0, silent_ = 0;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ROLLOUT_COUNTS_H_
