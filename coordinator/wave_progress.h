#ifndef LINNET_COORDINATOR_WAVE_PROGRESS_H_
#define LINNET_COORDINATOR_WAVE_PROGRESS_H_

#include <cstdint>
#include <string>

#include "storage/trust/plan.h"

namespace linnet::coordinator {

// How far the devices of one wave are. Shares are of those that started: a device that is silent counts
// neither way until the wave's deadline, and then as unreached, which has a limit of its own.
struct WaveCounts {
  uint32_t covered = 0;  // members that are not revoked and that the wave is for, by what is heard of them
  uint32_t started = 0;  // of these: began, or ended at once
  uint32_t passed = 0, failed = 0;

  uint32_t finished() const { return passed + failed; }
  uint32_t unreached() const { return covered - started; }
  // Failures that a signed lift forgave: they count by that lift's own number, and in no share.
  WaveCounts WithoutFailures() const { return {covered - failed, started - failed, passed, 0}; }
};

// "wave all: 3 of 40 that started failed, more than 5 %"; empty: not too many. Pure, as are the others.
std::string TooManyFailures(const trust::PlanWave& wave, const WaveCounts& counts);
// So many of those that started must pass.
uint32_t PassesForSuccess(const trust::PlanWave& wave, const WaveCounts& counts);
// Which threshold the wave falls short of when nothing more is expected of it now: all that it covers have
// reported, or it is `late`, past its deadline. Empty: none.
std::string Missed(const trust::PlanWave& wave, const WaveCounts& counts, bool late);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_WAVE_PROGRESS_H_
