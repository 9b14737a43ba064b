#include "storage/trust/plan.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/json_fields.h"

namespace linnet::trust {
namespace {

constexpr size_t kMaxPlanBytes = 1 << 20;
constexpr size_t kMaxWaves = 64;
constexpr size_t kMaxWindows = 16;
constexpr int64_t kBuckets = 10000;
constexpr int64_t kMostDevices = 1'000'000'000;
constexpr int64_t kMost32 = std::numeric_limits<uint32_t>::max();
// Ten years, in seconds: longer is a mistake, and sums of times stay far from overflow.
constexpr int64_t kMaxSeconds = int64_t{10} * 366 * 86400;

absl::Status ReadTimes(const Fields& fields, absl::Time& created, absl::Time& expires) {
  constexpr int64_t kYear9999 = 253402300799;  // what TUF's own dates can say
  LINNET_ASSIGN_OR_RETURN(const int64_t from, fields.Integer("created", 0, kYear9999));
  LINNET_ASSIGN_OR_RETURN(const int64_t to, fields.Integer("expires", from + 1, kYear9999));
  created = absl::FromUnixSeconds(from);
  expires = absl::FromUnixSeconds(to);
  return absl::OkStatus();
}

// A number, or `absent` where nothing is said: so each plan has one form only.
absl::StatusOr<uint32_t> Optional(const Json& json, const Fields& fields, std::string_view name,
                                  int64_t least, int64_t most, uint32_t absent) {
  if (json.Find(name) == nullptr) return absent;
  LINNET_ASSIGN_OR_RETURN(const int64_t value, fields.Integer(name, least, most));
  return static_cast<uint32_t>(value);
}

absl::Status ReadThresholds(const Json& json, const Fields& fields, const std::string& where,
                            PlanWave& wave) {
  LINNET_ASSIGN_OR_RETURN(wave.least_success_ppm, Optional(json, fields, "least_success_ppm", 1, kAllPpm, 0));
  LINNET_ASSIGN_OR_RETURN(wave.most_failure_ppm,
                          Optional(json, fields, "most_failure_ppm", 0, kAllPpm - 1, kAllPpm));
  LINNET_ASSIGN_OR_RETURN(wave.least_reports, Optional(json, fields, "least_reports", 1, kMostDevices, 0));
  if (wave.least_reports > 0 && wave.least_success_ppm == 0 && wave.most_failure_ppm == kAllPpm) {
    return BadField(where, "\"least_reports\" without a share of successes or failures means nothing");
  }
  LINNET_ASSIGN_OR_RETURN(wave.most_unreached_ppm,
                          Optional(json, fields, "most_unreached_ppm", 0, kAllPpm - 1, kAllPpm));
  LINNET_ASSIGN_OR_RETURN(wave.most_in_flight, Optional(json, fields, "most_in_flight", 1, kMostDevices, 0));
  LINNET_ASSIGN_OR_RETURN(const uint32_t deadline,
                          Optional(json, fields, "deadline_seconds", 1, kMaxSeconds, 0));
  wave.deadline = absl::Seconds(deadline);
  if (wave.most_unreached_ppm < kAllPpm && deadline == 0) {
    return BadField(where,
                    "\"most_unreached_ppm\" is judged at a deadline, and \"deadline_seconds\" is not said");
  }
  return absl::OkStatus();
}

// What a device keeps to: only in a plan that older programs refuse.
absl::Status ReadOwnRules(const Json& json, const std::string& where, PlanWave& wave) {
  if (const Json* filter = json.Find("filter"); filter != nullptr) {
    LINNET_ASSIGN_OR_RETURN(wave.filter, WaveFilter::FromJson(*filter, where + ", filter"));
  }
  if (json.Find("windows") == nullptr) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const Json::Array* windows, Fields(json, where).List("windows", 1, kMaxWindows));
  for (size_t i = 0; i < windows->size(); ++i) {
    LINNET_ASSIGN_OR_RETURN(WaveWindow window,
                            WaveWindow::FromJson((*windows)[i], absl::StrCat(where, ", window ", i + 1)));
    if (std::find(wave.windows.begin(), wave.windows.end(), window) != wave.windows.end()) {
      return BadField(where, absl::StrCat("window ", i + 1, " is said twice"));
    }
    wave.windows.push_back(window);
  }
  return absl::OkStatus();
}

// Pins: at most one for each device of the wave, and none for anybody else.
absl::Status ReadKeys(const Json& json, const std::string& where, PlanWave& wave) {
  const Json* keys = json.Find("keys");
  if (keys == nullptr) return absl::OkStatus();
  if (keys->object() == nullptr) return BadField(where, "\"keys\" is no object of device: key");
  const std::set<std::string_view> devices(wave.devices.begin(), wave.devices.end());
  for (const auto& [device, key] : *keys->object()) {
    if (!devices.contains(device)) {
      return BadField(where, "\"keys\" names a device that \"devices\" does not");
    }
    if (key.text() == nullptr || !IsLowerHex(*key.text(), 64)) {
      return BadField(where, absl::StrCat("the key of device ", device, " is not 64 lower-case hex digits"));
    }
    wave.keys.emplace(device, *key.text());
  }
  return absl::OkStatus();
}

absl::StatusOr<PlanWave> WaveFromJson(const Json& json, size_t index) {
  const std::string where = absl::StrCat("plan, wave ", index + 1);
  LINNET_RETURN_IF_ERROR(
      OnlyMembers(json, where,
                  {"name", "devices", "keys", "until_bucket", "passes_needed", "soak_seconds", "filter",
                   "windows", "least_success_ppm", "most_failure_ppm", "least_reports", "most_unreached_ppm",
                   "most_in_flight", "deadline_seconds"}));
  const Fields fields(json, where);
  PlanWave wave;
  LINNET_ASSIGN_OR_RETURN(wave.name, fields.Text("name", 64));
  LINNET_ASSIGN_OR_RETURN(const Json::Array* devices, fields.List("devices", 0, 10'000));
  for (const Json& device : *devices) {
    if (device.text() == nullptr || !IsLowerHex(*device.text(), 32)) {
      return BadField(where, "a device is not 32 lower-case hex digits");
    }
    wave.devices.push_back(*device.text());
  }
  LINNET_RETURN_IF_ERROR(ReadKeys(json, where, wave));
  LINNET_ASSIGN_OR_RETURN(const int64_t bucket, fields.Integer("until_bucket", 0, kBuckets));
  wave.until_bucket = static_cast<uint32_t>(bucket);
  LINNET_ASSIGN_OR_RETURN(const int64_t passes, fields.Integer("passes_needed", 0, kMost32));
  wave.passes_needed = static_cast<uint32_t>(passes);
  LINNET_ASSIGN_OR_RETURN(const int64_t soak, fields.Integer("soak_seconds", 0, kMaxSeconds));
  wave.soak = absl::Seconds(soak);
  LINNET_RETURN_IF_ERROR(ReadThresholds(json, fields, where, wave));
  LINNET_RETURN_IF_ERROR(ReadOwnRules(json, where, wave));
  return wave;
}

// "No device is named twice", "no key stands for two devices" and "no wave needs more passes than there are
// devices to give them".
absl::Status CheckWaves(const Plan& plan) {
  std::set<std::string> named, keys;
  bool open_before = false;  // a wave by bucket has no fixed number of devices
  for (size_t i = 0; i < plan.waves.size(); ++i) {
    const PlanWave& wave = plan.waves[i];
    const std::string where = absl::StrCat("plan, wave ", i + 1);
    if (wave.passes_needed > 0 && !open_before && wave.passes_needed > named.size()) {
      return BadField(where, absl::StrCat("needs ", wave.passes_needed, " passes, earlier waves name ",
                                          named.size(), " devices"));
    }
    for (const std::string& device : wave.devices) {
      if (!named.insert(device).second)
        return BadField(where, absl::StrCat("device ", device, " is named twice"));
    }
    for (const auto& [device, key] : wave.keys) {
      if (!keys.insert(key).second) {
        return BadField(where, absl::StrCat("device ", device, " has the key of another device"));
      }
    }
    open_before = open_before || wave.devices.empty();
  }
  return absl::OkStatus();
}

// May a device of the first release not see this plan?
bool HasOwnRules(const std::vector<PlanWave>& waves) {
  return std::any_of(waves.begin(), waves.end(),
                     [](const PlanWave& wave) { return !wave.filter.empty() || !wave.windows.empty(); });
}

constexpr std::string_view kFormat1 = "linnet-plan-1", kFormat2 = "linnet-plan-2";

void WriteRules(const PlanWave& wave, Json::Object& out) {
  const auto write = [&](const char* name, uint32_t value, uint32_t absent) {
    if (value != absent) out.emplace(name, int64_t{value});
  };
  write("least_success_ppm", wave.least_success_ppm, 0);
  write("most_failure_ppm", wave.most_failure_ppm, kAllPpm);
  write("least_reports", wave.least_reports, 0);
  write("most_unreached_ppm", wave.most_unreached_ppm, kAllPpm);
  write("most_in_flight", wave.most_in_flight, 0);
  if (wave.deadline > absl::ZeroDuration()) {
    out.emplace("deadline_seconds", absl::ToInt64Seconds(wave.deadline));
  }
  if (!wave.filter.empty()) out.emplace("filter", wave.filter.ToJson());
  if (wave.windows.empty()) return;
  Json::Array windows;
  for (const WaveWindow& window : wave.windows) windows.push_back(window.ToJson());
  out.emplace("windows", std::move(windows));
}

bool Covers(const PlanWave& wave, uint32_t bucket, const std::string& device_hex) {
  return wave.devices.empty()
             ? bucket < wave.until_bucket
             : std::find(wave.devices.begin(), wave.devices.end(), device_hex) != wave.devices.end();
}

}  // namespace

std::string Plan::ToJson() const {
  Json::Array wave_list;
  for (const PlanWave& wave : waves) {
    Json::Array devices(wave.devices.begin(), wave.devices.end());
    Json::Object out{{"name", wave.name},
                     {"devices", std::move(devices)},
                     {"until_bucket", int64_t{wave.until_bucket}},
                     {"passes_needed", int64_t{wave.passes_needed}},
                     {"soak_seconds", absl::ToInt64Seconds(wave.soak)}};
    if (!wave.keys.empty()) out.emplace("keys", Json::Object(wave.keys.begin(), wave.keys.end()));
    WriteRules(wave, out);
    wave_list.push_back(std::move(out));
  }
  Json::Object object{{"format", HasOwnRules(waves) ? kFormat2 : kFormat1},
                      {"id", id},
                      {"model_target", model_target},
                      {"model_sha256", base::Hex(model_sha256)},
                      {"release_counter", release_counter},
                      {"waves", std::move(wave_list)},
                      {"confirm_seconds", absl::ToInt64Seconds(confirm_time)},
                      {"confirm_inferences", int64_t{confirm_inferences}},
                      {"most_failures", int64_t{most_failures}},
                      {"created", absl::ToUnixSeconds(created)},
                      {"expires", absl::ToUnixSeconds(expires)}};
  if (!rolls_back.empty()) object.emplace("rolls_back", rolls_back);
  return Json(std::move(object)).Dump();
}

absl::StatusOr<Plan> Plan::FromJson(std::string_view text) {
  if (text.size() > kMaxPlanBytes) {
    return absl::DataLossError(
        absl::StrCat("plan: has ", text.size(), " bytes, at most ", kMaxPlanBytes, " expected"));
  }
  LINNET_ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_depth = 8, .max_values = 100'000}));
  const Fields fields(json, "plan");
  LINNET_ASSIGN_OR_RETURN(const std::string format, fields.Text("format", 64));
  if (format != kFormat1 && format != kFormat2) {
    return BadField("plan", "\"format\" is neither \"linnet-plan-1\" nor \"linnet-plan-2\"");
  }
  LINNET_RETURN_IF_ERROR(OnlyMembers(
      json, "plan",
      {"format", "id", "model_target", "model_sha256", "release_counter", "waves", "confirm_seconds",
       "confirm_inferences", "most_failures", "created", "expires", "rolls_back"}));
  Plan plan;
  LINNET_ASSIGN_OR_RETURN(plan.id, fields.HexText("id", 32));
  LINNET_ASSIGN_OR_RETURN(plan.model_target, fields.Text("model_target", 1024));
  LINNET_ASSIGN_OR_RETURN(const std::string model, fields.HexText("model_sha256", 64));
  plan.model_sha256 = *base::UnHex(model);
  LINNET_ASSIGN_OR_RETURN(const int64_t counter,
                          fields.Integer("release_counter", 0, std::numeric_limits<uint32_t>::max()));
  plan.release_counter = static_cast<uint64_t>(counter);
  LINNET_ASSIGN_OR_RETURN(const Json::Array* waves, fields.List("waves", 1, kMaxWaves));
  for (size_t i = 0; i < waves->size(); ++i) {
    LINNET_ASSIGN_OR_RETURN(PlanWave wave, WaveFromJson((*waves)[i], i));
    plan.waves.push_back(std::move(wave));
  }
  if (HasOwnRules(plan.waves) != (format == kFormat2)) {
    return BadField("plan", "\"format\" is \"linnet-plan-2\" exactly where a wave has a filter or windows");
  }
  LINNET_ASSIGN_OR_RETURN(const int64_t confirm, fields.Integer("confirm_seconds", 0, kMaxSeconds));
  plan.confirm_time = absl::Seconds(confirm);
  LINNET_ASSIGN_OR_RETURN(const int64_t inferences, fields.Integer("confirm_inferences", 0, kMost32));
  plan.confirm_inferences = static_cast<uint32_t>(inferences);
  LINNET_ASSIGN_OR_RETURN(const int64_t failures, fields.Integer("most_failures", 1, kMost32));
  plan.most_failures = static_cast<uint32_t>(failures);
  LINNET_RETURN_IF_ERROR(ReadTimes(fields, plan.created, plan.expires));
  if (json.Find("rolls_back") != nullptr) {
    LINNET_ASSIGN_OR_RETURN(plan.rolls_back, fields.HexText("rolls_back", 32));
  }
  LINNET_RETURN_IF_ERROR(CheckWaves(plan));
  return plan;
}

uint32_t Plan::BucketOf(std::string_view device_id) const {
  std::string input = base::UnHex(id).value_or(id);
  input.append(device_id);
  // The digest as one big-endian number, modulo 10,000.
  uint32_t rest = 0;
  for (const uint8_t byte : base::Sha256(input)) rest = (rest * 256 + byte) % kBuckets;
  return rest;
}

absl::StatusOr<size_t> Plan::WaveOf(std::string_view device_id) const {
  const std::string hex = base::Hex(device_id);
  const uint32_t bucket = BucketOf(device_id);
  for (size_t i = 0; i < waves.size(); ++i) {
    if (Covers(waves[i], bucket, hex)) return i;
  }
  return absl::NotFoundError(absl::StrCat("plan ", id, ": no wave covers device ", hex));
}

absl::StatusOr<size_t> Plan::WaveOf(std::string_view device_id, const DeviceFacts& facts,
                                    bool unknown_fits) const {
  const std::string hex = base::Hex(device_id);
  const uint32_t bucket = BucketOf(device_id);
  std::string not_ours;  // of the first wave that covers it
  for (size_t i = 0; i < waves.size(); ++i) {
    if (!Covers(waves[i], bucket, hex)) continue;
    std::string why;
    const WaveFilter::Answer fits = waves[i].filter.Matches(facts, &why);
    if (fits == WaveFilter::Answer::kYes || (fits == WaveFilter::Answer::kUnknown && unknown_fits)) return i;
    if (not_ours.empty())
      not_ours = absl::StrCat("wave ", waves[i].name, " is not for this device: it ", why);
  }
  if (!not_ours.empty()) return absl::FailedPreconditionError(absl::StrCat("plan ", id, ": ", not_ours));
  return absl::NotFoundError(absl::StrCat("plan ", id, ": no wave covers device ", hex));
}

bool Plan::HasFilters() const {
  return std::any_of(waves.begin(), waves.end(), [](const PlanWave& wave) { return !wave.filter.empty(); });
}

std::vector<std::string> Plan::NamedBefore(size_t wave) const {
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(wave, waves.size()); ++i) {
    out.insert(out.end(), waves[i].devices.begin(), waves[i].devices.end());
  }
  return out;
}

bool Plan::Pins(std::string_view device_id, std::string_view key_sha256) const {
  const std::string device = base::Hex(device_id);
  for (const PlanWave& wave : waves) {
    if (const auto key = wave.keys.find(device); key != wave.keys.end()) {
      return key->second == base::Hex(key_sha256);
    }
  }
  return false;
}

absl::Status Plan::CheckPinned() const {
  const std::string* without = nullptr;
  for (const PlanWave& wave : waves) {
    if (wave.passes_needed > 0 && without != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("plan ", id, ", wave ", wave.name,
                                                        ": needs passes, but device ", *without,
                                                        " is named without its key; sign a new plan"));
    }
    for (const std::string& device : wave.devices) {
      if (!wave.keys.contains(device)) without = &device;
    }
  }
  return absl::OkStatus();
}

