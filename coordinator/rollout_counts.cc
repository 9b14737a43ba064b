#include "coordinator/rollout_counts.h"

#include <algorithm>

namespace linnet::coordinator {

RolloutCounts::Entry& RolloutCounts::At(uint32_t slot) {
  if (slot >= entries_.size()) entries_.resize(std::max<size_t>(slot + 1, entries_.size() * 2));
  return entries_[slot];
}

int RolloutCounts::WaveOf(const trust::Plan& plan, const Cohort::Member& member) {
  Entry& entry = At(member.slot);
  if (entry.wave == kUnknown) {
    const absl::StatusOr<size_t> wave = plan.WaveOf(member.row.id);
    entry.wave = wave.ok() ? static_cast<int16_t>(*wave) : static_cast<int16_t>(kNoWave);
  }
  return entry.wave;
}

void RolloutCounts::Count(const Entry& entry, bool add) {
  if (entry.wave < 0) return;
  const uint32_t by = add ? 1 : -1U;
  const bool heard = entry.outcome != Outcome::kNone;
  Wave& wave = waves_[static_cast<size_t>(entry.wave)];
  if (entry.live || heard) wave.devices += by;
  if (entry.outcome == Outcome::kPassed) wave.passed += by;
  if (entry.outcome == Outcome::kFailed) wave.failed += by;
  if (!entry.live) return;
  live_ += by;
  if (!heard) silent_ += by;
}

void RolloutCounts::Heard(const Cohort::Member& member, bool passed) {
  Entry& entry = At(member.slot);
  const bool counted = member.slot < counted_;
  if (counted) Count(entry, false);
  entry.outcome = passed ? Outcome::kPassed : Outcome::kFailed;
  if (counted) Count(entry, true);
}

bool RolloutCounts::CatchUp(const trust::Plan& plan, const Cohort& cohort, size_t most) {
  if (revocations_ !=
      cohort.revocations()) {  // anybody may have gone: from the beginning, with what is hashed
    revocations_ = cohort.revocations();
    counted_ = 0;
    live_ = silent_ = 0;
    waves_.assign(plan.waves.size(), Wave{});
  }
  const auto& members = cohort.by_slot();
  const size_t end = counted_ + std::min(most, members.size() - counted_);
  for (; counted_ < end; ++counted_) {
    const Cohort::Member* member = members[counted_];
    if (member == nullptr) continue;
    WaveOf(plan, *member);
    Entry& entry = entries_[counted_];
    entry.live = !member->row.revoked;
    Count(entry, true);
  }
  return counted_ == members.size();
}

uint32_t RolloutCounts::covered() const {
  uint32_t devices = 0;
  for (const Wave& wave : waves_) devices += wave.devices;
  return devices;
}

}  // namespace linnet::coordinator
