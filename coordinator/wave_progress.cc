#include "coordinator/wave_progress.h"

#include "absl/strings/str_cat.h"

namespace linnet::coordinator {
namespace {

std::string Percent(uint32_t ppm) { return absl::StrCat(static_cast<double>(ppm) / 10'000, " %"); }

// part / whole > ppm / 1,000,000, without rounding.
bool Above(uint32_t part, uint32_t whole, uint32_t ppm) {
  return uint64_t{part} * trust::kAllPpm > uint64_t{whole} * ppm;
}

}  // namespace

std::string TooManyFailures(const trust::PlanWave& wave, const WaveCounts& counts) {
  if (wave.most_failure_ppm >= trust::kAllPpm || counts.finished() < wave.least_reports ||
      !Above(counts.failed, counts.started, wave.most_failure_ppm)) {
    return "";
  }
  return absl::StrCat("wave ", wave.name, ": ", counts.failed, " of ", counts.started,
                      " that started failed, more than ", Percent(wave.most_failure_ppm));
}

uint32_t PassesForSuccess(const trust::PlanWave& wave, const WaveCounts& counts) {
  const uint64_t parts = uint64_t{counts.started} * wave.least_success_ppm;
  return static_cast<uint32_t>((parts + trust::kAllPpm - 1) / trust::kAllPpm);
}

std::string Missed(const trust::PlanWave& wave, const WaveCounts& counts, bool late) {
  const std::string name = absl::StrCat("wave ", wave.name, ": ");
  if (wave.least_success_ppm > 0) {
    if (late && counts.started == 0) {
      return absl::StrCat(name, "none of its ", counts.covered, " devices started before its deadline");
    }
    if (late && counts.finished() < wave.least_reports) {
      return absl::StrCat(name, counts.finished(), " of ", wave.least_reports,
                          " devices reported before its deadline");
    }
    if (counts.finished() >= wave.least_reports && counts.passed < PassesForSuccess(wave, counts)) {
      return absl::StrCat(name, counts.passed, " of ", counts.started, " that started passed, less than ",
                          Percent(wave.least_success_ppm));
    }
  }
  if (late && Above(counts.unreached(), counts.covered, wave.most_unreached_ppm)) {
    return absl::StrCat(name, counts.unreached(), " of ", counts.covered,
                        " devices were not reached before its deadline, more than ",
                        Percent(wave.most_unreached_ppm));
  }
  return "";
}

}  // namespace linnet::coordinator