std::string Lift::Target() const {
  return absl::StrCat("plans/", rollout, ".lift-", number, "-", absl::ToUnixSeconds(created), ".json");
}

std::string Lift::ToJson() const {
  return Json(Json::Object{{"format", "linnet-lift-1"},
                           {"rollout", rollout},
                           {"plan_sha256", base::Hex(plan_sha256)},
                           {"number", number},
                           {"most_failures", int64_t{most_failures}},
                           {"created", absl::ToUnixSeconds(created)},
                           {"expires", absl::ToUnixSeconds(expires)}})
      .Dump();
}

absl::StatusOr<Lift> Lift::FromJson(std::string_view text) {
  LINNET_ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.max_depth = 2, .max_values = 100}));
  const Fields fields(json, "lift");
  LINNET_ASSIGN_OR_RETURN(const std::string format, fields.Text("format", 64));
  if (format != "linnet-lift-1") return BadField("lift", "\"format\" is not \"linnet-lift-1\"");
  Lift lift;
  LINNET_ASSIGN_OR_RETURN(lift.rollout, fields.HexText("rollout", 32));
  LINNET_ASSIGN_OR_RETURN(const std::string plan, fields.HexText("plan_sha256", 64));
  lift.plan_sha256 = *base::UnHex(plan);
  LINNET_ASSIGN_OR_RETURN(const int64_t number, fields.Integer("number", 1, kMost32));
  lift.number = static_cast<uint64_t>(number);
  LINNET_ASSIGN_OR_RETURN(const int64_t failures, fields.Integer("most_failures", 0, kMost32));
  lift.most_failures = static_cast<uint32_t>(failures);
  LINNET_RETURN_IF_ERROR(ReadTimes(fields, lift.created, lift.expires));
  return lift;
}

std::string ReceiptMessage(std::string_view device_id, std::string_view plan_sha256,
                           std::string_view model_sha256, uint8_t outcome, uint64_t counter) {
  std::string out = "linnet-receipt-1";
  out.append(device_id).append(plan_sha256).append(model_sha256);
  out += static_cast<char>(outcome);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((counter >> shift) & 255);
  return out;
}

}  // namespace linnet::trust
