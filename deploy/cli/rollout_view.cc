#include "deploy/cli/rollout_view.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "deploy/cli/table.h"

namespace linnet::cli {

std::string StateName(admin::v1::RolloutState state) {
  std::string name = admin::v1::RolloutState_Name(state);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

bool Ended(admin::v1::RolloutState state) {
  return state == admin::v1::COMPLETED || state == admin::v1::STOPPED || state == admin::v1::HALTED ||
         state == admin::v1::SUPERSEDED || state == admin::v1::ROLLED_BACK;
}

namespace {

// Why a wave is not open yet.
std::string Waits(const admin::v1::Wave& wave) {
  if (wave.open()) return "";
  if (wave.opens_unix_micros() != 0) {
    return absl::StrCat("  (soaks, opens ", HumanTime(wave.opens_unix_micros()), ")");
  }
  if (wave.passes() < wave.passes_needed()) {
    return absl::StrCat("  (waits for passes: ", wave.passes(), " of ", wave.passes_needed(), ")");
  }
  return "  (not open yet)";
}

// Who has begun, and who was never reached.
std::string UnderWay(const admin::v1::Wave& wave) {
  const uint32_t ended = wave.passed() + wave.failed();
  std::string out;
  if (wave.started() > ended) absl::StrAppend(&out, ", ", wave.started() - ended, " under way");
  if (wave.most_in_flight() > 0 && wave.open()) {
    absl::StrAppend(&out, ", ", wave.in_flight(), " of ", wave.most_in_flight(), " at a time");
  }
  if (wave.unreached() > 0) absl::StrAppend(&out, ", ", wave.unreached(), " not reached");
  if (wave.open() && wave.deadline_unix_micros() != 0 && ended < wave.devices()) {
    absl::StrAppend(&out, "; deadline ", HumanTime(wave.deadline_unix_micros()));
  }
  return out;
}

}  // namespace

std::string Picture(const admin::v1::Rollout& r) {
  std::string out = absl::StrCat(
      "rollout ", r.id().substr(0, 8), "  ", r.model_target(), "  ", StateName(r.state()),
      r.why().empty() ? "" : absl::StrCat(" (", r.why(), ")"),
      r.rolls_back().empty() ? "" : absl::StrCat("; takes back ", r.rolls_back().substr(0, 8)), "\n");
  for (const admin::v1::Wave& w : r.waves()) {
    const uint32_t total = std::max<uint32_t>(w.devices(), 1);
    const uint32_t good = std::min<uint32_t>(w.passed() * 24 / total, 24);
    const uint32_t bad = std::min<uint32_t>((w.failed() * 24 + total - 1) / total, 24 - good);
    absl::StrAppend(&out, "  ", w.name(), std::string(w.name().size() < 8 ? 8 - w.name().size() : 1, ' '),
                    "[", std::string(good, '='), std::string(bad, 'x'),
                    std::string(24 - good - bad, w.open() ? '.' : ' '), "] ", w.passed(), " of ", w.devices(),
                    " passed", w.failed() > 0 ? absl::StrCat(", ", w.failed(), " failed") : "", UnderWay(w),
                    Waits(w), "\n");
  }
  if (r.devices_left_out()) {
    uint32_t devices = 0;
    for (const admin::v1::Wave& w : r.waves()) devices += w.devices();
    return absl::StrCat(out, "  ", devices,
                        " devices; `linnet rollout status --devices` has a line for each\n");
  }
  Table table({"  DEVICE", "WAVE", "STATE", "OUTCOME"});
  for (const admin::v1::DeviceProgress& d : r.devices()) {
    const std::string wave =
        static_cast<int>(d.wave()) < r.waves_size() ? r.waves(static_cast<int>(d.wave())).name() : "-";
    table.Add({"  " + d.name(), wave, d.unreached() ? "not reached" : d.state(),
               absl::StrCat(d.outcome(), d.reason().empty() ? "" : absl::StrCat(" (", d.reason(), ")"))});
  }
  return out + table.ToString();
}

}  // namespace linnet::cli
